"""The region of interest: the manifest's crop as it is, any other inside the frame."""

from __future__ import annotations

import itertools

import pytest

from target.errors import DataError
from target.vision.crop import centre_square
from target.vision.region import WHOLE, Region, parse_region, region_of, square_of

SIZES = [(480, 640), (640, 480), (28, 28), (1080, 1920), (29, 300), (5, 7)]


@pytest.mark.parametrize("shape", SIZES)
def test_the_whole_picture_is_the_manifests_crop(shape: tuple[int, int]) -> None:
    assert square_of(WHOLE, *shape, 28, 0.05) == centre_square(*shape, 28, 0.05)


@pytest.mark.parametrize("shape", SIZES)
def test_every_region_lies_inside(shape: tuple[int, int]) -> None:
    height, width = shape
    for x, y, side in itertools.product((0.0, 0.3, 1.0), (0.0, 0.7, 1.0), (0.1, 0.4, 1.0)):
        top, left, pixels = square_of(Region(x, y, side), height, width, 28, 0.05)
        assert pixels >= 1 and top >= 0 and left >= 0
        assert top + pixels <= height and left + pixels <= width


def test_there_and_back() -> None:
    region = Region(0.4, 0.6, 0.5)
    top, left, side = square_of(region, 480, 640, 28, 0.0)
    back = region_of((left, top, side), 480, 640)
    assert (back.x, back.y, back.side) == pytest.approx((0.4, 0.6, 0.5), abs=0.005)


def test_options_and_commands() -> None:
    assert parse_region("0.5,0.25,0.4") == Region(0.5, 0.25, 0.4)
    assert parse_region({"x": 0.5, "y": 0.25, "side": 0.4}) == Region(0.5, 0.25, 0.4)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1,2",
        "a,b,c",
        "0.5,0.5,0.01",
        "0.5,0.5,nan",
        "-1,0,1",
        "0,0,2",
        {"x": 1},
        {},
        None,
        [1, 2, 3],
    ],
)
def test_what_is_no_region(value: object) -> None:
    with pytest.raises(DataError, match="region must be x,y,side"):
        parse_region(value)
