"""A thread of the pipeline, whose end can be waited for while signals come."""

from __future__ import annotations

import threading
from typing import Optional


class Stage(threading.Thread):
    """Calls `work` in a daemon thread.

    Python's own `join`, up to 3.12, takes a running thread for one that has ended once Ctrl-C or another
    signal's exception has interrupted it (threading.Thread._wait_for_tstate_lock releases the lock that the
    thread itself holds): what it still had to store would be lost. This one waits for an event instead.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._is_over = threading.Event()

    def work(self) -> None:
        """What the stage does until it ends."""
        raise NotImplementedError

    def run(self) -> None:
        """Work, and say when it is over."""
        try:
            self.work()
        finally:
            self._is_over.set()

    def join(self, timeout: Optional[float] = None) -> None:
        """Wait until it is over."""
        self._is_over.wait(timeout)

    def is_alive(self) -> bool:
        """Whether it was started and is not over."""
        return self.ident is not None and not self._is_over.is_set()
