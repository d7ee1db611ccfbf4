from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from target.errors import DataError
from target.manifest import Manifest
from target.runners.base import TensorSpec
from target.vision.crop import centre_square, cut
from target.vision.preprocess import Preprocessor, input_table


def _manifest() -> Manifest:
    return Manifest(Path(), {"input": {"height": 28, "scale": 1 / 255, "crop": {"max_trim": 0.05}}})


@pytest.mark.parametrize(
    ("height", "width", "square"),
    [
        (480, 640, (2, 82, 476)),  # 476 = 17 x 28 gives up 0.8 %
        (640, 480, (82, 2, 476)),
        (28, 28, (0, 0, 28)),
        (50, 50, (0, 0, 50)),  # 28 would give up 44 %
        (20, 30, (0, 5, 20)),  # smaller than the network's input
        (57, 57, (0, 0, 56)),
        (1, 1, (0, 0, 1)),
    ],
)
def test_centre_square(height: int, width: int, square: tuple[int, int, int]) -> None:
    assert centre_square(height, width, 28, 0.05) == square
    side = square[2]
    assert cut(np.zeros((height, width, 3), np.uint8), square).shape == (side, side, 3)


@pytest.mark.parametrize("fix_point", range(-3, 9))
def test_codes_are_those_of_amds_float32_definition(fix_point: int) -> None:
    real = np.arange(256, dtype=np.uint8).astype(np.float32) / np.float32(255)
    expected = np.clip(np.floor(real * np.float32(2.0**fix_point) + np.float32(0.5)), -128, 127)
    table = input_table(1 / 255, TensorSpec("in", (1, 28, 28, 1), "int8", 2.0**-fix_point))
    assert np.array_equal(table, expected.astype(np.int8))


def test_float_table_is_what_the_network_was_trained_on() -> None:
    table = input_table(1 / 255, TensorSpec("in", (1, 28, 28, 1), "float32"))
    assert np.array_equal(table, np.arange(256).astype(np.float32) / np.float32(255))


def test_affine_table_of_litert() -> None:
    table = input_table(1 / 255, TensorSpec("in", (1, 28, 28, 1), "int8", 1 / 255, -128))
    assert np.array_equal(table, np.arange(256) - 128)


def test_a_frame_of_the_networks_size_passes_unchanged() -> None:
    spec = TensorSpec("in", (1, 28, 28, 1), "float32")
    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    gray_frame = np.repeat(image[..., None], 3, axis=2)
    preprocess = Preprocessor(_manifest(), spec)
    assert np.array_equal(preprocess.gray(gray_frame), image)
    assert np.array_equal(preprocess(image)[0, :, :, 0], image.astype(np.float32) / np.float32(255))


def test_area_resize_of_whole_multiples_is_the_mean() -> None:
    image = np.random.default_rng(1).integers(0, 256, (56, 56), dtype=np.uint8)
    expected = image.reshape(28, 2, 28, 2).astype(float).mean(axis=(1, 3))
    got = Preprocessor(_manifest(), TensorSpec("in", (1, 28, 28, 1), "int8")).gray(image)
    assert np.abs(got - expected).max() <= 0.5


def test_blue_green_red_order() -> None:
    preprocess = Preprocessor(_manifest(), TensorSpec("in", (1, 28, 28, 1), "int8"))
    frame = np.zeros((28, 28, 3), np.uint8)
    frame[..., 2] = 255  # red
    assert set(np.unique(preprocess.gray(frame))) == {76}


@pytest.mark.parametrize(
    "frame",
    [np.zeros((28, 28), np.float32), np.zeros((0, 5, 3), np.uint8), np.zeros(5, np.uint8)],
    ids=["float", "empty", "flat"],
)
def test_anything_but_a_frame_is_refused(frame: np.ndarray) -> None:
    preprocess = Preprocessor(_manifest(), TensorSpec("in", (1, 28, 28, 1), "int8"))
    with pytest.raises(DataError, match="frame must be uint8"):
        preprocess(frame)
