from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from target.camera.base import Frame
from target.camera.open import open_source
from target.errors import OutputError
from target.show.base import View
from target.show.open import open_sinks
from target.show.overlay import draw_overlay
from target.vision.postprocess import Prediction


def _view(image: np.ndarray, index: int = 0) -> View:
    frame = Frame(image, index, 0.0, "x")
    side = min(image.shape[:2])
    return View(
        frame, Prediction("K", 0.93, "V", 0.05), "HELLO", 29.7, 4.2, 3, (0, 0, side), "emulator"
    )


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_video_sink_writes_what_can_be_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"deep/out{suffix}"
    (sink,) = open_sinks(str(path), True, 20.0)
    for index in range(12):
        assert sink.show(_view(np.full((480, 640, 3), 120, np.uint8), index))
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
    (sink,) = open_sinks(str(tmp_path / "out.avi"), True, None)
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_video_is_thrown_away_and_the_old_one_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.avi"
    path.write_bytes(b"old")
    (sink,) = open_sinks(str(path), True, None)
    sink.show(_view(np.zeros((480, 640, 3), np.uint8)))
    sink.close()
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_video_with_missing_frames_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sink,) = open_sinks(str(tmp_path / "out.avi"), True, None)
    for _ in range(3):
        sink.show(_view(np.zeros((480, 640, 3), np.uint8)))
    monkeypatch.setattr(sink, "_written", 5)  # as on a full disk, where OpenCV says nothing
    with pytest.raises(OutputError, match="must hold all 5 frames, got 3 .* is the disk full"):
        sink.finish()
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_video_sink_follows_a_change_of_size(tmp_path: Path) -> None:
    (sink,) = open_sinks(str(tmp_path / "out.avi"), True, None)
    sink.show(_view(np.zeros((480, 640, 3), np.uint8)))
    sink.show(_view(np.zeros((720, 1280, 3), np.uint8)))
    sink.finish()
    sink.close()
    assert (tmp_path / "out.avi").stat().st_size > 0


def test_outputs_that_cannot_be(read_only: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="output folder must be writable, got"):
        open_sinks(str(read_only / "out.avi"), True, None)
    with pytest.raises(OutputError, match="output must be none, display:// or a video file"):
        open_sinks(str(tmp_path / "out.gif"), True, None)
    with pytest.raises(OutputError, match="got 'rtmp://x/y.avi'"):
        open_sinks("rtmp://x/y.avi", True, None)


def test_no_display_is_a_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(OutputError, match="display must be there for a window.*--headless"):
        open_sinks(None, False, None)
    assert open_sinks(None, True, None) == []
    assert open_sinks("none", False, None) == []


def test_headless_opencv_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":99")
    with pytest.raises(
        OutputError, match="got the headless package; run pip install opencv-python"
    ):
        open_sinks("display://", False, None)


@pytest.mark.parametrize(
    "shape", [(480, 640, 3), (28, 28, 3), (50, 70), (1080, 1920, 3), (4000, 1, 3), (3, 9000, 3)]
)
def test_overlay_draws_on_a_copy_of_any_size(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 90, np.uint8)
    drawn = draw_overlay(_view(image))
    assert drawn.ndim == 3 and drawn.shape[1] >= 480 and max(drawn.shape) <= 3840
    assert (image == 90).all()
    assert len(np.unique(drawn)) > 5
