"""Cameras: may they be opened, do they give a format that fits through USB, which bus are they on."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

from target.camera.network import has_gstreamer
from target.camera.v4l2 import Camera, Ioctl, list_cameras
from target.check.board import Board
from target.check.finding import NOTE, WARNING, Finding, ok
from target.errors import BackendError

NAME = "camera"
LEAST_FPS, LEAST_WIDTH = 25.0, 640
_COMPRESSED = ("MJPG", "JPEG", "H264")
_USB2_MBIT = 480


def check(board: Board, ioctl: Optional[Ioctl] = None) -> List[Finding]:
    """Ask every camera; none is no error, a video or a network stream will do."""
    cameras = list_cameras(board.root / "dev", ioctl)
    if not cameras:
        return [
            Finding(
                NAME,
                NOTE,
                "no camera: no /dev/videoN gives pictures; plug one in,"
                " or use a video, a folder or rtsp://...",
            )
        ]
    findings = [finding for camera in cameras for finding in _look(board, camera)]
    return findings + _gstreamer(cameras)


def _look(board: Board, camera: Camera) -> List[Finding]:
    if camera.trouble:
        what, _, remedy = camera.trouble.partition("; ")
        return [
            Finding(
                NAME,
                WARNING,
                f"{camera.path} must be one that can be opened, got '{what}'",
                "without it there are no frames from this camera",
                remedy.replace("run: ", "") or f"v4l2-ctl -d {camera.path} --all",
            )
        ]
    if not camera.modes:
        return [ok(NAME, f"{camera.path} {camera.name}; its driver names no sizes")]
    enough = [
        m for m in camera.modes if m.width >= LEAST_WIDTH and max(m.fps, default=0) >= LEAST_FPS
    ]
    codes = sorted({mode.code for mode in camera.modes})
    findings = [ok(NAME, f"{camera.path} {camera.name}: {', '.join(codes)}")]
    if not enough:
        best = max((fps for mode in camera.modes for fps in mode.fps), default=0)
        findings.append(
            Finding(
                NAME,
                WARNING,
                f"{camera.path} must give {LEAST_WIDTH} pixels at {LEAST_FPS:g} fps,"
                f" got at most {best:g} fps",
                "the camera, not the DPU, then decides how fast letters come",
                f"python3 -m target cameras shows all modes; choose one with --input-width, or"
                f" another camera than {camera.path}",
            )
        )
    return findings + _bus(board, camera, codes)


def _bus(board: Board, camera: Camera, codes: List[str]) -> List[Finding]:
    """Raw pictures at full rate need USB 3; 640x480 YUYV at 30 fps are 147 Mbit/s."""
    speed = _usb_speed(board, Path(camera.path).name)
    if speed is None or speed > _USB2_MBIT:
        return []
    if any(code in _COMPRESSED for code in codes) and speed == _USB2_MBIT:
        return []
    return [
        Finding(
            NAME,
            WARNING,
            f"{camera.path} must be on USB 3, or give MJPG, got {speed} Mbit/s and"
            f" {', '.join(codes)}",
            "raw pictures do not fit through USB 2 at full rate: 5 fps instead of 30 is typical",
            "plug it into the blue USB 3 socket, with a USB 3 cable, without a hub",
        )
    ]


def _usb_speed(board: Board, name: str) -> Optional[int]:
    """Return the Mbit/s that a camera was enumerated with; None if it is on no USB."""
    place = board.root / "sys/class/video4linux" / name / "device"
    for folder in (place.resolve(), *place.resolve().parents):
        if (folder / "busnum").is_file():
            try:
                return int(float((folder / "speed").read_text()))
            except (OSError, ValueError):
                return None
    return None


def _gstreamer(cameras: List[Camera]) -> List[Finding]:
    """A camera that only gives planes of its own (CSI) needs GStreamer in OpenCV."""
    if not any(camera.bus.startswith("platform:") for camera in cameras):
        return []
    try:
        if has_gstreamer():
            return []
    except BackendError:
        return []  # said by libraries
    return [
        Finding(
            NAME,
            WARNING,
            "OpenCV must be built with GStreamer for csi://, got one without",
            "the MIPI camera's pictures come through a GStreamer pipeline",
            "use the board image's own OpenCV: dnf install opencv",
        )
    ]
