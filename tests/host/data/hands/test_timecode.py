from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from host.data.hands.timecode import (
    TimeCode,
    blank_timecode,
    draw_timecode,
    find_place,
    read_timecode,
)
from target.show.video_file import open_writer
from target.vision.crop import MAX_TRIM, centre_square

SIZES = [(480, 640), (720, 1280), (1080, 1920), (240, 320), (640, 480), (300, 64), (4096, 64)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "code", [TimeCode(0, 0), TimeCode(123, 4100), TimeCode(2**24 - 1, 2**32 - 1)]
)
def test_what_is_drawn_is_read(size: tuple[int, int], code: TimeCode) -> None:
    frame = np.full((*size, 3), 120, dtype=np.uint8)
    draw_timecode(frame, code)
    assert read_timecode(frame) == code
    assert read_timecode(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)) == code


@pytest.mark.parametrize("size", SIZES)
def test_the_network_does_not_see_it(size: tuple[int, int]) -> None:
    frame = np.full((*size, 3), 120, dtype=np.uint8)
    draw_timecode(frame, TimeCode(77, 3))
    top, left, side = centre_square(*size, 28, MAX_TRIM)
    assert (frame[top : top + side, left : left + side] == 120).all()
    blanked = frame.copy()
    blank_timecode(blanked)
    assert read_timecode(blanked) is None
    np.testing.assert_array_equal(
        blanked[top : top + side, left : left + side], frame[top : top + side, left : left + side]
    )


def test_numbers_run_over() -> None:
    frame = np.zeros((480, 640, 3), dtype=np.uint8)
    draw_timecode(frame, TimeCode(2**24 + 5, 2**32 + 6))
    assert read_timecode(frame) == TimeCode(5, 6)


@pytest.mark.parametrize("quality", [20, 50, 90])
def test_it_survives_jpeg(quality: int) -> None:
    frame = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    draw_timecode(frame, TimeCode(4711, 99_999))
    _, coded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert read_timecode(cv2.imdecode(coded, cv2.IMREAD_COLOR)) == TimeCode(4711, 99_999)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_it_survives_a_video_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"codes{suffix}"
    writer = open_writer(path, 30.0, (640, 480))
    for index in range(20):
        frame = np.full((480, 640, 3), 90, dtype=np.uint8)
        draw_timecode(frame, TimeCode(index, 33 * index))
        writer.write(frame)
    writer.release()
    video = cv2.VideoCapture(str(path))
    read = []
    while (got := video.read())[0]:
        read.append(read_timecode(got[1]))
    assert read == [TimeCode(index, 33 * index) for index in range(20)]


def test_one_wrong_cell_is_no_code() -> None:
    frame = np.zeros((480, 640, 3), dtype=np.uint8)
    draw_timecode(frame, TimeCode(1000, 2000))
    place = find_place(480, 640)
    assert place is not None
    top, left, cell = place
    for number in range(64):
        y, x = top + number // 8 * cell, left + number % 8 * cell
        changed = frame.copy()
        changed[y : y + cell, x : x + cell] = 255 - changed[y : y + cell, x : x + cell]
        assert read_timecode(changed) is None


@pytest.mark.parametrize("size", [(480, 480), (100, 110), (64, 64)])
def test_without_a_margin_there_is_none(size: tuple[int, int]) -> None:
    frame = np.full((*size, 3), 120, dtype=np.uint8)
    draw_timecode(frame, TimeCode(1, 1))
    blank_timecode(frame)
    assert (frame == 120).all()
    assert read_timecode(frame) is None


def test_pictures_have_none() -> None:
    generator = np.random.default_rng(0)
    for _ in range(400):
        small = generator.integers(0, 256, (60, 80), dtype=np.uint8)
        frame = cv2.resize(small, (640, 480), interpolation=cv2.INTER_NEAREST)
        assert read_timecode(frame) is None


@pytest.mark.parametrize("level", [0, 127, 255])
def test_plain_frames_have_none(level: int) -> None:
    assert read_timecode(np.full((480, 640, 3), level, dtype=np.uint8)) is None
