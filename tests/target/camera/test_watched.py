"""A camera under watch: the newest frame, every frame accounted for, and no loss that ends a run."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
import threading
import time
from typing import Any

import numpy as np
import pytest

from target.camera import watched
from target.camera.base import Frame
from target.camera.health import WatchConfig
from target.camera.watched import WatchedCamera
from target.errors import SourceError
from tests.target.camera.fakes import Opener, ScriptedCamera, picture, pump, readers, until

# No loss but what the script says, however slow the machine.
CALM = WatchConfig(stall_s=600, same_s=600, open_s=600, back_off_s=0.02, longest_s=0.1)
# Silence is noticed quickly.
TENSE = WatchConfig(stall_s=0.2, same_s=600, open_s=600, back_off_s=0.02, longest_s=0.1)


def moving(start: int = 0, period_s: float = 0.003) -> ScriptedCamera:
    """Return a camera whose pictures never end and never repeat."""
    return ScriptedCamera(map(picture, itertools.count(start)), period_s)


def first(count: int) -> list[Any]:
    return [picture(index) for index in range(count)]


def check(source: WatchedCamera, opener: Opener, read: int) -> None:
    """Close, and check that every frame is accounted for and no camera was misused or left open."""
    source.close()
    until(lambda: all(camera.closed == 1 for camera in opener.opened))
    assert source.made == read + source.dropped
    assert [camera.misused for camera in opener.opened] == [[]] * len(opener.opened)
    assert source.ended


def test_only_the_newest_frame_and_every_frame_accounted_for() -> None:
    gate = threading.Event()
    opener = Opener(ScriptedCamera([*first(50), gate, picture(50)]))
    source = WatchedCamera(opener, CALM)
    until(opener.opened[0].stuck.is_set)
    frame = source.wait(10)
    assert frame is not None and frame.index == 49 and frame.image[0, 0, 0] == 49
    assert source.dropped == 49 and source.made == 50 and source.wait(0) is None
    gate.set()
    until(lambda: source.made == 51)
    check(source, opener, read=1)
    assert source.dropped == 50  # the last one was never read
    assert source.wait(10) is None and source.read() is None


def test_a_slow_reader_of_a_fast_camera_sees_it_in_order() -> None:
    opener = Opener(ScriptedCamera(first(200), 0.001))
    source = WatchedCamera(opener, CALM)
    indices = []
    while (frame := source.read()) is not None:
        indices.append(frame.index)
        assert frame.image[0, 0, 0] == frame.index
        time.sleep(0.01)
    assert indices == sorted(set(indices)) and indices[-1] == 199 and source.made == 200
    check(source, opener, read=len(indices))


def test_a_finite_camera_ends_and_its_last_frame_is_not_lost() -> None:
    opener = Opener(ScriptedCamera(first(3)))
    source = WatchedCamera(opener, CALM)
    until(lambda: opener.opened[0].closed)
    assert not source.ended  # one is waiting
    frame = source.read()
    assert frame is not None and frame.index == 2 and source.ended
    assert source.read() is None and source.wait(10) is None
    check(source, opener, read=1)


def test_a_first_opening_that_fails_is_an_error_at_once() -> None:
    before = len(readers())
    with pytest.raises(SourceError, match="no such camera"):
        WatchedCamera(Opener(SourceError("no such camera")), CALM)
    assert len(readers()) == before


def test_a_first_opening_that_hangs_is_an_error_and_what_opens_late_is_closed() -> None:
    """A GStreamer pipeline with a misspelled element waits for its first picture for ever."""
    release, late = threading.Event(), moving()
    before = set(readers())
    config = WatchConfig(open_s=0.1)
    message = "camera must open within 0.1 s, got nothing from gst:nonsense; see that it is there"
    with pytest.raises(SourceError, match=message):
        WatchedCamera(lambda: release.wait() and late, config, "gst:nonsense")
    release.set()
    until(lambda: late.closed and not set(readers()) - before)
    assert late.given == 0 and late.misused == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            SourceError("stream must go on, got no frame; do this"),
            "stream must go on, got no frame",
        ),
        (RuntimeError("driver\n  gone"), "driver gone"),
        (KeyError(), "KeyError"),
    ],
    ids=["ours", "a library's", "without a text"],
)
def test_a_camera_that_fails_is_opened_again_and_its_frames_go_on(
    error: Exception, words: str
) -> None:
    gate = threading.Event()
    opener = Opener(ScriptedCamera([*first(5), error]), lambda: gate.wait() and moving(100))
    source = WatchedCamera(opener, CALM)
    frames = pump(source, lambda: source.trouble)
    assert source.trouble == f"camera: {words}"
    assert opener.opened[0].closed  # before it was opened again
    until(lambda: len(opener.asked_s) == 2)
    gate.set()
    frames += pump(source, lambda: source.made > 10)
    assert source.trouble == "" and source.reopened == 1
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))
    assert {frame.image[0, 0, 0] >= 100 for frame in frames if frame.index >= 5} <= {True}
    check(source, opener, read=len(frames))


def test_indices_go_on_after_garbage_as_well() -> None:
    """They count what the camera gave; a frame that was left out has its number."""
    script = [picture(0), "garbage", "garbage", picture(3), OSError("gone")]
    gate = threading.Event()
    opener = Opener(ScriptedCamera(script), ScriptedCamera([gate, picture(4), gate]))
    source = WatchedCamera(opener, CALM)
    frames = pump(source, lambda: source.reopened)
    gate.set()
    frame = source.read()
    assert frame is not None and frame.index == 4 and source.garbage == 2
    check(source, opener, read=len(frames) + 1)


def test_silence_is_noticed_and_the_stuck_thread_is_left_behind() -> None:
    release = threading.Event()
    stuck = ScriptedCamera([*first(3), release, picture(40), picture(41)])
    opener = Opener(stuck, lambda: moving(100))
    source = WatchedCamera(opener, TENSE)
    troubles: set[str] = set()

    def gives_again() -> bool:
        troubles.add(source.trouble)
        return source.reopened > 0 and source.trouble == "" and source.made > 5

    frames = pump(source, gives_again)
    assert any(words.startswith("camera: no frame for") for words in troubles)
    assert stuck.stuck.is_set() and not stuck.closed
    release.set()  # what it gives now is nobody's
    frames += pump(source, lambda: stuck.closed)
    assert stuck.given == 4
    check(source, opener, read=len(frames))
    assert 40 not in {frame.image[0, 0, 0] for frame in frames}


def test_close_returns_although_the_reader_is_stuck_and_its_thread_ends_with_the_read() -> None:
    before = set(readers())
    release = threading.Event()
    camera = ScriptedCamera([picture(0), release, picture(1)])
    source = WatchedCamera(lambda: camera, CALM)
    until(camera.stuck.is_set)
    begin = time.perf_counter()
    source.close()
    assert time.perf_counter() - begin < 20 and source.ended and source.dropped == 1
    assert len(set(readers()) - before) == 1 and not camera.closed
    source.close()
    release.set()
    until(lambda: not set(readers()) - before)
    assert camera.closed == 1 and camera.misused == [] and source.made == 1


def test_a_camera_that_comes_back_after_several_failing_openings() -> None:
    gone = [SourceError(f"none at 0, attempt {number}") for number in range(5)]
    opener = Opener(ScriptedCamera([*first(4), OSError("unplugged")]), *gone, moving(60))
    config = WatchConfig(stall_s=600, same_s=600, back_off_s=0.05, longest_s=0.2)
    source = WatchedCamera(opener, config)
    frames = pump(source, lambda: source.made > 8)
    assert len(opener.asked_s) == 7 and source.reopened == 6 and source.trouble == ""
    gaps = np.diff(opener.asked_s)[1:]
    # Between two attempts lies at least the pause; how much longer is the machine's business.
    assert (gaps >= [0.05, 0.1, 0.2, 0.2, 0.2]).all()
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))
    check(source, opener, read=len(frames))


def test_a_camera_that_gives_one_frame_and_fails_again_is_not_opened_without_a_pause() -> None:
    cameras = [ScriptedCamera([picture(number), OSError("gone")]) for number in range(4)]
    config = WatchConfig(stall_s=600, same_s=600, back_off_s=0.1, longest_s=10)
    opener = Opener(*cameras, moving(60))
    source = WatchedCamera(opener, config)
    frames = pump(source, lambda: source.made > 6)
    assert (np.diff(opener.asked_s)[1:] >= [0.1, 0.2, 0.4]).all()
    check(source, opener, read=len(frames))


def test_what_is_wrong_is_logged_once_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    gone = [SourceError("none at 0; plug it in") for _ in range(6)]
    opener = Opener(ScriptedCamera([picture(0), OSError("unplugged")]), *gone, moving(9))
    with caplog.at_level(logging.WARNING):
        source = WatchedCamera(opener, CALM)
        frames = pump(source, lambda: source.made > 1)
    assert [record.getMessage() for record in caplog.records] == [
        "camera fake camera: unplugged; opening it again",
        "camera fake camera: none at 0; plug it in; opening it again",
        "camera fake camera gives pictures again",
    ]
    check(source, opener, read=len(frames))


def test_the_same_picture_for_long_is_a_loss() -> None:
    frozen = ScriptedCamera(itertools.repeat(picture(7)), 0.003)
    opener = Opener(frozen, lambda: moving(100))
    config = WatchConfig(stall_s=600, same_s=0.3)
    source = WatchedCamera(opener, config)
    troubles: set[str] = set()

    def moves_again() -> bool:
        troubles.add(source.trouble)
        return source.reopened > 0 and source.trouble == "" and source.made > 3

    frames = pump(source, moves_again)
    assert any(re.fullmatch(r"camera: the same picture for \d+ s", one) for one in troubles)
    check(source, opener, read=len(frames))


def test_a_picture_that_stays_the_same_is_shown_all_the_same() -> None:
    opener = Opener(*(ScriptedCamera(itertools.repeat(picture(7)), 0.003) for _ in range(40)))
    source = WatchedCamera(opener, WatchConfig(stall_s=600, same_s=0.1))
    frames = pump(source, lambda: source.reopened >= 2)
    before = source.made
    frames += pump(source, lambda: source.made > before + 5)
    assert source.trouble.startswith("camera: the same picture for")
    check(source, opener, read=len(frames))


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (None, "nothing"),
        ("text", "str"),
        (np.zeros((4, 4, 3), np.float32), "float32 (4, 4, 3)"),
        (np.zeros((0, 4, 3), np.uint8), "uint8 (0, 4, 3)"),
        (np.zeros((4, 4, 2), np.uint8), "uint8 (4, 4, 2)"),
        (np.zeros(12, np.uint8), "uint8 (12,)"),
    ],
    ids=["nothing", "text", "float", "empty", "raw", "flat"],
)
def test_garbage_is_left_out_counted_and_named(
    image: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Camera(ScriptedCamera):
        """Its second and third frame are garbage."""

        def read(self) -> Frame | None:
            frame = super().read()
            if frame is not None and frame.index in (1, 2):
                return dataclasses.replace(frame, image=image)
            return frame

    opener = Opener(Camera(first(4)))
    source = WatchedCamera(opener, CALM)
    frames = pump(source, lambda: source.ended)
    assert source.facts() == {"made": 2, "reopened": 0, "garbage": 2} and not source.trouble
    message = f"left out: camera must give pictures, uint8 (h, w, 3) or (h, w), got {kind}"
    assert caplog.messages == [f"{message} from fake camera"]  # not one line a frame
    check(source, opener, read=len(frames))


def test_nothing_but_garbage_is_a_loss_and_does_not_burn_a_processor() -> None:
    camera = ScriptedCamera(itertools.repeat("garbage"))  # as fast as it is asked for
    opener = Opener(camera, moving)
    source = WatchedCamera(opener, TENSE)
    troubles: set[str] = set()

    def gives() -> bool:
        troubles.add(source.trouble)
        return source.made > 3

    begin = time.perf_counter()
    frames = pump(source, gives)
    assert any(re.fullmatch(r"camera: no picture for \d+ s, only str", one) for one in troubles)
    assert camera.given <= 1 + (time.perf_counter() - begin) / 0.02
    check(source, opener, read=len(frames))


def test_a_change_of_size_is_no_loss() -> None:
    sizes = [picture(0), picture(1, 480, 640), picture(2)[:, :, 0]]
    opener = Opener(ScriptedCamera(sizes, 0.01))
    source = WatchedCamera(opener, CALM)
    frames = pump(source, lambda: source.ended)
    assert source.facts() == {"made": 3, "reopened": 0, "garbage": 0}
    check(source, opener, read=len(frames))


def test_the_first_loss_is_an_error_where_nothing_is_tried_again() -> None:
    config = WatchConfig(stall_s=600, same_s=600, keep_trying=False)
    gate = threading.Event()
    opener = Opener(ScriptedCamera([picture(0), gate, OSError("torn out")]))
    source = WatchedCamera(opener, config)
    until(opener.opened[0].stuck.is_set)
    gate.set()
    until(lambda: opener.opened[0].closed)
    frame = source.wait(10)
    assert frame is not None and frame.index == 0  # it came before the loss
    message = "camera must give frames, got 'torn out' from fake camera"
    with pytest.raises(SourceError, match=message):
        source.read()
    assert source.ended and source.read() is None
    check(source, opener, read=1)


def test_a_blocked_opening_does_not_block_who_waits() -> None:
    release = threading.Event()
    late = moving(200)
    opener = Opener(
        ScriptedCamera([picture(0), OSError("gone")]),
        lambda: release.wait() and late,
        lambda: moving(100),
    )
    config = WatchConfig(stall_s=600, same_s=600, open_s=0.3, back_off_s=0.02)
    source = WatchedCamera(opener, config)
    frames = pump(source, lambda: len(opener.asked_s) == 2)
    begin = time.perf_counter()
    source.wait(0.01)
    assert time.perf_counter() - begin < 20
    frames += pump(source, lambda: source.made > 5)
    assert source.trouble == "" and source.reopened == 2
    release.set()  # the driver comes back: what it opened is closed, and nothing of it is taken
    until(lambda: late.closed)
    assert late.given == 0
    check(source, opener, read=len(frames))


def test_threads_that_hang_in_a_driver_do_not_pile_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watched, "_MOST_LEFT", 3)
    release = threading.Event()
    opener = Opener(
        *(lambda: ScriptedCamera([release, picture(1), picture(2)]) for _ in range(3)),
        lambda: moving(100),
    )
    source = WatchedCamera(opener, TENSE)
    pump(source, lambda: "hang" in source.trouble)
    assert source.trouble == "camera: 3 attempts hang in its driver"
    end = time.perf_counter() + 0.5
    pump(source, lambda: time.perf_counter() > end)
    assert len(opener.asked_s) == 3 and source.reopened == 2
    assert caplog.messages[-1].endswith("(fake camera); unplug it and plug it in again")
    release.set()
    frames = pump(source, lambda: source.made > 5)
    assert len(opener.asked_s) >= 4
    check(source, opener, read=len(frames))


def test_nothing_is_opened_after_close() -> None:
    opener = Opener(ScriptedCamera([picture(0), OSError("gone")]), SourceError("still gone"))
    config = WatchConfig(stall_s=600, same_s=600, back_off_s=0.05)
    source = WatchedCamera(opener, config)
    pump(source, lambda: "still" in source.trouble)
    source.close()
    asked = len(opener.asked_s)
    for _ in range(4):
        assert source.wait(0.05) is None
    assert len(opener.asked_s) == asked and source.ended


def test_close_while_another_thread_reads_leaves_no_reader() -> None:
    """The watchdog must not open a camera that close has just given up."""
    before = set(readers())

    def failing() -> ScriptedCamera:
        return ScriptedCamera([picture(0), OSError("gone")])

    for _ in range(25):
        source = WatchedCamera(failing, WatchConfig(back_off_s=0.0, longest_s=0.0))

        def watch(source: WatchedCamera = source) -> None:
            while not source.ended:
                source.wait(0.001)

        thread = threading.Thread(target=watch)
        thread.start()
        time.sleep(0.01)
        source.close()
        thread.join(60)
        assert not thread.is_alive()
    until(lambda: not set(readers()) - before)


def test_a_close_that_fails_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Bad(ScriptedCamera):
        def close(self) -> None:
            super().close()
            raise OSError("close failed")

    opener = Opener(Bad([picture(0), OSError("gone")]), moving(5))
    source = WatchedCamera(opener, CALM)
    frames = pump(source, lambda: source.made > 3)
    assert "camera fake camera did not close: close failed" in caplog.messages
    check(source, opener, read=len(frames))
