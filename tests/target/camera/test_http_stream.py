"""A real MJPEG stream over HTTP, through OpenCV's FFmpeg: what network cameras and phones give."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from target.camera.base import Frame
from target.camera.health import WatchConfig
from target.camera.network import has_ffmpeg
from target.camera.open import InputOptions, open_source
from target.camera.watched import WatchedCamera
from target.errors import SourceError
from target.opencv import cv2
from tests.target.camera.fakes import pump, readers, until

PATIENT = WatchConfig(stall_s=20, same_s=600, open_s=60, back_off_s=0.1, longest_s=0.5)


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends one JPEG after the other, none like the one before."""

    def do_GET(self) -> None:
        server: Any = self.server
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with contextlib.suppress(OSError):
            for number in itertools.count():
                if server.stopping.is_set():
                    return
                image = np.full((96, 128, 3), 20 + number % 200, np.uint8)
                image[:, :64] = server.level
                jpeg = cv2.imencode(".jpg", image)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                while server.silent.is_set() and not server.stopping.is_set():
                    time.sleep(0.01)
                time.sleep(0.01)

    def log_message(self, *arguments: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, level: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.level = level
        self.stopping, self.silent = threading.Event(), threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextlib.contextmanager
def serving(port: int = 0, level: int = 200) -> Iterator[Server]:
    """Serve; at the end every connection breaks off."""
    server = Server(port, level)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def read(source: WatchedCamera) -> Frame:
    frame = source.read()
    assert frame is not None
    return frame


def level_of(frame: Frame) -> int:
    """Return the level of the left half, whatever JPEG made of it."""
    return round(int(frame.image[48, 20, 1]), -1)


@pytest.fixture(autouse=True)
def _ffmpeg() -> None:
    if not has_ffmpeg():
        pytest.skip("this OpenCV has no FFmpeg")


def test_frames_come_and_go_on_when_the_server_comes_back() -> None:
    before = set(readers())
    with serving(level=200) as server:
        port = server.server_address[1]
        uri = f"http://user:hunter2@127.0.0.1:{port}/x.mjpg"
        source = open_source(uri, InputOptions(watch=PATIENT))
        assert isinstance(source, WatchedCamera)
        frames = pump(source, lambda: source.made >= 10)
        assert source.uri == f"http://user:***@127.0.0.1:{port}/x.mjpg" and source.trouble == ""
        frames.append(read(source))
        assert frames[-1].image.shape == (96, 128, 3) and level_of(frames[-1]) == 200
    frames += pump(source, lambda: source.trouble)
    assert source.trouble.startswith("camera: stream must ") and "hunter2" not in source.trouble
    asked = source.reopened
    frames += pump(source, lambda: source.reopened >= asked + 2)  # nobody answers
    with serving(port, level=60):
        made = source.made
        frames += pump(source, lambda: source.made >= made + 10)
        frames.append(read(source))
        assert source.trouble == "" and level_of(frames[-1]) == 60
        source.close()
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices)) and source.made == len(frames) + source.dropped
    until(lambda: not set(readers()) - before)


def test_a_server_that_falls_silent_is_noticed() -> None:
    with serving() as server:
        uri = f"http://127.0.0.1:{server.server_address[1]}/x.mjpg"
        watch = WatchConfig(stall_s=0.5, same_s=600, open_s=60, back_off_s=0.1, longest_s=0.5)
        source = open_source(uri, InputOptions(watch=watch))
        assert isinstance(source, WatchedCamera)
        pump(source, lambda: source.made >= 3)
        server.silent.set()
        pump(source, lambda: source.trouble.startswith("camera: no frame for"))
        server.silent.clear()
        made = source.made
        pump(source, lambda: source.made > made + 3)
        source.close()


def test_nobody_at_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        uri = f"http://u:hunter2@127.0.0.1:{taken.getsockname()[1]}/x.mjpg"
        shown = uri.replace("hunter2", r"\*\*\*")
        message = (
            f"stream must be one that OpenCV opens, got a refusal for {shown}; see that the camera"
        )
        with pytest.raises(SourceError, match=message):
            open_source(uri)
