"""A page with the live picture, letters and text, for any browser: http://:8080.

Pictures are encoded in the output's own thread, once, and only while somebody looks;
every viewer takes the newest when it is ready for one, so that a slow browser slows nobody but itself.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import socket
import threading
import time
from typing import Any, Dict, Optional, Tuple
from urllib.parse import quote

import numpy as np

from target.errors import OutputError
from target.opencv import cv2, translated
from target.pipeline.controls import Controls
from target.show.base import View
from target.show.capture import Collector
from target.show.overlay import drawn_size, overlaid
from target.show.web_server import PageServer

_log = logging.getLogger(__name__)
LOCAL = "127.0.0.1"
_QUALITY = 80  # of the JPEG pictures
_LEAST_GAP_S = 1 / 40  # between two pictures
_MOST_SIDE = 1280  # of a picture; a larger one would take longer and show no more
_MOST_TEXT = 4000  # characters of it that viewers get: facts go out twenty times a second


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
            self._changed.wait_for(lambda: self._is_new(after) or self._closed, timeout_s)
            return self._picture if self._is_new(after) and not self._closed else None

    def _is_new(self, after: int) -> bool:
        return self._picture[0] > after and bool(self._picture[1])

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
            if not self.viewers:  # whoever comes next shall not see what is old by then
                self._picture = self._picture[0], b""

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
        except (OSError, OverflowError, UnicodeError, TypeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"page must get a free address and port, got '{reason}' for {self._host}:{self._port};"
                f" choose another one, such as http://:{self._port % 65535 + 1}"
            ) from error
        port = self._server.server_address[1]
        query = f"?token={quote(self.token, safe='')}" if self.token else ""
        self.url = f"http://{_name_of(self._host)}:{port}/{query}"
        _log.warning("page at %s", self.url)
        self._server.start()

    def show(self, view: View) -> bool:
        """Put up facts, and a picture if anybody looks.

        Raises:
            OutputError: If OpenCV cannot encode the picture.
        """
        now = time.perf_counter()
        if self._collector is not None:
            self._collector.look(view)
        self._board.put_facts(self._facts(view, now))
        if self._board.viewers and now - self._drawn_s >= _LEAST_GAP_S:
            self._drawn_s = now
            self._board.put_picture(_jpeg(overlaid(view)))
        return True

    def _facts(self, view: View, now: float) -> Dict[str, Any]:
        facts = view.facts(now)
        facts["text"], facts["is_cut"] = view.text[-_MOST_TEXT:], len(view.text) > _MOST_TEXT
        facts["settings"] = self._controls.describe()
        facts["live"] = view.live
        facts["mirrored"] = view.mirrored  # the picture at hand, not the next one
        facts["square"] = [int(n) for n in view.square]
        if view.frame is not None:
            height, width = (int(n) for n in view.frame.image.shape[:2])
            facts["size"] = [width, height]
            facts["drawn"] = drawn_size(height, width)
        if self._collector is not None:
            facts["captured"] = self._collector.counts()
            facts["wanted"] = self._collector.wanted
        return facts

    def finish(self) -> None:
        """Nothing was stored."""

    def close(self) -> None:
        """Stop listening and send every viewer home."""
        self._board.close()
        if self._server is not None:
            self._server.end()
            self._server = None


def _jpeg(picture: np.ndarray) -> bytes:
    """Return a picture as JPEG, a large one smaller."""
    scale = _MOST_SIDE / max(picture.shape[:2])
    with translated("page must show pictures that OpenCV encodes", OutputError):
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return bytes(coded.tobytes())


def _name_of(host: str) -> str:
    """Return how another machine calls this one: its address on the way out, else its name."""
    if host not in ("0.0.0.0", "::", ""):
        return f"[{host}]" if ":" in host else host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way, contextlib.suppress(OSError):
        way.connect(("192.0.2.1", 9))  # an address of nobody (RFC 5737); nothing is sent
        return str(way.getsockname()[0])
    return socket.gethostname()
