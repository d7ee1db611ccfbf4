from __future__ import annotations

from host.data.hands.camera import Truth
from host.data.hands.judge import join_all, judge
from host.data.hands.motion import CHANGE, HOLD, MOVE


def _truth(index: int, phase: str, letter: str | None, hold: int, share: float) -> Truth:
    return Truth(index, index / 30, 0.0, phase, letter, hold, share, None)


TRUTH = [
    _truth(0, HOLD, "A", 0, 0.1),
    _truth(1, HOLD, "A", 0, 0.5),
    _truth(2, HOLD, "A", 0, 0.9),
    _truth(3, CHANGE, None, 0, 0.5),
    _truth(4, HOLD, "B", 1, 0.3),
    _truth(5, HOLD, "B", 1, 0.6),
    _truth(6, MOVE, "J", 2, 0.5),
]


def test_the_frame_nearest_to_the_middle_decides() -> None:
    verdict = judge(TRUTH, [(0, "S"), (1, "A"), (2, "S"), (3, "Q"), (4, "B"), (5, "D"), (6, "I")])
    assert (verdict.holds, verdict.right) == (2, 1)
    assert (verdict.frames, verdict.frames_right) == (5, 2)
    assert verdict.lost == 0
    assert verdict.mistaken == [("A", "S", 2), ("B", "D", 1)]


def test_frames_that_nobody_processed_are_lost() -> None:
    verdict = judge(TRUTH, [(0, "A"), (4, "B")])
    assert (verdict.holds, verdict.right, verdict.lost) == (2, 2, 5)


def test_frames_that_the_camera_did_not_draw_do_not_count() -> None:
    assert judge(TRUTH, [(99, "A")]).holds == 0
    assert judge([], []).frames == 0


def test_runs_add_up() -> None:
    runs = [judge(TRUTH, [(1, "A"), (5, "D")]), judge(TRUTH, [(1, "S"), (5, "D")])]
    total = join_all(runs)
    assert (total.holds, total.right, total.lost) == (4, 1, 10)
    assert total.mistaken == [("B", "D", 2), ("A", "S", 1)]
