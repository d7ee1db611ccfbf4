"""Errands for the thread that owns the runner: done between two frames, while whoever asks waits."""

from __future__ import annotations

import collections
import concurrent.futures
from typing import Any, Callable, Deque, Tuple

from target.errors import BackendError

_Errand = Tuple["concurrent.futures.Future[Any]", Callable[[], Any]]


class Errands:
    """Takes work from any thread and does it in the one that calls `carry_out`."""

    def __init__(self) -> None:
        self._waiting: Deque[_Errand] = collections.deque()

    def ask(self, work: Callable[[], Any], timeout_s: float) -> Any:
        """Have work done and return what it returns.

        Args:
            work: Short: no frame is processed meanwhile.
            timeout_s: Seconds to wait for it.

        Raises:
            BackendError: If it was not done in time.
            Exception: What the work raised.
        """
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._waiting.append((future, work))
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError as error:
            future.cancel()
            raise BackendError(
                f"pipeline must do an errand within {timeout_s:g} s, got nothing; it hangs"
            ) from error

    @property
    def waiting(self) -> bool:
        """Whether there is work."""
        return bool(self._waiting)

    def carry_out(self) -> None:
        """Do what waits, in the caller's thread; what the work raises goes to whoever asked."""
        while self._waiting:
            future, work = self._waiting.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)
