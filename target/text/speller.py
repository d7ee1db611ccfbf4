"""From what frames say to text: letters, doubled letters, spaces, J and Z, and what the user mends.

A letter counts when recent frames agree on it (consensus.py). The same letter counts again after the hand
showed something else, went, or was moved aside. No hand for a while is a space. A hand that moves says
nothing, unless it writes J or Z (strokes.py).
"""

from __future__ import annotations

import collections
import dataclasses
import math
from typing import Deque, NamedTuple, Optional, Tuple

from target.errors import DataError
from target.text.consensus import Consensus, ConsensusConfig, Leader
from target.text.strokes import HANDS, Sighting, Stroke, StrokeConfig, Strokes
from target.vision.postprocess import Prediction

NOTHING, MOVING, UNSURE, LETTER = "nothing", "moving", "unsure", "letter"
_SLIDE_S = 0.7  # a hand moved aside within so long makes its letter count again
_HESITATION_S = 0.3  # a hand that counted and moves on within so long was about to write
_LONGEST_TEXT = 100_000


@dataclasses.dataclass(frozen=True)
class SpellConfig:
    """When a frame says a letter, and when a letter counts.

    Attributes:
        min_confidence: Least mean confidence of the frames that say a letter, 0-1.
        dwell_s: How long a letter must be seen, seconds of capture time.
        agreement: Share of the recent time in which it must be the answer.
        release_s: How long the hand must show something else before the same letter counts again.
        space_s: How long there must be no hand for a space; 0 for no spaces.
        slide: How far the hand must be moved aside for a doubled letter, sides of the crop.
        motion: Whether J and Z are read from the hand's path.
    """

    min_confidence: float = 0.5
    dwell_s: float = 0.5
    agreement: float = 0.5
    release_s: float = 0.25
    space_s: float = 0.6
    slide: float = 0.08
    motion: bool = True

    def check(self) -> None:
        """Check every number.

        Raises:
            DataError: With the first that is out of range.
        """
        limits = {
            "min_confidence": (0.0, 1.0),
            "dwell_s": (0.0, 60.0),
            "agreement": (0.05, 1.0),
            "release_s": (0.0, 60.0),
            "space_s": (0.0, 600.0),
            "slide": (0.0, 10.0),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise DataError(f"{name} must be a number {least:g} to {most:g}, got {value!r}")
            if not least <= value <= most:
                raise DataError(f"{name} must be {least:g} to {most:g}, got {value}")
        if not isinstance(self.motion, bool):
            raise DataError(f"motion must be true or false, got {str(self.motion)[:40]}")


class Spelling(NamedTuple):
    """Where spelling stands after a frame.

    Attributes:
        state: `letter`, `unsure`, `moving` or `nothing`.
        candidate: The letter that is about to count, or has just counted; None if there is none.
        progress: How near it is, 0-1.
        text: So far.
        added: What this frame added to the text: a letter, a space, or nothing.
    """

    state: str = NOTHING
    candidate: Optional[str] = None
    progress: float = 0.0
    text: str = ""
    added: str = ""


class Speller:
    """Collects predictions into text.

    Args:
        config: When a letter counts.
    """

    def __init__(self, config: SpellConfig = SpellConfig()) -> None:
        config.check()
        self.text = ""
        self.config = config
        self._consensus = Consensus(_consensus_of(config))
        self._strokes = Strokes(StrokeConfig())
        self._held: Optional[str] = None  # the letter that counted and is still shown
        self._begun: Optional[str] = None  # the same, also while that hand moves on
        self._counted_s = 0.0  # when it counted
        self._other_s: Optional[float] = None  # since when something else is shown
        self._away_s: Optional[float] = None  # since when there is no hand
        self._places: Deque[Tuple[float, Tuple[float, float]]] = collections.deque()

    def configure(self, config: SpellConfig) -> None:
        """Go on with another configuration; the text stays.

        Raises:
            DataError: If a number is out of range; nothing is changed then.
        """
        config.check()
        self.config = config
        self._consensus.config = _consensus_of(config)

    def add(
        self,
        prediction: Prediction,
        captured_s: float,
        place: Optional[Tuple[float, float]] = None,
    ) -> Spelling:
        """Take in the prediction of a frame.

        Args:
            prediction: Of the frame.
            captured_s: Its capture time; time, not frames, decides.
            place: Where the hand is, sides of the crop right and down of anywhere fixed; None if nobody
                looks.
        """
        written = self._watch(prediction, captured_s, place)
        if written:
            return self._write(written, captured_s)
        state = self._state_of(prediction)
        if state == NOTHING or (state == UNSURE and self._away_s is not None):
            spaced = self._rest(captured_s)
            leader = self._consensus.add(None, captured_s)
            if spaced:
                return Spelling(state, None, 0.0, self.text, spaced)
            return self._at(state, leader)
        self._away_s = None
        letter = None if state == MOVING else prediction.letter
        sure = letter if state == LETTER else None
        self._release(sure, captured_s, place, state)
        if sure is not None and sure == self._held:
            self._consensus.forget(captured_s)
            return Spelling(LETTER, sure, 1.0, self.text)
        if letter == self._held:
            letter = None  # it has counted; unsure of it now, it does not count again
        leader = self._consensus.add(letter, captured_s, prediction.confidence)
        if leader.progress < 1 or leader.letter is None or leader.letter != letter:
            return self._at(state, leader)
        self._append(leader.letter)
        self._hold(leader.letter, captured_s)
        return Spelling(LETTER, leader.letter, 1.0, self.text, leader.letter)

    def space(self) -> None:
        """Add a space, unless there is nothing to part."""
        if self.text and not self.text.endswith(" "):
            self._append(" ")

    def backspace(self) -> None:
        """Take the last character back; the letter that is still shown does not count again."""
        self.text = self.text[:-1]

    def clear(self) -> None:
        """Take everything back."""
        self.text = ""

    def replace_word(self, word: str) -> None:
        """Put a word in place of the last one."""
        kept = self.text.rstrip(" ").rpartition(" ")
        self.text = f"{kept[0]}{kept[1]}{word} "

    def interrupt(self) -> None:
        """Forget the hand, not the text: the camera was away."""
        self._consensus.forget()
        self._strokes.forget()
        self._places.clear()
        self._held = self._begun = self._other_s = self._away_s = None

    def _at(self, state: str, leader: Leader) -> Spelling:
        return Spelling(state, leader.letter, leader.progress, self.text)

    def _append(self, character: str) -> None:
        self.text = (self.text + character)[-_LONGEST_TEXT:]

    def _hold(self, letter: str, captured_s: float) -> None:
        self._held, self._begun, self._other_s = letter, letter, None
        self._counted_s = captured_s
        self._places.clear()
        self._consensus.forget(captured_s)

    def _state_of(self, prediction: Prediction) -> str:
        if prediction.is_nothing:
            return NOTHING
        if self.config.motion and self._strokes.moving:
            return MOVING
        return LETTER if prediction.confidence >= self.config.min_confidence else UNSURE

    def _watch(
        self, prediction: Prediction, captured_s: float, place: Optional[Tuple[float, float]]
    ) -> Optional[Stroke]:
        """Follow the hand; returns J or Z when it has just been written."""
        if place is None or not self.config.motion:
            return None
        letter = None if prediction.is_nothing else prediction.letter
        return self._strokes.add(Sighting(captured_s, place, letter))

    def _write(self, stroke: Stroke, captured_s: float) -> Spelling:
        """Add J or Z; a still letter that its hand counted as just before it moved was no letter."""
        hands = tuple(HANDS[stroke.letter])
        hesitated = stroke.start_s - self._counted_s < _HESITATION_S
        if hesitated and self._begun in hands and self.text.endswith(self._begun):
            self.text = self.text[:-1]
        self._append(stroke.letter)
        self._hold(hands[0], captured_s)
        self._away_s = None
        return Spelling(MOVING, stroke.letter, 1.0, self.text, stroke.letter)

    def _rest(self, captured_s: float) -> str:
        """Count the time without a hand; returns the space that it has just become, or nothing."""
        self._held = self._begun = self._other_s = None
        if self._away_s is None:
            self._away_s = captured_s
        wanted = self.config.space_s
        if not wanted or captured_s - self._away_s < wanted or not self.text.strip():
            return ""
        if self.text.endswith(" "):
            return ""
        self.space()
        return " "

    def _release(
        self,
        letter: Optional[str],
        captured_s: float,
        place: Optional[Tuple[float, float]],
        state: str,
    ) -> None:
        """Let the held letter count again once the hand showed something else or was moved aside."""
        if self._held is None:
            return
        if place is not None and self.config.motion and self._has_slid(place, captured_s):
            self._held = self._other_s = None
            self._consensus.forget(captured_s)
            return
        if letter == self._held or state == MOVING:
            self._other_s = None
            return
        if self._other_s is None:
            self._other_s = captured_s
        if captured_s - self._other_s >= self.config.release_s:
            self._held = self._begun = self._other_s = None

    def _has_slid(self, place: Tuple[float, float], captured_s: float) -> bool:
        self._places.append((captured_s, place))
        while captured_s - self._places[0][0] > _SLIDE_S:
            self._places.popleft()
        first = self._places[0][1]
        moved = math.hypot(place[0] - first[0], place[1] - first[1])
        return self.config.slide > 0 and moved >= self.config.slide


def _consensus_of(config: SpellConfig) -> ConsensusConfig:
    return ConsensusConfig(config.dwell_s, config.agreement, config.min_confidence)
