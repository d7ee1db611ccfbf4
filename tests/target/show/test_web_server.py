"""The page's server as its clients see it, friendly or not: plain sockets, no browser."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target.camera.base import Frame
from target.errors import OutputError
from target.opencv import cv2
from target.pipeline.controls import Controls
from target.show import web, web_handler, web_server
from target.show.base import View
from target.show.capture import Collector
from target.show.web import WebSink
from target.text.speller import SpellConfig, Speller, Spelling
from target.vision.postprocess import Prediction

PATIENCE_S = 60  # no test is decided by it unless something hangs
OWN = {"X-Requested-With": "page", "Content-Type": "application/json"}


def _view(index: int = 0, text: str = "HELLO", size: tuple[int, int] = (480, 640)) -> View:
    """A view whose picture is noise, which no codec makes small."""
    image = np.random.default_rng(index).integers(0, 256, (*size, 3), np.uint8)
    frame = Frame(image, index, time.perf_counter(), "noise")
    prediction = Prediction("K", 0.93, "V", 0.05)
    square = 2, 82, min(size) - min(size) % 28
    return View(frame, prediction, Spelling("letter", "K", 0.5, text), square=square, live=True)


class _Page:
    """A page that is served, and what it changes."""

    def __init__(self, host: str = web.LOCAL, token: str | None = None, **more: Any) -> None:
        self.controls = Controls()
        self.sink = WebSink(host, 0, self.controls, token=token, **more)
        self.sink.open()
        found = re.search(r":(\d+)/", self.sink.url)
        assert found
        self.port = int(found[1])

    @property
    def server(self) -> Any:
        return self.sink._server

    def ask(
        self, method: str, path: str, body: str | bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}

    def command(self, body: Any, **headers: str) -> tuple[int, str]:
        """Return status and words of the answer to a command of the page itself."""
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        status, answer, _ = self.ask("POST", "/control", text, **{**OWN, **headers})
        return status, answer.decode()

    def connect(self, request: str = "", room: int | None = None) -> socket.socket:
        """Return a plain connection that has sent a request."""
        plain = socket.socket()
        if room is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        plain.settimeout(PATIENCE_S)
        plain.connect(("127.0.0.1", self.port))
        plain.sendall(request.encode())
        return plain

    def get(self, path: str, room: int | None = None) -> socket.socket:
        return self.connect(f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n", room)


@pytest.fixture
def page() -> Iterator[_Page]:
    served = _Page()
    yield served
    served.sink.close()


def _wait(until: Callable[[], bool]) -> None:
    begin = time.monotonic()
    while not until():
        assert time.monotonic() - begin < PATIENCE_S, "it never happened"
        time.sleep(0.01)


def _read_all(plain: socket.socket) -> bytes:
    """Read until the other side closes; so does this one."""
    parts = []
    with plain, contextlib.suppress(ConnectionResetError):
        while part := plain.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def _running(page: _Page) -> Iterator[None]:
    """Feed views from a thread, as the pipeline does."""
    stop = threading.Event()

    def feed() -> None:
        index = 0
        while not stop.wait(0.01):
            page.sink.show(_view(index, f"HELLO {index}"))
            index += 1

    thread = threading.Thread(target=feed)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_the_page_is_served_with_its_own_script_alone(page: _Page) -> None:
    status, body, headers = page.ask("GET", "/")
    assert status == 200 and b"Sign alphabet" in body
    assert headers["content-type"].startswith("text/html")
    assert headers["referrer-policy"] == "no-referrer"  # a token in the address stays here
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert re.search(r"script-src 'sha256-[^']+';", policy)
    assert b" onclick=" not in body and b"http://" not in body and b"https://" not in body


def test_the_chart_is_a_picture(page: _Page) -> None:
    status, body, headers = page.ask("GET", "/alphabet.jpg")
    assert status == 200 and headers["content-type"] == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR) is not None


@pytest.mark.parametrize(
    "path",
    [
        "/page.html",
        "/../web.py",
        "/page/../../web.py",
        "/%2e%2e/web.py",
        "/..%2fweb.py",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/..\\web.py",
        "/alphabet.jpg/../page.html",
        "/alphabet.jpg%00.html",
        "http://elsewhere/etc/passwd",
        "/control",
        "*",
        "/\u00ff",
    ],
)
def test_unknown_paths_reach_nothing(page: _Page, path: str) -> None:
    plain = page.connect()
    plain.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1"))
    answer = _read_all(plain)
    assert answer.startswith(b"HTTP/1.1 404 ") and answer.endswith(b"\r\n\r\nno such page\n")


@pytest.mark.parametrize("path", ["http://[", "/?" + "&".join(["a=1"] * 50)])
def test_addresses_that_are_none(page: _Page, path: str) -> None:
    assert _read_all(page.get(path)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "NONSENSE"])
def test_other_methods_are_refused_and_their_connection_ends(page: _Page, method: str) -> None:
    plain = page.connect(f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = _read_all(plain)
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert b"Access-Control-Allow" not in answer  # a preflight of another site fails


@pytest.mark.parametrize(
    "path", ["/", "/stream.mjpg", "/picture.jpg", "/events", "/alphabet.jpg", "/nowhere"]
)
def test_everything_needs_the_token_where_others_can_connect(path: str) -> None:
    page = _Page(host="0.0.0.0")
    token = page.sink.token
    assert len(token) >= 16 and page.sink.url.endswith(f"/?token={token}")
    for query in ("", "?token=", "?token=wrong", f"?token={token}x", f"?token={token[:-1]}"):
        status, body, _ = page.ask("GET", path + query)
        assert status == 403 and b"token" in body and token.encode() not in body
    assert page.ask("GET", f"{path}?token=\u00ff%ff%00".replace("\u00ff", "%C3%BF"))[0] == 403
    page.sink.close()


def test_the_token_opens_the_page_and_its_commands() -> None:
    page = _Page(host="0.0.0.0", token="a&b c")
    assert page.sink.url.endswith("/?token=a%26b%20c")
    query = page.sink.url.rpartition("/")[2]
    assert page.ask("GET", f"/{query}", Host="board.example:8080")[0] == 200
    assert page.ask("POST", "/control", '{"mirrored": true}', **OWN)[0] == 403
    assert not page.controls.mirrored
    assert page.ask("POST", f"/control{query}", '{"mirrored": true}', **OWN)[0] == 200
    assert page.controls.mirrored
    page.sink.close()


def test_an_empty_token_is_none() -> None:
    page = _Page(host="0.0.0.0", token="")
    assert page.sink.token and page.ask("GET", "/?token=")[0] == 403
    page.sink.close()


@pytest.mark.parametrize("path", ["/", "/events", "/picture.jpg"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_another_name_for_this_machine_is_refused(page: _Page, path: str, host: str) -> None:
    assert page.ask("GET", path, Host=host)[0] == 403
    assert page.command({"mirrored": True}, Host=host)[0] == 403
    assert not page.controls.mirrored


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:80", "[::1]"]
)
def test_this_machines_own_names_are_served(page: _Page, host: str) -> None:
    assert page.ask("GET", "/", Host=host)[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_but_not_look(page: _Page, site: str) -> None:
    assert page.ask("GET", "/", Sec_Fetch_Site=site)[0] == 200
    for path in ("/stream.mjpg", "/picture.jpg", "/events"):
        assert page.ask("GET", path, Sec_Fetch_Site=site)[0] == 403
    assert page.command({"mirrored": True}, Sec_Fetch_Site=site)[0] == 403


def test_a_command_needs_the_header_that_other_sites_cannot_send(page: _Page) -> None:
    status, body, _ = page.ask("POST", "/control", '{"mirrored": true}')
    assert status == 403 and b"page itself" in body
    assert not page.controls.mirrored


def _post(path: str, length: object, *more: str) -> str:
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: localhost", *more, f"Content-Length: {length}", "", ""]
    )


def test_a_refused_body_is_never_taken_for_another_request(page: _Page) -> None:
    second = _post("/control", 18, "X-Requested-With: page") + '{"mirrored": true}'
    for path in ("/control", "/nowhere", "/"):
        for length in (len(second), 0, 99999):
            plain = page.connect(_post(path, length) + second)
            plain.shutdown(socket.SHUT_WR)
            assert _read_all(plain).count(b"HTTP/1.1 ") == 1
    assert not page.controls.mirrored


@pytest.mark.parametrize("length", ["4097", "999999999999", "-1", "0", "1_0", "+5", "five", ""])
def test_a_body_has_a_length_and_a_limit(page: _Page, length: str) -> None:
    plain = page.connect(_post("/control", length, "X-Requested-With: page"))
    plain.shutdown(socket.SHUT_WR)
    assert _read_all(plain).startswith(b"HTTP/1.1 413 ")


def test_the_sender_of_too_long_a_body_sees_the_answer(page: _Page) -> None:
    for _ in range(20):
        assert page.command("x" * 30_000)[0] == 413


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "413"),
        ("{", "400 Expecting property name"),
        (b"\xff\xfe\x00", "400 'utf-16"),
        ("[]", "400 command must be an object, got list"),
        ("null", "400 command must be an object"),
        ("{}", "400 command must be one of region, edit, .* got 'none'"),
        ('{"word": "HI"}', "400 command must be one of"),
        ('{"shutdown": 1}', "400 command must be one of .*got 'shutdown'"),
        ('{"mirrored": true, "shutdown": 1}', "400 command must be one of .*got 'shutdown'"),
        ('{"mirrored": 1}', "400 mirrored must be true or false, got '1'"),
        ('{"region": {"x": NaN, "y": 0.5, "side": 1}}', "400 region must be x,y,side"),
        ('{"region": {"x": Infinity, "y": 0.5, "side": 1}}', "400 region must be"),
        ('{"region": {"x": 1e999, "y": 0.5, "side": 1}}', "400 region must be"),
        ('{"region": {"x": ' + "9" * 400 + ', "y": 0.5, "side": 1}}', "400 "),
        ('{"region": {"x": -0.1, "y": 0.5, "side": 1}}', "400 region must be"),
        ('{"region": {"x": 0.5, "y": 0.5, "side": 0.01}}', "400 region must be"),
        ('{"region": {"x": 0.5}}', "400 region must be"),
        ('{"region": {"x": [], "y": {}, "side": null}}', "400 region must be"),
        ('{"region": null}', "400 region must be"),
        ('{"edit": "explode"}', "400 edit must be one of space, delete, clear, word"),
        ('{"edit": {}}', "400 edit must be one of"),
        ('{"edit": "word"}', "400 word must be 1 to 64 letters"),
        ('{"edit": "word", "word": "A\\u001b[2J"}', "400 word must be 1 to 64 letters"),
        ('{"edit": "word", "word": "' + "A" * 65 + '"}', "400 word must be 1 to 64 letters"),
        ('{"settings": []}', "400 settings must be an object"),
        ('{"settings": {"dwell_s": NaN}}', "400 dwell_s must be"),
        ('{"settings": {"dwell_s": Infinity}}', "400 dwell_s must be"),
        ('{"settings": {"dwell_s": "1"}}', "400 dwell_s must be a number"),
        ('{"settings": {"dwell_s": true}}', "400 dwell_s must be a number"),
        ('{"settings": {"agreement": ' + "9" * 400 + "}}", "400 agreement must be"),
        ('{"settings": {"motion": [1]}}', "400 motion must be true or false"),
        ('{"settings": {"check": 1}}', "400 setting must be one of"),
        ('{"settings": {"__class__": 1}}', "400 setting must be one of"),
        ('{"capture": "A"}', "400 nothing is stored; start with --capture FOLDER"),
        ('{"take_back": true}', "400 nothing is stored; start with --capture FOLDER"),
        ('{"take_back": "A"}', "400 take_back must be true"),
    ],
)
def test_bad_commands_are_named_and_change_nothing(
    page: _Page, body: str | bytes, words: str
) -> None:
    before = page.controls.describe()
    status, answer = page.command(body)
    assert re.match(words, f"{status} {answer}"), f"{status} {answer}"
    assert "\n" not in answer.strip() and len(answer) <= 301
    assert page.controls.describe() == before


@pytest.mark.parametrize(
    "shape", ["{}", '{{"edit": {}}}', '{{"settings": {{"motion": {}}}}}', '{{"region": {}}}']
)
def test_deep_nesting_is_a_bad_command(page: _Page, shape: str) -> None:
    for depth in (200, 1900):
        status, _ = page.command(shape.format("[" * depth + "]" * depth))
        assert status == 400
    page.sink.show(_view())  # and what shows the settings is not harmed
    assert page.ask("GET", "/")[0] == 200


def _apply(page: _Page, text: str = "HELLO WORL") -> Speller:
    speller = Speller()
    speller.text = text
    page.controls.apply(speller)
    return speller


def test_the_region_moves_and_no_longer_follows_the_hand(page: _Page) -> None:
    page.controls.find_hand = True
    assert page.command({"region": {"x": 0.25, "y": 0.75, "side": 0.5}})[0] == 200
    assert page.controls.region.describe() == {"x": 0.25, "y": 0.75, "side": 0.5}
    assert not page.controls.find_hand


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ({"edit": "space"}, "HELLO WORL "),
        ({"edit": "delete"}, "HELLO WOR"),
        ({"edit": "clear"}, ""),
        ({"edit": "word", "word": "World"}, "HELLO WORLD "),
    ],
)
def test_the_text_is_edited(page: _Page, command: dict[str, str], text: str) -> None:
    assert page.command(command) == (200, '{"ok": true}')
    assert _apply(page).text == text


def test_settings_change_when_a_letter_counts(page: _Page) -> None:
    changes = {"dwell_s": 1, "min_confidence": 0.8, "space_s": 0, "motion": False}
    assert page.command({"settings": changes})[0] == 200
    assert page.controls.spell == SpellConfig(
        dwell_s=1, min_confidence=0.8, space_s=0, motion=False
    )
    assert _apply(page).config == page.controls.spell


@pytest.mark.parametrize("name", ["find_hand", "left_handed", "mirrored"])
def test_switches(page: _Page, name: str) -> None:
    for value in (True, False):
        assert page.command({name: value})[0] == 200
        assert getattr(page.controls, name) is value


def test_capture_stores_what_is_on_screen(tmp_path: Path) -> None:
    page = _Page(collector=Collector(tmp_path / "crops"))
    status, answer = page.command({"capture": "A"})
    assert status == 400 and re.match("capture .* a frame, got none", answer)
    page.sink.show(_view())
    status, answer = page.command({"capture": "a"})
    done = json.loads(answer)
    assert (status, done["letter"], done["count"]) == (200, "A", 1)
    assert [path.name for path in (tmp_path / "crops" / "A").iterdir()] == [done["stored"]]
    assert str(tmp_path) not in answer  # viewers need not know where
    assert page.command({"capture": "A"})[1].startswith("crop of A must differ")
    page.sink.show(_view(1))
    assert json.loads(page.command({"capture": "A"})[1])["count"] == 2
    assert page.command({"take_back": True}) == (200, '{"ok": true, "letter": "A"}')
    assert len(list((tmp_path / "crops" / "A").iterdir())) == 1
    for letter in ("J", "../A", "AA", ""):
        assert page.command({"capture": letter})[1].startswith("letter must be one of")
    page.sink.close()


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


def test_pictures_come_one_after_the_other(page: _Page) -> None:
    with _running(page), page.get("/stream.mjpg") as plain, plain.makefile("rb") as stream:
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        pictures = _pictures(stream, 4)
        assert all(picture.shape == (480, 640, 3) for picture in pictures)


def test_a_single_picture(page: _Page) -> None:
    with _running(page):
        status, body, headers = page.ask("GET", "/picture.jpg")
    assert status == 200 and headers["content-type"] == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR).shape == (480, 640, 3)


def test_no_picture_is_drawn_while_nobody_looks_nor_an_old_one_shown(
    page: _Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_handler, "_BEAT_S", 0.1)
    with _running(page):
        assert page.ask("GET", "/picture.jpg")[0] == 200
    view = _view()
    page.sink.show(view)
    assert "picture" not in view.memo
    assert page.ask("GET", "/picture.jpg")[0] == 503


def test_large_pictures_are_shown_smaller(page: _Page) -> None:
    page.sink._board.watch(1)
    page.sink.show(_view(size=(1440, 2560)))
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


def test_facts_come_as_events_and_the_end_is_one(page: _Page) -> None:
    with page.get("/events") as plain, plain.makefile("rb") as stream:
        with _running(page):
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
    page: _Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_handler, "_BEAT_S", 0.05)
    with page.get("/events") as plain, plain.makefile("rb") as stream:
        assert _events(stream, 3)[1:] == [("beat", {}), ("beat", {})]


def test_of_a_long_text_viewers_get_the_end(page: _Page) -> None:
    page.sink.show(_view(text="A" * 50_000 + "B"))
    with page.get("/events") as plain, plain.makefile("rb") as stream:
        ((_, facts),) = _events(stream, 1)
    assert facts["text"] == "A" * 3999 + "B" and facts["is_cut"]


def test_too_many_connections_are_refused_and_places_come_back(
    page: _Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "_MOST_CONNECTIONS", 3)
    held = [page.get("/events") for _ in range(3)]
    for plain in held:
        assert plain.recv(15) == b"HTTP/1.1 200 OK"
    for _ in range(20):
        status, body, headers = page.ask("GET", "/")
        assert (status, body) == (503, b"too many look at the page")
        assert int(headers["content-length"]) == len(body)
    held.pop().close()
    with _running(page):
        _wait(lambda: page.ask("GET", "/")[0] == 200)
    for plain in held:
        plain.close()


def test_a_thread_that_cannot_start_costs_no_place(
    page: _Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        assert _read_all(page.get("/")) == b""
    assert page.server._open == {}
    assert page.ask("GET", "/")[0] == 200


def test_a_viewer_that_never_reads_slows_nobody(page: _Page) -> None:
    stalled = page.get("/stream.mjpg", room=4096)
    _wait(lambda: page.sink._board.viewers == 1)
    begin = time.monotonic()
    with _running(page), page.get("/stream.mjpg") as plain, plain.makefile("rb") as stream:
        _pictures(stream, 20)  # some 6 MB: far more than the stalled one's connection holds
        assert page.sink._board.viewers == 2
    for index in range(20):
        page.sink.show(_view(index))
    assert time.monotonic() - begin < PATIENCE_S
    stalled.close()


def test_a_viewer_that_never_reads_is_sent_away(
    page: _Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_handler, "_SEND_S", 0.2)
    stalled = [page.get("/stream.mjpg", room=4096), page.get("/events", room=4096)]
    _wait(lambda: len(page.server._open) == 2)
    long = "A" * 4000  # facts fill a connection more slowly than pictures
    with _running(page):
        _wait(lambda: page.sink._board.viewers == 0)
        while page.server._open:
            page.sink._board.put_facts({"text": long * 20})
            time.sleep(0.005)
    for plain in stalled:
        plain.close()


def test_a_viewer_that_went_away_is_noticed_without_pictures(
    page: _Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_handler, "_BEAT_S", 0.05)
    plain = page.get("/stream.mjpg")
    _wait(lambda: page.sink._board.viewers == 1)
    plain.close()
    _wait(lambda: page.sink._board.viewers == 0)


@pytest.mark.parametrize(
    "half",
    [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: local",
        "POST /control HTTP/1.1\r\nHost: localhost\r\nX-Requested-With: page\r\nContent-Length: 50\r\n\r\n{",
    ],
    ids=["nothing", "line", "header", "body"],
)
def test_half_a_request_is_cut_off(page: _Page, monkeypatch: pytest.MonkeyPatch, half: str) -> None:
    monkeypatch.setattr(web_handler, "_REQUEST_S", 0.2)
    assert _read_all(page.connect(half)) == b""
    _wait(lambda: not page.server._open)


def test_a_request_that_drips_is_cut_off_too(page: _Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_handler, "_REQUEST_S", 0.3)
    plain = page.connect("GET / HTTP/1.1\r\n")
    _wait(lambda: len(page.server._open) == 1)
    begin = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while page.server._open:
            assert time.monotonic() - begin < PATIENCE_S
            plain.sendall(b"X")  # each in time, all together not
            time.sleep(0.02)
    plain.close()


def test_endless_headers_are_cut_off(page: _Page) -> None:
    plain = page.connect("GET / HTTP/1.1\r\n")
    with contextlib.suppress(ConnectionError):
        for number in range(1000):
            plain.sendall(f"X-{number}: {'y' * 1000}\r\n".encode())
        plain.sendall(b"\r\n")
    assert b"200 OK" not in _read_all(plain)


def test_one_connection_serves_many_requests(page: _Page) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=PATIENCE_S)
    for number in range(50):
        connection.request("POST", "/control", json.dumps({"mirrored": number % 2 == 0}), OWN)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"ok": true}')
    assert len(page.server._open) == 1
    connection.close()


def test_a_port_that_is_taken_is_an_error_with_a_remedy(page: _Page) -> None:
    other = WebSink(web.LOCAL, page.port, Controls())
    with pytest.raises(
        OutputError, match=f"got 'Address already in use' .*such as http://:{page.port + 1}"
    ):
        other.open()
    other.close()


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 99_999), ("192.0.2.1", 0), ("no.such.host.invalid", 0)]
)
def test_an_address_that_cannot_be_used(host: str, port: int) -> None:
    sink = WebSink(host, port, Controls())
    with pytest.raises(OutputError, match="page must get a free address and port"):
        sink.open()
    sink.close()


def test_after_the_end_nothing_is_left() -> None:
    before = set(threading.enumerate())
    page = _Page()
    viewers = [page.get(path) for path in ("/stream.mjpg", "/events", "/", "/stream.mjpg")]
    viewers += [page.connect("GET / HT"), page.connect(), page.get("/stream.mjpg", room=4096)]
    _wait(lambda: len(page.server._open) == len(viewers))
    for index in range(10):
        page.sink.show(_view(index))
        time.sleep(0.03)
    page.sink.close()
    for plain in viewers:
        _read_all(plain)  # ends
        plain.close()
    _wait(lambda: set(threading.enumerate()) <= before)
    with socket.socket() as late, pytest.raises(ConnectionRefusedError):
        late.connect(("127.0.0.1", page.port))
    page.sink.close()  # twice is once
    again = WebSink(web.LOCAL, page.port, Controls())
    again.open()  # the port is free at once
    again.close()


def test_a_run_that_ends_at_once_ends(page: _Page) -> None:
    for _ in range(5):
        served = _Page()
        served.sink.close()
