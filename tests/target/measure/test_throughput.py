from __future__ import annotations

import collections
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target.errors import BackendError
from target.manifest import load_manifest
from target.measure.throughput import IN_FLIGHT, measure_throughput, thread_counts
from target.runners.dpu import DpuRunner
from tests.board_stand_ins.install import StandInBoard
from tests.target.stand_ins import MANIFEST, StandIn, codes_for, reference_of

IMAGES = list(reference_of([0, 1, 2]).images)


class Watched(StandIn):
    """Notes which threads use it, and that nobody is inside when it is closed."""

    def __init__(self) -> None:
        super().__init__(codes_for([0, 1, 2]))
        self.users: set[int] = set()
        self.inside = threading.Lock()
        self.frames = 0

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        with self.inside:
            self.users.add(threading.get_ident())
            self.frames += 1
            return super().infer(tensor)

    def close(self) -> None:
        assert self.inside.acquire(blocking=False), "closed while a thread was inside"
        self.inside.release()
        super().close()


class Factory:
    """Makes runners and keeps them for a look afterwards."""

    def __init__(self, kind: Any = Watched, fails_at: int = -1) -> None:
        self.made: list[Any] = []
        self._kind, self._fails_at = kind, fails_at

    def __call__(self) -> Any:
        if len(self.made) == self._fails_at:
            raise BackendError("runner must fit beside the others, got no memory")
        self.made.append(self._kind())
        return self.made[-1]


@pytest.mark.parametrize(
    ("most", "counts"),
    [
        (1, [1]),
        (2, [1, 2]),
        (3, [1, 2, 3]),
        (4, [1, 2, 4]),
        (6, [1, 2, 4, 6]),
        (8, [1, 2, 4, 8]),
    ],
)
def test_thread_counts_double_up_to_the_most(most: int, counts: list[int]) -> None:
    assert thread_counts(most) == counts


def test_each_thread_has_a_runner_of_its_own_and_all_are_closed() -> None:
    make, before = Factory(), threading.active_count()
    found = measure_throughput(make, MANIFEST, IMAGES, 3, 0.2)
    assert [len(runner.users) for runner in make.made] == [1, 1, 1]
    assert len(set.union(*(runner.users for runner in make.made))) == 3
    assert threading.get_ident() not in set.union(*(runner.users for runner in make.made))
    assert [runner.closed for runner in make.made] == [1, 1, 1]
    assert threading.active_count() == before
    assert (found["threads"], found["in_flight"]) == (3, 1)
    # The first frame of each warms up and does not count.
    assert found["frames"] == sum(runner.frames for runner in make.made) - 3 > 0
    assert found["fps"] == pytest.approx(found["frames"] / found["seconds"], rel=0.02)


class Failing(Watched):
    """Fails at its first or its fifth frame."""

    at = 5

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        if self.frames == self.at - 1:
            raise BackendError("DPU must answer, got a time-out")
        return super().infer(tensor)


class FailingFirst(Failing):
    at = 1


@pytest.mark.parametrize("kind", [FailingFirst, Failing], ids=["warming-up", "counting"])
def test_all_are_closed_when_one_fails(kind: type[Failing]) -> None:
    kinds, before = iter([Watched, kind, Watched]), threading.active_count()
    make = Factory(lambda: next(kinds)())
    with pytest.raises(BackendError, match="DPU must answer, got a time-out"):
        measure_throughput(make, MANIFEST, IMAGES, 3, 600)  # and it does not wait for the end
    assert [runner.closed for runner in make.made] == [1, 1, 1]
    assert threading.active_count() == before


def test_those_that_were_made_are_closed_when_the_next_cannot_be() -> None:
    make = Factory(fails_at=2)
    with pytest.raises(BackendError, match="runner must fit beside the others"):
        measure_throughput(make, MANIFEST, IMAGES, 3, 600)
    assert [runner.closed for runner in make.made] == [1, 1]


class Interrupting(Watched):
    """Sends Ctrl-C to the main thread at its first or its fifth frame."""

    at = 5

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        if self.frames == self.at - 1:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return super().infer(tensor)


class InterruptingFirst(Interrupting):
    at = 1


@pytest.mark.parametrize("kind", [InterruptingFirst, Interrupting], ids=["warming-up", "counting"])
def test_ctrl_c_ends_the_threads_before_their_runners_are_closed(
    kind: type[Interrupting],
) -> None:
    kinds, before = iter([kind, Watched]), threading.active_count()
    make = Factory(lambda: next(kinds)())
    with pytest.raises(KeyboardInterrupt):
        measure_throughput(make, MANIFEST, IMAGES, 2, 600)
    assert [runner.closed for runner in make.made] == [1, 1]
    while threading.active_count() > before:  # one that was just being started ends at once
        time.sleep(0.001)


class Asynchronous(StandIn):
    """Starts jobs, and notes how many nobody has waited for."""

    def __init__(self) -> None:
        super().__init__(codes_for([0, 1, 2]))
        self.started: collections.deque[int] = collections.deque()
        self.most = self.collected = 0

    def submit(self, tensor: np.ndarray) -> int:
        self.started.append(int(tensor[0, 0, 0, 0]))
        self.most = max(self.most, len(self.started))
        return self.started[-1]

    def collect(self, ticket: int) -> np.ndarray:
        assert not self.closed and ticket == self.started.popleft()
        self.collected += 1
        return self.answers[ticket][None]

    def close(self) -> None:
        assert not self.started, "closed with jobs under way"
        super().close()


def test_an_asynchronous_runner_has_several_jobs_and_waits_for_all() -> None:
    make = Factory(Asynchronous)
    found = measure_throughput(make, MANIFEST, IMAGES, 2, 0.1)
    assert [runner.most for runner in make.made] == [IN_FLIGHT, IN_FLIGHT]
    assert [runner.closed for runner in make.made] == [1, 1]
    assert (found["threads"], found["in_flight"]) == (2, 4)
    # The first of each warms up; the last three of each come after the end.
    assert found["frames"] == sum(runner.collected for runner in make.made) - 2 * 4


def test_jobs_of_the_dpu_runner_are_all_waited_for(
    stand_in_board: StandInBoard, released: dict[str, Path], tmp_path: Path
) -> None:
    stand_in_board.change(log=str(tmp_path / "log"))
    manifest = load_manifest(released["signnet"])
    found = measure_throughput(lambda: DpuRunner(manifest), manifest, IMAGES, 1, 0.1)
    jobs = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("job")]
    assert len(jobs) == found["frames"] + 4 and found["in_flight"] == 4


def test_every_job_has_a_tensor_of_its_own() -> None:
    class Keeping(Asynchronous):
        def __init__(self) -> None:
            super().__init__()
            self.tensors: collections.deque[tuple[np.ndarray, int]] = collections.deque()

        def submit(self, tensor: np.ndarray) -> int:
            self.tensors.append((tensor, int(tensor[0, 0, 0, 0])))
            return super().submit(tensor)

        def collect(self, ticket: int) -> np.ndarray:
            tensor, code = self.tensors.popleft()
            assert tensor[0, 0, 0, 0] == code, "the tensor changed while its job was under way"
            return super().collect(ticket)

    assert measure_throughput(Factory(Keeping), MANIFEST, IMAGES, 1, 0.1)["frames"] > 8
