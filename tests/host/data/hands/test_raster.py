"""The drawn surface against the definition: the envelope of spheres along a bone, sphere by sphere."""

from __future__ import annotations

import numpy as np
import pytest

from host.data.hands.flesh import CAPSULE_FIELDS, SLAB_FIELDS
from host.data.hands.raster import FAR, draw_parts


def _capsule(
    a: tuple[float, ...], b: tuple[float, ...], layer: int = 2, melts: int = 0
) -> np.ndarray:
    row = np.zeros(CAPSULE_FIELDS)
    row[0:4], row[4:8], row[11], row[13] = a, b, layer, melts
    return row


def _draw(capsules: list[np.ndarray], side: int = 48, melt: float = 0.0) -> np.ndarray:
    surface = np.empty((side, side, 6), dtype=np.float32)
    palm = np.empty_like(surface)
    rows = np.array(capsules).reshape(-1, CAPSULE_FIELDS)
    draw_parts(rows, np.zeros((0, SLAB_FIELDS)), surface, palm, melt)
    return surface


def _spheres(a: tuple[float, ...], b: tuple[float, ...], side: int = 48) -> np.ndarray:
    """Depth by definition: the nearest of 4,001 spheres along the bone."""
    y, x = np.mgrid[0:side, 0:side] + 0.5
    depth = np.full((side, side), FAR)
    for s in np.linspace(0, 1, 4001):
        cx, cy, cz, r = (1 - s) * np.array(a) + s * np.array(b)
        inside = r * r - (x - cx) ** 2 - (y - cy) ** 2
        hit = inside >= 0
        depth[hit] = np.maximum(depth[hit], cz + np.sqrt(inside[hit]))
    return depth


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((12, 12, 0, 6), (34, 30, 8, 4)),
        ((34, 8, 3, 3), (10, 38, -12, 8)),
        ((24, 24, -20, 7), (25, 26, 20, 5)),  # points at the viewer
        ((24, 24, 0, 10), (26, 24, 0, 3)),  # one sphere swallows the other
        ((8, 24, 0, 5), (40, 24, 0, 5)),  # level
        ((24, 6, 0, 5), (24, 42, 0, 5)),  # upright
        ((-10, 20, 0, 6), (60, 30, 0, 6)),  # beyond the picture on both sides
        ((24, 24, 0, 9), (24, 24, 0, 9)),  # no length
    ],
)
def test_a_capsule_is_the_envelope_of_its_spheres(
    a: tuple[float, ...], b: tuple[float, ...]
) -> None:
    surface, depth = _draw([_capsule(a, b)]), _spheres(a, b)
    seen = surface[:, :, 0] > FAR
    differing = seen != (depth > FAR)
    assert differing.sum() <= 4  # the 4,001 spheres miss a sliver at the outline
    both = seen & (depth > FAR)
    steep = np.abs(surface[:, :, 3]) < 0.15
    np.testing.assert_allclose(surface[both & ~steep, 0], depth[both & ~steep], atol=0.02)


def test_normals_are_those_of_the_surface() -> None:
    surface = _draw([_capsule((12, 14, 0, 9), (34, 30, 6, 7))])
    z = surface[:, :, 0].astype(float)
    inner = (surface[1:-1, 1:-1, 3] > 0.7) & (z[1:-1, 1:-1] > FAR)
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        inner &= np.roll(z, shift, (0, 1))[1:-1, 1:-1] > FAR
    dzdx = (z[1:-1, 2:] - z[1:-1, :-2]) / 2
    dzdy = (z[2:, 1:-1] - z[:-2, 1:-1]) / 2
    normal = surface[1:-1, 1:-1, 1:4]
    assert inner.sum() > 200
    slope = -normal[inner][:, :2] / normal[inner][:, 2:]
    np.testing.assert_allclose(slope[:, 0], dzdx[inner], atol=0.08)
    np.testing.assert_allclose(slope[:, 1], dzdy[inner], atol=0.08)


def test_the_nearer_one_is_seen_whatever_the_order() -> None:
    near, far = _capsule((10, 24, 20, 6), (40, 24, 20, 6)), _capsule((24, 8, 0, 6), (24, 40, 0, 6))
    for order, index in (([near, far], 0), ([far, near], 1)):
        surface = _draw(order)
        assert surface[24, 24, 4] == index
        assert surface[10, 24, 4] == 1 - index


def test_parts_of_the_palm_melt_and_fingers_do_not() -> None:
    pair = ((16, 24, 0, 8), (16, 25, 0, 8)), ((30, 24, 0, 8), (30, 25, 0, 8))
    seam = 24, 23
    hard = _draw([_capsule(*pair[0]), _capsule(*pair[1])], melt=6.0)
    soft = _draw([_capsule(*pair[0], 0, 1), _capsule(*pair[1], 0, 1)], melt=6.0)
    assert soft[seam][0] > hard[seam][0] + 0.5
    far_off = 24, 12
    assert soft[far_off][0] == pytest.approx(hard[far_off][0])
