"""Commands to the page's server, good and bad: what they change, and what changes nothing."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from target.show.capture import Collector
from target.text.speller import SpellConfig, Speller
from tests.target.show.served_page import Page, make_view, read_all


def _post(path: str, length: object, *more: str) -> str:
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: localhost", *more, f"Content-Length: {length}", "", ""]
    )


def test_a_refused_body_is_never_taken_for_another_request(page: Page) -> None:
    second = _post("/control", 18, "X-Requested-With: page") + '{"mirrored": true}'
    for path in ("/control", "/nowhere", "/"):
        for length in (len(second), 0, 99999):
            plain = page.connect(_post(path, length) + second)
            plain.shutdown(socket.SHUT_WR)
            assert read_all(plain).count(b"HTTP/1.1 ") == 1
    assert not page.controls.mirrored


@pytest.mark.parametrize("length", ["4097", "999999999999", "-1", "0", "1_0", "+5", "five", ""])
def test_a_body_has_a_length_and_a_limit(page: Page, length: str) -> None:
    plain = page.connect(_post("/control", length, "X-Requested-With: page"))
    plain.shutdown(socket.SHUT_WR)
    assert read_all(plain).startswith(b"HTTP/1.1 413 ")


def test_the_sender_of_too_long_a_body_sees_the_answer(page: Page) -> None:
    for _ in range(20):
        assert page.command("x" * 30_000)[0] == 413


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "413"),
        ("{", "400 Expecting property name"),
        (b"\xff\xfe\x00", "400 'utf-16"),
        ("[]", "400 command must be an object, got list"),
        ('{"\\ud800": 1}', r"400 command must be one of .*got '.ud800'"),
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
    page: Page, body: str | bytes, words: str
) -> None:
    before = page.controls.describe()
    status, answer = page.command(body)
    assert re.match(words, f"{status} {answer}"), f"{status} {answer}"
    assert "\n" not in answer.strip() and len(answer) <= 301
    assert page.controls.describe() == before


@pytest.mark.parametrize(
    "shape", ["{}", '{{"edit": {}}}', '{{"settings": {{"motion": {}}}}}', '{{"region": {}}}']
)
def test_deep_nesting_is_a_bad_command(page: Page, shape: str) -> None:
    for depth in (200, 1900):
        status, _ = page.command(shape.format("[" * depth + "]" * depth))
        assert status == 400
    page.sink.show(make_view())  # and what shows the settings is not harmed
    assert page.ask("GET", "/")[0] == 200


def _apply(page: Page, text: str = "HELLO WORL") -> Speller:
    speller = Speller()
    speller.text = text
    page.controls.apply(speller)
    return speller


def test_the_region_moves_and_no_longer_follows_the_hand(page: Page) -> None:
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
def test_the_text_is_edited(page: Page, command: dict[str, str], text: str) -> None:
    assert page.command(command) == (200, '{"ok": true}')
    assert _apply(page).text == text


def test_settings_change_when_a_letter_counts(page: Page) -> None:
    changes = {"dwell_s": 1, "min_confidence": 0.8, "space_s": 0, "motion": False}
    assert page.command({"settings": changes})[0] == 200
    assert page.controls.spell == SpellConfig(
        dwell_s=1, min_confidence=0.8, space_s=0, motion=False
    )
    assert _apply(page).config == page.controls.spell


@pytest.mark.parametrize("name", ["find_hand", "left_handed", "mirrored"])
def test_switches(page: Page, name: str) -> None:
    for value in (True, False):
        assert page.command({name: value})[0] == 200
        assert getattr(page.controls, name) is value


def test_capture_stores_what_is_on_screen(tmp_path: Path) -> None:
    page = Page(collector=Collector(tmp_path / "crops"))
    status, answer = page.command({"capture": "A"})
    assert status == 400 and re.match("capture .* a frame, got none", answer)
    page.sink.show(make_view())
    status, answer = page.command({"capture": "a"})
    done = json.loads(answer)
    assert (status, done["letter"], done["count"]) == (200, "A", 1)
    assert [path.name for path in (tmp_path / "crops" / "A").iterdir()] == [done["stored"]]
    assert str(tmp_path) not in answer  # viewers need not know where
    assert page.command({"capture": "A"})[1].startswith("crop of A must differ")
    page.sink.show(make_view(1))
    assert json.loads(page.command({"capture": "A"})[1])["count"] == 2
    assert page.command({"take_back": True}) == (200, '{"ok": true, "letter": "A"}')
    assert len(list((tmp_path / "crops" / "A").iterdir())) == 1
    for letter in ("J", "../A", "AA", ""):
        assert page.command({"capture": letter})[1].startswith("letter must be one of")
    page.sink.close()
