from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from host.data.hands.backgrounds import KINDS, make_background
from host.data.hands.crop import CropConfig, Crops
from host.data.hands.letters import STATIC
from host.data.hands.signer import make_signer


@pytest.fixture(scope="module")
def crops() -> Crops:
    return Crops(CropConfig(), seed=3)


def test_a_crop_is_a_function_of_seed_index_letter_and_signer(crops: Crops) -> None:
    signer = make_signer(11)
    first = crops.gray(5, "K", signer)
    crops.gray(6, "L", make_signer(12))
    np.testing.assert_array_equal(crops.gray(5, "K", signer), first)
    np.testing.assert_array_equal(Crops(CropConfig(), seed=3).gray(5, "K", signer), first)
    assert (crops.gray(6, "K", signer) != first).mean() > 0.5
    assert (crops.gray(5, "L", signer) != first).mean() > 0.2
    assert (crops.gray(5, "K", make_signer(12)) != first).mean() > 0.2
    assert (Crops(CropConfig(), seed=4).gray(5, "K", signer) != first).mean() > 0.5


@pytest.mark.parametrize("letter", STATIC)
def test_every_letter_fills_its_crop(letter: str) -> None:
    config = CropConfig(size=28)
    plain = Crops(config, seed=1)
    for index in range(6):
        signer = make_signer(index)
        image = plain.colour(index, letter, signer)
        assert image.shape == (28, 28, 3) and image.dtype == np.uint8
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("host.data.hands.crop.composite", lambda drawn, picture: None)
            empty = plain.colour(index, letter, signer)
        assert (image != empty).any(axis=2).mean() > 0.12  # the rest is background


@pytest.mark.parametrize("size", [16, 28, 96])
def test_any_size(size: int) -> None:
    crops = Crops(dataclasses.replace(CropConfig(), size=size), seed=1)
    assert crops.gray(0, "A", make_signer(0)).shape == (size, size)


def test_backgrounds_are_of_every_kind() -> None:
    generator = np.random.default_rng(0)
    made = [make_background(generator, 48, 64) for _ in range(60)]
    for picture in made:
        assert picture.shape == (48, 64, 3) and picture.dtype == np.float32
        assert picture.min() >= 0 and picture.max() <= 1
    means = np.array([picture.mean() for picture in made])
    deviations = np.array([picture.std() for picture in made])
    assert means.min() < 0.02 and means.max() > 0.5
    assert (deviations < 0.02).any() and (deviations > 0.15).any()
    assert len(KINDS) == 7
