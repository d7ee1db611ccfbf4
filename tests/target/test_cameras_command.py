"""python -m target cameras."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target.camera.v4l2 import Camera, Mode
from target.commands import cameras
from target.errors import BackendError

WEBCAM = Camera(
    "/dev/video0",
    "HD Webcam",
    "uvcvideo",
    "usb-1.2",
    [Mode("MJPG", 1280, 720, [30.0, 29.97]), Mode("YUYV", 640, 480, [])],
)
BARE = Camera("/dev/video1", "Bare", "bare", "platform", [])
LOCKED = Camera("/dev/video2", "?", "?", "?", [], "Permission denied; run: sudo ...")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Camera]:
    there: list[Camera] = []
    monkeypatch.setattr(cameras, "list_cameras", lambda: there)
    monkeypatch.setattr(cameras, "has_gstreamer", lambda: False)
    monkeypatch.setattr(cameras, "has_ffmpeg", lambda: True)
    return there


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert cameras.main(list(argv)) == 0
    return capsys.readouterr().out


def test_none_is_said_with_what_else_there_is(
    found: list[Camera], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys).splitlines() == [
        "no camera: no /dev/videoN gives pictures; plug one in, or use a video, a folder or rtsp://...",
        "csi:// and gst: need an OpenCV with GStreamer: this one has none",
        "rtsp:// and http:// need an OpenCV with FFmpeg or GStreamer: this one has it",
    ]
    assert json.loads(run(capsys, "--json")) == {"cameras": [], "gstreamer": False, "ffmpeg": True}


def test_cameras_with_their_modes_or_the_reason_why_they_cannot_be_asked(
    found: list[Camera], capsys: pytest.CaptureFixture[str]
) -> None:
    found += [WEBCAM, BARE, LOCKED]
    assert run(capsys).splitlines()[:-2] == [
        "/dev/video0  HD Webcam  (uvcvideo, usb-1.2)",
        "  MJPG  1280x720  30, 29.97 fps",
        "  YUYV  640x480  ? fps",
        "/dev/video1  Bare  (bare, platform)",
        "  its driver names no sizes; try it",
        "/dev/video2  Permission denied; run: sudo ...",
    ]
    result = json.loads(run(capsys, "--json"))
    assert result["cameras"][0]["modes"][0] == {
        "code": "MJPG", "width": 1280, "height": 720, "fps": [30.0, 29.97],
    }  # fmt: skip
    assert result["cameras"][2]["trouble"].startswith("Permission denied")


def test_it_works_where_opencv_is_missing(
    found: list[Camera], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> Any:
        raise BackendError("OpenCV must be installed")

    monkeypatch.setattr(cameras, "has_gstreamer", missing)
    lines = run(capsys).splitlines()
    assert lines[1].endswith("OpenCV is missing") and lines[2].endswith("OpenCV is missing")
    assert json.loads(run(capsys, "--json"))["gstreamer"] is None
