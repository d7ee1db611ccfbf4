"""One hand in one view: joints of a pose, turned, seen in perspective, drawn over a background."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from host.data.hands import flesh
from host.data.hands.compiled import compiled
from host.data.hands.raster import FAR, draw_parts
from host.data.hands.shade import shade
from target.opencv import cv2

_MELT = 0.09  # of a unit
_IN_BOX = [i for i in range(flesh.POINTS) if i not in flesh.FOREARM_POINTS]
_SKY_UNIT = 40  # pixels a unit that suffice for ambient light


@dataclasses.dataclass(frozen=True)
class View:
    """How the camera sees the hand.

    Attributes:
        rotation: float64 (3, 3), palm frame to camera (x right, y up, z toward the camera).
        distance: Of the camera from the wrist, units (about 95 mm); small is strong perspective.
        height: Of the camera's axis over the wrist, units.
    """

    rotation: np.ndarray
    distance: float
    height: float = 0.0


@dataclasses.dataclass(frozen=True)
class Placed:
    """A hand's flesh on the screen plane, in units, x right, y down, z toward the viewer.

    Attributes:
        points: float64 (POINTS, 3).
        sizes: float64 (POINTS,).
        axes: float64 (3, 3): the palm's X, Y, N.
        bends: float64 (5, 3, 3): where the bones of thumb and fingers bend to.
        has_sleeve: Whether there is a sleeve.
    """

    points: np.ndarray
    sizes: np.ndarray
    axes: np.ndarray
    bends: np.ndarray
    has_sleeve: bool

    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of the hand without its forearm, units."""
        places, radii = self.points[_IN_BOX, :2], self.sizes[_IN_BOX, None]
        low, high = (places - radii).min(axis=0), (places + radii).max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@compiled
def _project(
    points: np.ndarray,
    sizes: np.ndarray,
    rotation: np.ndarray,
    distance: float,
    height: float,
    mirrored: bool,
) -> None:
    """Turn points and see them in perspective, in place."""
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        cx = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
        cy = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
        cz = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
        scale = distance / max(distance - cz, 0.25 * distance)
        points[i, 0] = (-cx if mirrored else cx) * scale
        points[i, 1] = -((cy - height) * scale + height)
        points[i, 2] = cz * scale
        sizes[i] *= scale


def place(
    joints: np.ndarray,
    radii: np.ndarray,
    width: float,
    wrist: np.ndarray,
    cuff: float | None,
    view: View,
    mirrored: bool,
) -> Placed:
    """Place a posed hand on the screen plane.

    Args:
        joints: float64 (21, 3), palm frame of a right hand.
        radii: float64 (21,).
        width: Of the wrist, relative.
        wrist: float64 (2,), flexion and deviation of the forearm, radians.
        cuff: Where the sleeve ends below the wrist, units; None for a bare forearm.
        view: How the camera sees it.
        mirrored: A left hand.
    """
    points = np.zeros((flesh.POINTS, 3))
    sizes = np.zeros(flesh.POINTS)
    flesh.place_flesh(joints, radii, width, wrist, 0.0 if cuff is None else cuff, points, sizes)
    bends = np.empty((5, 3, 3))
    flesh.bend_directions(joints, np.array([0.0, 0.0, 1.0]), bends)
    _project(points, sizes, view.rotation, view.distance, view.height, mirrored)
    axes = view.rotation.T.copy()
    axes[:, 1] *= -1.0
    if mirrored:
        axes[:, 0] *= -1.0
    return Placed(points, sizes, axes, bends @ axes, cuff is not None)


@dataclasses.dataclass(frozen=True)
class Look:
    """Colours and light.

    Attributes:
        palette: float64 (shade.PALETTE_ROWS, 3), linear, blue green red.
        light: float64 (3,), unit vector toward the key light: x right, y down, z to the viewer.
        shadow: Strength of shadows, 0-1.
        crease: Strength of creases, 0-1.
        sheen: Of the skin.
        through: How much light goes through the skin, 0-0.5.
        ring: Finger 0-3 (index to little) that wears a ring, or -1.
        cast: Strength of the shadow on the wall behind, 0-1.
        depth: Distance of that wall, units.
    """

    palette: np.ndarray
    light: np.ndarray
    shadow: float
    crease: float
    sheen: float
    through: float
    ring: int = -1
    cast: float = 0.0
    depth: float = 1.0


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A drawn hand.

    Attributes:
        colour: float32 (h, w, 3), linear; only where the mask is set.
        mask: float32 (h, w), 1 where the hand is.
        shadow: float32 (h, w), 0-1, on the wall behind; None without.
        left: Column of the drawing in the picture.
        top: Row.
    """

    colour: np.ndarray
    mask: np.ndarray
    shadow: np.ndarray | None
    left: int
    top: int


def draw(
    placed: Placed, look: Look, origin: tuple[float, float], unit: float, shape: tuple[int, int]
) -> Drawn:
    """Draw a hand.

    Args:
        placed: The hand.
        look: Colours and light.
        origin: Where (0, 0) of the hand's plane comes, x and y, pixels.
        unit: Pixels a unit.
        shape: Height and width of the picture.
    """
    points = placed.points * unit
    points[:, 0] += origin[0]
    points[:, 1] += origin[1]
    sizes = placed.sizes * unit
    away = _shadow_offset(look, unit)
    left, top, right, bottom = _window(points, sizes, away, shape)
    points[:, 0] -= left
    points[:, 1] -= top
    capsules = np.empty((flesh.CAPSULES, flesh.CAPSULE_FIELDS))
    slabs = np.empty((flesh.SLABS, flesh.SLAB_FIELDS))
    count = flesh.make_parts(
        points, sizes, placed.axes[2], placed.bends, placed.has_sleeve, capsules, slabs
    )
    surface = np.empty((bottom - top, right - left, 6), dtype=np.float32)
    palm = np.empty_like(surface)
    draw_parts(capsules[:count], slabs, surface, palm, _MELT * unit)
    mask = (surface[:, :, 0] > FAR).astype(np.float32)
    colour = np.zeros(surface.shape[:2] + (3,), dtype=np.float32)
    frame = np.vstack([points[0], placed.axes / unit])
    values = np.array([look.shadow, look.crease, look.sheen, look.through, unit])
    ring = _ring(look.ring, count)
    open_sky = _open_sky(surface[:, :, 0], mask, unit)
    shade(
        surface, open_sky, capsules, frame, look.palette, look.light, values, ring, colour,
    )  # fmt: skip
    return Drawn(colour, mask, _wall_shadow(mask, look, away, unit), left, top)


def _shadow_offset(look: Look, unit: float) -> np.ndarray | None:
    """Return where the shadow falls on the wall, pixels right and down; None without one."""
    if look.cast <= 0 or look.light[2] <= 0.1:
        return None
    return np.asarray(-look.light[:2] / look.light[2] * look.depth * unit)


def _window(
    points: np.ndarray, sizes: np.ndarray, away: np.ndarray | None, shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of the part of the picture that hand and shadow change."""
    used = sizes > 0
    low = (points[used, :2] - sizes[used, None]).min(axis=0)
    high = (points[used, :2] + sizes[used, None]).max(axis=0)
    margin = 2
    if away is not None:
        blur = 0.1 * float(sizes[0]) / 0.15
        low, high = np.minimum(low, low + away) - blur, np.maximum(high, high + away) + blur
    left = min(max(int(low[0]) - margin, 0), shape[1] - 1)
    top = min(max(int(low[1]) - margin, 0), shape[0] - 1)
    right = max(min(int(high[0]) + margin + 1, shape[1]), left + 1)
    bottom = max(min(int(high[1]) + margin + 1, shape[0]), top + 1)
    return left, top, right, bottom


def _ring(finger: int, count: int) -> np.ndarray:
    proximal = count - 12 + 3 * finger  # the fingers' capsules are the last twelve
    return np.array([proximal if finger >= 0 else -1, 0.50, 0.66])


def _open_sky(depth: np.ndarray, mask: np.ndarray, unit: float) -> np.ndarray:
    """Return how much of the surroundings a pixel sees: less where those around it are nearer."""
    step = max(1, int(unit / _SKY_UNIT))
    known = mask[::step, ::step]
    filled = np.where(known > 0, depth[::step, ::step], 0).astype(np.float32)
    dark = np.zeros_like(known)
    for size, gain in ((0.16, 0.9), (0.45, 0.55)):
        side = max(3, round(size * unit / step) | 1)
        around = cv2.blur(filled, (side, side), borderType=cv2.BORDER_REPLICATE)
        share = cv2.blur(known, (side, side), borderType=cv2.BORDER_REPLICATE)
        above = (around / np.maximum(share, 1e-3) - filled) / (size * unit)
        dark += gain * np.clip(above, 0, 1) * share
    sky = np.asarray(np.clip(1 - dark, 0.15, 1), dtype=np.float32)
    if step == 1:
        return sky
    return np.asarray(cv2.resize(sky, mask.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _wall_shadow(
    mask: np.ndarray, look: Look, away: np.ndarray | None, unit: float
) -> np.ndarray | None:
    if away is None:
        return None
    matrix = np.array([[1, 0, away[0]], [0, 1, away[1]]])
    height, width = mask.shape
    moved = cv2.warpAffine(mask, matrix, (width, height))
    side = max(3, round(0.12 * look.depth * unit) | 1)
    return np.asarray(look.cast * cv2.blur(moved, (side, side)))


def composite(drawn: Drawn, picture: np.ndarray) -> None:
    """Lay a drawn hand over a picture.

    Args:
        drawn: The hand.
        picture: float32 (h, w, 3), linear; changed.
    """
    height, width = drawn.mask.shape
    region = picture[drawn.top : drawn.top + height, drawn.left : drawn.left + width]
    shadow = drawn.mask if drawn.shadow is None else drawn.shadow
    _lay(region, drawn.colour, drawn.mask, shadow, drawn.shadow is not None)


@compiled
def _lay(
    region: np.ndarray, colour: np.ndarray, mask: np.ndarray, shadow: np.ndarray, shaded: bool
) -> None:
    for y in range(region.shape[0]):
        for x in range(region.shape[1]):
            if mask[y, x] > 0:
                for channel in range(3):
                    region[y, x, channel] = colour[y, x, channel]
            elif shaded:
                for channel in range(3):
                    region[y, x, channel] *= 1 - shadow[y, x]


def rotation_of(roll: float, yaw: float, tilt: float) -> np.ndarray:
    """Return palm frame to camera: tilt about X, then yaw about the vertical, then roll clockwise.

    Args:
        roll: Degrees, in the picture, clockwise.
        yaw: Degrees; positive turns the palm to the image right.
        tilt: Degrees; positive leans the fingers toward the camera.

    Returns:
        float64 (3, 3).
    """
    r, y, t = math.radians(-roll), math.radians(yaw), math.radians(tilt)
    about_z = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1.0]])
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1.0, 0], [-math.sin(y), 0, math.cos(y)]])
    about_x = np.array([[1.0, 0, 0], [0, math.cos(t), -math.sin(t)], [0, math.sin(t), math.cos(t)]])
    return np.asarray(about_z @ about_y @ about_x)
