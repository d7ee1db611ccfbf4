"""The hand's skeleton: 21 joints, their template, bone lengths, joint limits, thickness of the flesh.

Palm frame of an unmirrored right hand: Y from the wrist (joint 0) to the middle knuckle (9), X toward the
thumb, N out of the palm; unit length is that between joints 0 and 9, about 95 mm. Numbering of the joints
is MediaPipe's: 0 wrist; 1-4 thumb CMC, MCP, IP, tip; 5-8 index MCP, PIP, DIP, tip; 9-12, 13-16, 17-20.

Template and mean bone lengths are means over real signers (poses.py names the sets). Their spread follows
B. Buchholz, T. Armstrong, S. Goldstein, "Anthropometric data for describing the kinematics of the human
hand", Ergonomics 35(3), 1992: lengths of segments follow hand length, with a few per cent left over.
Joint limits: Electronic Textbook of Hand Surgery, "Normal range of motion reference values"
(www.eatonhand.com/clf/clf218.htm): finger MCP 45 extension to 90 flexion, PIP 0 to 100, DIP 0 to 80,
thumb MCP -10 to 55, IP -15 to 80. Measured poses go a little beyond, so limits here are 5 to 12 wider.
"""

from __future__ import annotations

import numpy as np

JOINTS = 21
FINGERS = ("index", "middle", "ring", "pinky")
FLEX, ABD, PIP, DIP = range(4)  # within a finger's four angles
THUMB = 16  # first of the thumb's five angles: azimuth, elevation, twist, MCP, IP
ANGLES = 21
ANGLE_NAMES = tuple(
    f"{finger}_{joint}" for finger in FINGERS for joint in ("flex", "abd", "PIP", "DIP")
) + ("th_az", "th_el", "th_twist", "th_MCP", "th_IP")

# X, Y, N of thumb CMC and the knuckles 5, 9, 13, 17.
TEMPLATE = np.array(
    [
        (0.177, 0.257, 0.071),
        (0.228, 1.000, 0.011),
        (0.000, 1.000, 0.000),
        (-0.237, 0.926, 0.002),
        (-0.469, 0.794, 0.011),
    ]
)
# Thumb 1-2, 2-3, 3-4; then proximal, middle, distal of index, middle, ring, little finger.
BONES = np.array(
    [
        (0.395, 0.345, 0.285),
        (0.448, 0.285, 0.239),
        (0.479, 0.310, 0.248),
        (0.434, 0.293, 0.242),
        (0.367, 0.232, 0.214),
    ]
)
# Radius of the flesh about each joint. Assumed: from breadths of adult fingers (16 to 23 mm) and the depth
# of the palm (about 28 mm).
RADII = np.array(
    [0.150, 0.175, 0.136, 0.120, 0.086]
    + [0.130, 0.114, 0.101, 0.078]
    + [0.132, 0.116, 0.103, 0.080]
    + [0.126, 0.109, 0.097, 0.075]
    + [0.114, 0.096, 0.085, 0.066]
)

_FINGER_LIMITS = ((-30, 98), (-28, 28), (-12, 112), (-10, 88))
_THUMB_LIMITS = ((-35, 75), (-20, 70), (-130, 30), (-15, 65), (-25, 88))
LIMITS = np.array(_FINGER_LIMITS * 4 + _THUMB_LIMITS, dtype=float)  # degrees, (21, 2)
