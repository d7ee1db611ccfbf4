"""The window and the output of `capture`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target.errors import DataError, OutputError
from target.opencv import load
from target.pipeline.controls import Controls
from target.show import collecting
from target.show.capture import Collector
from target.show.collecting import CollectingSink, CollectingWindow, draw_collecting
from tests.target.show.test_capture import hand, store, stored, view_of


def sink_of(tmp_path: Path, every_s: float = 1.0, wanted: int = 3) -> CollectingSink:
    return CollectingSink(Collector(tmp_path, wanted), "k", every_s, Controls())


def test_a_crop_every_so_often_of_the_source_s_time(tmp_path: Path) -> None:
    sink = sink_of(tmp_path, wanted=20)
    times = [0.0, 0.5, 0.99, 1.0, 1.2, 2.5, 3.4, 3.5]
    for number, time_s in enumerate(times):
        assert sink.show(view_of(hand(number), time_s=time_s))
    assert len(stored(tmp_path)) == 4  # at 0, 1, 2.5 and 3.5
    assert sink.show(view_of(hand(99), time_s=0.0))  # a looped video begins again
    assert len(stored(tmp_path)) == 5
    sink.finish()
    sink.close()


def test_it_stops_when_the_letter_has_enough(tmp_path: Path) -> None:
    sink = sink_of(tmp_path, every_s=0.0)
    assert [sink.show(view_of(hand(number))) for number in range(3)] == [True, True, False]
    again = sink_of(tmp_path, every_s=0.0)  # at once, and not one more
    assert not again.show(view_of(hand(9)))
    assert len(stored(tmp_path)) == 3


def test_views_without_a_frame_and_crops_like_another_store_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = sink_of(tmp_path, every_s=0.0)
    assert sink.show(view_of(None))
    assert sink.show(view_of(hand(1), fresh=False, trouble="camera: gone"))
    assert stored(tmp_path) == []
    with caplog.at_level("INFO"):
        assert sink.show(view_of(hand(1))) and sink.show(view_of(hand(1)))
    assert caplog.messages[0] == "K: 1 of 3" and "must differ" in caplog.messages[1]
    assert len(stored(tmp_path)) == 1


def test_a_full_disk_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    controls = Controls()
    sink = CollectingSink(Collector(tmp_path), "A", 0.0, controls)

    def full(*arguments: Any) -> None:
        raise OutputError("disk must have 32 MB left for photos, got 0 MB")

    monkeypatch.setattr("target.files.check_room", full)
    with pytest.raises(OutputError, match="disk must have"):
        sink.show(view_of(hand(1)))
    assert controls.stopped


@pytest.mark.parametrize("letter", ["J", "z", "", "AB", "5"])
def test_a_letter_without_a_still_form_is_refused(tmp_path: Path, letter: str) -> None:
    with pytest.raises(DataError, match="--letter must be one of ABC.*got"):
        CollectingSink(Collector(tmp_path), letter, 1.0, Controls())


@pytest.fixture
def window(tmp_path: Path) -> CollectingWindow:
    window = CollectingWindow(Controls(), Collector(tmp_path, wanted=3))
    window._collector.look(view_of(hand(1)))
    return window


def see(window: CollectingWindow, number: int) -> None:
    window._collector.look(view_of(hand(number)))


def test_a_key_stores_under_its_letter_q_too(window: CollectingWindow, tmp_path: Path) -> None:
    for number, key in enumerate("aQq"):
        see(window, number)
        assert window.press(ord(key))
    assert window._collector.counts()["A"] == 1 and window._collector.counts()["Q"] == 2
    assert window._said == "Q: 2 of 3"
    assert window.press(ord("a")) and "crop of A" not in window._said  # picture 2 is new under A
    assert window.press(ord("a")) and "crop of A must differ" in window._said
    assert len(stored(tmp_path)) == 4


@pytest.mark.parametrize("modifier", [0, 0x100000, 0x110000], ids=["plain", "NumLock", "Shift"])
def test_keys_as_gtk_gives_them(window: CollectingWindow, tmp_path: Path, modifier: int) -> None:
    """With NumLock on, the lowest byte of the left arrow looks like a Q."""
    left, home, f1, shift = 0xFF51, 0xFF50, 0xFFBE, 0xFFE1
    for key in (left, home, f1, shift):
        assert window.press(key | modifier)
    assert stored(tmp_path) == [] and window._controls.region.x == pytest.approx(0.47)
    assert window.press(ord("p") | modifier) and len(stored(tmp_path)) == 1
    assert window.press(0xFF08 | modifier) and stored(tmp_path) == []  # Backspace
    assert window._said == "P: took back, 0 are left"
    assert window.press(0xFFFF | modifier) and "got none" in window._said  # Delete
    assert not window.press(0xFF1B | modifier) and not window.press(27 | modifier)


def test_other_keys(window: CollectingWindow, tmp_path: Path) -> None:
    assert window.press(-1)
    assert window.press(2424832) and window._controls.region.x < 0.5  # an arrow as Windows gives it
    assert window.press(ord("-")) and window._controls.region.side < 1
    for key in "jzJZ12 ":
        assert window.press(ord(key))
    assert window.press(8) and window.press(127)
    assert stored(tmp_path) == [] and not window._controls.stopped


def test_dragging_moves_the_region_with_the_mouse(window: CollectingWindow) -> None:
    window._view = view_of(hand(1, (720, 1280)))  # drawn 480 high
    window._mouse(1, 100, 100, 0, None)  # the left button goes down
    window._mouse(0, 100 + 64, 100 - 48, 0, None)
    region = window._controls.region
    assert region.x == pytest.approx(0.5 + 64 / 853, abs=1e-3)
    assert region.y == pytest.approx(0.5 - 48 / 480, abs=1e-3)


def test_an_error_of_the_disk_is_said_and_the_window_stays(
    window: CollectingWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OutputError("disk must have 32 MB left for photos, got 0 MB")

    monkeypatch.setattr("target.files.check_room", full)
    assert window.press(ord("a")) and window._said.startswith("disk must have 32 MB left")


def test_the_window_shows_stores_and_can_be_closed(
    window: CollectingWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[np.ndarray] = []
    keys = iter([ord("b"), -1, -1, 27])
    visible = iter([1.0, 1.0, 0.0, 1.0])
    cv2 = load()
    monkeypatch.setattr(cv2, "imshow", lambda title, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKeyEx", lambda ms: next(keys))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, what: next(visible))
    view = view_of(hand(4))
    assert [window.show(view) for _ in range(4)] == [True, True, False, False]
    assert len(shown) == 4 and shown[0].shape == (512, 640 + 280, 3)
    assert len(stored(tmp_path)) == 1 and (shown[0] != shown[1]).any()


@pytest.mark.parametrize(
    "shape", [(480, 640, 3), (1080, 1920), (28, 28, 3), (1, 4000, 3), (4000, 1, 3), (720, 1280, 3)]
)
def test_drawing_fits_every_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    image = np.full(shape, 90, np.uint8)
    side = min(shape[:2])
    drawn = draw_collecting(view_of(image, (0, 0, side)), Collector(tmp_path), "x" * 400)
    assert drawn.shape[0] == 512 and 600 <= drawn.shape[1] <= 1240 and drawn.dtype == np.uint8
    assert (image == 90).all()


def test_drawing_before_the_first_frame_and_in_trouble(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    calm = draw_collecting(view_of(None, (0, 0, 0)), collector, "said")
    alarmed = draw_collecting(view_of(None, (0, 0, 0), trouble="camera: gone"), collector, "said")
    assert (calm[:480] == alarmed[:480]).all() and (calm[480:] != alarmed[480:]).any()


def test_what_people_see_is_mirrored_if_they_want_and_what_the_network_sees_is_not(
    tmp_path: Path,
) -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, :100] = 255
    gray = np.zeros((28, 28), np.uint8)
    gray[:, :5] = 200
    collector = Collector(tmp_path)
    plain = draw_collecting(view_of(image, (10, 20, 300), gray=gray), collector, "")
    turned = draw_collecting(view_of(image, (10, 20, 300), gray=gray, mirrored=True), collector, "")
    assert np.array_equal(plain[:480, :640][:, ::-1], turned[:480, :640])
    assert np.array_equal(plain[:, 640:], turned[:, 640:])


def test_counts_fill_their_bars(tmp_path: Path) -> None:
    collector = Collector(tmp_path, wanted=2)
    green = np.array(collecting._GREEN)

    def filled() -> int:
        panel = draw_collecting(view_of(None, (0, 0, 0)), collector, "")[:480, 640:]
        return int((panel == green).all(axis=2).sum())

    empty = filled()
    store(collector, "A", 1)
    half = filled()
    store(collector, "A", 2)
    assert empty < half < filled()
