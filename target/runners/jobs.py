"""Jobs that run in threads of their own, several at a time, each on a chain of runners."""

from __future__ import annotations

import queue
import threading
from typing import Optional, Protocol, Sequence

import numpy as np


class Chain(Protocol):
    """Executes a network on one image at a time.

    Attributes:
        result: Of the last run, in memory that the next one writes.
    """

    result: np.ndarray

    def run(self, tensor: np.ndarray) -> None:
        """Execute the network."""
        ...


class Ticket:
    """A job: the caller's input, and its result in memory of its own."""

    def __init__(self, tensor: np.ndarray) -> None:
        self.tensor = tensor
        self._done = threading.Event()
        self._result: Optional[np.ndarray] = None
        self._error: Optional[BaseException] = None

    def finish(self, result: Optional[np.ndarray], error: Optional[BaseException] = None) -> None:
        """Hand the result, or what went wrong, to whoever waits."""
        self._result, self._error = result, error
        self._done.set()

    def wait(self) -> np.ndarray:
        """Return the result when it is there."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result


class Jobs:
    """Several chains of runners, each with a thread, so that both cores of the DPU have work.

    VART's execute_async returns when the DPU is done, so what shall overlap must be in threads; it
    lets Python go on meanwhile.

    Args:
        chains: Used by nothing else until `close`.
    """

    def __init__(self, chains: Sequence[Chain]) -> None:
        self._tickets: queue.SimpleQueue[Optional[Ticket]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(chain,), daemon=True) for chain in chains
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, tensor: np.ndarray) -> Ticket:
        """Queue a job."""
        ticket = Ticket(tensor)
        self._tickets.put(ticket)
        return ticket

    def close(self) -> None:
        """Do what is queued, then end the threads."""
        for _ in self._threads:
            self._tickets.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, chain: Chain) -> None:
        while True:
            ticket = self._tickets.get()
            if ticket is None:
                return
            try:
                chain.run(ticket.tensor)
                ticket.finish(chain.result.copy())
            except Exception as error:
                ticket.finish(None, error)
