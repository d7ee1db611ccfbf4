"""Who may connect to the page's server and what it answers: plain sockets, no browser."""

from __future__ import annotations

import re

import numpy as np
import pytest

from target.opencv import cv2
from tests.target.show.served_page import OWN, Page, read_all


def test_the_page_is_served_with_its_own_script_alone(page: Page) -> None:
    status, body, headers = page.ask("GET", "/")
    assert status == 200 and b"Sign alphabet" in body
    assert headers["content-type"].startswith("text/html")
    assert headers["referrer-policy"] == "no-referrer"  # a token in the address stays here
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert re.search(r"script-src 'sha256-[^']+';", policy)
    assert b" onclick=" not in body and b"http://" not in body and b"https://" not in body


def test_the_chart_is_a_picture(page: Page) -> None:
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
def test_unknown_paths_reach_nothing(page: Page, path: str) -> None:
    plain = page.connect()
    plain.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1"))
    answer = read_all(plain)
    assert answer.startswith(b"HTTP/1.1 404 ") and answer.endswith(b"\r\n\r\nno such page\n")


@pytest.mark.parametrize("path", ["http://[", "/?" + "&".join(["a=1"] * 50)])
def test_addresses_that_are_none(page: Page, path: str) -> None:
    assert read_all(page.get(path)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "NONSENSE"])
def test_other_methods_are_refused_and_their_connection_ends(page: Page, method: str) -> None:
    plain = page.connect(f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = read_all(plain)
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert b"Access-Control-Allow" not in answer  # a preflight of another site fails


@pytest.mark.parametrize(
    "path", ["/", "/stream.mjpg", "/picture.jpg", "/events", "/alphabet.jpg", "/nowhere"]
)
def test_everything_needs_the_token_where_others_can_connect(path: str) -> None:
    page = Page(host="0.0.0.0")
    token = page.sink.token
    assert len(token) >= 16 and page.sink.url.endswith(f"/?token={token}")
    for query in ("", "?token=", "?token=wrong", f"?token={token}x", f"?token={token[:-1]}"):
        status, body, _ = page.ask("GET", path + query)
        assert status == 403 and b"token" in body and token.encode() not in body
    assert page.ask("GET", f"{path}?token=\u00ff%ff%00".replace("\u00ff", "%C3%BF"))[0] == 403
    page.sink.close()


def test_the_token_opens_the_page_and_its_commands() -> None:
    page = Page(host="0.0.0.0", token="a&b c")
    assert page.sink.url.endswith("/?token=a%26b%20c")
    query = page.sink.url.rpartition("/")[2]
    assert page.ask("GET", f"/{query}", Host="board.example:8080")[0] == 200
    assert page.ask("POST", "/control", '{"mirrored": true}', **OWN)[0] == 403
    assert not page.controls.mirrored
    assert page.ask("POST", f"/control{query}", '{"mirrored": true}', **OWN)[0] == 200
    assert page.controls.mirrored
    page.sink.close()


def test_an_empty_token_is_none() -> None:
    page = Page(host="0.0.0.0", token="")
    assert page.sink.token and page.ask("GET", "/?token=")[0] == 403
    page.sink.close()


@pytest.mark.parametrize("path", ["/", "/events", "/picture.jpg"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_another_name_for_this_machine_is_refused(page: Page, path: str, host: str) -> None:
    assert page.ask("GET", path, Host=host)[0] == 403
    assert page.command({"mirrored": True}, Host=host)[0] == 403
    assert not page.controls.mirrored


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:80", "[::1]"]
)
def test_this_machines_own_names_are_served(page: Page, host: str) -> None:
    assert page.ask("GET", "/", Host=host)[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_but_not_look(page: Page, site: str) -> None:
    assert page.ask("GET", "/", Sec_Fetch_Site=site)[0] == 200
    for path in ("/stream.mjpg", "/picture.jpg", "/events"):
        assert page.ask("GET", path, Sec_Fetch_Site=site)[0] == 403
    assert page.command({"mirrored": True}, Sec_Fetch_Site=site)[0] == 403


def test_a_command_needs_the_header_that_other_sites_cannot_send(page: Page) -> None:
    status, body, _ = page.ask("POST", "/control", '{"mirrored": true}')
    assert status == 403 and b"page itself" in body
    assert not page.controls.mirrored
