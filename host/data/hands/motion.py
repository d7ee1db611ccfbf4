"""What a signer does over time: comes in, holds each letter, goes from one to the next, leaves.

J and Z are movements: the hand of an I, or of a pointing index finger, follows a path. A space takes the
hand out of the picture and back; a doubled letter is moved aside between its two holds.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.hands.scene import Variety, draw_posture, place_hand, reached
from host.data.hands.signer import Signer
from host.data.hands.skeleton import ABD, ANGLES

AWAY, ENTER, HOLD, MOVE, CHANGE, LEAVE = "away", "enter", "hold", "move", "change", "leave"
MOVING = {"J": "I", "Z": "D"}  # the still letter whose hand makes the movement
_MOVE_S = 1.1
_CHANGE_S = 0.35
_PASS_S = 0.6  # coming in, leaving
_AWAY_S = 0.4
_SLIDE = 0.35  # units that a doubled letter is moved
_OUTSIDE = 3.2  # units below the middle: out of the picture
# Somebody who signs clearly, for somebody who learns to read: the most typical pose of each letter.
_HELD = Variety(joint_deg=2.0, turn=0.3, between=0.0, variants=None, mirrored_sense=0.0, poses=1)
# Paths in units, right and up in the picture, as somebody who looks at the signer sees them. Assumed.
_PATHS = {
    "J": np.array(
        [(0.0, 0.25), (0.0, 0.0), (0.0, -0.25), (0.10, -0.42), (0.30, -0.45), (0.42, -0.25)]
    ),
    "Z": np.array([(0.35, 0.3), (-0.35, 0.3), (0.35, -0.3), (-0.35, -0.3)]),
}
_ROLL = {"J": 25.0, "Z": 0.0}  # degrees, by the end of the path
_TREMOR_DEG, _TREMOR = 1.2, 0.012
_FAR = 9.0  # distance of the camera, units
_OPEN = 2.1  # size of an open hand, units


@dataclasses.dataclass(frozen=True)
class Span:
    """A part of what a signer does.

    Attributes:
        kind: AWAY, ENTER, HOLD, MOVE, CHANGE or LEAVE.
        letter: What is signed in a HOLD or MOVE, else None.
        start_s: When it begins.
        end_s: When the next begins.
        before: How the hand is held at the beginning.
        after: At the end.
    """

    kind: str
    letter: str | None
    start_s: float
    end_s: float
    before: State
    after: State


@dataclasses.dataclass(frozen=True)
class State:
    """A hand at one moment: thumb already where it reaches.

    Attributes:
        angles: float64 (21,), radians.
        turn: float64 (3,), degrees.
        wrist: float64 (2,), degrees.
        middle: float64 (2,): of the wrist off the picture's middle, right and up, units.
        scale: Size of the hand on the picture, relative.
    """

    angles: np.ndarray
    turn: np.ndarray
    wrist: np.ndarray
    middle: np.ndarray
    scale: float

    def moved(self, right: float, up: float) -> State:
        """Return the same hand elsewhere."""
        return dataclasses.replace(self, middle=self.middle + (right, up))


def between(a: State, b: State, share: float) -> State:
    """Return the state a share of the way from a to b; turns go the shorter way round."""
    ease = share * share * (3 - 2 * share)
    turn = (b.turn - a.turn + 180) % 360 - 180
    return State(
        a.angles + ease * (b.angles - a.angles),
        a.turn + ease * turn,
        a.wrist + ease * (b.wrist - a.wrist),
        a.middle + ease * (b.middle - a.middle),
        a.scale + ease * (b.scale - a.scale),
    )


def plan(text: str, signer: Signer, hold_s: float, generator: np.random.Generator) -> list[Span]:
    """Return what a signer does to spell a text, beginning and ending out of the picture.

    Args:
        text: Letters A-Z and spaces, at least one letter.
        signer: Who.
        hold_s: How long a letter is held, seconds.
        generator: Source of all draws.
    """
    spans: list[Span] = []

    def add(kind: str, letter: str | None, seconds: float, before: State, after: State) -> None:
        start = spans[-1].end_s if spans else 0.0
        spans.append(Span(kind, letter, start, start + seconds, before, after))

    for word in text.split():
        states = [_start_of(letter, signer, generator) for letter in word]
        relaxed = _relaxed(states[0])
        outside = relaxed.moved(0.0, -_OUTSIDE)
        add(AWAY, None, _AWAY_S, outside, outside)
        add(ENTER, None, _PASS_S, outside, states[0])
        slide = -_SLIDE
        for i, (letter, state) in enumerate(zip(word, states)):
            if i:
                last = spans[-1].after
                if word[i - 1] == letter and letter not in MOVING:
                    slide = -slide
                    aside = last.moved(slide, 0.0)
                    add(CHANGE, None, _CHANGE_S, last, aside)
                    state = dataclasses.replace(last, middle=aside.middle)
                else:
                    add(CHANGE, None, _CHANGE_S, last, state)
            if letter in MOVING:
                first, last_place = _path_of(letter, signer)[[0, -1]]
                end = dataclasses.replace(state, turn=state.turn + (_ROLL[letter], 0.0, 0.0))
                end = end.moved(*(last_place - first))
                add(MOVE, letter, _MOVE_S, state, end)
            else:
                add(HOLD, letter, hold_s, state, state)
        last = spans[-1].after
        add(LEAVE, None, _PASS_S, last, _relaxed(last).moved(0.0, -_OUTSIDE))
    last = spans[-1].after
    add(AWAY, None, _AWAY_S, last, last)
    return spans


def state_at(span: Span, time_s: float, signer: Signer) -> State:
    """Return the hand at a time inside a span, with the tremor that every hand has."""
    share = min(max((time_s - span.start_s) / (span.end_s - span.start_s), 0.0), 1.0)
    state = between(span.before, span.after, share)
    if span.kind == MOVE and span.letter is not None:
        path = _path_of(span.letter, signer)
        place = share * (len(path) - 1)
        along = [np.interp(place, np.arange(len(path)), path[:, axis]) for axis in (0, 1)]
        state = dataclasses.replace(state, middle=span.before.middle + along - path[0])
    return _tremble(state, time_s, signer)


def _path_of(letter: str, signer: Signer) -> np.ndarray:
    """Return a movement's path, float64 (n, 2), units right and up; a left hand writes the mirror image."""
    return np.asarray(_PATHS[letter] * ((-1.0, 1.0) if signer.left else (1.0, 1.0)))


def _start_of(letter: str, signer: Signer, generator: np.random.Generator) -> State:
    """Return the hand as it holds a letter, or begins a movement."""
    state = _held(MOVING.get(letter, letter), signer, generator)
    return state.moved(*_path_of(letter, signer)[0]) if letter in MOVING else state


def _held(letter: str, signer: Signer, generator: np.random.Generator) -> State:
    """Return a letter held about the middle of the picture, small hands a little nearer."""
    posture = draw_posture(letter, signer, _HELD, generator)
    angles = reached(posture, signer)
    placed = place_hand(angles, posture.turn, posture.wrist, signer, (_FAR, 0.0, signer.left))
    left, top, right, bottom = placed.box()
    scale = (_OPEN / max(right - left, bottom - top)) ** 0.5
    centre = np.array([left + right, -(top + bottom)]) / 2
    middle = generator.normal(0, 0.05, size=2) - scale * centre
    return State(angles, posture.turn, posture.wrist, middle, scale)


def _relaxed(state: State) -> State:
    """Return a hand half open, as it comes and goes."""
    angles = np.full(ANGLES, np.radians(28.0))
    angles[ABD:16:4] = 0.0
    angles[16:] = np.radians((35.0, 15.0, -45.0, 15.0, 15.0))
    return dataclasses.replace(state, angles=angles)


def _tremble(state: State, time_s: float, signer: Signer) -> State:
    """Add slow waves whose phases are the signer's."""
    phases = np.random.default_rng([signer.seed, 5]).uniform(0, 2 * np.pi, size=(ANGLES + 5, 2))
    waves = np.sin(2 * np.pi * 0.7 * time_s + phases[:, 0])
    waves += 0.5 * np.sin(2 * np.pi * 2.3 * time_s + phases[:, 1])
    return dataclasses.replace(
        state,
        angles=state.angles + np.radians(_TREMOR_DEG) * waves[:ANGLES],
        turn=state.turn + _TREMOR_DEG * waves[ANGLES : ANGLES + 3],
        middle=state.middle + _TREMOR * waves[ANGLES + 3 :],
    )
