"""The last stage: one thread for each output, so that drawing and encoding never hold up the runner.

Of a camera an output that is slow skips frames. An output that fails is closed and named; the run goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from typing import Any, Dict, Optional

from target.errors import AppError, OutputError, one_line
from target.measure.durations import Durations
from target.pipeline.controls import Controls
from target.pipeline.slot import Slot
from target.pipeline.stage import Stage
from target.show.base import Sink, View

_log = logging.getLogger(__name__)
_WAIT_S = 0.1


class Presenter(Stage):
    """Shows views in one sink; opens, finishes and closes it, all from this thread.

    Args:
        sink: Which.
        controls: Told to stop when the user wants to.
        live: Whether frames come from a camera.

    Attributes:
        fault: Why the output failed; None if it did not.
        left: Why it is no longer waited for; None if it ended. It may still store what it has.
    """

    def __init__(self, sink: Sink, controls: Controls, live: bool) -> None:
        super().__init__(f"output {sink.name}")
        self.sink = sink
        self.fault: Optional[AppError] = None
        self.left: Optional[AppError] = None
        self.shown = 0
        self.glass_to_glass = Durations()
        self.drawing = Durations()
        self._controls = controls
        self._slot: Slot[View] = Slot(live or not sink.wants_all, _with_letters)
        self._opened = threading.Event()
        self._keep = False

    def open(self) -> None:
        """Start, and wait until the output is open.

        Raises:
            AppError: If it cannot be opened.
        """
        self.start()
        while not self._opened.wait(0.1):
            pass
        if self.fault is not None:
            raise self.fault

    def put(self, view: View) -> None:
        """Hand on a view."""
        if self.fault is None:
            self._slot.put(view)

    def begin_end(self, keep: bool) -> None:
        """Show what is waiting, finish or throw away, close; all outputs do so at once.

        Args:
            keep: Whether what was stored is kept.
        """
        self._keep = keep
        self._slot.close()

    def end(self, timeout_s: float) -> None:
        """Wait for the end; one that does not come in time is left, a fault.

        Args:
            timeout_s: How long to wait.
        """
        self.join(timeout_s)
        if self.is_alive() and self.fault is None:
            self.left = OutputError(
                f"output {self.sink.name} must end within {timeout_s:.1f} s, got no end; it was left,"
                " and what it had not stored is lost"
            )
            _log.warning("%s", self.left)
        elif self.left is not None and not self.is_alive():
            self.left = None  # it came after all, when it was asked again

    def lost(self) -> Optional[AppError]:
        """Return why what was shown may not be whole; None if it is."""
        return self.fault or self.left

    def facts(self) -> Dict[str, Any]:
        """Return what the record says of the output."""
        lost = self.lost()
        return {
            "name": self.sink.name,
            "shown": self.shown,
            "skipped": self._slot.dropped,
            "glass_to_glass_ms": self.glass_to_glass.summary_ms(),
            "error": None if lost is None else one_line(lost),
        }

    def work(self) -> None:
        """Open, show until the end, finish, close."""
        try:
            self.sink.open()
        except AppError as error:
            self.fault = error
        except Exception as error:
            self.fault = self._defect(error)
        self._opened.set()
        try:
            while self.fault is None:
                view = self._slot.get(_WAIT_S)
                if view is not None:
                    self._show(view)
                elif self._slot.closed:
                    break
            if self.fault is None and self._keep:
                self.sink.finish()
        except BrokenPipeError:
            self._controls.stop()  # the reader of stdout went away (`| head`)
        except Exception as error:
            self._fail(error)
        finally:
            self._slot.clear()
            self.sink.close()

    def _fail(self, error: Exception) -> None:
        """Note what went wrong, and keep what was stored until now."""
        if isinstance(error, AppError):
            self.fault = error
        else:
            self.fault = self._defect(error)
        with contextlib.suppress(Exception):
            self.sink.finish()
        _log.warning("output %s failed, the run goes on: %s", self.sink.name, one_line(self.fault))

    def _defect(self, error: Exception) -> OutputError:
        _log.debug("output %s", self.sink.name, exc_info=error)
        what = f"{type(error).__name__}: {one_line(error)}"
        return OutputError(f"output {self.sink.name} must not fail, got '{what}'")

    def _show(self, view: View) -> None:
        begin = time.perf_counter()
        if not self.sink.show(view):
            self._controls.stop()
        done = time.perf_counter()
        if view.frame is None or not view.fresh:
            return
        self.shown += 1
        self.drawing.add(done - begin)
        self.glass_to_glass.add(done - view.frame.captured_s)


def _with_letters(skipped: View, view: View) -> View:
    """Return a view with the letters that one which is not shown has added."""
    added = skipped.spelling.added
    if not added:
        return view
    spelling = view.spelling._replace(added=added + view.spelling.added)
    return dataclasses.replace(view, spelling=spelling)
