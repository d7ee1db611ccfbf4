"""What cameras can do, asked of fake drivers."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from target.camera import v4l2
from target.camera.v4l2 import Camera, Mode, list_cameras
from tests.target.camera.drivers import (
    CAPTURE,
    CAPTURE_MPLANE,
    CONTINUOUS,
    DISCRETE,
    META_CAPTURE,
    OUTPUT,
    STEPWISE,
    STREAMING,
    Driver,
    fourcc,
    make_devices,
)

WEBCAM = Driver(
    "HD Webcam",
    formats=[
        (
            "MJPG",
            [
                (DISCRETE, (1280, 720), [(DISCRETE, (1, 30)), (DISCRETE, (1, 15))]),
                (DISCRETE, (640, 480), [(DISCRETE, (1001, 30000)), (DISCRETE, (1, 30))]),
            ],
        ),
        ("YUYV", [(DISCRETE, (640, 480), [(DISCRETE, (2, 15))])]),
    ],
)


@pytest.mark.parametrize(
    ("request_", "direction", "number", "size"),
    [
        # _IOR(type, nr, size) = 2 << 30 | size << 16 | type << 8 | nr; _IOWR begins with 3 << 30.
        (v4l2.QUERYCAP, 2, 0, 16 + 32 + 32 + 3 * 4 + 3 * 4),
        (v4l2.ENUM_FMT, 3, 2, 3 * 4 + 32 + 4 + 4 + 3 * 4),
        (v4l2.ENUM_FRAMESIZES, 3, 74, 3 * 4 + 6 * 4 + 2 * 4),
        (v4l2.ENUM_FRAMEINTERVALS, 3, 75, 5 * 4 + 3 * 8 + 2 * 4),
    ],
    ids=["QUERYCAP", "ENUM_FMT", "ENUM_FRAMESIZES", "ENUM_FRAMEINTERVALS"],
)
def test_requests_are_those_of_the_kernel_header(
    request_: int, direction: int, number: int, size: int
) -> None:
    assert request_ == direction << 30 | size << 16 | ord("V") << 8 | number


def test_a_webcam_with_its_sizes_and_rates(tmp_path: Path) -> None:
    ioctl = make_devices(tmp_path, {"video0": WEBCAM})
    (camera,) = list_cameras(tmp_path, ioctl)
    assert camera == Camera(
        str(tmp_path / "video0"),
        "HD Webcam",
        "uvcvideo",
        "usb-1.2",
        [
            Mode("MJPG", 1280, 720, [30.0, 15.0]),
            Mode("MJPG", 640, 480, [30.0, 29.97]),
            Mode("YUYV", 640, 480, [7.5]),
        ],
    )


@pytest.mark.parametrize("kind", [CONTINUOUS, STEPWISE], ids=["continuous", "stepwise"])
def test_of_a_range_the_largest_size_and_the_highest_rate(tmp_path: Path, kind: int) -> None:
    # min_width, max_width, step_width, min_height, max_height, step_height; min, max, step of the interval
    intervals = [(kind, (1, 60, 1, 5, 1, 60))]
    size = (kind, (48, 1920, 8, 32, 1080, 4), intervals)
    driver = Driver("Sensor", formats=[("RG10", [size])])
    (camera,) = list_cameras(tmp_path, make_devices(tmp_path, {"video3": driver}))
    assert camera.modes == [Mode("RG10", 1920, 1080, [60.0])]


def test_several_planes_and_big_endian_formats(tmp_path: Path) -> None:
    code = fourcc("Y16 ") | 1 << 31
    size = (DISCRETE, (640, 512), [(DISCRETE, (0, 9)), (DISCRETE, (1, 9))])
    driver = Driver("Thermal", CAPTURE_MPLANE | STREAMING, [(code, [size])])
    (camera,) = list_cameras(tmp_path, make_devices(tmp_path, {"video0": driver}))
    assert camera.modes == [Mode("Y16 -BE", 640, 512, [9.0])]  # 0/9 s is no interval


def test_nodes_without_pictures_are_left_out_and_the_order_is_that_of_the_numbers(
    tmp_path: Path,
) -> None:
    whole = CAPTURE | META_CAPTURE | STREAMING
    drivers = {
        "video10": Driver("Tenth", whole=whole),
        "video2": Driver("Second"),
        "video3": Driver("Meta data of the second", META_CAPTURE | STREAMING, whole=whole),
        "video4": Driver("Display", OUTPUT | STREAMING),
        "video": Driver("No number"),
        "video5x": Driver("Another file"),
    }
    cameras = list_cameras(tmp_path, make_devices(tmp_path, drivers))
    assert [camera.name for camera in cameras] == ["Second", "Tenth"]
    assert [camera.modes for camera in cameras] == [[], []]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.EACCES, "Permission denied; run: sudo usermod -aG video $USER, and log in again"),
        (errno.EBUSY, "Device or resource busy; another program has it open"),
        (errno.ENODEV, "No such device"),
    ],
    ids=["EACCES", "EBUSY", "ENODEV"],
)
def test_a_device_that_cannot_be_opened_is_listed_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    ioctl = make_devices(tmp_path, {"video0": WEBCAM, "video1": WEBCAM})
    open_ = os.open

    def refuse(path: Any, flags: int) -> int:
        if str(path).endswith("video0"):
            raise OSError(code, os.strerror(code), str(path))
        return open_(path, flags)

    monkeypatch.setattr(v4l2.os, "open", refuse)
    one, other = list_cameras(tmp_path, ioctl)
    assert one == Camera(str(tmp_path / "video0"), "?", "?", "?", [], message)
    assert other.name == "HD Webcam" and not other.trouble


def test_a_device_that_is_no_camera_at_all(tmp_path: Path) -> None:
    ioctl = make_devices(tmp_path, {"video0": OSError(errno.ENOTTY, "Inappropriate ioctl")})
    (camera,) = list_cameras(tmp_path, ioctl)
    assert camera.trouble == "not a camera that answers: Inappropriate ioctl"
    assert list_cameras(tmp_path)[0].trouble.startswith("not a camera that answers:")  # the kernel


def test_a_driver_that_never_ends_is_not_asked_for_ever(tmp_path: Path) -> None:
    size = (DISCRETE, (640, 480), [(DISCRETE, (1, 30))])
    driver = Driver("Endless", formats=[("MJPG", [size]), ("YUYV", [size])], endless=True)
    begin = time.perf_counter()
    (camera,) = list_cameras(tmp_path, make_devices(tmp_path, {"video0": driver}))
    assert camera.modes == [Mode("MJPG", 640, 480, [30.0]), Mode("YUYV", 640, 480, [30.0])]
    assert driver.calls <= 1 + 64 + 2 * (64 + 64) and time.perf_counter() - begin < 30


def test_no_handle_stays_open(tmp_path: Path) -> None:
    drivers: dict[str, Any] = {
        "video0": WEBCAM,
        "video1": OSError(errno.EIO, "Input/output error"),
        "video2": Driver("Display", OUTPUT),
    }
    ioctl = make_devices(tmp_path, drivers)
    before = len(os.listdir("/proc/self/fd"))
    list_cameras(tmp_path, ioctl)
    assert len(os.listdir("/proc/self/fd")) == before


def test_no_camera_is_an_empty_list(tmp_path: Path) -> None:
    assert list_cameras(tmp_path) == [] and list_cameras(tmp_path / "none") == []
