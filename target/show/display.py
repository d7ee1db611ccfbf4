"""Whether a display answers: what opens a window otherwise ends the whole process.

Source: X(7), DISPLAY NAMES; the Wayland protocol's WAYLAND_DISPLAY.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from pathlib import Path
from typing import List, Mapping, Tuple, Union

_DISPLAY = re.compile(
    r"(?P<protocol>[^/]*/)?(?P<host>\[[^\]]*\]|[^:]*)::?(?P<number>\d{1,5})(\.\d+)?"
)
_SOCKETS = str(Path("/", "tmp", ".X11-unix", "X"))  # where every X server listens
_PORT = 6000
_WAIT_S = 2.0
_Address = Union[str, Tuple[str, int]]


def is_display_there(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether somebody listens at DISPLAY or WAYLAND_DISPLAY; a forwarded one may be gone.

    Args:
        environment: Of the process.
    """
    return any(_answers(address) for address in _addresses(environment))


def _addresses(environment: Mapping[str, str]) -> List[_Address]:
    found: List[_Address] = []
    wayland = environment.get("WAYLAND_DISPLAY")
    if wayland:
        found.append(str(Path(environment.get("XDG_RUNTIME_DIR", "/")) / wayland))
    display = environment.get("DISPLAY", "")
    if display.startswith("/"):  # a socket by its name, as XQuartz has it
        found.append(display)
    parts = _DISPLAY.fullmatch(display)
    if parts is not None:
        host, number = parts["host"].strip("[]"), int(parts["number"])
        if host in ("", "unix"):
            found += [f"{_SOCKETS}{number}", f"\0{_SOCKETS}{number}"]
        if host != "unix":
            found.append((host or "localhost", min(_PORT + number, 65535)))
    return found


def _answers(address: _Address) -> bool:
    with contextlib.suppress(OSError, UnicodeError, ValueError):
        if not isinstance(address, str):
            socket.create_connection(address, timeout=_WAIT_S).close()
            return True
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_WAIT_S)
            connection.connect(address)
            return True
    return False
