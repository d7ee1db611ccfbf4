"""What cameras are there and what they can do, asked of the kernel (Video4Linux 2). Standard library only."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import struct
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

DEV = Path("/dev")
# linux/videodev2.h
QUERYCAP, ENUM_FMT = 0x80685600, 0xC0405602
ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0xC02C564A, 0xC034564B
_CAPTURE, _CAPTURE_MPLANE, _HAS_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_TYPE_CAPTURE, _TYPE_MPLANE = 1, 9
_DISCRETE = 1
_BIG_ENDIAN = 1 << 31  # of a pixel format
_MOST = 64  # formats, sizes, rates: drivers with a fault never end

Ioctl = Callable[[int, int, bytearray], Any]


@dataclasses.dataclass(frozen=True)
class Mode:
    """One size of one pixel format.

    Attributes:
        code: Four letters of the format.
        width: Pixels; of a range the largest.
        height: Pixels.
        fps: Frames a second, the highest first; empty if the driver does not say.
    """

    code: str
    width: int
    height: int
    fps: List[float]


@dataclasses.dataclass(frozen=True)
class Camera:
    """A device file that gives pictures.

    Attributes:
        path: /dev/videoN.
        name: As the driver calls it.
        driver: Its name.
        bus: Where it hangs.
        modes: What it can do.
        trouble: Why it cannot be asked; empty if it can.
    """

    path: str
    name: str
    driver: str
    bus: str
    modes: List[Mode]
    trouble: str = ""


def list_cameras(folder: Path = DEV, ioctl: Optional[Ioctl] = None) -> List[Camera]:
    """Return the cameras of this machine, in the order of their numbers.

    Args:
        folder: Of the device files.
        ioctl: Of fcntl; tests give another one.
    """
    found = [(path, re.fullmatch(r"video(\d+)", path.name)) for path in folder.glob("video*")]
    numbered = sorted((int(match[1]), path) for path, match in found if match)
    if not numbered:
        return []
    if ioctl is None:
        import fcntl  # only Unix has it

        ioctl = fcntl.ioctl
    cameras = [_ask(path, ioctl) for _, path in numbered]
    return [camera for camera in cameras if camera is not None]


def _ask(path: Path, ioctl: Ioctl) -> Optional[Camera]:
    """Return what a device says of itself; None if it gives no pictures."""
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        remedy = {
            errno.EACCES: "; run: sudo usermod -aG video $USER, and log in again",
            errno.EBUSY: "; another program has it open",
        }.get(error.errno or 0, "")
        return Camera(str(path), "?", "?", "?", [], f"{error.strerror}{remedy}")
    try:
        block = bytearray(104)
        ioctl(handle, QUERYCAP, block)
        driver, card, bus, _, every, own = struct.unpack_from("16s32s32sIII", block)
        able = own if every & _HAS_DEVICE_CAPS else every
        if not able & (_CAPTURE | _CAPTURE_MPLANE):
            return None
        kind = _TYPE_CAPTURE if able & _CAPTURE else _TYPE_MPLANE
        modes = _modes(handle, ioctl, kind)
        return Camera(str(path), _text(card), _text(driver), _text(bus), modes)
    except OSError as error:
        return Camera(str(path), "?", "?", "?", [], f"not a camera that answers: {error.strerror}")
    finally:
        os.close(handle)


def _modes(handle: int, ioctl: Ioctl, kind: int) -> List[Mode]:
    """Return every size of every format; drivers with a fault say the same over and over."""
    modes: List[Mode] = []
    codes: List[int] = []
    for index in range(_MOST):
        block = bytearray(64)
        struct.pack_into("II", block, 0, index, kind)
        if not _asked(handle, ioctl, ENUM_FMT, block):
            break
        code = struct.unpack_from("I", block, 44)[0]
        if code not in codes:
            codes.append(code)
            modes += _sizes(handle, ioctl, code)
    return modes


def _sizes(handle: int, ioctl: Ioctl, code: int) -> List[Mode]:
    modes: Dict[Tuple[int, int], Mode] = {}
    for index in range(_MOST):
        block = bytearray(44)
        struct.pack_into("II", block, 0, index, code)
        if not _asked(handle, ioctl, ENUM_FRAMESIZES, block):
            break
        shape = struct.unpack_from("I6I", block, 8)
        width, height = (shape[1], shape[2]) if shape[0] == _DISCRETE else (shape[2], shape[5])
        if (width, height) not in modes:
            rates = _rates(handle, ioctl, code, width, height)
            modes[width, height] = Mode(_letters(code), width, height, rates)
        if shape[0] != _DISCRETE:
            break
    return list(modes.values())


def _rates(handle: int, ioctl: Ioctl, code: int, width: int, height: int) -> List[float]:
    rates = []
    for index in range(_MOST):
        block = bytearray(52)
        struct.pack_into("IIII", block, 0, index, code, width, height)
        if not _asked(handle, ioctl, ENUM_FRAMEINTERVALS, block):
            break
        kind, seconds, parts = struct.unpack_from("III", block, 16)  # seconds/parts a frame
        if seconds:
            rates.append(round(parts / seconds, 2))
        if kind != _DISCRETE:
            break
    return sorted(set(rates), reverse=True)


def _asked(handle: int, ioctl: Ioctl, request: int, block: bytearray) -> bool:
    """Ask; False behind the last answer."""
    try:
        ioctl(handle, request, block)
    except OSError:
        return False
    return True


def _letters(code: int) -> str:
    """Return the letters of a pixel format, the first in the lowest byte."""
    letters = struct.pack("<I", code & ~_BIG_ENDIAN).decode("ascii", "replace")
    return f"{letters}-BE" if code & _BIG_ENDIAN else letters


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("ascii", "replace").strip()
