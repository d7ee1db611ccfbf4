"""What may be asked of the page's server, by whom, how much and for how long.

    GET  /              the page          GET  /stream.mjpg   pictures as they come
    GET  /events        facts as they come (server-sent events)
    GET  /picture.jpg   the newest picture   GET  /alphabet.jpg  the chart
    POST /control       a command: web_commands.py

No request names a file: every path stands in a table. A request has 10 seconds and 36 KB in all, its body
4 KB. Commands must come from the page itself: another site's page cannot send the header; nor can it look:
its name in the Host, or the browser's word that it is another site, is refused.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.server
import io
import json
import re
import socket
import time
from pathlib import Path
from typing import Any, Callable, Dict, Optional
from urllib.parse import parse_qs, urlsplit

from target.errors import AppError, one_line

_PAGE = Path(__file__).with_name("page")
_MOST_BYTES = 4096  # of a command
_MOST_HEAD = 32768  # other servers of this host may have left cookies
_REQUEST_S = 10.0
_SEND_S = 5.0  # a viewer that takes nothing for so long is sent away
_BEAT_S = 2.0  # between two facts at most, so that a viewer knows it is connected
_LEAST_GAP_S = 1 / 20  # between two facts
_ROOM = 1 << 16  # bytes on the way to a viewer: little, so that what it sees next is new
_HEADER = "X-Requested-With"
_HERE = ("127.0.0.1", "localhost", "[::1]", "")
_SAFE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_ALONE = {"Cross-Origin-Resource-Policy": "same-origin"}  # without a token


class _Patient(io.RawIOBase):
    """Reads a connection, but no request for longer or for more than it may take."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.renew()

    def renew(self) -> None:
        """Begin with another request."""
        self._until_s = time.monotonic() + _REQUEST_S
        self._left = _MOST_HEAD + _MOST_BYTES

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come.

        Raises:
            OSError: If the request takes too long or is too long.
        """
        seconds = self._until_s - time.monotonic()
        if seconds <= 0 or self._left <= 0:
            raise socket.timeout("a request has limits")
        self._connection.settimeout(seconds)
        count = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count


class PageHandler(http.server.BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Any
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the end of a picture must not wait for the viewer's word
    server_version, sys_version = "page", ""

    def setup(self) -> None:
        """Read with limits."""
        super().setup()
        self._patient = _Patient(self.connection)
        self.rfile = io.BufferedReader(self._patient)

    def handle_one_request(self) -> None:
        """Answer a request; its limits are its own."""
        self._patient.renew()
        super().handle_one_request()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of requests."""

    def do_GET(self) -> None:
        """Answer with the page or one of its streams."""
        answers: Dict[str, Callable[[], None]] = {
            "/": self._page,
            "/alphabet.jpg": lambda: self._send(
                200, "image/jpeg", (_PAGE / "alphabet.jpg").read_bytes()
            ),
            "/stream.mjpg": self._pictures,
            "/picture.jpg": self._picture,
            "/events": self._events,
        }
        path = self._path_if_allowed()
        if path is None:
            return
        if path not in answers:
            self._say(404, "no such page")
            return
        answers[path]()

    def do_POST(self) -> None:
        """Carry out a command of the page."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,9}", length) or not 0 < int(length) <= _MOST_BYTES:
            self._say(413, f"a command has 1 to {_MOST_BYTES} bytes")
            self._pass_over()
            return
        body = self.rfile.read(int(length))
        path = self._path_if_allowed()
        if path is None:
            return
        if path != "/control":
            self._say(404, "no such page")
            return
        if _HEADER not in self.headers:
            self._say(403, "commands come from the page itself")
            return
        try:
            done = self.server.commands(json.loads(body))
        except (AppError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            self._say(400, one_line(error)[:300])
            return
        self._send(200, "application/json", json.dumps(done).encode())

    def _path_if_allowed(self) -> Optional[str]:
        """Return the path if token, host and origin are right; answers itself where they are wrong."""
        try:
            parts = urlsplit(self.path)
            given = parse_qs(parts.query, max_num_fields=10).get("token", [""])[0]
        except ValueError:
            self._say(400, "no address of this page")
            return None
        token = self.server.token
        if token and not hmac.compare_digest(given.encode(), token.encode()):
            self._say(403, "the address must have the token that the program printed")
            return None
        if token:
            return parts.path
        # Without one, a page of another site whose name points here must not read this one.
        name = re.sub(r":\d*$", "", self.headers.get("Host") or "").lower()
        if name not in _HERE:
            self._say(403, "the page is for this machine alone; use --host to serve others")
            return None
        # A browser says who asks; a link to the page may stand anywhere, its streams not.
        if parts.path != "/" and self.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            self._say(403, "pictures and facts are for the page itself")
            return None
        return parts.path

    def _page(self) -> None:
        page = (_PAGE / "page.html").read_bytes()
        found = re.search(b"<script>(.*?)</script>", page, re.DOTALL)
        digest = hashlib.sha256(found[1] if found else b"").digest()
        script = f"'sha256-{base64.b64encode(digest).decode()}'"  # this one and no other
        policy = (
            f"default-src 'none'; script-src {script}; style-src 'unsafe-inline'; connect-src 'self';"
            " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._send(200, "text/html; charset=utf-8", page, {"Content-Security-Policy": policy})

    def _picture(self) -> None:
        """Send the newest picture; while nobody looks there is none, so look for a moment."""
        board = self.server.board
        board.watch(1)
        try:
            found = board.picture(0, _BEAT_S)
        finally:
            board.watch(-1)
        if found is None:
            self._say(503, "no picture yet")
            return
        self._send(200, "image/jpeg", found[1])

    def _pictures(self) -> None:
        self._begin("multipart/x-mixed-replace; boundary=frame")
        board, last = self.server.board, 0
        board.watch(1)
        try:
            while not board.closed and not self._has_left():
                found = board.picture(last, _BEAT_S)
                if found is None:
                    continue
                last, jpeg = found
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode())
                self.wfile.write(jpeg)  # not one string: every viewer would hold a copy
                self.wfile.write(b"\r\n")
        finally:
            board.watch(-1)

    def _events(self) -> None:
        self._begin("text/event-stream")
        board, last, sent_s = self.server.board, 0, 0.0
        while not board.closed:
            time.sleep(max(sent_s + _LEAST_GAP_S - time.monotonic(), 0.0))
            found = board.facts(last, _BEAT_S)
            line = "event: beat\ndata: {}\n\n"
            if found is not None:
                last, facts = found
                line = f"data: {facts}\n\n"
            self.wfile.write(line.encode())
            sent_s = time.monotonic()
        self.wfile.write(b"event: end\ndata: {}\n\n")

    def _has_left(self) -> bool:
        """Find out whether a viewer of a stream has hung up: it has nothing more to say."""
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1024)
        except (BlockingIOError, InterruptedError):
            return False
        finally:
            self.connection.settimeout(_SEND_S)

    def _begin(self, kind: str) -> None:
        """Begin an answer without an end; a viewer that takes nothing is given up."""
        self.connection.settimeout(_SEND_S)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        self.close_connection = True
        self.send_response(200)
        self._head({"Content-Type": kind, "Connection": "close"})

    def _say(self, code: int, words: str) -> None:
        self.close_connection = True
        self._send(
            code, "text/plain; charset=utf-8", f"{words}\n".encode("utf-8", "backslashreplace")
        )

    def _send(
        self, code: int, kind: str, body: bytes, more: Optional[Dict[str, str]] = None
    ) -> None:
        self.connection.settimeout(_REQUEST_S)
        self.send_response(code)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}
        if self.close_connection:
            headers["Connection"] = "close"
        self._head(headers)
        self.wfile.write(body)

    def _head(self, headers: Dict[str, str]) -> None:
        for name, value in {**headers, **_SAFE, **({} if self.server.token else _ALONE)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _pass_over(self) -> None:
        """Read what a refused request still sends: closed at once, its sender may not see the answer."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while self._patient.read(_MOST_BYTES):
                pass
