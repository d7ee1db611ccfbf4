from __future__ import annotations

import itertools
import time
from typing import Any

import cv2
import numpy as np
import pytest

from host.data.hands.camera import HandsCamera, open_hands
from host.data.hands.motion import AWAY, CHANGE, ENTER, HOLD, LEAVE, MOVE
from host.data.hands.timecode import TimeCode, read_timecode
from host.data.hands.uri import REAL, VIRTUAL, parse_uri
from target.camera.watched import WatchedCamera

SMALL = "size=320x240&fps=10&hold=0.5"


def _camera(uri: str) -> HandsCamera:
    return HandsCamera(parse_uri(uri), uri)


def _read_all(camera: HandsCamera) -> list[np.ndarray]:
    images = []
    while (frame := camera.read()) is not None:
        images.append(frame.image)
    return images


def _phases(camera: HandsCamera) -> list[tuple[str, str | None]]:
    seen: list[tuple[str, str | None]] = []
    for truth in camera.truth:
        step = (truth.phase, truth.letter)
        if not seen or seen[-1] != step:
            seen.append(step)
    return seen


def test_a_word_is_signed_in_order() -> None:
    camera = _camera(f"hands://HI?{SMALL}")
    images = _read_all(camera)
    assert len(images) == camera.frames == len(camera.truth)
    assert all(image.shape == (240, 320, 3) and image.dtype == np.uint8 for image in images)
    assert _phases(camera) == [
        (AWAY, None), (ENTER, None), (HOLD, "H"), (CHANGE, None), (HOLD, "I"), (LEAVE, None), (AWAY, None),
    ]  # fmt: skip


def test_doubled_letters_spaces_and_movements() -> None:
    camera = _camera(f"hands://LL J?{SMALL}")
    _read_all(camera)
    assert _phases(camera) == [
        (AWAY, None), (ENTER, None), (HOLD, "L"), (CHANGE, None), (HOLD, "L"), (LEAVE, None),
        (AWAY, None), (ENTER, None), (MOVE, "J"), (LEAVE, None), (AWAY, None),
    ]  # fmt: skip
    first, second = (
        [t.box for t in camera.truth if t.hold == hold and t.phase == HOLD][2] for hold in (0, 1)
    )
    assert first is not None and second is not None and second[0] - first[0] > 15
    tops = [t.box[1] for t in camera.truth if t.phase == MOVE and t.box is not None]
    assert len(tops) > 5 and max(tops) - min(tops) > 20


def test_a_letter_many_times_stays_in_the_picture() -> None:
    camera = _camera("hands://AAAAAAAA?fps=10&hold=0.3")
    boxes = [
        t.box for t in (camera.draw(i)[1] for i in range(camera.frames or 0)) if t.phase == HOLD
    ]
    assert boxes and all(box is not None and box[0] > 80 and box[2] < 560 for box in boxes)


def test_a_frame_is_a_function_of_the_uri_and_its_number() -> None:
    uri = f"hands://AB?{SMALL}&signer=10003&seed=4"
    one, other = _camera(uri), _camera(uri)
    for index in (12, 3, 30, 12):
        np.testing.assert_array_equal(one.draw(index)[0], other.draw(index)[0])
    assert (one.draw(12)[0] != _camera(uri + "&signer=10004").draw(12)[0]).mean() > 0.5


def test_time_codes_say_which_frame_it_is() -> None:
    camera = _camera(f"hands://A?{SMALL}")
    for index, image in enumerate(_read_all(camera)):
        assert read_timecode(image) == TimeCode(index, 100 * index)
    without = _camera(f"hands://A?{SMALL}&timecode=off")
    assert read_timecode(without.draw(5)[0]) is None


def test_boxes_hold_what_changed() -> None:
    """The hand alone, without its forearm below the box, differs from the empty wall."""
    camera = _camera("hands://LYB?fps=10&hold=0.5&timecode=off&background=wall")
    wall = camera.draw(0)[0].astype(int)
    for index in range(camera.frames or 0):
        image, truth = camera.draw(index)
        if truth.phase != HOLD:
            continue
        assert truth.box is not None
        left, top, right, bottom = truth.box
        changed = np.abs(cv2.GaussianBlur(image, (5, 5), 0).astype(int) - wall).max(axis=2) > 25
        assert abs(np.flatnonzero(changed.any(axis=1))[0] - top) <= 6
        above = changed[:bottom]
        inside = above[max(top - 6, 0) :, max(left - 6, 0) : right + 6]
        assert inside.sum() > 0.95 * above.sum()  # the rest is forearm beside the wrist
        assert changed[top:bottom, left:right].mean() > 0.3


def test_a_hand_that_is_away_has_no_box() -> None:
    camera = _camera(f"hands://A?{SMALL}")
    _read_all(camera)
    assert {t.box for t in camera.truth if t.phase == AWAY} == {None}
    assert all(t.box is not None for t in camera.truth if t.phase == HOLD)
    entering = [t.box for t in camera.truth if t.phase == ENTER and t.box is not None]
    assert entering[0][1] > entering[-1][1]  # comes from below


def test_neighbouring_frames_differ_little() -> None:
    camera = _camera("hands://WJORZD?fps=30&hold=0.3&size=320x240&timecode=off")
    boxes = [t.box for t in (camera.draw(i)[1] for i in range(camera.frames or 0))]
    for before, after in itertools.pairwise(boxes):
        if before is not None and after is not None and min(before[3], after[3]) < 240:
            assert np.abs(np.subtract(before, after)).max() < 60


def test_repeats_and_never_ends() -> None:
    once, twice = _camera(f"hands://A?{SMALL}"), _camera(f"hands://A?{SMALL}&repeat=2")
    assert once.frames is not None and twice.frames is not None
    assert abs(twice.frames - 2 * once.frames) <= 1
    last = _camera(f"hands://A?{SMALL}&repeat=0")
    assert last.frames is None
    truth = last.draw(10 * once.frames + 12)[1]
    assert truth.hold >= 9
    _read_all(twice)
    assert {t.hold for t in twice.truth if t.phase == HOLD} == {0, 1}


def test_a_virtual_clock_is_that_of_a_file() -> None:
    camera, source = open_hands(f"hands://A?{SMALL}", VIRTUAL)
    assert source is camera and not source.live and source.fps == 10
    before = time.perf_counter()
    frame = source.read()
    assert frame is not None and before <= frame.captured_s <= time.perf_counter()
    assert camera.truth[0].captured_s == frame.captured_s
    assert camera.facts()["clock"] == "virtual"


def test_with_a_real_clock_frames_come_at_their_time() -> None:
    uri = "hands://A?size=64x64&fps=20&hold=0.3&clock=real"
    camera = _camera(uri)
    started = time.perf_counter()
    frames = []
    while (frame := camera.read()) is not None:
        assert time.perf_counter() >= frame.captured_s
        frames.append(frame)
    assert time.perf_counter() - started >= (camera.frames or 0) / 20 - 0.1
    times = [frame.captured_s - frames[0].captured_s for frame in frames]
    np.testing.assert_allclose(
        times, [0.05 * (f.index - frames[0].index) for f in frames], atol=1e-6
    )
    assert len(frames) + camera.missed == camera.frames


def test_frames_too_late_to_be_drawn_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = _camera("hands://A?size=64x64&fps=100&hold=0.3&clock=real")
    drawn: list[int] = []
    draw = camera.draw

    def slow(index: int) -> Any:
        drawn.append(index)
        time.sleep(0.05)
        return draw(index)

    monkeypatch.setattr(camera, "draw", slow)
    while camera.read() is not None:
        pass
    assert len(drawn) + camera.missed == camera.frames
    assert camera.missed > 2 * len(drawn)
    assert drawn == sorted(set(drawn))


def test_a_live_one_is_read_as_cameras_are() -> None:
    camera, source = open_hands("hands://A?size=64x64&fps=60&clock=real", VIRTUAL)
    assert isinstance(source, WatchedCamera) and source.live
    assert source.read() is not None
    source.close()
    assert camera.facts()["clock"] == REAL
