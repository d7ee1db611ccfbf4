"""Runners of this machine by name; each is imported on first use."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from host.quiet import quiet_stderr
from target.errors import BackendError
from target.manifest import Manifest
from target.runners.base import Runner
from target.runners.table import BASELINES, make_baseline

NAMES = ("emulator", *BASELINES, "keras-cpu", "keras-gpu", "null")


@dataclasses.dataclass(frozen=True)
class RunnerNeeds:
    """What some runners need besides the model.

    Attributes:
        threads: Of runners that can be told.
        calibration: uint8 (n, h, w), gray and not treated, for LiteRT's int8 conversion; may be empty.
        cache: Folder for converted models.
        engine: Of the emulator.
    """

    threads: int
    calibration: np.ndarray
    cache: Path
    engine: str = "auto"


def make_runner(name: str, manifest: Manifest, needs: RunnerNeeds) -> Runner:
    """Make a runner of this machine.

    Raises:
        BackendError: If the name is unknown or what is behind it is missing.
        ModelError: If the model has no file for this runner.
    """
    if name == "emulator":
        from host.runners.emulator import EmulatorRunner

        return EmulatorRunner(manifest, needs.engine, needs.threads)
    if name in BASELINES:
        from host.runners.baselines import baseline_file

        path = baseline_file(name, manifest, needs.calibration, needs.cache)
        with quiet_stderr():  # LiteRT announces its XNNPACK delegate
            return make_baseline(name, path, manifest, needs.threads)
    if name == "null":
        from target.runners.null import NullRunner

        return NullRunner(manifest)
    if name in NAMES:
        from host.runners.keras import KerasRunner

        return KerasRunner(manifest, name)
    raise BackendError(f"runner must be one of {', '.join(NAMES)}, got '{name}'")
