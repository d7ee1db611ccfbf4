"""Live progress of an epoch: one line that is written over, where a person watches."""

from __future__ import annotations

import sys
import time

import keras

_EVERY_S = 0.2


class EpochProgress(keras.callbacks.Callback):
    """Shows steps done, loss and accuracy so far, and the time left; nothing where stderr is no terminal."""

    def __init__(self, epoch: int, epochs: int, steps: int) -> None:
        super().__init__()
        self._title = f"epoch {epoch:2d}/{epochs}"
        self._steps = steps
        self._started = self._shown = time.monotonic()
        self._live = sys.stderr.isatty()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Write the line anew, five times a second at most."""
        now = time.monotonic()
        if not self._live or now - self._shown < _EVERY_S:
            return
        self._shown = now
        done = batch + 1
        left = (now - self._started) / done * (self._steps - done)
        values = logs or {}
        print(
            f"\r{self._title}  {done}/{self._steps}  loss {values.get('loss', 0):.4f}"
            f"  accuracy {values.get('accuracy', 0):.4f}  {left:.0f} s left \033[K",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Clear the line; the epoch's own line follows."""
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
