"""From joints to flesh: tapered capsules about the bones, and slabs that close the palm.

Layer 0 is the palm with wrist and forearm, whose parts melt into each other; layers 1-5 are thumb and
fingers, which only meet; layer 6 is the sleeve.
"""

from __future__ import annotations

import math

import numpy as np

from host.data.hands.compiled import compiled

# Parts of the surface, as the drawing tells them apart.
PALM, FOREARM, SLEEVE, PROXIMAL, MIDDLE, DISTAL = range(6)
CAPSULES = 29  # at most
SLABS = 7
CAPSULE_FIELDS = 14  # a (3), radius a, b (3), radius b, palmar direction (3), layer, part, melts
SLAB_FIELDS = 12  # three times: place (3), radius
POINTS = 40  # 21 joints, then what is below
_RADIAL, _ULNAR, _ELBOW_R, _ELBOW_U, _HYPO, _HYPO_END = 21, 22, 23, 24, 25, 26
_CARPAL = 27  # four
_THENAR, _WEB_THUMB, _WEB_INDEX, _WEB_PALM = 31, 32, 33, 34
_CUFF_R, _CUFF_U, _CUFF_M, _WRIST_M, _ELBOW_M = 35, 36, 37, 38, 39
FOREARM_POINTS = (_ELBOW_R, _ELBOW_U, _ELBOW_M, _CUFF_R, _CUFF_U, _CUFF_M)
_FOREARM_LENGTH = 3.2


@compiled
def place_flesh(
    joints: np.ndarray,
    radii: np.ndarray,
    width: float,
    wrist: np.ndarray,
    cuff: float,
    points: np.ndarray,
    sizes: np.ndarray,
) -> None:
    """Place every point that the flesh hangs on.

    Args:
        joints: float64 (21, 3), palm frame.
        radii: float64 (21,), of the flesh about the joints.
        width: Of the wrist, relative.
        wrist: float64 (2,): flexion and deviation of the forearm, radians.
        cuff: Where the sleeve ends, in units below the wrist; beyond the forearm for none.
        points: float64 (POINTS, 3), written.
        sizes: float64 (POINTS,), written.
    """
    points[:21] = joints
    sizes[:21] = radii
    thick = radii[0] / 0.15
    along = (
        math.sin(wrist[1]),
        -math.cos(wrist[1]) * math.cos(wrist[0]),
        math.cos(wrist[1]) * math.sin(wrist[0]),
    )
    for side, sign, elbow, end in (
        (_RADIAL, 1.0, _ELBOW_R, _CUFF_R),
        (_ULNAR, -1.0, _ELBOW_U, _CUFF_U),
    ):
        points[side] = np.array((sign * 0.155 * width, 0.0, 0.0))
        sizes[side] = 0.150 * thick
        for axis in range(3):
            points[elbow, axis] = points[side, axis] + _FOREARM_LENGTH * along[axis]
            points[end, axis] = points[side, axis] + cuff * along[axis]
        points[elbow, 0] += sign * 0.12
        sizes[elbow] = 0.27 * thick
        sizes[end] = (0.19 + 0.05 * cuff) * thick
    for middle, radial, ulnar in (
        (_WRIST_M, _RADIAL, _ULNAR),
        (_ELBOW_M, _ELBOW_R, _ELBOW_U),
        (_CUFF_M, _CUFF_R, _CUFF_U),
    ):
        points[middle] = 0.5 * (points[radial] + points[ulnar])
        sizes[middle] = 1.04 * sizes[radial]
    points[_HYPO] = np.array((-0.21 * width, 0.17, 0.055))
    sizes[_HYPO] = 0.165 * thick
    points[_HYPO_END] = joints[17] + np.array((0.035, -0.14, 0.035))
    sizes[_HYPO_END] = 0.125 * thick
    for finger in range(4):
        points[_CARPAL + finger] = np.array(((0.16 - 0.11 * finger) * width, 0.13, 0.0))
        sizes[_CARPAL + finger] = 0.135 * thick
    points[_THENAR] = 0.62 * joints[1] + 0.38 * joints[2] + np.array((-0.055, 0.0, 0.045))
    sizes[_THENAR] = 0.168 * thick
    points[_WEB_THUMB] = 0.30 * joints[1] + 0.70 * joints[2]
    sizes[_WEB_THUMB] = 0.085 * thick
    points[_WEB_INDEX] = joints[5] + np.array((0.0, -0.17, 0.01))
    sizes[_WEB_INDEX] = 0.085 * thick
    points[_WEB_PALM] = np.array((0.10, 0.42, 0.02))
    sizes[_WEB_PALM] = 0.11 * thick


@compiled
def _capsule(
    capsules: np.ndarray,
    count: int,
    points: np.ndarray,
    sizes: np.ndarray,
    ends: tuple[int, int],
    palmar: np.ndarray,
    layer: int,
    part: int,
    melts: int,
) -> int:
    a, b = ends
    row = capsules[count]
    for axis in range(3):
        row[axis], row[4 + axis], row[8 + axis] = points[a, axis], points[b, axis], palmar[axis]
    row[3], row[7] = sizes[a], sizes[b]
    row[11], row[12], row[13] = layer, part, melts
    return count + 1


@compiled
def _bend_direction(points: np.ndarray, first: int, bone: int, toward: np.ndarray) -> np.ndarray:
    """Return the palmar direction of a bone: square to it, in the plane in which the finger bends."""
    a, b = points[first + bone], points[first + bone + 1]
    axis = (b - a) / (math.sqrt(((b - a) ** 2).sum()) + 1e-9)
    side = toward - axis * (toward * axis).sum()
    length = math.sqrt((side * side).sum())
    out: np.ndarray = side / (length + 1e-9)
    return out


@compiled
def make_parts(
    points: np.ndarray,
    sizes: np.ndarray,
    palmar: np.ndarray,
    bends: np.ndarray,
    sleeve: bool,
    capsules: np.ndarray,
    slabs: np.ndarray,
) -> int:
    """Fill capsules and slabs from placed points, all in the same frame.

    Args:
        points: float64 (POINTS, 3).
        sizes: float64 (POINTS,).
        palmar: float64 (3,), the palm's normal.
        bends: float64 (5, 3, 3): direction into which each bone of thumb and fingers bends.
        sleeve: Whether there is one.
        capsules: float64 (CAPSULES, CAPSULE_FIELDS), written.
        slabs: float64 (SLABS, SLAB_FIELDS), written.

    Returns:
        Number of capsules.
    """
    n = 0
    for finger in range(4):
        n = _capsule(
            capsules, n, points, sizes, (_CARPAL + finger, 5 + 4 * finger), palmar, 0, PALM, 1
        )
    n = _capsule(capsules, n, points, sizes, (_HYPO, _HYPO_END), palmar, 0, PALM, 1)
    n = _capsule(capsules, n, points, sizes, (_RADIAL, _CARPAL), palmar, 0, PALM, 1)
    n = _capsule(capsules, n, points, sizes, (_ULNAR, _CARPAL + 3), palmar, 0, PALM, 1)
    n = _capsule(capsules, n, points, sizes, (1, _THENAR), palmar, 0, PALM, 1)
    n = _capsule(capsules, n, points, sizes, (_THENAR, 2), palmar, 0, PALM, 1)
    n = _capsule(capsules, n, points, sizes, (_RADIAL, _ELBOW_R), palmar, 0, FOREARM, 1)
    n = _capsule(capsules, n, points, sizes, (_WRIST_M, _ELBOW_M), palmar, 0, FOREARM, 1)
    n = _capsule(capsules, n, points, sizes, (_ULNAR, _ELBOW_U), palmar, 0, FOREARM, 1)
    if sleeve:
        n = _capsule(capsules, n, points, sizes, (_CUFF_R, _ELBOW_R), palmar, 6, SLEEVE, 0)
        n = _capsule(capsules, n, points, sizes, (_CUFF_M, _ELBOW_M), palmar, 6, SLEEVE, 0)
        n = _capsule(capsules, n, points, sizes, (_CUFF_U, _ELBOW_U), palmar, 6, SLEEVE, 0)
    n = _capsule(capsules, n, points, sizes, (2, 3), bends[0, 1], 1, PROXIMAL, 1)
    n = _capsule(capsules, n, points, sizes, (3, 4), bends[0, 2], 1, DISTAL, 0)
    for finger in range(4):
        for bone in range(3):
            first = 5 + 4 * finger + bone
            n = _capsule(
                capsules, n, points, sizes, (first, first + 1), bends[finger + 1, bone],
                2 + finger, PROXIMAL + bone, 1 if bone == 0 else 0,
            )  # fmt: skip
    corners = (
        (_CARPAL, 5, 9),
        (_CARPAL, 9, _CARPAL + 3),
        (_CARPAL + 3, 9, 13),
        (_CARPAL + 3, 13, 17),
        (_RADIAL, _ULNAR, _CARPAL),
        (_ULNAR, _CARPAL, _CARPAL + 3),
        (_WEB_THUMB, _WEB_INDEX, _WEB_PALM),
    )
    for slab in range(SLABS):
        for corner in range(3):
            point = corners[slab][corner]
            for axis in range(3):
                slabs[slab, 4 * corner + axis] = points[point, axis]
            slabs[slab, 4 * corner + 3] = 0.95 * sizes[point]
    return n


@compiled
def bend_directions(points: np.ndarray, palmar: np.ndarray, out: np.ndarray) -> None:
    """Fill the direction into which each bone bends.

    Args:
        points: float64 (>= 21, 3), joints, any frame.
        palmar: float64 (3,), the palm's normal in that frame.
        out: float64 (5, 3, 3), written.
    """
    across = points[17] - points[5]
    for finger in range(5):
        first = 1 + 4 * finger
        for bone in range(3):
            a, b = points[first + bone], points[first + bone + 1]
            if finger == 0:
                # The thumb's pad faces the fingers: away from the line of the knuckles' thumb side.
                toward = 0.6 * palmar + 0.8 * across
            else:
                # Square to bone and knuckle line.
                axis = b - a
                toward = np.array(
                    (
                        axis[1] * across[2] - axis[2] * across[1],
                        axis[2] * across[0] - axis[0] * across[2],
                        axis[0] * across[1] - axis[1] * across[0],
                    )
                )
            out[finger, bone] = _bend_direction(points, first, bone, toward)
