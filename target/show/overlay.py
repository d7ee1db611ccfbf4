"""Draws letter, confidence, runner-up, text, frame rate and latency onto a copy of the frame."""

from __future__ import annotations

import numpy as np

from target.opencv import cv2
from target.show.base import View

_FONT = 0  # cv2.FONT_HERSHEY_SIMPLEX, named here so that importing this file needs no cv2
_WHITE = (255, 255, 255)
_DARK = (24, 24, 24)
_ACCENT = (80, 200, 120)
_LEAST_WIDTH, _LEAST_HEIGHT = 480, 160
_MOST_SIDE = 3840  # beyond it a picture is shrunk: codecs and memory have limits


def draw_overlay(view: View) -> np.ndarray:
    """Return the frame with its results, uint8 (h, w, 3) BGR; small frames are enlarged first.

    Args:
        view: A processed frame.
    """
    image, scale = _canvas(view.frame.image)
    top, left, side = (round(value * scale) for value in view.square)
    cv2.rectangle(image, (left, top), (left + side - 1, top + side - 1), _ACCENT, 2)
    prediction = view.prediction
    bar = max(56, image.shape[0] // 8)
    _shade(image, 0, bar)
    _shade(image, image.shape[0] - bar, image.shape[0])
    unit = bar / 56
    _write(image, prediction.letter, (12, int(44 * unit)), 1.6 * unit, _ACCENT, 3)
    second = ""
    if prediction.runner_up is not None:
        second = f"   then {prediction.runner_up} {prediction.runner_up_confidence:.0%}"
    _write(
        image, f"{prediction.confidence:.0%}{second}", (int(64 * unit), int(24 * unit)), 0.6 * unit
    )
    facts = (
        f"{view.fps:.0f} fps   {view.latency_ms:.1f} ms   dropped {view.dropped}   {view.source}"
    )
    _write(image, facts, (int(64 * unit), int(47 * unit)), 0.45 * unit)
    text = view.text[-40:] or "-"
    _write(image, text, (12, image.shape[0] - int(18 * unit)), 0.9 * unit, _WHITE, 2)
    return image


def _canvas(image: np.ndarray) -> tuple[np.ndarray, float]:
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    height, width = image.shape[:2]
    scale = max(1.0, float(-(-_LEAST_WIDTH // width)))
    scale = min(scale, _MOST_SIDE / max(height, width))
    if scale == 1.0:
        return image.copy(), 1.0
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    drawn = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    right, below = max(_LEAST_WIDTH - size[0], 0), max(_LEAST_HEIGHT - size[1], 0)
    if right or below:  # a narrow or flat picture: room for the text beside or under it
        drawn = cv2.copyMakeBorder(drawn, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return drawn, scale


def _shade(image: np.ndarray, top: int, bottom: int) -> None:
    """Darken rows top..bottom so that white text is legible on any picture."""
    rows = image[top:bottom]
    cv2.addWeighted(rows, 0.35, np.full_like(rows, _DARK[0]), 0.65, 0, dst=rows)


def _write(
    image: np.ndarray,
    text: str,
    place: tuple[int, int],
    size: float,
    colour: tuple[int, int, int] = _WHITE,
    thickness: int = 1,
) -> None:
    cv2.putText(image, text, place, _FONT, size, colour, thickness, cv2.LINE_AA)
