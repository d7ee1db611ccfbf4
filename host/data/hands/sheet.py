"""A contact sheet of the alphabet, rendered: every letter beside its name, to look at."""

from __future__ import annotations

import numpy as np

from host.data.hands.backgrounds import make_background
from host.data.hands.colours import linear, to_bytes
from host.data.hands.hand import composite, draw
from host.data.hands.letters import STATIC
from host.data.hands.motion import MOVING, Span, plan, state_at
from host.data.hands.scene import Variety, draw_look, draw_posture, place_hand, reached
from host.data.hands.signer import Signer, make_signer
from target.opencv import cv2
from target.text.labels import ALPHABET

_TILE, _LABEL = 176, 30
_COLUMNS = 7
_DETAIL = 2
_CHART = Variety(joint_deg=0.0, turn=0.0, between=0.0, variants=None, mirrored_sense=0.0, poses=1)
_MARGIN = 1.25


def make_sheet(signer: int, seed: int, varied: bool) -> np.ndarray:
    """Return the alphabet, uint8 (h, w, 3) BGR: A-Z, J and Z as movements.

    Args:
        signer: Seed of the signer.
        seed: Of light and background, and where varied of the postures.
        varied: Different poses, light and backgrounds; else a plain chart.
    """
    who = make_signer(signer, left=None if varied else False)  # printed charts show right hands
    tiles = [_tile(letter, who, seed, varied) for letter in ALPHABET]
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    return np.vstack(rows)


def _tile(letter: str, signer: Signer, seed: int, varied: bool) -> np.ndarray:
    generator = np.random.default_rng([seed, 8, ord(letter) if varied else 0])
    side = _TILE * _DETAIL
    wall = (
        make_background(generator, side, side) if varied else np.empty((side, side, 3), np.float32)
    )
    if not varied:
        wall[:] = linear("d9dde2")
    look = draw_look(signer, generator)
    if letter in STATIC:
        variety = Variety() if varied else _CHART
        posture = draw_posture(letter, signer, variety, generator)
        angles, turn, wrist = reached(posture, signer), posture.turn, posture.wrist
        mirrored, places = posture.mirrored, []
    else:
        span = _movement(letter, signer, generator)
        moments = [
            state_at(span, span.start_s + share * (span.end_s - span.start_s), signer)
            for share in np.linspace(0, 1, 15)
        ]
        last = moments[-1]
        angles, turn, wrist, mirrored = last.angles, last.turn, last.wrist, signer.left
        places = [moment.middle - last.middle for moment in moments]
    placed = place_hand(angles, turn, wrist, signer, (9.0, 0.6, mirrored))
    left, top, right, bottom = placed.box()
    room = 0.6 if letter in MOVING else 0.0
    unit = side / (_MARGIN * max(right - left, bottom - top) + room)
    origin = (side / 2 - unit * (left + right) / 2, side / 2 - unit * (top + bottom) / 2)
    drawn = draw(placed, look, origin, unit, (side, side))
    composite(drawn, wall)
    picture = to_bytes(wall)
    if places:
        tip = placed.points[20 if letter == "J" else 8, :2]
        path = np.array([tip + (p[0], -p[1]) for p in places]) * unit + origin
        cv2.polylines(picture, [path.astype(np.int32)], False, (40, 40, 220), 6, cv2.LINE_AA)
        start = tuple(int(v) for v in path[0])
        cv2.circle(picture, start, 10, (40, 40, 220), -1, cv2.LINE_AA)
    small = cv2.resize(picture, (_TILE, _TILE), interpolation=cv2.INTER_AREA)
    label = np.full((_LABEL, _TILE, 3), 255, dtype=np.uint8)
    cv2.putText(label, letter, (_TILE // 2 - 9, 23), 0, 0.8, (30, 30, 30), 2, cv2.LINE_AA)
    tile = np.vstack([label, small])
    return np.asarray(cv2.copyMakeBorder(tile, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255,) * 3))


def _movement(letter: str, signer: Signer, generator: np.random.Generator) -> Span:
    return next(span for span in plan(letter, signer, 1.0, generator) if span.letter == letter)
