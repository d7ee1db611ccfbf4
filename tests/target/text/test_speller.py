"""From predictions to text: doubled letters, spaces, J and Z, what people mend, and nothing from nobody."""

from __future__ import annotations

import random

import numpy as np
import pytest

from target.errors import DataError
from target.text.speller import MOVING, NOTHING, UNSURE, SpellConfig, Speller
from target.vision.postprocess import Prediction

FPS = 30


class Hand:
    """Shows letters to a speller, frame by frame."""

    def __init__(self, config: SpellConfig | None = None) -> None:
        self.speller = Speller(config or SpellConfig())
        self.place = (0.0, 0.0)
        self.states: list[str] = []
        self._frame = 0

    def show(
        self,
        letter: str | None,
        seconds: float,
        confidence: float = 0.95,
        way: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Hold a letter (None: no hand), moving by `way` meanwhile."""
        frames = round(seconds * FPS)
        for _ in range(frames):
            self.place = (self.place[0] + way[0] / frames, self.place[1] + way[1] / frames)
            prediction = (
                Prediction("A", 0.3, "B", 0.2, nothing=0.9)
                if letter is None
                else Prediction(letter, confidence, "B", 1 - confidence)
            )
            spelling = self.speller.add(prediction, self._frame / FPS, self.place)
            self.states.append(spelling.state)
            self._frame += 1

    def write(self, letter: str, path: list[tuple[float, float]], seconds: float = 1.0) -> None:
        for i in range(1, len(path)):
            before, after = path[i - 1], path[i]
            way = after[0] - before[0], after[1] - before[1]
            self.show(letter, seconds / (len(path) - 1), 0.8, way)

    @property
    def text(self) -> str:
        return self.speller.text


J = [(0.0, 0.0), (0.0, 0.1), (0.0, 0.2), (0.05, 0.28), (0.13, 0.29), (0.18, 0.2)]
Z = [(0.3, 0.0), (0.0, 0.0), (0.3, 0.25), (0.0, 0.25)]


def _mirrored(path: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(-x, y) for x, y in path]


def test_a_word() -> None:
    hand = Hand()
    for letter in "WORD":
        hand.show(letter, 0.8)
        hand.show("X", 0.1, confidence=0.3)
    assert hand.text == "WORD"


def test_a_letter_held_for_a_minute_counts_once() -> None:
    hand = Hand()
    hand.show("A", 60)
    assert hand.text == "A"


def test_a_minute_without_a_hand_gives_nothing() -> None:
    hand = Hand()
    hand.show(None, 60)
    assert hand.text == "" and set(hand.states) == {NOTHING}


def test_a_doubled_letter_by_moving_aside() -> None:
    hand = Hand()
    hand.show("L", 0.8)
    hand.show("L", 0.3, way=(0.15, 0.0))
    hand.show("L", 0.8)
    assert hand.text == "LL"


def test_a_trembling_hand_doubles_nothing() -> None:
    hand, chance = Hand(), random.Random(1)
    for _ in range(600):
        hand.show("L", 1 / FPS, way=(chance.uniform(-0.004, 0.004), chance.uniform(-0.004, 0.004)))
    assert hand.text == "L"


def test_a_doubled_letter_by_taking_the_hand_away() -> None:
    hand = Hand()
    hand.show("L", 0.8)
    hand.show(None, 0.3)
    hand.show("L", 0.8)
    assert hand.text == "LL"


def test_a_doubled_letter_by_opening_the_hand() -> None:
    hand = Hand()
    hand.show("O", 0.8)
    hand.show("C", 0.3)
    hand.show("O", 0.8)
    assert hand.text == "OO"


def test_one_wrong_frame_doubles_nothing() -> None:
    hand = Hand()
    for _ in range(20):
        hand.show("M", 0.5)
        hand.show("N", 1 / FPS)
    assert hand.text == "M"


def test_spaces_between_words_once_each() -> None:
    hand = Hand()
    for letter in "AB":
        hand.show(letter, 0.8)
    hand.show(None, 3)
    hand.show("C", 0.8)
    hand.show(None, 3)
    assert hand.text == "AB C "


def test_no_spaces_when_switched_off() -> None:
    hand = Hand(SpellConfig(space_s=0))
    hand.show("A", 0.8)
    hand.show(None, 5)
    hand.show("B", 0.8)
    assert hand.text == "AB"


def test_an_unsure_network_says_nothing() -> None:
    hand = Hand()
    hand.show("A", 10, confidence=0.9 * SpellConfig().min_confidence)
    assert hand.text == "" and set(hand.states) == {UNSURE}


def test_a_moving_hand_says_nothing() -> None:
    hand = Hand()
    for _ in range(10):
        hand.show("B", 0.5, way=(0.3, 0.0))
        hand.show("B", 0.5, way=(-0.3, 0.0))
    assert hand.text == "" and MOVING in hand.states


@pytest.mark.parametrize("mirror", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("seconds", [0.7, 1.0, 1.5])
def test_j_and_z_are_written(seconds: float, mirror: bool) -> None:
    for letter, shape, path in (("J", "I", J), ("Z", "D", Z)):
        hand = Hand()
        hand.show("A", 0.8)
        hand.write(shape, _mirrored(path) if mirror else path, seconds)
        hand.show(shape, 0.2)
        hand.show("B", 0.8)
        assert hand.text == f"A{letter}B", (letter, mirror, seconds)


def test_a_hand_that_hesitates_before_it_writes_is_no_letter_of_its_own() -> None:
    hand = Hand()
    hand.show("I", 0.65)
    assert hand.text == "I"
    hand.write("I", J)
    hand.show("I", 1.0)
    assert hand.text == "J"


def test_a_hand_held_for_a_second_before_it_writes_is_a_letter() -> None:
    hand = Hand()
    hand.show("I", 1.2)
    hand.write("I", J)
    hand.show("I", 1.0)
    assert hand.text == "IJ"


def test_the_path_alone_is_not_enough() -> None:
    """The same way with another hand is no J."""
    hand = Hand()
    hand.write("B", J)
    hand.show("B", 0.2)
    assert hand.text == ""


@pytest.mark.parametrize(
    "path",
    [
        [(0.0, 0.0), (0.0, 0.6)],
        [(0.0, 0.0), (0.6, 0.0)],
        [(0.0, 0.0), (0.5, 0.5)],
        [(0.0, 0.0), (0.3, 0.0), (0.0, 0.0)],
        [(0.2 * np.cos(t), 0.2 * np.sin(t)) for t in np.linspace(0, 6.28, 20)],
    ],
    ids=["down", "aside", "slanting", "to and fro", "circle"],
)
def test_other_ways_are_neither_j_nor_z(path: list[tuple[float, float]]) -> None:
    for shape in "ID":
        hand = Hand()
        hand.write(shape, path)
        hand.show(shape, 0.3)
        assert not set(hand.text) & {"J", "Z"}


def test_without_motion_nothing_is_written() -> None:
    hand = Hand(SpellConfig(motion=False))
    hand.write("I", J, 0.4)
    assert hand.text in ("", "I")


def test_what_people_mend() -> None:
    hand = Hand()
    hand.show("C", 0.8)
    hand.show("A", 0.8)
    hand.speller.space()
    hand.speller.space()
    assert hand.text == "CA "
    hand.speller.backspace()
    hand.speller.backspace()
    assert hand.text == "C"
    hand.show("A", 1.0)  # still shown: it was taken back on purpose
    assert hand.text == "C"
    hand.speller.replace_word("CAT")
    assert hand.text == "CAT "
    hand.speller.clear()
    hand.speller.backspace()
    assert hand.text == ""


@pytest.mark.parametrize(
    ("text", "after"),
    [("", "HELLO "), ("HELO", "HELLO "), ("SAY HELO", "SAY HELLO "), ("SAY HELO ", "SAY HELLO ")],
)
def test_a_proposed_word_takes_the_place_of_the_last(text: str, after: str) -> None:
    speller = Speller()
    speller.text = text
    speller.replace_word("HELLO")
    assert speller.text == after


def test_a_lost_camera_keeps_the_text_and_forgets_the_hand() -> None:
    hand = Hand()
    hand.show("A", 0.8)
    hand.show("B", 0.4)
    hand.speller.interrupt()
    hand.show("A", 0.8)
    assert hand.text == "AA"


def test_a_new_configuration_takes_effect() -> None:
    hand = Hand()
    hand.speller.configure(SpellConfig(dwell_s=2.0))
    hand.show("A", 1.5)
    assert hand.text == ""
    hand.show("A", 0.7)
    assert hand.text == "A"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_confidence", 1.5),
        ("dwell_s", -1),
        ("agreement", 0),
        ("space_s", float("nan")),
        ("release_s", "1"),
        ("slide", True),
    ],
)
def test_numbers_out_of_range(name: str, value: object) -> None:
    with pytest.raises(DataError, match=f"{name} must be"):
        Speller(SpellConfig(**{name: value}))  # type: ignore[arg-type]


def test_text_does_not_grow_without_end() -> None:
    speller = Speller()
    speller.text = "A" * 100_000
    speller.space()
    assert len(speller.text) == 100_000 and speller.text.endswith("A ")


def test_what_is_unclear_after_the_hand_went_is_still_no_hand() -> None:
    hand = Hand()
    hand.show("A", 0.8)
    hand.show("E", 2.0, confidence=0.4)  # an unclear sign is no space
    assert hand.text == "A"
    hand.show(None, 0.2)
    hand.show("E", 0.6, confidence=0.4)
    assert hand.text == "A "
