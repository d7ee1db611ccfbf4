"""A letter counts by time, not by frames, and by agreement."""

from __future__ import annotations

import pytest

from target.text.consensus import Consensus, ConsensusConfig


def _counts_after(letters: list[str | None], fps: float, config: ConsensusConfig) -> float | None:
    """Return the time after which a letter counted, None if none did."""
    consensus = Consensus(config)
    for index, letter in enumerate(letters):
        leader = consensus.add(letter, index / fps)
        if leader.progress >= 1:
            return index / fps
    return None


@pytest.mark.parametrize("fps", [7, 10, 30, 60, 240])
def test_the_same_time_at_any_frame_rate(fps: int) -> None:
    found = _counts_after(["A"] * 2 * fps, fps, ConsensusConfig(0.6, 0.7))
    assert found is not None and 0.6 <= found <= 0.6 + 1 / fps + 1e-6


def test_few_frames_are_not_enough_however_far_apart() -> None:
    consensus = Consensus(ConsensusConfig(0.5, 0.7))
    assert consensus.add("A", 0.0).progress < 1e-3
    assert consensus.add("A", 30.0).progress == pytest.approx(1 / 3, abs=1e-3)
    assert consensus.add("A", 60.0).progress < 1


def test_some_frames_may_disagree() -> None:
    """One in four is wrong: 0.75 of the time, more than 0.7."""
    letters: list[str | None] = ["A", "A", "A", "S"] * 30
    found = _counts_after(letters, 30, ConsensusConfig(0.5, 0.7))
    assert found is not None and 0.6 < found < 0.8


def test_two_letters_in_turn_never_count() -> None:
    assert _counts_after(["M", "N"] * 300, 30, ConsensusConfig(0.5, 0.7)) is None


def test_frames_without_an_answer_count_against() -> None:
    assert _counts_after(["A", None] * 300, 30, ConsensusConfig(0.5, 0.7)) is None
    assert _counts_after(["A", None] * 300, 30, ConsensusConfig(0.5, 0.4)) is not None


def test_no_dwell_counts_at_once() -> None:
    assert Consensus(ConsensusConfig(0.0, 0.7)).add("A", 5.0).progress == 1


def test_a_clock_that_goes_back_stands_still() -> None:
    consensus = Consensus(ConsensusConfig(0.5, 0.7))
    for at in (10.0, 9.0, 8.0, 7.0, 6.0):
        assert consensus.add("A", at).progress < 0.01


def test_the_window_forgets_what_is_long_ago() -> None:
    consensus = Consensus(ConsensusConfig(0.5, 0.7))
    for index in range(12):
        consensus.add("A", index / 30)
    for index in range(12, 100_000):
        leader = consensus.add(None, index / 30)
    assert leader.progress < 1e-3 and len(consensus._seen) < 40


def test_the_mean_confidence_decides() -> None:
    """Frames on either side of the threshold: what counts is their mean."""

    def counts(confidences: list[float]) -> bool:
        consensus = Consensus(ConsensusConfig(0.5, 0.7, 0.6))
        leaders = [
            consensus.add("D", index / 30, confidences[index % len(confidences)])
            for index in range(60)
        ]
        return any(leader.progress >= 1 for leader in leaders)

    assert counts([0.5, 0.75]) and not counts([0.5, 0.65])
    assert not counts([0.99, 0.2])  # every other frame has no answer


def test_progress_shows_what_is_missing() -> None:
    consensus = Consensus(ConsensusConfig(0.5, 0.7, 0.8))
    for index in range(60):
        leader = consensus.add("D", index / 30, 0.6)
    assert leader.letter == "D" and leader.progress == pytest.approx(0.75, abs=0.01)
