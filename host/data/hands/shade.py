"""From surface to colours: light, soft shadows, skin, nails, creases, sleeve and rings.

Colours are linear light, 0-1, in OpenCV's order blue, green, red.
"""

from __future__ import annotations

import math

import numpy as np

from host.data.hands.compiled import compiled
from host.data.hands.flesh import DISTAL, FOREARM, MIDDLE, PALM, PROXIMAL, SLEEVE
from host.data.hands.raster import FAR

# Rows of the palette.
BACK, FRONT, NAIL, CLOTH, RING, KEY, AMBIENT = range(7)
PALETTE_ROWS = 7
_SHADOW_STEPS = 12


@compiled
def _shadow(
    surface: np.ndarray, y: int, x: int, light: np.ndarray, reach: float, soft: float
) -> float:
    """Return how much of the light is kept off a pixel, 0-1, walking toward the light over the depths."""
    flat = math.sqrt(light[0] * light[0] + light[1] * light[1])
    if flat < 0.05:
        return 0.0
    rows, columns = surface.shape[0], surface.shape[1]
    z0 = surface[y, x, 0]
    worst = 0.0
    for step in range(2, _SHADOW_STEPS + 1):
        distance = reach * step / _SHADOW_STEPS
        sx = int(x + light[0] / flat * distance)
        sy = int(y + light[1] / flat * distance)
        if sx < 0 or sy < 0 or sx >= columns or sy >= rows:
            break
        z = surface[sy, sx, 0]
        if z <= FAR:
            continue
        above = z - (z0 + light[2] / flat * distance) - 0.3 * soft
        worst = max(worst, min(above / soft, 1.0))
    return worst


@compiled
def _bump(x: float, centre: float, width: float) -> float:
    d = (x - centre) / width
    return math.exp(-d * d) if abs(d) < 3.0 else 0.0


@compiled
def _creases(part: float, t: float, front: float) -> float:
    """Return the depth of the creases across a finger, 0-1: inside of the joints, knuckles."""
    if front > 0.15:
        lines = _bump(t, 0.0, 0.07) + _bump(t, 1.0, 0.07)
        if part == PROXIMAL:
            lines += 0.6 * _bump(t, 0.42, 0.06)
        if part == DISTAL:
            lines = _bump(t, 0.0, 0.08)
        return min(lines, 1.0) * min(1.0, 2.0 * front)
    if front < -0.15 and part in (PROXIMAL, MIDDLE, DISTAL):
        near = _bump(t, 0.0, 0.10) if part != PROXIMAL else 0.0
        if part != DISTAL:
            near += _bump(t, 1.0, 0.10)
        return 0.45 * near * min(1.0, -2.0 * front)
    return 0.0


@compiled
def _palm_lines(x: float, y: float) -> float:
    """Return the depth of the three lines of the palm at a place in the palm frame, 0-1."""
    heart = 0.80 - 0.30 * (x + 0.05) * (x + 0.05) + 0.28 * x
    head = 0.62 + 0.34 * (x - 0.22)
    depth = 0.0
    if -0.52 < x < 0.10:
        depth = max(depth, _bump(y, heart, 0.022))
    if -0.35 < x < 0.24:
        depth = max(depth, 0.8 * _bump(y, head, 0.020))
    if 0.10 < y < 0.66:
        life = -0.02 + 0.26 * math.sqrt(max(0.0, (y - 0.08) / 0.58))
        depth = max(depth, _bump(x, life, 0.022))
    return depth


@compiled
def shade(
    surface: np.ndarray,
    open_sky: np.ndarray,
    capsules: np.ndarray,
    frame: np.ndarray,
    palette: np.ndarray,
    light: np.ndarray,
    look: np.ndarray,
    ring: np.ndarray,
    out: np.ndarray,
) -> None:
    """Colour every pixel that sees the hand.

    Args:
        surface: float32 (h, w, 6) of raster.draw_parts.
        open_sky: float32 (h, w), 0-1: how much of the surroundings a pixel sees.
        capsules: float64 (n, CAPSULE_FIELDS), screen frame.
        frame: float64 (4, 3): the wrist's place, then X, Y, N of the palm divided by the square of their
            length, screen frame.
        palette: float64 (PALETTE_ROWS, 3).
        light: float64 (3,), unit vector toward the key light, screen frame.
        look: float64 (5,): strength of shadows, of creases, of the sheen, of the light through the
            skin, and pixels a unit.
        ring: float64 (3,): capsule that wears it (-1: none), and from where to where along it.
        out: float32 (h, w, 3), written where there is a hand.
    """
    rows, columns = surface.shape[0], surface.shape[1]
    unit = look[4]
    half = np.array((light[0], light[1], light[2] + 1.0))
    half /= math.sqrt((half * half).sum())
    for y in range(rows):
        for x in range(columns):
            z = surface[y, x, 0]
            if z <= FAR:
                continue
            nx, ny, nz = surface[y, x, 1], surface[y, x, 2], surface[y, x, 3]
            length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            index, t = int(surface[y, x, 4]), surface[y, x, 5]
            capsule = capsules[index]
            part = capsule[12]
            front = nx * capsule[8] + ny * capsule[9] + nz * capsule[10]
            mix = min(max(0.5 + 0.9 * front, 0.0), 1.0)
            crease = 0.0
            sheen = look[2]
            if part == SLEEVE:
                red, green, blue = palette[CLOTH, 2], palette[CLOTH, 1], palette[CLOTH, 0]
                weave = 0.92 + 0.08 * math.sin(0.9 * x + 0.7 * y)
                red, green, blue = red * weave, green * weave, blue * weave
                sheen = 0.0
            else:
                blue = palette[BACK, 0] + mix * (palette[FRONT, 0] - palette[BACK, 0])
                green = palette[BACK, 1] + mix * (palette[FRONT, 1] - palette[BACK, 1])
                red = palette[BACK, 2] + mix * (palette[FRONT, 2] - palette[BACK, 2])
                if part in (PALM, FOREARM):
                    px, py, pz = x - frame[0, 0], y - frame[0, 1], z - frame[0, 2]
                    u = px * frame[1, 0] + py * frame[1, 1] + pz * frame[1, 2]
                    v = px * frame[2, 0] + py * frame[2, 1] + pz * frame[2, 2]
                    if front > 0.2:
                        crease = 0.8 * _palm_lines(u, v) + 0.6 * _bump(v, 0.0, 0.02)
                else:
                    crease = _creases(part, t, front)
                    if part == DISTAL and front < -0.72 and t > 0.38:
                        blue, green, red = palette[NAIL, 0], palette[NAIL, 1], palette[NAIL, 2]
                        sheen = 1.6 * sheen
                    elif part == DISTAL:  # fingertips are redder
                        green *= 0.96
                        blue *= 0.95
                if index == int(ring[0]) and ring[1] < t < ring[2]:
                    blue, green, red = palette[RING, 0], palette[RING, 1], palette[RING, 2]
                    crease, sheen = 0.0, 0.9
            facing = nx * light[0] + ny * light[1] + nz * light[2]
            through = look[3]
            direct = max(0.0, (facing + through) / (1.0 + through))
            kept = 1.0
            if direct > 0.0 and look[0] > 0.0:
                kept = 1.0 - look[0] * _shadow(surface, y, x, light, 0.9 * unit, 0.10 * unit)
            sky = open_sky[y, x] * (0.72 - 0.28 * ny)
            dark = 1.0 - look[1] * crease
            glint = 0.0
            aligned = nx * half[0] + ny * half[1] + nz * half[2]
            if sheen > 0.0 and aligned > 0.6:
                glint = sheen * kept * aligned**24
            for channel in range(3):
                albedo = blue if channel == 0 else (green if channel == 1 else red)
                # Light that went through skin comes out red.
                warm = 1.0 + (0.10 * through if channel == 2 else -0.05 * through) * (1.0 - direct)
                lit = palette[KEY, channel] * direct * kept * warm
                lit += palette[AMBIENT, channel] * sky
                out[y, x, channel] = albedo * dark * lit + glint * palette[KEY, channel]
