"""Keeps a service honest: signs of life only while frames move, golden vectors on demand, an end to trials.

`App` tells it how long ago each stage last moved; the main thread's beats reach systemd's watchdog only if
that is recent, so that a hung stage ends the process as surely as a hung main thread.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from pathlib import Path
from typing import Any, Dict, Optional

from target.errors import AppError, one_line
from target.manifest import Manifest
from target.measure.golden import Golden, compare_golden, load_golden
from target.runners.base import Runner
from target.service.errands import Errands
from target.service.health import HealthServer
from target.service.notify import Notifier
from target.service.release import end_trial, is_on_trial, own_release

_log = logging.getLogger(__name__)
_TRIAL_S = 0.5  # between two looks at whether a trial is over
_ERRAND_S = 5.0  # for the pipeline to find time, and for the runner to do the golden vectors
_LONGEST_STILL_S = 10.0  # where systemd watches over nothing


@dataclasses.dataclass(frozen=True)
class Pulse:
    """How a stream is.

    Attributes:
        still_s: Seconds since the stage that moved last longest ago.
        frames: Processed so far.
        trouble: Of the source, in a few words; empty if all is well.
    """

    still_s: float = 0.0
    frames: int = 0
    trouble: str = ""


class Keeper:
    """Stands between a stream and whoever watches over it.

    Args:
        manifest: Of the model.
        runner: Of the stream; used in the thread that does the errands only.
        socket: Where health is asked for; None for nowhere.
        notifier: Of systemd; the process's own if None.

    Attributes:
        errands: For the thread that owns the runner.

    Raises:
        ModelError: If health is to be answered and the model has no golden vectors.
    """

    def __init__(
        self,
        manifest: Manifest,
        runner: Runner,
        socket: Optional[Path],
        notifier: Optional[Notifier] = None,
    ) -> None:
        self.errands = Errands()
        self._manifest = manifest
        self._runner = runner
        self._notifier = notifier or Notifier()
        self._release = own_release()
        self._golden: Optional[Golden] = load_golden(manifest) if socket else None
        self._server = HealthServer(socket, self.answer) if socket else None
        self._pulse = Pulse()
        self._told_s = self._looked_s = 0.0
        self._was_still = False

    def begin(self) -> None:
        """Say that the stream runs."""
        if self._server is not None:
            self._server.start()
        self._notifier.tell("READY=1", f"STATUS=release {self._release.id}", "WATCHDOG=1")
        self._told_s = time.monotonic()

    def beat(self, pulse: Pulse) -> None:
        """Note how the stream is; called often by the main thread."""
        self._pulse, now = pulse, time.monotonic()
        if now - self._looked_s >= _TRIAL_S:
            self._looked_s = now
            self._look_at_trial()
        longest_s = self._notifier.patience_s or _LONGEST_STILL_S
        is_still = pulse.still_s > longest_s / 2
        if is_still and not self._was_still:
            _log.warning("a stage has not moved for %.0f s", pulse.still_s)
        self._was_still = is_still
        if is_still or now - self._told_s < self._notifier.interval_s:
            return
        self._told_s = now
        status = f"release {self._release.id}, {pulse.frames} frames {pulse.trouble}".strip()
        self._notifier.tell("WATCHDOG=1", f"STATUS={status}")

    def end(self) -> None:
        """Say that the stream is over."""
        self._notifier.tell("STOPPING=1")
        if self._server is not None:
            self._server.close()

    def _look_at_trial(self) -> None:
        if is_on_trial() and self._release.is_current():
            end_trial()
            _log.warning("release %s is in service", self._release.id)

    def answer(self) -> Dict[str, Any]:
        """Return how the service is; golden vectors are run through its own runner, between two frames.

        Any thread but the one that does the errands may ask.
        """
        pulse = self._pulse
        answer: Dict[str, Any] = {
            "release": self._release.id,
            "model": self._manifest.name,
            "sha256": self._manifest.sha256,
            "runner": self._runner.name,
            "device": self._runner.device,
            "pid": os.getpid(),
            "frames": pulse.frames,
            "still_s": round(pulse.still_s, 3),
            "trouble": pulse.trouble,
            "on_trial": is_on_trial(),
            "golden": None,
            "ok": False,
            "why": "",
        }
        try:
            answer["why"] = self._examine(answer)
        except AppError as error:
            answer["why"] = one_line(error)
        except Exception as error:  # the runner's library has errors of its own
            answer["why"] = f"{type(error).__name__}: {one_line(error)}"
        answer["ok"] = not answer["why"]
        return answer

    def _examine(self, answer: Dict[str, Any]) -> str:
        """Run the golden vectors; returns what is wrong."""
        if self._runner.promise != "codes":
            return f"runner '{self._runner.name}' does not promise the DPU's codes"
        golden = self._golden
        assert golden is not None
        compared = self.errands.ask(lambda: compare_golden(self._runner, golden), _ERRAND_S)
        answer["golden"] = {"vectors": compared.vectors, "wrong": compared.wrong}
        if compared.wrong:
            return (
                f"{compared.wrong} of {compared.vectors} golden vectors must give the manifest's codes,"
                f" got others from vector {compared.first} on"
            )
        return ""
