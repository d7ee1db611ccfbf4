"""Runners of the board by name; each is imported on first use."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Optional

from target.errors import BackendError, ModelError
from target.manifest import Manifest
from target.runners.base import Runner
from target.runners.checks import check_sizes

NAMES = ("dpu", "litert-float", "litert-int8", "onnxruntime", "opencv-dnn", "null")
# Files of the baselines in the folder that python -m host export makes.
BASELINES = {
    "litert-float": "float.tflite",
    "litert-int8": "int8.tflite",
    "onnxruntime": "float.onnx",
    "opencv-dnn": "float.onnx",
}


@dataclasses.dataclass(frozen=True)
class RunnerOptions:
    """What some runners need besides the manifest.

    Attributes:
        vart_mode: Of the DPU runner.
        baselines: Folder with the baselines' files; None if there is none.
        threads: Of runners that can be told.
        isolate: Whether the DPU runner gets a process of its own, so that an abort is an error.
    """

    vart_mode: str = "run"
    baselines: Optional[Path] = None
    threads: int = 1
    isolate: bool = False


def add_vart_options(parser: argparse.ArgumentParser) -> None:
    """Add what the DPU runner takes on the command line."""
    parser.add_argument("--vart-mode", default="run", help="run: the DPU; ref: AMD's CPU runner")
    parser.add_argument(
        "--isolate",
        action="store_true",
        help="the DPU runner in a process of its own: where VART aborts, that is an error that says why",
    )


def make_runner(name: str, manifest: Manifest, options: Optional[RunnerOptions] = None) -> Runner:
    """Make a runner of the board.

    Args:
        name: One of NAMES.
        manifest: Of the model.
        options: The defaults if None.

    Raises:
        BackendError: If the name is unknown or the library behind it is missing.
        ModelError: If the model is not one for this runner.
    """
    options = options or RunnerOptions()
    if name == "dpu" and options.isolate:
        from target.runners.isolated import IsolatedRunner

        return IsolatedRunner(manifest, options.vart_mode)
    if name == "dpu":
        from target.runners.dpu import DpuRunner

        return DpuRunner(manifest, options.vart_mode)
    if name == "null":
        from target.runners.null import NullRunner

        return NullRunner(manifest)
    if name not in NAMES:
        raise BackendError(f"runner must be one of {', '.join(NAMES)}, got '{name}'")
    if options.baselines is None:
        raise ModelError(
            f"runner '{name}' must have a folder with {BASELINES[name]}, got none; make it with"
            " python -m host export and pass --baselines"
        )
    return make_baseline(name, options.baselines / BASELINES[name], manifest, options.threads)


def make_baseline(name: str, path: Path, manifest: Manifest, threads: int) -> Runner:
    """Make the runner of a baseline from its file.

    Raises:
        BackendError: If the library behind it is missing.
        ModelError: If the file is not such a model, or of a network of another size.
    """
    if name == "onnxruntime":
        from target.runners.onnx_runtime import OnnxRunner

        return OnnxRunner(path, manifest, threads)
    if name == "opencv-dnn":
        from target.runners.opencv_dnn import OpenCvRunner

        return OpenCvRunner(path, manifest, threads)
    from target.runners.cpu import LiteRtRunner

    runner = LiteRtRunner(path, name, threads)
    check_sizes(path, manifest, runner.input.shape, runner.output.shape)
    return runner
