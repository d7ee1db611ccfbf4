"""What a Video4Linux driver answers, written out as linux/videodev2.h lays it out."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CAPTURE, OUTPUT, CAPTURE_MPLANE = 0x1, 0x2, 0x1000
META_CAPTURE, STREAMING, DEVICE_CAPS = 0x00800000, 0x04000000, 0x80000000
DISCRETE, CONTINUOUS, STEPWISE = 1, 2, 3


def fourcc(letters: str) -> int:
    a, b, c, d = (ord(letter) for letter in letters)
    return a | b << 8 | c << 16 | d << 24


class Driver:
    """Answers for one device.

    Args:
        name: Of the card.
        able: Capabilities of the device node.
        formats: (letters or code, sizes); a size is (type, numbers, intervals), an interval (type, numbers),
            as in struct v4l2_frmsizeenum and v4l2_frmivalenum.
        whole: Capabilities of the whole device; None for the node's.
        endless: It never says that there is no more.
    """

    def __init__(
        self,
        name: str,
        able: int = CAPTURE | STREAMING,
        formats: Sequence[Any] = (),
        whole: int | None = None,
        endless: bool = False,
    ) -> None:
        self.name, self.able, self.formats = name, able, formats
        self.whole = able if whole is None else whole
        self.endless = endless
        self.calls = 0

    def _pick(self, things: Sequence[Any], index: int) -> Any:
        if index < len(things):
            return things[index]
        if self.endless and things:
            return things[-1]
        raise OSError(errno.EINVAL, "Invalid argument")

    def _sizes(self, code: int) -> Sequence[Any]:
        for letters, sizes in self.formats:
            if (fourcc(letters) if isinstance(letters, str) else letters) == code:
                return list(sizes)
        raise OSError(errno.EINVAL, "Invalid argument")

    def answer(self, number: int, block: bytearray) -> None:
        """Answer ioctl `number` of type 'V'."""
        self.calls += 1
        if number == 0:  # struct v4l2_capability
            struct.pack_into("=16s32s32s", block, 0, b"uvcvideo", self.name.encode(), b"usb-1.2")
            struct.pack_into("=III", block, 80, 0x060100, self.whole | DEVICE_CAPS, self.able)
        elif number == 2:  # struct v4l2_fmtdesc: index, type, flags, description[32], pixelformat
            index, kind = struct.unpack_from("=II", block)
            assert kind == (1 if self.able & CAPTURE else 9)
            letters, _ = self._pick(self.formats, index)
            struct.pack_into("=32s", block, 12, b"a format")
            code = fourcc(letters) if isinstance(letters, str) else letters
            struct.pack_into("=I", block, 44, code)
        elif number == 74:  # struct v4l2_frmsizeenum: index, pixel_format, type, numbers
            index, code = struct.unpack_from("=II", block)
            kind, numbers, _ = self._pick(self._sizes(code), index)
            struct.pack_into(f"=I{len(numbers)}I", block, 8, kind, *numbers)
        elif (
            number == 75
        ):  # struct v4l2_frmivalenum: index, pixel_format, width, height, type, numbers
            index, code, width, height = struct.unpack_from("=IIII", block)
            for kind, numbers, intervals in self._sizes(code):
                largest = numbers if kind == DISCRETE else (numbers[1], numbers[4])
                if tuple(largest) == (width, height):
                    interval, fractions = self._pick(intervals, index)
                    struct.pack_into(f"=I{len(fractions)}I", block, 16, interval, *fractions)
                    return
            raise OSError(errno.EINVAL, "Invalid argument")
        else:
            raise AssertionError(f"ioctl {number} is not asked for")


def make_devices(folder: Path, drivers: dict[str, Any]) -> Any:
    """Make device files, and return an ioctl for them.

    Args:
        folder: Gets the files.
        drivers: By file name; an exception is raised by every ioctl.
    """
    for name in drivers:
        (folder / name).touch()

    def ioctl(handle: int, request: int, block: bytearray) -> int:
        driver = drivers[Path(os.readlink(f"/proc/self/fd/{handle}")).name]
        if isinstance(driver, OSError):
            raise driver
        assert request >> 8 & 0xFF == ord("V") and request >> 16 & 0x3FFF == len(block)
        driver.answer(request & 0xFF, block)
        return 0

    return ioctl
