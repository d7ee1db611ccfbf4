from __future__ import annotations

import pytest

from host.data.hands.uri import REAL, VIRTUAL, HandsUri, parse_uri
from target.errors import SourceError


def test_everything_has_a_default() -> None:
    assert parse_uri("hands://hello") == HandsUri("HELLO")


def test_everything_can_be_said() -> None:
    uri = "hands://HI?fps=15&size=320x240&signer=10042&hold=0.5&clock=real&seed=9&repeat=0&background=face&timecode=off"
    expected = HandsUri("HI", 15.0, 320, 240, 10042, 0.5, REAL, 9, 0, "face", False)
    assert parse_uri(uri) == expected


@pytest.mark.parametrize("text", ["GOOD DAY", "good%20day", "Good+Day", " good  day ", "good day/"])
def test_words(text: str) -> None:
    assert parse_uri(f"hands://{text}").text == "GOOD DAY"


def test_the_default_clock_is_the_caller_s() -> None:
    assert parse_uri("hands://A", REAL).clock == REAL
    assert parse_uri("hands://A?clock=virtual", REAL).clock == VIRTUAL


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("hands://", "text must be 1 to 10000 letters A-Z and spaces, got 0 characters"),
        ("hands://?fps=3", "got 0 characters"),
        ("hands://A1!", "got '!1'"),
        ("hands://Ä", "got 'Ä'"),
        ("hands://" + "A" * 10_001, "got 10001 characters"),
        ("hands://A?fps=0", "fps must be a number 1 to 240, got '0'"),
        ("hands://A?fps=nan", "fps must be a number 1 to 240, got 'nan'"),
        ("hands://A?fps=", "fps must be a number 1 to 240, got ''"),
        ("hands://A?size=640", "height must be a whole number 64 to 4096, got ''"),
        ("hands://A?size=10x640", "width must be a whole number 64 to 4096, got '10'"),
        ("hands://A?size=9999x640", "width must be a whole number 64 to 4096"),
        ("hands://A?signer=-1", "signer must be a whole number 0 to"),
        ("hands://A?signer=1.5", "signer must be a whole number"),
        ("hands://A?clock=slow", "clock must be virtual or real, got 'slow'"),
        ("hands://A?background=sky", "background must be one of calm, any, wall.*got 'sky'"),
        ("hands://A?timecode=1", "timecode must be on or off, got '1'"),
        ("hands://A?speed=3", "option must be one of those of hands://TEXT.*got 'speed'"),
        ("hands://A?hold=inf", "hold must be a number 0.1 to 60"),
    ],
)
def test_faults_are_named(uri: str, fault: str) -> None:
    with pytest.raises(SourceError, match=fault):
        parse_uri(uri)
