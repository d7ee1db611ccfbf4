"""Pictures and events as viewers of the page get them, those who never read among them."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest

from target.opencv import cv2
from target.show import web_handler
from target.text.speller import SpellConfig
from tests.target.show.served_page import PATIENCE_S, Page, make_view, running, wait


def _pictures(stream: Any, count: int) -> list[np.ndarray]:
    """Read pictures of a stream until so many differ from the one before."""
    found: list[bytes] = []
    while len(found) < count:
        length = None
        while (line := stream.readline()) != b"\r\n" or length is None:
            assert line, "the stream has ended"
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = stream.read(length)
        if not found or found[-1] != body:
            found.append(body)
    return [cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR) for body in found]


def test_pictures_come_one_after_the_other(page: Page) -> None:
    with running(page), page.get("/stream.mjpg") as plain, plain.makefile("rb") as stream:
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        pictures = _pictures(stream, 4)
        assert all(picture.shape == (480, 640, 3) for picture in pictures)


def test_a_single_picture(page: Page) -> None:
    with running(page):
        status, body, headers = page.ask("GET", "/picture.jpg")
    assert status == 200 and headers["content-type"] == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR).shape == (480, 640, 3)


def test_no_picture_is_drawn_while_nobody_looks_nor_an_old_one_shown(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(page):
        assert page.ask("GET", "/picture.jpg")[0] == 200
    monkeypatch.setattr(web_handler, "_BEAT_S", 0.1)
    view = make_view()
    page.sink.show(view)
    assert "picture" not in view.memo
    assert page.ask("GET", "/picture.jpg")[0] == 503


def test_large_pictures_are_shown_smaller(page: Page) -> None:
    page.sink._board.watch(1)
    page.sink.show(make_view(size=(1440, 2560)))
    found = page.sink._board.picture(0, 0)
    assert found
    picture = cv2.imdecode(np.frombuffer(found[1], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (720, 1280, 3)


def _events(stream: Any, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Read server-sent events: their kind and data."""
    events: list[tuple[str, dict[str, Any]]] = []
    kind = "message"
    while len(events) < count:
        line = stream.readline()
        assert line, "the stream has ended"
        if line.startswith(b"event: "):
            kind = line[7:].decode().strip()
        elif line.startswith(b"data: "):
            events.append((kind, json.loads(line[6:])))
            kind = "message"
    return events


def test_facts_come_as_events_and_the_end_is_one(page: Page) -> None:
    with page.get("/events") as plain, plain.makefile("rb") as stream:
        with running(page):
            (_, first), (_, second) = _events(stream, 2)
        assert first["text"].startswith("HELLO") and second["frame"] > first["frame"]
        assert first["letters"][0] == {"letter": "K", "confidence": 0.93}
        assert first["settings"]["dwell_s"] == SpellConfig().dwell_s
        assert (first["size"], first["drawn"]) == ([640, 480], [480, 640, 1.0])
        page.sink.close()
        kinds = []
        while "end" not in kinds:
            kinds += [kind for kind, _ in _events(stream, 1)]
        assert stream.read() == b"\n"


def test_a_viewer_knows_that_it_is_connected_while_nothing_happens(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_handler, "_BEAT_S", 0.05)
    with page.get("/events") as plain, plain.makefile("rb") as stream:
        assert _events(stream, 3)[1:] == [("beat", {}), ("beat", {})]


def test_of_a_long_text_viewers_get_the_end(page: Page) -> None:
    page.sink.show(make_view(text="A" * 50_000 + "B"))
    with page.get("/events") as plain, plain.makefile("rb") as stream:
        ((_, facts),) = _events(stream, 1)
    assert facts["text"] == "A" * 3999 + "B" and facts["is_cut"]


def test_a_viewer_that_never_reads_slows_nobody(page: Page) -> None:
    stalled = page.get("/stream.mjpg", room=4096)
    wait(lambda: page.sink._board.viewers == 1)
    begin = time.monotonic()
    with running(page), page.get("/stream.mjpg") as plain, plain.makefile("rb") as stream:
        _pictures(stream, 20)  # some 6 MB: far more than the stalled one's connection holds
        assert page.sink._board.viewers == 2
    for index in range(20):
        page.sink.show(make_view(index))
    assert time.monotonic() - begin < PATIENCE_S
    stalled.close()


def test_a_viewer_that_never_reads_is_sent_away(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_handler, "_SEND_S", 0.2)
    stalled = [page.get("/stream.mjpg", room=4096), page.get("/events", room=4096)]
    wait(lambda: len(page.server._open) == 2)
    long = "A" * 4000  # facts fill a connection more slowly than pictures
    with running(page):
        wait(lambda: page.sink._board.viewers == 0)
        while page.server._open:
            page.sink._board.put_facts({"text": long * 20})
            time.sleep(0.005)
    for plain in stalled:
        plain.close()


def test_a_viewer_that_went_away_is_noticed_without_pictures(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_handler, "_BEAT_S", 0.05)
    plain = page.get("/stream.mjpg")
    wait(lambda: page.sink._board.viewers == 1)
    plain.close()
    wait(lambda: page.sink._board.viewers == 0)
