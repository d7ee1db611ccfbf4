"""A camera of rendered hands: full frames of a signer who spells a text, every frame's truth known.

The source gives pixels and time stamps, as any camera does. What was signed is kept beside, in `truth`, and
never reaches the application; judge.py joins the two afterwards.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import time
from typing import Any

import numpy as np

from host.data.hands.backgrounds import make_background
from host.data.hands.colours import GAMMA, to_bytes
from host.data.hands.hand import Placed, composite, draw
from host.data.hands.motion import AWAY, HOLD, MOVE, Span, State, plan, state_at
from host.data.hands.scene import draw_look, place_hand
from host.data.hands.signer import make_signer
from host.data.hands.timecode import TimeCode, draw_timecode
from host.data.hands.uri import BACKGROUNDS, REAL, HandsUri, parse_uri
from target.camera.base import Frame, Source
from target.camera.health import WatchConfig
from target.camera.watched import WatchedCamera
from target.opencv import cv2

KEPT = 54_000  # frames whose truth is kept of a run without an end: half an hour at 30 a second
_UNIT_SHARE = 0.43  # of the shorter side: an open hand, a little over two units, fills most of it
_DISTANCE, _HEIGHT = 9.0, 0.6
_NOISE = 2.5  # standard deviation, gray levels
_NOISE_ROOM = 64
_WALLS, _LEAST_APART = 20, 0.15


@dataclasses.dataclass(frozen=True)
class Truth:
    """What a frame shows.

    Attributes:
        index: Of the frame.
        time_s: On the camera's own clock, from 0.
        captured_s: The frame's time stamp, time.perf_counter() seconds.
        phase: A kind of motion.py.
        letter: What is signed; None between letters and without a hand.
        hold: Number of the letter signed or last signed, from 0; -1 before the first.
        share: How much of the phase has passed, 0-1.
        box: Left, top, right, bottom of the hand without its forearm, whole pixels inside the frame; None
            without a hand.
    """

    index: int
    time_s: float
    captured_s: float
    phase: str
    letter: str | None
    hold: int
    share: float
    box: tuple[int, int, int, int] | None


class HandsCamera:
    """Draws the frames of a hands:// URI.

    With a virtual clock it behaves as a file: every frame, as fast as it is taken, each one the same
    whenever it is drawn. With a real clock frames are due at their time; those that come too late to be
    drawn are `missed`.

    Args:
        wanted: The parsed URI.
        uri: As the user wrote it.
    """

    like_a_camera = True  # also with a virtual clock: its frames follow one another

    def __init__(self, wanted: HandsUri, uri: str) -> None:
        self.uri = uri
        self.fps: float | None = wanted.fps
        self.live = wanted.clock == REAL
        self.wanted = wanted
        self.truth: collections.deque[Truth] = collections.deque()
        self.missed = 0
        self._signer = make_signer(wanted.signer)
        generator = np.random.default_rng([wanted.seed, wanted.signer, 6])
        self._spans = plan(wanted.text, self._signer, wanted.hold, generator)
        self._ends = np.array([span.end_s for span in self._spans])
        self._signed = np.cumsum([span.letter is not None for span in self._spans])
        self._look = draw_look(self._signer, generator)
        self._unit = _UNIT_SHARE * min(wanted.width, wanted.height)
        self._wall = self._choose_wall(generator)
        self._wall_bytes = to_bytes(self._wall)
        self._noise = _noise(generator, wanted.height, wanted.width)
        self._next = 0
        self._start_s: float | None = None
        # Compile or load what draws, now and not when the first frame is due.
        self._picture(self._spans[1], self._spans[1].end_s)

    def _choose_wall(self, generator: np.random.Generator) -> np.ndarray:
        """Return a background; a calm one is lighter or darker than the hand, as people are asked for."""
        wanted = self.wanted
        kinds = BACKGROUNDS[wanted.background]
        skin = self._brightness(self._spans[1])
        for _ in range(_WALLS):
            wall = make_background(generator, wanted.height, wanted.width, kinds)
            apart = abs(float(wall.mean()) ** (1 / GAMMA) - skin)
            if wanted.background != "calm" or apart > _LEAST_APART:
                break
        return wall

    def _brightness(self, span: Span) -> float:
        """Return how bright the hand looks, 0-1."""
        placed, _, _ = self._place(span.after)
        side = 160
        drawn = draw(placed, self._look, (side / 2, side / 2), 40.0, (side, side))
        return float(float(drawn.colour[drawn.mask > 0].mean()) ** (1 / GAMMA))

    def forget_truth(self) -> None:
        """Keep the truth of the last frames alone: of a run that may go on for days."""
        self.truth = collections.deque(maxlen=KEPT)

    @property
    def frames(self) -> int | None:
        """Number of frames of the whole run; None if it never ends."""
        if self.wanted.repeat == 0:
            return None
        return math.ceil(float(self._ends[-1]) * self.wanted.repeat * self.wanted.fps)

    def read(self) -> Frame | None:
        """Return the next frame, waiting for its time if the clock is real; None behind the last."""
        started = time.perf_counter()
        if self._start_s is None:
            self._start_s = started
        if self.live:
            due = int((started - self._start_s) * self.wanted.fps)
            due = due if self.frames is None else min(due, self.frames)
            self.missed += max(due - self._next, 0)
            self._next = max(due, self._next)
        index = self._next
        if self.frames is not None and index >= self.frames:
            return None
        self._next += 1
        image, truth = self.draw(index)
        captured_s = time.perf_counter()  # drawing is not the application's time
        if self.live:
            captured_s = self._start_s + index / self.wanted.fps
            time.sleep(max(captured_s - time.perf_counter(), 0.0))
        self.truth.append(dataclasses.replace(truth, captured_s=captured_s))
        return Frame(image, index, captured_s, f"{self.uri}#{index}")

    def draw(self, index: int) -> tuple[np.ndarray, Truth]:
        """Return one frame, uint8 (h, w, 3) BGR, and its truth; a function of the URI and the index."""
        time_s = index / self.wanted.fps
        turn, inside = divmod(time_s, float(self._ends[-1]))
        number = min(int(np.searchsorted(self._ends, inside, side="right")), len(self._spans) - 1)
        span = self._spans[number]
        image, box = self._picture(span, inside)
        image = self._add_noise(image, index)
        if self.wanted.timecode:
            draw_timecode(image, TimeCode(index, round(1000 * time_s)))
        share = (inside - span.start_s) / (span.end_s - span.start_s)
        hold = int(turn) * int(self._signed[-1]) + int(self._signed[number]) - 1
        letter = span.letter if span.kind in (HOLD, MOVE) else None
        return image, Truth(index, time_s, 0.0, span.kind, letter, hold, share, box)

    def _picture(
        self, span: Span, time_s: float
    ) -> tuple[np.ndarray, tuple[int, int, int, int] | None]:
        image = self._wall_bytes.copy()
        if span.kind == AWAY:
            return image, None
        state = state_at(span, time_s, self._signer)
        placed, origin, unit = self._place(state)
        drawn = draw(placed, self._look, origin, unit, image.shape[:2])
        height, width = drawn.mask.shape
        window = np.s_[drawn.top : drawn.top + height, drawn.left : drawn.left + width]
        region = self._wall[window].copy()
        composite(dataclasses.replace(drawn, left=0, top=0), region)
        image[window] = cv2.GaussianBlur(to_bytes(region), (3, 3), 0.6)
        return image, self._box(placed, origin, unit)

    def _place(self, state: State) -> tuple[Placed, tuple[float, float], float]:
        view = (_DISTANCE, _HEIGHT, self._signer.left)
        placed = place_hand(state.angles, state.turn, state.wrist, self._signer, view)
        unit = self._unit * state.scale
        origin = (
            self.wanted.width / 2 + self._unit * float(state.middle[0]),
            self.wanted.height / 2 - self._unit * float(state.middle[1]),
        )
        return placed, origin, unit

    def _box(
        self, placed: Placed, origin: tuple[float, float], unit: float
    ) -> tuple[int, int, int, int] | None:
        left, top, right, bottom = placed.box()
        columns = np.clip((origin[0] + unit * left, origin[0] + unit * right), 0, self.wanted.width)
        rows = np.clip((origin[1] + unit * top, origin[1] + unit * bottom), 0, self.wanted.height)
        if columns[1] - columns[0] < 1 or rows[1] - rows[0] < 1:
            return None
        return int(columns[0]), int(rows[0]), math.ceil(columns[1]), math.ceil(rows[1])

    def _add_noise(self, image: np.ndarray, index: int) -> np.ndarray:
        """Add the sensor's noise: one large field, moved from frame to frame."""
        down, right = np.random.default_rng([self.wanted.seed, 7, index]).integers(
            0, _NOISE_ROOM, 2
        )
        height, width = image.shape[:2]
        part = self._noise[down : down + height, right : right + width]
        return np.asarray(cv2.add(image, part, dtype=cv2.CV_8U))

    def close(self) -> None:
        """Nothing is held open."""

    def facts(self) -> dict[str, Any]:
        """Return what the record says of the camera."""
        facts: dict[str, Any] = {
            "uri": self.uri,
            "rendered": True,
            "clock": self.wanted.clock,
            "signer": self.wanted.signer,
            "missed": self.missed,
        }
        if len(self.truth) == self.truth.maxlen:
            facts["judged_frames"] = KEPT  # the last ones
        return facts


def _noise(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    shape = (height + _NOISE_ROOM, width + _NOISE_ROOM)
    grain = generator.normal(0, _NOISE, size=shape)
    colour = generator.normal(0, 0.4 * _NOISE, size=(*shape, 3))
    return np.asarray(np.round(grain[:, :, None] + colour), dtype=np.int16)


def open_hands(uri: str, default_clock: str) -> tuple[HandsCamera, Source]:
    """Open a rendered camera.

    Args:
        uri: hands://...
        default_clock: Where it does not say.

    Returns:
        The camera, which keeps the truth, and what the application reads: the camera itself, or with a
        real clock its newest frame.

    Raises:
        SourceError: If the URI is faulty.
    """
    camera = HandsCamera(parse_uri(uri, default_clock), uri)
    if not camera.live:
        return camera, camera
    # An empty picture may stay the same for as long as the URI says.
    return camera, WatchedCamera(lambda: camera, WatchConfig(same_s=math.inf, keep_trying=False))
