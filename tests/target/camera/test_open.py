"""Which input a URI means, with which arguments it is opened, and what is said if that fails."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target.camera import network
from target.camera.device import CameraFormat
from target.camera.flipped import FLIPS
from target.camera.health import WatchConfig
from target.camera.open import InputOptions, open_source
from target.camera.watched import WatchedCamera
from target.errors import SourceError
from target.opencv import cv2, load
from tests.target.camera.captures import FakeCapture, fake_captures
from tests.target.camera.fakes import picture

V4L2, FFMPEG, GSTREAMER = 200, 1900, 1800
LIMITS = [53, 8000, 54, 5000]  # CAP_PROP_OPEN_TIMEOUT_MSEC, CAP_PROP_READ_TIMEOUT_MSEC
SINK = "videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"
# One loss is an error, so that nothing goes on behind a test.
ONCE = InputOptions(watch=WatchConfig(stall_s=600, same_s=600, keep_trying=False))
SECRET = "rtsp://user:hunter2@10.0.0.5:554/live"


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> type[FakeCapture]:
    kind = fake_captures(monkeypatch)
    kind.image = picture(7, 48, 64)
    for name, code in (("OPEN", LIMITS[0]), ("READ", LIMITS[2])):  # OpenCV before 4.5.4 has none
        monkeypatch.setattr(load(), f"CAP_PROP_{name}_TIMEOUT_MSEC", code, raising=False)
    return kind


@pytest.fixture
def gstreamer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "has_gstreamer", lambda: True)


@pytest.mark.parametrize(
    ("uri", "arguments"),
    [
        ("0", (0, V4L2)),
        ("12", (12, V4L2)),
        ("/dev/video3", (3, V4L2)),
        ("v4l2:///dev/video2", (2, V4L2)),
        ("v4l2://1", (1, V4L2)),
        ("V4L2:///dev/video2", (2, V4L2)),
        ("/dev/none/camera", ("/dev/none/camera", V4L2)),
        ("rtsp://cam:554/live", ("rtsp://cam:554/live", FFMPEG, LIMITS)),
        ("RTSPS://cam/live", ("RTSPS://cam/live", FFMPEG, LIMITS)),
        (SECRET, (SECRET, FFMPEG, LIMITS)),
        ("http://cam/x.mjpg", ("http://cam/x.mjpg", FFMPEG, LIMITS)),
        ("https://cam/x.mjpg", ("https://cam/x.mjpg", FFMPEG, LIMITS)),
        (
            "csi://1",
            (
                "v4l2src device=/dev/video1 io-mode=4 ! video/x-raw,width=640,height=480,"
                f"framerate=30/1 ! {SINK}",
                GSTREAMER,
            ),
        ),
        ("gst:videotestsrc ! appsink", ("videotestsrc ! appsink", GSTREAMER)),
        ("gst:videotestsrc is-live=true", (f"videotestsrc is-live=true ! {SINK}", GSTREAMER)),
        ("gst://filesrc location=/a/ ", (f"filesrc location=/a/ ! {SINK}", GSTREAMER)),
    ],
)
def test_a_camera_is_opened_by_the_right_backend_and_watched(
    captures: type[FakeCapture], gstreamer: None, uri: str, arguments: tuple[Any, ...]
) -> None:
    source = open_source(uri, ONCE)
    assert isinstance(source, WatchedCamera) and source.live
    (capture,) = captures.made
    assert capture.arguments == arguments
    frame = source.read()
    assert frame is not None and (frame.image == captures.image).all()
    source.close()
    assert capture.released == 1
    assert source.uri == uri.replace("hunter2", "***").replace("v4l2://", "").replace("V4L2://", "")


def test_a_link_to_a_device_is_followed_at_every_opening(
    captures: type[FakeCapture], tmp_path: Path
) -> None:
    link = tmp_path / "usb-HD_Webcam-video-index0"
    for number in (7, 8):
        link.unlink(missing_ok=True)
        link.symlink_to(f"/dev/video{number}")
        source = open_source(f"v4l2://{link}", ONCE)
        assert captures.made[-1].arguments == (number, V4L2) and source.uri == str(link)
        source.close()


def test_format_size_and_rate_are_asked_for_in_the_order_drivers_want(
    captures: type[FakeCapture], caplog: pytest.LogCaptureFixture
) -> None:
    wanted = CameraFormat(1280, 720, 60, "YUYV")
    captures.facts = {cv2.CAP_PROP_FPS: 29.97}
    source = open_source("0", InputOptions(wanted, ONCE.watch))
    source.close()
    yuyv = ord("Y") | ord("U") << 8 | ord("Y") << 16 | ord("V") << 24
    assert captures.made[0].wishes == [
        (cv2.CAP_PROP_FOURCC, yuyv),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 60),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]
    assert source.fps == 29.97 and caplog.messages == []


def test_what_a_camera_gives_instead_is_said(
    captures: type[FakeCapture], caplog: pytest.LogCaptureFixture
) -> None:
    captures.facts = {
        cv2.CAP_PROP_FRAME_WIDTH: 320,
        cv2.CAP_PROP_FRAME_HEIGHT: 240,
        cv2.CAP_PROP_FOURCC: float("nan"),
        cv2.CAP_PROP_FPS: 0.0,
    }
    with caplog.at_level(logging.INFO):
        source = open_source("0", ONCE)
    source.close()
    assert source.fps is None
    assert caplog.messages == ["camera 0 gives 320x240 ?; asked for were 640x480 MJPG"]


def test_a_rate_without_a_rate_is_none(captures: type[FakeCapture]) -> None:
    captures.facts = {cv2.CAP_PROP_FPS: 90000.0}
    source = open_source("rtsp://cam/live", ONCE)
    assert source.fps is None
    source.close()


def test_csi_takes_size_and_rate(captures: type[FakeCapture], gstreamer: None) -> None:
    for fps, rate in ((0.2, "1/1"), (59.94, "60/1")):
        options = InputOptions(CameraFormat(1920, 1080, fps), ONCE.watch)
        open_source("csi://0", options).close()
        pipeline = captures.made[-1].arguments[0]
        assert f"width=1920,height=1080,framerate={rate} !" in pipeline


@pytest.mark.parametrize("missing", ["CAP_PROP_OPEN_TIMEOUT_MSEC", "CAP_PROP_READ_TIMEOUT_MSEC"])
def test_opencv_before_4_5_4_is_not_told_limits_that_it_refuses(
    captures: type[FakeCapture], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delattr(load(), missing)
    open_source("http://cam/x.mjpg", ONCE).close()
    assert captures.made[0].arguments == ("http://cam/x.mjpg", FFMPEG)


@pytest.mark.parametrize(
    ("uri", "pipeline"),
    [
        (
            'rtsp://u:p"w@cam/live',
            'rtspsrc location="rtsp://u:p%22w@cam/live" latency=100'
            f" ! application/x-rtp,media=video ! decodebin ! {SINK}",
        ),
        (
            "http://cam/x.mjpg",
            'souphttpsrc location="http://cam/x.mjpg" is-live=true ! multipartdemux ! jpegdec'
            f" ! {SINK}",
        ),
    ],
)
def test_a_stream_goes_through_gstreamer_where_opencv_has_no_ffmpeg(
    captures: type[FakeCapture],
    gstreamer: None,
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
    pipeline: str,
) -> None:
    monkeypatch.setattr(network, "has_ffmpeg", lambda: False)
    open_source(uri, ONCE).close()
    assert captures.made[0].arguments == (pipeline, GSTREAMER)


def test_what_opencv_was_built_with(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Video I/O:\n    FFMPEG:                 NO\n    GStreamer:              YES (1.16.3)\n"
    monkeypatch.setattr(load(), "getBuildInformation", lambda: text)
    assert network.has_gstreamer() and not network.has_ffmpeg()


@pytest.mark.parametrize("uri", ["csi://0", "gst:videotestsrc"])
def test_without_gstreamer_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setattr(network, "has_gstreamer", lambda: False)
    message = f"OpenCV must have GStreamer for {uri}, got a build without; the board's python3-opencv has it"
    with pytest.raises(SourceError, match=message):
        open_source(uri)
    monkeypatch.setattr(network, "has_ffmpeg", lambda: False)
    with pytest.raises(SourceError, match="OpenCV must have FFmpeg or GStreamer for rtsp://x/y"):
        open_source("rtsp://x/y")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "input must be a camera index, .* got an empty text"),
        ("rtmp://cam/live", "input must be a camera index.*got 'rtmp://cam/live'"),
        ("rtsp:/cam", "video must be a file, got none at rtsp:/cam"),
        ("csi://front", "csi:// must be followed by a number, got 'csi://front'"),
        ("csi://²", "csi:// must be followed by a number"),
        ("v4l2://", "v4l2:// must be followed by /dev/videoN, got nothing"),
        ("gst: ", "gst: must be followed by a pipeline, got nothing"),
        ("12345", "video must be a file, got none at 12345"),
        ("²", "video must be a file, got none at ²"),
        (
            "/dev/video97",
            "camera must be one that OpenCV opens, got none at /dev/video97; run python3",
        ),
    ],
)
def test_what_is_no_input(uri: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(uri)


def test_a_flip_that_is_unknown_is_refused_before_a_camera_is_opened(
    captures: type[FakeCapture],
) -> None:
    message = "flip must be one of none, horizontal, vertical, 180, got 'sideways'"
    with pytest.raises(SourceError, match=message):
        open_source("0", InputOptions(flip="sideways"))
    assert captures.made == []


@pytest.mark.parametrize("uri", [SECRET, f"gst:rtspsrc location={SECRET} user-pw=hunter2"])
def test_no_password_in_uri_messages_or_log(
    captures: type[FakeCapture], gstreamer: None, caplog: pytest.LogCaptureFixture, uri: str
) -> None:
    source = open_source(uri, InputOptions(watch=WatchConfig(back_off_s=0.01, longest_s=0.05)))
    assert source.read() is not None
    captures.image = None
    captures.fails_to_open = load().error(f"can't open {SECRET}")
    assert isinstance(source, WatchedCamera)
    while not (source.reopened >= 2 and "OpenCV error" in source.trouble):
        source.wait(0.01)
    source.close()
    said = [source.uri, source.trouble, str(source.facts()), caplog.text]
    for opens in (False, True):
        captures.opens = opens
        captures.fails_to_open = load().error(f"can't open {SECRET}") if opens else None
        with pytest.raises(SourceError) as caught:
            open_source(uri)
        assert caught.value.__cause__ is None
        said.append(str(caught.value))
    with pytest.raises(SourceError) as caught:
        open_source("rtmp://user:hunter2@cam/live")
    said.append(str(caught.value))
    assert "hunter2" not in " ".join(said) and "user:***@" in said[-1]


def test_a_library_s_error_while_reading_is_ours(captures: type[FakeCapture]) -> None:
    captures.fails_to_read = load().error("(-2) corrupt\n JPEG")
    for uri, words in (("0", "camera must give frames"), ("http://cam/x", "stream must go on in")):
        source = open_source(uri, ONCE)
        with pytest.raises(SourceError, match=f"{words}.*got OpenCV error '.*corrupt JPEG"):
            source.read()
        source.close()


TURNED = {
    "none": lambda image: image,
    "horizontal": lambda image: image[:, ::-1],
    "vertical": lambda image: image[::-1],
    "180": lambda image: image[::-1, ::-1],
}


@pytest.mark.parametrize("how", sorted(FLIPS))
def test_a_flip_turns_the_pixels_of_cameras_and_files(
    captures: type[FakeCapture], tmp_path: Path, how: str
) -> None:
    image = np.arange(48 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(48, 64, 3)
    image[:10, :20] = 255  # no two corners are alike
    captures.image = image
    cv2.imwrite(str(tmp_path / "one.png"), image)
    gray = image[:, :, 0].copy()
    expected = TURNED[how](image)
    options = InputOptions(watch=ONCE.watch, flip=how)
    live = open_source("0", options)
    file = open_source(str(tmp_path), options)
    for source in (live, file):
        frame = source.read()
        assert frame is not None and np.array_equal(frame.image, expected)
    captures.image = gray
    frame = live.read()
    while frame is not None and frame.image.ndim == 3:
        frame = live.read()
    assert frame is not None and np.array_equal(frame.image, TURNED[how](gray))
    waited = live.wait(60)  # type: ignore[attr-defined]
    assert np.array_equal(waited.image, TURNED[how](gray))
    live.close()
    # Everything else is the camera's own; a file has no watchdog.
    assert live.live and live.ended and live.trouble == ""  # type: ignore[attr-defined]
    facts = live.facts()  # type: ignore[attr-defined]
    assert facts["made"] >= 2 and live.dropped >= 0  # type: ignore[attr-defined]
    assert not file.live and not hasattr(file, "wait") and file.read() is None
