"""Runners of the board by name; each is imported on first use."""

from __future__ import annotations

from pathlib import Path

from target.errors import BackendError
from target.manifest import Manifest
from target.runners.base import Runner

NAMES = ("dpu", "litert-float", "litert-int8")


def make_runner(name: str, manifest: Manifest, threads: int = 1, vart_mode: str = "run") -> Runner:
    """Make a runner of the board.

    Args:
        name: One of NAMES.
        manifest: Of the model.
        threads: Of CPU runners.
        vart_mode: Of the DPU runner.

    Raises:
        BackendError: If the name is unknown or the library behind it is missing.
        ModelError: If the model has no file for this runner.
    """
    if name == "dpu":
        from target.runners.dpu import DpuRunner

        return DpuRunner(manifest, vart_mode)
    if name in NAMES:
        from target.runners.cpu import LiteRtRunner

        return LiteRtRunner(Path(manifest.file(name)), name, threads)
    raise BackendError(f"runner must be one of {list(NAMES)}, got '{name}'")
