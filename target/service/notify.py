"""What a service tells systemd: READY, WATCHDOG, STATUS (sd_notify(3)), over a datagram socket.

Where nobody listens (NOTIFY_SOCKET is not set) nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Mapping, Optional

_USUAL_S = 10.0  # between two signs of life where systemd watches over nothing


class Notifier:
    """Sends lines to systemd.

    Args:
        environment: With NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID as systemd sets them; the
            process's own if None.

    Attributes:
        patience_s: Seconds without WATCHDOG=1 after which systemd ends the process; None if it never does.
    """

    def __init__(self, environment: Optional[Mapping[str, str]] = None) -> None:
        given = os.environ if environment is None else environment
        self._address = given.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        self.patience_s = _patience_s(given) if self._address else None

    @property
    def interval_s(self) -> float:
        """Seconds between two signs of life: a third of the patience, so that one may be late."""
        return _USUAL_S if self.patience_s is None else self.patience_s / 3

    def tell(self, *lines: str) -> None:
        """Send lines such as READY=1; a manager that is not there is no error."""
        if not self._address:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as way:
            way.setblocking(False)
            way.sendto("\n".join(lines).encode(), self._address)


def _patience_s(given: Mapping[str, str]) -> Optional[float]:
    """Return WATCHDOG_USEC in seconds, if it is meant for this process."""
    text, owner = given.get("WATCHDOG_USEC", ""), given.get("WATCHDOG_PID", "")
    if not text.isdigit() or not int(text) or (owner and owner != str(os.getpid())):
        return None
    return int(text) / 1e6
