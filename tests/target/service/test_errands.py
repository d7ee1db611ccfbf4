from __future__ import annotations

import threading

import pytest

from target.errors import BackendError, ModelError
from target.service.errands import Errands


def _owner(errands: Errands, stop: threading.Event) -> threading.Thread:
    def work() -> None:
        while not stop.wait(0.005):
            errands.carry_out()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_work_is_done_in_the_owners_thread() -> None:
    errands, stop = Errands(), threading.Event()
    owner = _owner(errands, stop)
    try:
        assert errands.ask(threading.current_thread, 10) is owner
    finally:
        stop.set()
        owner.join()


def test_what_work_raises_reaches_whoever_asked() -> None:
    errands, stop = Errands(), threading.Event()
    owner = _owner(errands, stop)

    def fail() -> None:
        raise ModelError("no model")

    try:
        with pytest.raises(ModelError, match="no model"):
            errands.ask(fail, 10)
        assert errands.ask(lambda: 7, 10) == 7  # and the owner lives on
    finally:
        stop.set()
        owner.join()


def test_work_that_nobody_does_in_time_is_never_done() -> None:
    errands = Errands()
    done: list[int] = []
    with pytest.raises(BackendError, match="within 0.05 s, got nothing; it hangs"):
        errands.ask(lambda: done.append(1), 0.05)
    errands.carry_out()
    assert done == [] and not errands.waiting
