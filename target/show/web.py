"""A page with the live picture, letters and text, for any browser: http://:8080.

Standard library only. Pictures are encoded in the output's own thread, once, and only while somebody looks;
every viewer takes the newest when it is ready for one, so that a slow browser slows nobody but itself.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from typing import Any, Dict, Optional, Tuple

from target.errors import OutputError
from target.opencv import cv2
from target.pipeline.controls import Controls
from target.show.base import View
from target.show.capture import Collector
from target.show.overlay import overlaid
from target.show.web_server import PageServer

_log = logging.getLogger(__name__)
LOCAL = "127.0.0.1"
_QUALITY = 80  # of the JPEG pictures
_LEAST_GAP_S = 1 / 40  # between two pictures
_HISTORY = 300  # latencies that a new viewer sees


class Board:
    """What viewers look at: the newest picture and facts, each with a number.

    Attributes:
        viewers: How many look at the pictures.
    """

    def __init__(self) -> None:
        self.viewers = 0
        self._changed = threading.Condition()
        self._picture: Tuple[int, bytes] = (0, b"")
        self._facts: Tuple[int, str] = (0, "{}")
        self._closed = False

    def put_picture(self, jpeg: bytes) -> None:
        """Put up a new picture."""
        with self._changed:
            self._picture = self._picture[0] + 1, jpeg
            self._changed.notify_all()

    def put_facts(self, facts: Dict[str, Any]) -> None:
        """Put up new facts."""
        with self._changed:
            self._facts = self._facts[0] + 1, json.dumps(facts)
            self._changed.notify_all()

    def picture(self, after: int, timeout_s: float) -> Optional[Tuple[int, bytes]]:
        """Return number and JPEG of a picture newer than number `after`; None if none comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._picture[0] > after or self._closed, timeout_s)
            return self._picture if self._picture[0] > after and not self._closed else None

    def facts(self, after: int, timeout_s: float) -> Optional[Tuple[int, str]]:
        """Return number and JSON of facts newer than number `after`; None if none come in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._facts[0] > after or self._closed, timeout_s)
            return self._facts if self._facts[0] > after and not self._closed else None

    @property
    def closed(self) -> bool:
        """Whether the run has ended."""
        return self._closed

    def watch(self, change: int) -> None:
        """Count a viewer of pictures in (1) or out (-1)."""
        with self._changed:
            self.viewers += change

    def close(self) -> None:
        """Send every viewer home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class WebSink:
    """Serves the page.

    Args:
        host: Address to listen at; other than this machine's own, a token is required in the URL.
        port: TCP port; 0 for any that is free.
        controls: What the page changes.
        collector: Where the capture button stores crops; None where nothing is stored.
        token: That the URL must have; None for a new one where one is required.
    """

    name = "page"
    wants_all = False

    def __init__(
        self,
        host: str,
        port: int,
        controls: Controls,
        collector: Optional[Collector] = None,
        token: Optional[str] = None,
    ) -> None:
        self._host, self._port = host, port
        self._controls = controls
        self._collector = collector
        is_local = host in (LOCAL, "localhost", "::1")
        self.token = token or ("" if is_local else secrets.token_urlsafe(12))
        self.url = ""
        self._board = Board()
        self._server: Optional[PageServer] = None
        self._drawn_s = 0.0

    def open(self) -> None:
        """Listen, and say where.

        Raises:
            OutputError: If the address or port cannot be used.
        """
        try:
            self._server = PageServer(
                (self._host, self._port), self._board, self._controls, self._collector, self.token
            )
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"page must get a free address and port, got '{reason}' for {self._host}:{self._port};"
                f" choose another one, such as http://:{self._port + 1}"
            ) from error
        port = self._server.server_address[1]
        query = f"?token={self.token}" if self.token else ""
        name = _name_of(self._host)
        self.url = f"http://{name}:{port}/{query}"
        _log.warning("page at %s", self.url)
        threading.Thread(target=self._server.serve, name="page", daemon=True).start()

    def show(self, view: View) -> bool:
        """Put up facts, and a picture if anybody looks."""
        now = time.perf_counter()
        facts = view.facts(now)
        facts["settings"] = self._controls.describe()
        facts["square"] = list(view.square)
        if view.frame is not None:
            facts["size"] = [int(n) for n in view.frame.image.shape[1::-1]]
        if self._collector is not None:
            self._collector.look(view)
            facts["captured"] = self._collector.counts()
        self._board.put_facts(facts)
        if self._board.viewers and now - self._drawn_s >= _LEAST_GAP_S:
            self._drawn_s = now
            good, coded = cv2.imencode(".jpg", overlaid(view), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            if good:
                self._board.put_picture(coded.tobytes())
        return True

    def finish(self) -> None:
        """Nothing was stored."""

    def close(self) -> None:
        """Stop listening and send every viewer home."""
        self._board.close()
        if self._server is not None:
            self._server.end()
            self._server = None


def _name_of(host: str) -> str:
    """Return how another machine calls this one."""
    if host not in ("0.0.0.0", "::", ""):
        return f"[{host}]" if ":" in host else host
    import socket

    return socket.gethostname()
