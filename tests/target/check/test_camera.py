from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from target.camera.v4l2 import Camera, Mode
from target.check import camera
from target.check.finding import NOTE, OK, WARNING
from tests.target.check.boards import board_of, levels, only

MJPG = Mode("MJPG", 1280, 720, [30.0])
YUYV = Mode("YUYV", 640, 480, [30.0, 15.0])


def _check(
    root: Path, monkeypatch: pytest.MonkeyPatch, *modes: Mode, speed: str = "", **changes: Any
) -> list[Any]:
    values = {"bus": "usb-xhci-hcd.0.auto-1", "trouble": "", **changes}
    found = Camera("/dev/video0", "C920", "uvcvideo", values["bus"], list(modes), values["trouble"])
    monkeypatch.setattr("target.check.camera.list_cameras", lambda folder, ioctl: [found])
    if speed:
        usb = root / "sys/devices/usb1/1-1"
        (usb / "1-1:1.0").mkdir(parents=True)
        (usb / "busnum").write_text("1\n")
        (usb / "speed").write_text(f"{speed}\n")
        video = root / "sys/class/video4linux/video0"
        video.mkdir(parents=True)
        (video / "device").symlink_to(usb / "1-1:1.0")
    return camera.check(board_of(root))


def test_no_camera_is_a_note(tmp_path: Path) -> None:
    assert "plug one in" in only(camera.check(board_of(tmp_path)), NOTE).what


def test_a_good_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _check(tmp_path, monkeypatch, MJPG, YUYV, speed="480")
    assert levels(found) == [OK] and found[0].what == "/dev/video0 C920: MJPG, YUYV"


def test_raw_pictures_on_usb_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = only(_check(tmp_path, monkeypatch, YUYV, speed="480"), WARNING)
    assert "got 480 Mbit/s and YUYV" in found.what and "USB 3 socket" in found.remedy


@pytest.mark.parametrize("speed", ["5000", ""])
def test_raw_pictures_on_usb_3_or_no_usb(
    speed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert levels(_check(tmp_path, monkeypatch, YUYV, speed=speed)) == [OK]


def test_even_compressed_pictures_at_full_speed_usb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert levels(_check(tmp_path, monkeypatch, MJPG, speed="12")) == [OK, WARNING]


def test_slow_or_small_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, small = Mode("YUYV", 1280, 720, [10.0]), Mode("YUYV", 320, 240, [12.0])
    found = only(_check(tmp_path, monkeypatch, slow, small), WARNING)
    assert "must give 640 pixels at 25 fps, got at most 12 fps" in found.what


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = "Permission denied; run: sudo usermod -aG video $USER, and log in again"
    found = only(_check(tmp_path, monkeypatch, trouble=trouble), WARNING)
    assert "got 'Permission denied'" in found.what
    assert found.remedy == "sudo usermod -aG video $USER, and log in again"


def test_a_mipi_camera_needs_gstreamer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target.check.camera.has_gstreamer", lambda: False)
    found = only(_check(tmp_path, monkeypatch, YUYV, bus="platform:vcap_csi"), WARNING)
    assert "OpenCV must be built with GStreamer" in found.what
    monkeypatch.setattr("target.check.camera.has_gstreamer", lambda: True)
    assert levels(_check(tmp_path, monkeypatch, YUYV, bus="platform:vcap_csi")) == [OK]
