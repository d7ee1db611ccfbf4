"""Joins what the application read with what a rendered camera showed."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from host.data.hands.camera import KEPT, HandsCamera, Truth
from host.data.hands.motion import HOLD
from target.pipeline.feeder import Prepared
from target.text.speller import Spelling
from target.vision.postprocess import Prediction


class Readings:
    """Remembers what the application read: its `watch`.

    Attributes:
        letters: Index and best letter of every frame processed.
    """

    def __init__(self) -> None:
        self.letters: collections.deque[tuple[int, str]] = collections.deque()

    def forget(self) -> None:
        """Keep the last frames alone, as many as HandsCamera.forget_truth."""
        self.letters = collections.deque(maxlen=KEPT)

    def __call__(self, prepared: Prepared, prediction: Prediction, spelling: Spelling) -> None:
        """Take in a processed frame."""
        self.letters.append((prepared.frame.index, prediction.letter))


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How well the held letters were read.

    Attributes:
        holds: Letters held while at least one frame was processed.
        right: Of them, those read right in the frame nearest to the middle of the hold.
        frames: Frames processed while a letter was held.
        frames_right: Of them, those read right.
        lost: Frames that the camera drew and the application did not process.
        mistaken: What was read instead, with how often, most often first: (shown, read, times).
    """

    holds: int
    right: int
    frames: int
    frames_right: int
    lost: int
    mistaken: list[tuple[str, str, int]]

    def facts(self) -> dict[str, Any]:
        """Return it for a record."""
        return dataclasses.asdict(self)


def judge(truth: Iterable[Truth], letters: Collection[tuple[int, str]]) -> Verdict:
    """Join by frame index; letters that are movements (J, Z) are not judged.

    Args:
        truth: Of every frame drawn.
        letters: Index and predicted letter of every frame processed.
    """
    shown = {one.index: one for one in truth}
    middles: dict[int, tuple[float, bool]] = {}
    frames = frames_right = 0
    mistaken: collections.Counter[tuple[str, str]] = collections.Counter()
    for index, letter in letters:
        one = shown.get(index)
        if one is None or one.phase != HOLD or one.letter is None:
            continue
        good = letter == one.letter
        frames += 1
        frames_right += good
        away = abs(one.share - 0.5)
        if one.hold not in middles or away < middles[one.hold][0]:
            middles[one.hold] = (away, good)
        if not good:
            mistaken[one.letter, letter] += 1
    processed = {index for index, _ in letters}
    return Verdict(
        len(middles),
        sum(good for _, good in middles.values()),
        frames,
        frames_right,
        len(shown.keys() - processed),
        [(*pair, times) for pair, times in mistaken.most_common()],
    )


def join_all(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the sum of several runs."""
    mistaken: collections.Counter[tuple[str, str]] = collections.Counter()
    for verdict in verdicts:
        for was, read, times in verdict.mistaken:
            mistaken[was, read] += times
    return Verdict(
        sum(v.holds for v in verdicts),
        sum(v.right for v in verdicts),
        sum(v.frames for v in verdicts),
        sum(v.frames_right for v in verdicts),
        sum(v.lost for v in verdicts),
        [(*pair, times) for pair, times in mistaken.most_common()],
    )


def add_truth(
    camera: HandsCamera, record: dict[str, Any], letters: Collection[tuple[int, str]]
) -> dict[str, Any]:
    """Return the record of a run on a rendered camera, with how much was read right.

    Args:
        camera: What was read from, after the run.
        record: Of the run.
        letters: Index and predicted letter of every frame processed.
    """
    verdict = judge(camera.truth, letters)
    full = {**record, "camera": camera.facts(), "truth": verdict.facts()}
    if verdict.frames:
        full["accuracy"] = round(verdict.frames_right / verdict.frames, 6)
    return full
