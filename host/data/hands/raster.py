"""Which surface every pixel sees: depth, normal and place on the body, by one ray a pixel.

Rays are parallel to the view: perspective is in the places and radii of the points. A capsule is the
envelope of the spheres along its bone; the ray meets it where a quadratic equation says. Screen frame: x
right, y down, z toward the viewer, all in pixels.
"""

from __future__ import annotations

import math

import numpy as np

from host.data.hands.compiled import compiled

FAR = -1e9
_TIE = 0.02  # pixels: of the sphere that two bones share, the first one's half stays


@compiled
def _blend(a: float, b: float, width: float) -> tuple[float, float]:
    """Return the smooth maximum of two depths, and the weight of b in it."""
    difference = abs(a - b)
    weight = 1.0 if b > a else 0.0
    if difference >= width:
        return max(a, b), weight
    h = 1.0 - difference / width
    share = 0.5 * h
    weight = 1.0 - share if b > a else share
    return max(a, b) + 0.25 * h * h * width, weight


@compiled
def _put(
    surface: np.ndarray, palm: np.ndarray, y: int, x: int, new: np.ndarray, width: float
) -> None:
    """Offer one hit to a pixel: fields z, nx, ny, nz, capsule, t; layer and melting in new[6:8]."""
    if new[6] == 0.0:
        old = palm[y, x]
        if old[0] <= FAR:
            for i in range(6):
                old[i] = new[i]
        else:
            z, weight = _blend(old[0], new[0], width)
            for i in range(1, 4):
                old[i] += weight * (new[i] - old[i])
            if new[0] > old[0]:
                old[4], old[5] = new[4], new[5]
            old[0] = z
        for i in range(6):
            surface[y, x, i] = old[i]
        return
    z = new[0]
    share = 1.0
    if new[7] != 0.0 and palm[y, x, 0] > FAR:
        z, share = _blend(palm[y, x, 0], new[0], 0.7 * width)
    if z <= surface[y, x, 0] + _TIE:
        return
    surface[y, x, 0] = z
    for i in range(1, 4):
        surface[y, x, i] = (
            new[i] if share >= 1.0 else palm[y, x, i] + share * (new[i] - palm[y, x, i])
        )
    if share >= 0.5:
        surface[y, x, 4], surface[y, x, 5] = new[4], new[5]
    elif palm[y, x, 0] > FAR:
        surface[y, x, 4], surface[y, x, 5] = palm[y, x, 4], palm[y, x, 5]


@compiled
def _row_of(qy: float, dx: float, dy: float, widest: float) -> tuple[float, float]:
    """Return from where to where a row can meet a capsule that starts at 0 and ends at (dx, dy)."""
    if abs(dy) > 1e-6:
        s0, s1 = (qy - widest) / dy, (qy + widest) / dy
        s0, s1 = min(max(min(s0, s1), 0.0), 1.0), min(max(max(s0, s1), 0.0), 1.0)
    else:
        s0, s1 = 0.0, 1.0
    return min(s0 * dx, s1 * dx) - widest, max(s0 * dx, s1 * dx) + widest


@compiled
def draw_capsule(
    capsule: np.ndarray, index: int, surface: np.ndarray, palm: np.ndarray, width: float
) -> None:
    """Draw one capsule into the surface.

    Args:
        capsule: float64 (CAPSULE_FIELDS,), screen frame.
        index: Its number, kept in the surface.
        surface: float32 (h, w, 6): z, normal (3), capsule, place along it 0-1; changed.
        palm: The same of layer 0 alone; changed.
        width: Over what depth parts melt, pixels.
    """
    rows, columns = surface.shape[0], surface.shape[1]
    ax, ay, az, ra = capsule[0], capsule[1], capsule[2], capsule[3]
    dx, dy, dz = capsule[4] - ax, capsule[5] - ay, capsule[6] - az
    dr = capsule[7] - ra
    left = max(math.floor(min(ax - ra, capsule[4] - capsule[7])), 0)
    right = min(math.ceil(max(ax + ra, capsule[4] + capsule[7])) + 1, columns)
    top = max(math.floor(min(ay - ra, capsule[5] - capsule[7])), 0)
    bottom = min(math.ceil(max(ay + ra, capsule[5] + capsule[7])) + 1, rows)
    k = dx * dx + dy * dy + dz * dz - dr * dr
    has_body = k > 1e-9 and 1.0 - dz * dz / k > 1e-6
    square = 1.0 - dz * dz / k if has_body else 1.0
    new = np.empty(8)
    new[4], new[6], new[7] = index, capsule[11], capsule[13]
    widest = max(ra, capsule[7])
    for y in range(top, bottom):
        qy = y + 0.5 - ay
        first, last = _row_of(qy, dx, dy, widest)
        for x in range(max(left, int(ax + first)), min(right, int(ax + last) + 2)):
            qx = x + 0.5 - ax
            best, along = FAR, 0.0
            if has_body:
                m = qx * dx + qy * dy + ra * dr
                half = m * dz / k
                rest = qx * qx + qy * qy - ra * ra - m * m / k
                inside = half * half - square * rest
                if inside >= 0.0:
                    z = (half + math.sqrt(inside)) / square
                    s = (m + z * dz) / k
                    if 0.0 <= s <= 1.0:
                        best, along = z, s
            flat = qx * qx + qy * qy
            if flat <= ra * ra:
                z = math.sqrt(ra * ra - flat)
                if z > best:
                    best, along = z, 0.0
            ex, ey = qx - dx, qy - dy
            rb = ra + dr
            flat = ex * ex + ey * ey
            if flat <= rb * rb:
                z = dz + math.sqrt(rb * rb - flat)
                if z > best:
                    best, along = z, 1.0
            if best <= FAR:
                continue
            radius = ra + along * dr
            new[0] = az + best
            new[1] = (qx - along * dx) / radius
            new[2] = (qy - along * dy) / radius
            new[3] = (best - along * dz) / radius
            new[5] = along
            _put(surface, palm, y, x, new, width)


@compiled
def draw_slab(slab: np.ndarray, surface: np.ndarray, palm: np.ndarray, width: float) -> None:
    """Draw the face of a slab that looks to the viewer; its edges are capsules.

    Args:
        slab: float64 (SLAB_FIELDS,), screen frame.
        surface: As in draw_capsule.
        palm: As in draw_capsule.
        width: As in draw_capsule.
    """
    ux, uy, uz = slab[4] - slab[0], slab[5] - slab[1], slab[6] - slab[2]
    vx, vy, vz = slab[8] - slab[0], slab[9] - slab[1], slab[10] - slab[2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = math.sqrt(nx * nx + ny * ny + nz * nz)
    if length < 1e-9 or abs(nz) < 0.05 * length:
        return
    sign = 1.0 if nz > 0 else -1.0
    nx, ny, nz = sign * nx / length, sign * ny / length, sign * nz / length
    place = np.empty((3, 3))
    for corner in range(3):
        radius = slab[4 * corner + 3]
        place[corner, 0] = slab[4 * corner] + nx * radius
        place[corner, 1] = slab[4 * corner + 1] + ny * radius
        place[corner, 2] = slab[4 * corner + 2] + nz * radius
    rows, columns = surface.shape[0], surface.shape[1]
    left = max(math.floor(place[:, 0].min()), 0)
    right = min(math.ceil(place[:, 0].max()) + 1, columns)
    top = max(math.floor(place[:, 1].min()), 0)
    bottom = min(math.ceil(place[:, 1].max()) + 1, rows)
    x0, y0, x1, y1, x2, y2 = (
        place[0, 0], place[0, 1], place[1, 0], place[1, 1], place[2, 0], place[2, 1],
    )  # fmt: skip
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if abs(area) < 1e-9:
        return
    new = np.empty(8)
    new[1], new[2], new[3], new[4], new[5], new[6], new[7] = nx, ny, nz, 0.0, 0.5, 0.0, 1.0
    for y in range(top, bottom):
        for x in range(left, right):
            px, py = x + 0.5, y + 0.5
            b = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) / area
            c = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) / area
            if b < 0.0 or c < 0.0 or b + c > 1.0:
                continue
            new[0] = place[0, 2] + b * (place[1, 2] - place[0, 2]) + c * (place[2, 2] - place[0, 2])
            _put(surface, palm, y, x, new, width)


@compiled
def draw_parts(
    capsules: np.ndarray,
    slabs: np.ndarray,
    surface: np.ndarray,
    palm: np.ndarray,
    width: float,
) -> None:
    """Draw all slabs and capsules, the palm's first.

    Args:
        capsules: float64 (n, CAPSULE_FIELDS), screen frame.
        slabs: float64 (m, SLAB_FIELDS).
        surface: float32 (h, w, 6), written.
        palm: float32 (h, w, 6), working memory.
        width: Over what depth parts melt, pixels.
    """
    surface[:, :, 0] = FAR
    palm[:, :, 0] = FAR
    for i in range(len(slabs)):
        draw_slab(slabs[i], surface, palm, width)
    for layer in range(2):
        for i in range(len(capsules)):
            if (capsules[i, 11] == 0.0) == (layer == 0):
                draw_capsule(capsules[i], i, surface, palm, width)
