"""Listens for the page: how many connections there are at once, and how they end.

Each has a thread; what may be asked for is web_handler.py's.
"""

from __future__ import annotations

import contextlib
import http.server
import logging
import socket
import socketserver
import sys
import threading
from typing import Any, Dict, Optional, Tuple

from target.errors import one_line
from target.pipeline.controls import Controls
from target.show.capture import Collector
from target.show.web_commands import Commands
from target.show.web_handler import PageHandler

_log = logging.getLogger(__name__)
_MOST_CONNECTIONS = 48
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 25\r\n"
    b"Retry-After: 2\r\nConnection: close\r\n\r\ntoo many look at the page"
)
_POLL_S = 0.05
_FAREWELL_S = 0.15  # for viewers to be told that the run has ended


class PageServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves the page.

    Args:
        address: Host and port.
        board: What viewers look at.
        controls: What the page changes.
        collector: Where the capture button stores crops; None where nothing is stored.
        token: That every URL must have; empty for none.

    Raises:
        OSError: If the address cannot be used.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(
        self,
        address: Tuple[str, int],
        board: Any,
        controls: Controls,
        collector: Optional[Collector],
        token: str,
    ) -> None:
        self.board = board
        self.token = token
        self.commands = Commands(controls, collector)
        self._thread: Optional[threading.Thread] = None
        self._changed = threading.Condition()
        self._open: Dict[int, socket.socket] = {}
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, PageHandler)

    def server_bind(self) -> None:
        """Bind, without looking this machine's name up: that can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def start(self) -> None:
        """Serve, in a thread, until `end`."""
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_POLL_S,), name="page", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Stop listening and close every connection; the board is closed before."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()
        self._hang_up(socket.SHUT_RD)  # who waits for a request leaves; who writes may finish
        if not self._is_empty_within(_FAREWELL_S):
            self._hang_up(socket.SHUT_RDWR)
            self._is_empty_within(_FAREWELL_S)

    def _hang_up(self, how: int) -> None:
        with self._changed:
            for connection in self._open.values():
                with contextlib.suppress(OSError):  # it is gone already
                    connection.shutdown(how)

    def _is_empty_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, seconds)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, if there is room for one."""
        with self._changed:
            has_room = len(self._open) < _MOST_CONNECTIONS
            if has_room:
                self._open[id(request)] = request
        if not has_room:
            request.setblocking(False)
            with contextlib.suppress(OSError):  # nobody is there to be told
                request.send(_BUSY)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started
            self._forget(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection; its place is free afterwards."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def _forget(self, request: Any) -> None:
        with self._changed:
            self._open.pop(id(request), None)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer that went away is no news; anything else is one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            _log.warning("page: request failed: %s", one_line(error))
