"""Forward kinematics, and the thumb's inverse: from angles to joints, from a contact to the thumb's angles.

With flexion f, abduction a and g = 0, PIP, PIP + DIP a finger's bones point along
cos(g) (sin a, cos a cos f, cos a sin f) + sin(g) (0, -sin f, cos f). The thumb's metacarpal points along
d = (sin az cos el, cos az cos el, sin el); the others along cos(g) d + sin(g) b, where b is the
direction of bending, turned by the twist about d.
"""

from __future__ import annotations

import math

import numpy as np

from host.data.hands.compiled import compiled

_STEPS = 14
_EPSILON = 1e-4
_THUMB_ANGLES = 5


@compiled
def place_fingers(
    angles: np.ndarray, base: np.ndarray, bones: np.ndarray, joints: np.ndarray
) -> None:
    """Fill the wrist and joints 5-20.

    Args:
        angles: float64 (21,), radians.
        base: float64 (5, 3): thumb CMC and the four knuckles.
        bones: float64 (5, 3).
        joints: float64 (21, 3), written.
    """
    joints[0] = 0.0
    for finger in range(4):
        f, a = angles[4 * finger], angles[4 * finger + 1]
        straight = (math.sin(a), math.cos(a) * math.cos(f), math.cos(a) * math.sin(f))
        bent = (0.0, -math.sin(f), math.cos(f))
        first = 5 + 4 * finger
        joints[first] = base[finger + 1]
        g = 0.0
        for bone in range(3):
            if bone:
                g += angles[4 * finger + 1 + bone]
            length, c, s = bones[finger + 1, bone], math.cos(g), math.sin(g)
            for axis in range(3):
                joints[first + bone + 1, axis] = joints[first + bone, axis] + length * (
                    c * straight[axis] + s * bent[axis]
                )


@compiled
def place_thumb(thumb: np.ndarray, base: np.ndarray, bones: np.ndarray, joints: np.ndarray) -> None:
    """Fill joints 1-4.

    Args:
        thumb: float64 (5,): azimuth, elevation, twist, MCP, IP; radians.
        base: float64 (5, 3).
        bones: float64 (5, 3).
        joints: float64 (21, 3), written.
    """
    az, el, twist = thumb[0], thumb[1], thumb[2]
    d = (math.sin(az) * math.cos(el), math.cos(az) * math.cos(el), math.sin(el))
    t0 = (-math.sin(az) * math.sin(el), -math.cos(az) * math.sin(el), math.cos(el))
    t1 = (
        d[1] * t0[2] - d[2] * t0[1],
        d[2] * t0[0] - d[0] * t0[2],
        d[0] * t0[1] - d[1] * t0[0],
    )
    c, s = math.cos(twist), math.sin(twist)
    joints[1] = base[0]
    g = 0.0
    for bone in range(3):
        if bone:
            g += thumb[2 + bone]
        length, cg, sg = bones[0, bone], math.cos(g), math.sin(g)
        for axis in range(3):
            direction = cg * d[axis] + sg * (c * t0[axis] + s * t1[axis])
            joints[2 + bone, axis] = joints[1 + bone, axis] + length * direction


@compiled
def _thumb_error(
    thumb: np.ndarray,
    base: np.ndarray,
    bones: np.ndarray,
    joints: np.ndarray,
    goals: np.ndarray,
    out: np.ndarray,
) -> None:
    place_thumb(thumb, base, bones, joints)
    for axis in range(3):
        out[axis] = goals[0, 3] * (joints[4, axis] - goals[0, axis])
        out[3 + axis] = goals[1, 3] * (joints[3, axis] - goals[1, axis])


@compiled
def reach(
    angles: np.ndarray,
    limits: np.ndarray,
    base: np.ndarray,
    bones: np.ndarray,
    joints: np.ndarray,
    goals: np.ndarray,
) -> None:
    """Turn the thumb so that its tip and IP joint come near two goals; damped Gauss-Newton.

    Args:
        angles: float64 (21,), radians; the thumb's five are changed.
        limits: float64 (21, 2), radians.
        base: float64 (5, 3).
        bones: float64 (5, 3).
        joints: float64 (21, 3); joints 1-4 are written.
        goals: float64 (2, 4): place in the palm frame and weight, of the tip and of the IP joint.
    """
    stay = 0.06  # weight of staying near the angles given
    start = angles[16:21].copy()
    error, moved = np.empty(6), np.empty(6)
    slope = np.empty((6, 5))
    matrix = np.empty((5, 6))
    for _ in range(_STEPS):
        thumb = angles[16:21].copy()
        _thumb_error(thumb, base, bones, joints, goals, error)
        for column in range(_THUMB_ANGLES):
            kept = thumb[column]
            thumb[column] = kept + _EPSILON
            _thumb_error(thumb, base, bones, joints, goals, moved)
            thumb[column] = kept
            for row in range(6):
                slope[row, column] = (moved[row] - error[row]) / _EPSILON
        for i in range(_THUMB_ANGLES):
            for j in range(_THUMB_ANGLES):
                matrix[i, j] = 0.0
                for row in range(6):
                    matrix[i, j] += slope[row, i] * slope[row, j]
            matrix[i, i] += stay * stay + 1e-3
            matrix[i, 5] = -stay * stay * (thumb[i] - start[i])
            for row in range(6):
                matrix[i, 5] -= slope[row, i] * error[row]
        _solve(matrix)
        for i in range(_THUMB_ANGLES):
            step = min(max(matrix[i, 5], -0.4), 0.4)
            angles[16 + i] = min(max(thumb[i] + step, limits[16 + i, 0]), limits[16 + i, 1])
    place_thumb(angles[16:21], base, bones, joints)


@compiled
def _solve(matrix: np.ndarray) -> None:
    """Gauss-Jordan on a positive definite 5 x 5 system with its right side in the last column."""
    size = matrix.shape[0]
    for i in range(size):
        pivot = matrix[i, i]
        for j in range(i, size + 1):
            matrix[i, j] /= pivot
        for k in range(size):
            if k != i:
                factor = matrix[k, i]
                for j in range(i, size + 1):
                    matrix[k, j] -= factor * matrix[i, j]
