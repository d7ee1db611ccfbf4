"""hands://TEXT?fps=30&size=640x480&signer=10011...: what a rendered camera is asked for."""

from __future__ import annotations

import dataclasses
import string
from typing import Any
from urllib.parse import parse_qsl, unquote

from host.data.hands.backgrounds import CALM, KINDS
from host.data.hands.signer import FIRST_HELD_OUT
from target.errors import SourceError

SCHEME = "hands://"
FORM = "hands://TEXT?fps=30&size=640x480&signer=10011&hold=1.0&clock=virtual|real&seed=1&repeat=1&background=calm&timecode=on"
BACKGROUNDS = {"calm": CALM, "any": KINDS, **{kind: (kind,) for kind in KINDS}}
VIRTUAL, REAL = "virtual", "real"
_SMALLEST, _LARGEST = 64, 4096
_LONGEST_TEXT = 10_000


@dataclasses.dataclass(frozen=True)
class HandsUri:
    """A rendered camera.

    Attributes:
        text: Letters A-Z and spaces.
        fps: Frames a second.
        width: Of a frame, pixels.
        height: Of a frame, pixels.
        signer: Seed of the signer; from 10000 on nobody was trained on.
        hold: Seconds a letter is held.
        clock: VIRTUAL: frames come as fast as they are taken, on the renderer's own time; REAL: at
            their time, and late ones are lost.
        seed: Of the motion, light and background.
        repeat: How often the text is signed; 0 for ever.
        background: A kind of backgrounds.KINDS, `calm` for one of the quieter ones, `any`.
        timecode: Whether a time code is drawn.
    """

    text: str
    fps: float = 30.0
    width: int = 640
    height: int = 480
    signer: int = FIRST_HELD_OUT + 11
    hold: float = 1.0
    clock: str = VIRTUAL
    seed: int = 1
    repeat: int = 1
    background: str = "calm"
    timecode: bool = True


def parse_uri(uri: str, default_clock: str = VIRTUAL) -> HandsUri:
    """Read a hands:// URI.

    Args:
        uri: As the user wrote it; the text in either case, spaces as they are, or as %20 or +.
        default_clock: Where it does not say.

    Raises:
        SourceError: If a part of it is not what it must be.
    """
    rest = uri[len(SCHEME) :] if uri.startswith(SCHEME) else uri
    text, _, query = rest.partition("?")
    text = " ".join(unquote(text.replace("+", " ")).rstrip("/").upper().split())
    wrong = sorted(set(text) - set(string.ascii_uppercase + " "))
    if not text or wrong or len(text) > _LONGEST_TEXT:
        got = f"'{''.join(wrong)[:20]}'" if wrong else f"{len(text)} characters"
        rule = f"1 to {_LONGEST_TEXT} letters A-Z and spaces"
        raise SourceError(f"text must be {rule}, got {got} in {uri[:80]}; {FORM}")
    wanted = HandsUri(text, clock=default_clock)
    for name, value in parse_qsl(query, keep_blank_values=True):
        wanted = _set(wanted, name, value, uri)
    return wanted


def _set(wanted: HandsUri, name: str, value: str, uri: str) -> HandsUri:
    if name == "fps":
        return dataclasses.replace(wanted, fps=_number(name, value, 1.0, 240.0, uri))
    if name == "hold":
        return dataclasses.replace(wanted, hold=_number(name, value, 0.1, 60.0, uri))
    if name in ("signer", "seed", "repeat"):
        number: Any = int(_number(name, value, 0, 2**31 - 1, uri, whole=True))
        return dataclasses.replace(wanted, **{name: number})
    if name == "size":
        width, _, height = value.partition("x")
        return dataclasses.replace(
            wanted,
            width=int(_number("width", width, _SMALLEST, _LARGEST, uri, whole=True)),
            height=int(_number("height", height, _SMALLEST, _LARGEST, uri, whole=True)),
        )
    if name == "clock" and value in (VIRTUAL, REAL):
        return dataclasses.replace(wanted, clock=value)
    if name == "timecode" and value in ("on", "off"):
        return dataclasses.replace(wanted, timecode=value == "on")
    if name == "background" and value in BACKGROUNDS:
        return dataclasses.replace(wanted, background=value)
    if name == "background":
        known = ", ".join(BACKGROUNDS)
        raise SourceError(f"background must be one of {known}, got '{value}' in {uri}")
    if name in ("clock", "timecode"):
        choices = "virtual or real" if name == "clock" else "on or off"
        raise SourceError(f"{name} must be {choices}, got '{value}' in {uri}")
    raise SourceError(f"option must be one of those of {FORM}, got '{name}' in {uri}")


def _number(
    name: str, value: str, least: float, most: float, uri: str, whole: bool = False
) -> float:
    try:
        number = float(int(value)) if whole else float(value)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        kind = "a whole number" if whole else "a number"
        raise SourceError(f"{name} must be {kind} {least:g} to {most:g}, got '{value}' in {uri}")
    return number
