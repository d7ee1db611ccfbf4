"""Draws onto a copy of the frame: letter, confidence, runner-up, text, rate, age, latency budget."""

from __future__ import annotations

import time
from typing import Dict, Optional, Tuple

import numpy as np

from target.opencv import cv2
from target.show.base import View
from target.text.speller import LETTER, MOVING, NOTHING

_FONT = 0  # cv2.FONT_HERSHEY_SIMPLEX, named here so that importing this file needs no cv2
_WHITE = (255, 255, 255)
_DARK = (24, 24, 24)
_ACCENT = (80, 200, 120)
_MUTED = (170, 170, 170)
_ALARM = (60, 60, 235)
_LEAST_WIDTH, _LEAST_HEIGHT = 480, 240
_MOST_SIDE = 3840  # beyond it a picture is shrunk: codecs and memory have limits
_OLD_MS = 250.0  # a picture this old is called so
_SHORT = {"preprocess": "prepare", "infer": "network", "postprocess": "letter", "copy_in": "in"}
_LEAST_SHOWN_MS = 0.05
_MOST_TEXT = 400  # characters of its end: more than a picture of usual shape has room for


def overlaid(view: View) -> np.ndarray:
    """Return the frame with its results, uint8 (h, w, 3) BGR; drawn once, whoever asks. Not to be changed."""
    with view.lock:
        if "picture" not in view.memo:
            view.memo["picture"] = draw_overlay(view)
        return np.asarray(view.memo["picture"])


def draw_overlay(view: View) -> np.ndarray:
    """Draw it; small frames are enlarged first, and before the first frame there is a dark one."""
    frame = view.frame.image if view.frame is not None else np.full((480, 640, 3), 32, np.uint8)
    if view.mirrored:
        frame = cv2.flip(frame, 1)
    image, scale = _canvas(frame)
    unit = max(56, image.shape[0] // 8) / 56
    bar = int(56 * unit)
    _box(image, view, scale, frame.shape[1])
    _shade(image, 0, bar)
    _shade(image, image.shape[0] - bar, image.shape[0])
    _answer(image, view, unit)
    _facts(image, view, unit)
    _text(image, view, unit)
    _seen(image, view, unit, bar)
    if view.trouble:
        _notice(image, view.trouble, unit)
    return image


def _box(image: np.ndarray, view: View, scale: float, width: int) -> None:
    top, left, side = view.square
    if not side:
        return
    left = width - left - side if view.mirrored else left
    top, left, side = (round(value * scale) for value in (top, left, side))
    is_letter = view.spelling.state == LETTER
    cv2.rectangle(
        image, (left, top), (left + side - 1, top + side - 1), _ACCENT if is_letter else _MUTED, 2
    )
    # How near the letter is to counting: the lower edge fills.
    done = round(view.spelling.progress * (side - 1))
    if done:
        cv2.line(image, (left, top + side - 1), (left + done, top + side - 1), _ACCENT, 6)


def _answer(image: np.ndarray, view: View, unit: float) -> None:
    prediction, state = view.prediction, view.spelling.state
    if prediction is None or state in (NOTHING, MOVING):
        _write(image, "-", (int(14 * unit), int(44 * unit)), 1.6 * unit, _MUTED, 3)
        words = {NOTHING: "no hand", MOVING: "hand is moving"}.get(state, "")
        _write(image, words, (int(64 * unit), int(24 * unit)), 0.6 * unit, _MUTED)
        return
    colour = _ACCENT if state == LETTER else _MUTED
    _write(image, prediction.letter, (int(12 * unit), int(44 * unit)), 1.6 * unit, colour, 3)
    second = ""
    if prediction.runner_up is not None:
        second = f"   then {prediction.runner_up} {prediction.runner_up_confidence:.0%}"
    sure = "" if state == LETTER else "   not sure"
    line = f"{prediction.confidence:.0%}{second}{sure}"
    _write(image, line, (int(64 * unit), int(24 * unit)), 0.6 * unit)


def _facts(image: np.ndarray, view: View, unit: float) -> None:
    """Write rate, age and losses, and where the milliseconds from the capture went."""
    age = view.age_ms(time.perf_counter()) if view.live else 0.0
    parts = [f"{view.fps:.0f} fps", f"dropped {view.dropped}", view.source]
    if view.live and view.frame is not None:
        parts.insert(1, f"age {age:.0f} ms")
    colour = _ALARM if age > _OLD_MS else _WHITE
    _write(image, "   ".join(parts), (int(64 * unit), int(47 * unit)), 0.45 * unit, colour)
    budget = _budget(view.stages_ms)
    if budget is not None:
        line = image.shape[0] - int(6 * unit)
        _write(image, budget, (int(12 * unit), line), 0.36 * unit, _MUTED)


def _budget(stages_ms: Dict[str, float]) -> Optional[str]:
    if not stages_ms:
        return None
    shown = [
        f"{_SHORT.get(name, name)} {value:.1f}"
        for name, value in stages_ms.items()
        if value >= _LEAST_SHOWN_MS
    ]
    return f"{' + '.join(shown)} = {sum(stages_ms.values()):.1f} ms"


def _text(image: np.ndarray, view: View, unit: float) -> None:
    size, line = 0.9 * unit, image.shape[0] - int(24 * unit)
    room = image.shape[1] - int(24 * unit)
    text = f"{view.text[-_MOST_TEXT:]}_"
    first, last = 0, len(text) - 1
    while first < last:  # the longest ending that fits
        middle = (first + last) // 2
        if _width(text[middle:], size, 2) > room:
            first = middle + 1
        else:
            last = middle
    text = text[first:]
    _write(image, text, (int(12 * unit), line), size, _WHITE, 2)
    if view.suggestions:
        left = int(12 * unit) + _width(text, size, 2) + int(20 * unit)
        hint = f"{' / '.join(view.suggestions)} ?"
        if left + _width(hint, 0.5 * unit, 1) < image.shape[1]:
            _write(image, hint, (left, line), 0.5 * unit, _MUTED)


def _seen(image: np.ndarray, view: View, unit: float, bar: int) -> None:
    """Show what the network sees, in the upper right corner below the bar."""
    gray = view.steady_gray()
    if gray is None:
        return
    side = int(84 * unit)
    margin = int(6 * unit)
    top, left = bar + margin, image.shape[1] - side - margin
    if top + side > image.shape[0] - bar or left < 0:
        return
    seen = cv2.resize(gray, (side, side), interpolation=cv2.INTER_NEAREST)
    image[top : top + side, left : left + side] = seen[:, :, None]
    cv2.rectangle(image, (left - 1, top - 1), (left + side, top + side), _MUTED, 1)


def _notice(image: np.ndarray, words: str, unit: float) -> None:
    middle = image.shape[0] // 2
    _shade(image, middle - int(22 * unit), middle + int(18 * unit))
    size = 0.6 * unit
    while size > 0.3 and _width(words, size, 1) > image.shape[1] - 20:
        size *= 0.9
    left = max((image.shape[1] - _width(words, size, 1)) // 2, 4)
    _write(image, words, (left, middle + int(6 * unit)), size, _ALARM, 1)


def drawn_size(height: int, width: int) -> Tuple[int, int, float]:
    """Return height and width of the drawn picture of a frame, and its pixels for one of the frame's."""
    scale = max(1.0, float(-(-_LEAST_WIDTH // width)))
    scale = min(scale, _MOST_SIDE / max(height, width))
    tall, wide = max(round(height * scale), 1), max(round(width * scale), 1)
    return max(tall, _LEAST_HEIGHT), max(wide, _LEAST_WIDTH), scale


def _canvas(image: np.ndarray) -> Tuple[np.ndarray, float]:
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    height, width = image.shape[:2]
    tall, wide, scale = drawn_size(height, width)
    if (tall, wide) == (height, width):
        return image.copy(), 1.0
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    drawn = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    right, below = wide - size[0], tall - size[1]
    if right or below:  # a narrow or flat picture: room for the text beside or under it
        drawn = cv2.copyMakeBorder(drawn, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return drawn, scale


def _shade(image: np.ndarray, top: int, bottom: int) -> None:
    """Darken rows top..bottom so that white text is legible on any picture."""
    rows = image[max(top, 0) : bottom]
    cv2.addWeighted(rows, 0.35, np.full_like(rows, _DARK[0]), 0.65, 0, dst=rows)


def _width(text: str, size: float, thickness: int) -> int:
    return int(cv2.getTextSize(text, _FONT, size, thickness)[0][0])


def _write(
    image: np.ndarray,
    text: str,
    place: Tuple[int, int],
    size: float,
    colour: Tuple[int, int, int] = _WHITE,
    thickness: int = 1,
) -> None:
    cv2.putText(image, text, place, _FONT, size, colour, thickness, cv2.LINE_AA)
