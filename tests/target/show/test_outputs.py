"""Video files, terminal, JSON lines, the window's keys, and which output a URI means."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target.camera.base import Frame
from target.camera.open import open_source
from target.errors import OutputError
from target.opencv import cv2
from target.pipeline.controls import Controls
from target.show import overlay
from target.show.base import Sink, View
from target.show.lines import LinesSink
from target.show.open import OutputOptions, open_sinks
from target.show.overlay import draw_overlay, drawn_size, overlaid
from target.show.terminal import TerminalSink
from target.show.video_file import VideoFileSink
from target.show.web import WebSink
from target.show.window import WindowSink
from target.text.speller import Spelling
from target.vision.postprocess import Prediction
from target.vision.region import WHOLE, Region


def make_view(image: np.ndarray | None, index: int = 0, **other: Any) -> View:
    frame = None if image is None else Frame(image, index, 0.0, "x")
    side = 0 if image is None else min(image.shape[:2])
    known: dict[str, Any] = {
        "spelling": Spelling("letter", "K", 0.4, "HELLO"),
        "fps": 29.7,
        "dropped": 3,
        "square": (0, 0, side),
        "source": "emulator",
        "stages_s": (0.0031, 0.0, 0.0, 0.0, 0.0, 0.0003, 0.0, 0.0),
        "number": index + 1,
        **other,
    }
    prediction = None if image is None else Prediction("K", 0.93, "V", 0.05)
    return View(frame, prediction, **known)


BLACK = np.zeros((480, 640, 3), np.uint8)
ROOT = Path(__file__).resolve().parents[3]


def open_outputs(*uris: str, headless: bool = False, fps: float | None = None) -> list[Sink]:
    return open_sinks(uris, OutputOptions(headless, fps=fps), Controls())


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_video_sink_writes_what_can_be_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"deep/out{suffix}"
    (sink,) = open_outputs(str(path), fps=20.0)
    sink.open()
    for index in range(12):
        assert sink.show(make_view(np.full((480, 640, 3), 120, np.uint8), index))
    sink.show(make_view(BLACK, fresh=False, trouble="camera: gone"))  # no frame of its own
    assert not path.exists()  # nothing half-written under its name
    sink.finish()
    sink.close()
    sink.close()
    source = open_source(str(path))
    count = 0
    while source.read() is not None:
        count += 1
    assert count == 12
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_video_sink_without_frames_leaves_nothing(tmp_path: Path) -> None:
    (sink,) = open_outputs(str(tmp_path / "out.avi"))
    sink.open()
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_video_is_thrown_away_and_the_old_one_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.avi"
    path.write_bytes(b"old")
    (sink,) = open_outputs(str(path))
    sink.open()
    sink.show(make_view(BLACK))
    sink.close()
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_video_with_missing_frames_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = VideoFileSink(tmp_path / "out.avi", None)
    sink.open()
    for _ in range(3):
        sink.show(make_view(BLACK))
    monkeypatch.setattr(sink, "_written", 5)  # as on a full disk, where OpenCV says nothing
    with pytest.raises(OutputError, match="must hold all 5 frames, got 3 .* is the disk full"):
        sink.finish()
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_nearly_full_ends_the_recording_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.avi"
    sink = VideoFileSink(path, None)
    sink.open()
    for index in range(30):
        sink.show(make_view(BLACK, index))
    full = shutil._ntuple_diskusage(1 << 40, 1 << 40, 1 << 20)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda place: full)
    with pytest.raises(OutputError, match="16 MB left for a video, got 1 MB in"):
        sink.show(make_view(BLACK, 30))
    sink.finish()
    sink.close()
    source = open_source(str(path))
    assert sum(source.read() is not None for _ in range(31)) == 30


def test_video_sink_follows_a_change_of_size(tmp_path: Path) -> None:
    (sink,) = open_outputs(str(tmp_path / "out.avi"))
    sink.open()
    sink.show(make_view(BLACK))
    sink.show(make_view(np.zeros((720, 1280, 3), np.uint8)))
    sink.finish()
    sink.close()
    assert (tmp_path / "out.avi").stat().st_size > 0


def test_outputs_that_cannot_be(read_only: Path, tmp_path: Path) -> None:
    (sink,) = open_outputs(str(read_only / "out.avi"))
    with pytest.raises(OutputError, match="output folder must be writable, got"):
        sink.open()
    sink.close()
    for uri in (str(tmp_path / "out.gif"), "rtmp://x/y.avi", "http://a:99999999", "term://x"):
        with pytest.raises(OutputError, match=f"output must be display://.*got '{uri}'"):
            open_outputs(uri)


def test_every_form_of_output() -> None:
    sinks = open_outputs("term://", "json://", "json://every", "http://:9000", "none", "a.mp4")
    assert [type(sink) for sink in sinks] == [
        TerminalSink,
        LinesSink,
        LinesSink,
        WebSink,
        VideoFileSink,
    ]
    page = sinks[3]
    assert isinstance(page, WebSink) and page.token == ""
    (far,) = open_outputs("http://0.0.0.0:9000")
    assert isinstance(far, WebSink) and len(far.token) >= 12
    assert open_outputs("display://", headless=True) == []


def test_without_a_display_there_is_a_line_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    (sink,) = open_outputs()
    assert isinstance(sink, TerminalSink) and "no window: display must be there" in caplog.text
    assert open_outputs(headless=True) == []
    (window,) = open_outputs("display://")  # asked for: then its absence is an error
    with pytest.raises(OutputError, match="display must be there for a window.*--headless"):
        window.open()


def test_headless_opencv_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target.show.window.is_display_there", lambda: True)
    monkeypatch.setenv("DISPLAY", ":99")
    (window,) = open_outputs("display://")
    with pytest.raises(
        OutputError, match="got the headless package; run pip install opencv-python"
    ):
        window.open()


SHAPES = [(480, 640, 3), (28, 28, 3), (50, 70), (1080, 1920, 3), (4000, 1, 3), (3, 9000, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mirrored", [False, True])
def test_overlay_draws_on_a_copy_of_any_size(shape: tuple[int, ...], mirrored: bool) -> None:
    image = np.full(shape, 90, np.uint8)
    seen = np.arange(784, dtype=np.uint8).reshape(28, 28)
    view = make_view(
        image,
        gray=seen,
        mirrored=mirrored,
        live=True,
        suggestions=("HELLO", "HELP"),
        trouble="x" * 90,
    )
    drawn = draw_overlay(view)
    assert drawn.ndim == 3 and drawn.shape[1] >= 480 and max(drawn.shape) <= 3840
    assert (image == 90).all()
    assert len(np.unique(drawn)) > 5
    assert overlaid(view) is overlaid(view)  # drawn once for all outputs


def test_overlay_before_the_first_frame() -> None:
    drawn = draw_overlay(make_view(None, trouble="waiting for a frame", spelling=Spelling()))
    assert drawn.shape == (480, 640, 3)


def test_the_region_is_drawn_where_people_see_it() -> None:
    """In the mirror image the left edge is on the right."""
    picture = np.zeros((480, 640, 3), np.uint8)
    for mirrored, column in ((False, 40), (True, 640 - 40 - 200)):
        drawn = draw_overlay(make_view(picture, square=(150, 40, 200), mirrored=mirrored))
        assert drawn[250, column].any() and not drawn[250, column + 30 : column + 150].any()


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_status_line_fits_its_terminal(width: int) -> None:
    sink = TerminalSink(Tty())
    for view in (
        make_view(BLACK, live=True),
        make_view(BLACK, spelling=Spelling("nothing", None, 0.0, "A" * 500)),
        make_view(BLACK, spelling=Spelling("moving", "K", 1.0, "")),
        make_view(None, trouble="camera: no frame for 3 s"),
    ):
        line = sink.line(view, width, 1.0)
        assert len(line) <= width and "\n" not in line


def test_a_terminal_is_rewritten_and_a_pipe_gets_the_letters_alone() -> None:
    screen, pipe = Tty(), io.StringIO()
    for stream in (screen, pipe):
        sink = TerminalSink(stream)
        for letter in ("H", "", "I"):
            sink.show(make_view(BLACK, spelling=Spelling("letter", "H", 1.0, "HI", letter)))
        sink.finish()
    assert screen.getvalue().count("\r") >= 2 and "HI_" in screen.getvalue()
    assert pipe.getvalue() == "HI\n"


def test_json_lines_say_what_is_new() -> None:
    stream = io.StringIO()
    sink = LinesSink(stream=stream)
    sink.show(make_view(BLACK))
    sink.show(make_view(BLACK, 1, spelling=Spelling("letter", "H", 1.0, "H", "H")))
    sink.show(make_view(BLACK, 1, fresh=False, trouble="camera: gone"))
    sink.show(make_view(BLACK, 1, fresh=False, trouble="camera: gone"))
    sink.show(make_view(BLACK, 2))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["letter", "trouble", "trouble"]
    assert lines[0]["letter"] == "H" and lines[0]["text"] == "H" and lines[0]["frame"] == 1
    assert lines[1]["trouble"] == "camera: gone" and lines[2]["trouble"] == ""
    every = io.StringIO()
    LinesSink(True, every).show(make_view(BLACK, 7))
    assert json.loads(every.getvalue())["event"] == "frame"


def test_keys_of_the_window() -> None:
    controls = Controls()
    window = WindowSink(controls)
    assert window.press(-1)
    window.press(65363)
    assert controls.region.x == pytest.approx(0.53)
    window.press(ord("-"))
    assert controls.region.side < 1
    window.press(ord("m"))
    window.press(65363)  # to the right of the mirror image
    assert controls.region.x == pytest.approx(0.5) and controls.mirrored
    window.press(ord("f"))
    window.press(ord("l"))
    assert controls.find_hand and controls.left_handed
    window.press(ord("r"))
    assert controls.region == WHOLE and not controls.find_hand
    for key in (ord(" "), ord("c"), 8, ord("1")):
        assert window.press(key)
    assert len(controls._waiting) == 3
    for key in (ord("q"), 27):
        assert not window.press(key)


@pytest.mark.parametrize("modifier", [0, 0x100000, 0x110000], ids=["plain", "NumLock", "Shift"])
def test_keys_of_the_window_as_gtk_gives_them(modifier: int) -> None:
    """The lowest byte of the left arrow looks like a Q, that of Insert like a C."""
    controls = Controls()
    window = WindowSink(controls)
    left, insert, home, f1, shift = 0xFF51, 0xFF63, 0xFF50, 0xFFBE, 0xFFE1
    for key in (left, insert, home, f1, shift):
        assert window.press(key | modifier)
    assert controls.region.x == pytest.approx(0.47) and not controls._waiting
    for key in (0xFF08, 0xFFFF, ord("c")):  # Backspace, Delete
        assert window.press(key | modifier)
    assert len(controls._waiting) == 3
    assert window.press(0xFFAD | modifier) and controls.region.side < 1  # - of the number pad
    for key in (0xFF1B, 27, ord("q")):
        assert not window.press(key | modifier)


def test_a_region_stays_in_the_picture() -> None:
    region = Region()
    for _ in range(100):
        region = region.moved(0.1, -0.2).resized(0.8)
    assert region.x == 1 and region.y == 0 and region.side == pytest.approx(0.1)


@pytest.mark.parametrize("shape", [(480, 640), (120, 160), (480, 30)])
def test_dragging_with_the_mouse_moves_the_region_with_it(shape: tuple[int, int]) -> None:
    """Also where small pictures are drawn larger, and narrow ones padded."""
    controls = Controls(Region(0.5, 0.5, 0.5))
    window = WindowSink(controls)
    window._view = make_view(np.zeros((*shape, 3), np.uint8))
    scale = drawn_size(*shape)[2]
    window._mouse(cv2.EVENT_LBUTTONDOWN, 10, 10, 0, None)
    window._mouse(cv2.EVENT_MOUSEMOVE, round(10 + 5 * scale), round(10 + 7 * scale), 0, None)
    window._mouse(cv2.EVENT_LBUTTONUP, 0, 0, 0, None)
    window._mouse(cv2.EVENT_MOUSEMOVE, 300, 300, 0, None)
    assert controls.region.x == pytest.approx(0.5 + 5 / shape[1], abs=0.01)
    assert controls.region.y == pytest.approx(0.5 + 7 / shape[0], abs=0.01)


_FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from target.errors import OutputError
from target.show.video_file import VideoFileSink
from tests.target.show.test_outputs import make_view
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))  # as on a full disk: OpenCV says nothing
sink = VideoFileSink(Path(sys.argv[1]), 30.0)
sink.open()
noise = np.random.default_rng(0)
for index in range(60):
    sink.show(make_view(noise.integers(0, 255, (480, 640, 3), np.uint8), index))
try:
    sink.finish()
except OutputError as error:
    print(error)
sink.close()
"""


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_video_that_was_cut_off_by_a_full_disk_is_refused(suffix: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FULL, str(tmp_path / f"out{suffix}")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "video must hold all 60 frames, got 0" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_long_text_costs_no_more_than_the_part_that_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[str] = []

    def width(text: str, size: float, thickness: int) -> int:
        measured.append(text)
        return len(text)

    monkeypatch.setattr(overlay, "_width", width)
    draw_overlay(make_view(BLACK, spelling=Spelling("letter", "K", 0.4, "A" * 100_000)))
    assert sum(map(len, measured)) < 10_000  # not every ending of it
    assert any(text.endswith("A_") for text in measured)


@pytest.mark.parametrize("text", ["", "HELLO", "HELLO WORLD " * 9, "I" * 300, "W" * 300])
def test_of_a_long_text_the_end_that_fits_is_drawn(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write(image: np.ndarray, words: str, *more: Any) -> None:
        written.append(words)

    monkeypatch.setattr(overlay, "_write", write)
    draw_overlay(make_view(BLACK, spelling=Spelling("letter", "K", 0.4, text)))
    shown = next(words for words in written if words.endswith("_"))
    size, room = 0.9 * 60 / 56, 640 - int(24 * 60 / 56)
    assert f"{text}_".endswith(shown) and overlay._width(shown, size, 2) <= room
    more = f"{text}_"[-len(shown) - 1 :]
    assert shown == f"{text}_" or overlay._width(more, size, 2) > room


@pytest.mark.parametrize("uri", ["caf\udce9.avi", "d\udce9/out.mp4"])
def test_a_name_that_opencv_does_not_take_is_refused(uri: str) -> None:
    with pytest.raises(OutputError, match="name must be UTF-8, got .*udce9.*; rename it"):
        open_outputs(uri)


@pytest.mark.parametrize("width", [16, 20, 40])
def test_a_narrow_terminal_shows_letter_and_text(width: int) -> None:
    line = TerminalSink(Tty()).line(make_view(BLACK, live=True), width, 1.0)
    assert line.startswith(" K") and "HELLO_" in line


def test_a_terminal_without_escapes_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = Tty()
    TerminalSink(screen).show(make_view(BLACK))
    assert "HELLO_" in screen.getvalue() and "\x1b" not in screen.getvalue()


def test_the_width_is_that_of_the_terminal_that_is_written_to() -> None:
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", 0) as screen, os.fdopen(slave, "w") as stream:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
        TerminalSink(stream).show(make_view(BLACK))
        drawn = screen.read(1000).decode().rpartition("\x1b[2K")[2]
    assert 0 < len(drawn) < 30
