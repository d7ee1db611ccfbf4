"""Runners of the board by name; each is imported on first use."""

from __future__ import annotations

from target.errors import BackendError
from target.manifest import Manifest
from target.runners.base import Runner

NAMES = ("dpu",)


def make_runner(name: str, manifest: Manifest, vart_mode: str = "run") -> Runner:
    """Make a runner of the board.

    Args:
        name: One of NAMES.
        manifest: Of the model.
        vart_mode: Of the DPU runner.

    Raises:
        BackendError: If the name is unknown or the library behind it is missing.
        ModelError: If the model is not one for this runner.
    """
    if name != "dpu":
        raise BackendError(f"runner must be one of {list(NAMES)}, got '{name}'")
    from target.runners.dpu import DpuRunner

    return DpuRunner(manifest, vart_mode)
