"""The crop that moves from frame to frame, and the mean of what is said of the frames."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from target.app import App, StreamConfig
from target.camera.base import Frame
from target.opencv import cv2
from target.runners.base import TensorSpec
from target.show.base import View
from target.text.speller import Spelling
from target.vision.sweep import Blend, Sweep
from tests.target.streams import FakeCamera, FakeRunner, KeepingSink, make_manifest

HEIGHT, WIDTH = 480, 640
CODES = TensorSpec("out", (1, 3), "int8", 0.25, 0)


def test_every_square_lies_in_the_frame_and_none_is_its_neighbour_in_time() -> None:
    sweep = Sweep(28, 0.05)
    whole = (2, 82, 476)
    squares = [sweep(whole, HEIGHT, WIDTH) for _ in range(56)]
    assert squares[0] == whole and squares[:28] == squares[28:]
    # Three of the nine largest squares leave the frame above, three below: they end at its edge.
    assert len(set(squares)) >= 25
    for top, left, side in squares:
        assert 0 <= top <= HEIGHT - side and 0 <= left <= WIDTH - side
        assert side in (476, 448, 420, 392)
    assert all(squares[i] != squares[i + 1] for i in range(len(squares) - 1))
    centres = np.array([(top + side / 2, left + side / 2) for top, left, side in squares[:28]])
    assert np.abs(centres.mean(axis=0) - (240, 320)).max() < 1


def test_a_region_in_a_corner_and_one_without_pixels_to_spare() -> None:
    sweep = Sweep(28, 0.05)
    for _ in range(28):
        top, left, side = sweep((368, 528, 112), HEIGHT, WIDTH)
        assert top + side <= HEIGHT and left + side <= WIDTH and 84 <= side <= 112
    assert {sweep((0, 0, 50), 50, 50) for _ in range(28)} == {(0, 0, 50)}


def test_the_mean_of_the_last_moment() -> None:
    blend = Blend(CODES, last_s=0.3)
    first = np.array([[100, -100, 7]], np.int8)
    mean = blend.add(first, 0.0)
    assert mean.dtype == np.int8 and mean.tolist() == [[100, -100, 7]]
    first[:] = 0  # a runner's memory is written again
    assert blend.add(np.array([[50, -128, 8]], np.int8), 0.1).tolist() == [[75, -114, 8]]
    assert blend.add(np.array([[0, 127, 0]], np.int8), 0.35).tolist() == [[25, 0, 4]]
    blend.forget()
    assert blend.add(np.array([[1, 2, 3]], np.int8), 0.36).tolist() == [[1, 2, 3]]
    # A clock that goes back begins anew.
    assert blend.add(np.array([[9, 9, 9]], np.int8), 0.1).tolist() == [[9, 9, 9]]


def test_the_mean_of_real_numbers_and_of_many_frames() -> None:
    blend = Blend(TensorSpec("out", (1, 2), "float32", 1.0, 0), last_s=1.0)
    generator = np.random.default_rng(1)
    outputs = generator.normal(size=(1000, 1, 2)).astype(np.float32)
    for index, output in enumerate(outputs):
        mean = blend.add(output, index / 1000)  # more frames than are kept
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, outputs[-64:].mean(axis=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("sweep", [False, True])
def test_frames_that_disagree_are_outvoted(tmp_path: Path, sweep: bool) -> None:
    """Every fourth answer is another letter: people see it without a sweep and not with one."""
    manifest = make_manifest(tmp_path)
    runner = FakeRunner(says=lambda call: 5 if call % 4 == 0 else 3)
    sink = KeepingSink()
    config = StreamConfig(warmup=0, sweep=sweep)
    result = App(FakeCamera(120, 0.01), runner, manifest, [sink], config).run()
    shown = [view.prediction.letter for view in sink.views[10:] if view.prediction]
    assert set(shown) == ({"D"} if sweep else {"D", "F"})
    assert result.record.get("sweep", False) is sweep
    for view in sink.views:
        seen = view.steady_gray()
        assert seen is not None and view.frame is not None
        assert (seen == view.frame.image[0, 0, 0]).all()
    assert len({view.square for view in sink.views if view.frame is not None}) == 1


@pytest.mark.parametrize("left_handed", [False, True])
def test_people_see_a_crop_that_stands_still(left_handed: bool) -> None:
    image = np.random.default_rng(2).integers(0, 256, (56, 70, 3)).astype(np.uint8)
    crop = cv2.cvtColor(image[:, 7:63], cv2.COLOR_BGR2GRAY)
    wanted = cv2.resize(crop, (28, 28), interpolation=cv2.INTER_AREA)
    swept = np.zeros((28, 28), np.uint8)
    frame = Frame(image, 0, 0.0, "a frame")
    view = View(frame, None, Spelling(), square=(0, 7, 56), gray=swept, left_handed=left_handed)
    seen = view.steady_gray()
    assert seen is swept
    seen = dataclasses.replace(view, swept=True).steady_gray()
    np.testing.assert_array_equal(seen, wanted[:, ::-1] if left_handed else wanted)
