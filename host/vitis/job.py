"""Writes a job folder: everything AMD's tools need, and the scripts that call them.

    job.json            settings
    network.json, .npz  the float network (host/vitis/network.py)
    calibration.npz     x float32 (n, h, w, c)
    evaluation.npz      x, `expected` (outputs of the float graph for the first of them), y if known
    training.npz        x, y; only for quantization-aware training
    arch.json           only where one was given
    run.sh, scripts/    what runs inside the container
    quantized/ dump_results/ compiled/   what comes back

The folder needs nothing outside itself, so it can be carried to a computer that has the container.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import host.vitis.container
from host.dpu.emulator import Emulator
from host.graph.graph import Graph
from host.vitis.config import BOARD, VitisConfig
from host.vitis.dpu import wanted_dpu
from host.vitis.network import write_network
from target import files
from target.errors import DataError, ModelError, one_line

FORMAT = 1
CHECKED_IMAGES = 32
_STALE = ("quantized", "dump_results", "compiled", "quantize_results", "scripts")
RESULTS = {"quantize": "quantized", "compile": "compiled"}
_PACKAGES = ("host", "host/vitis", "host/vitis/container")
_RUN = """#!/bin/sh
# One step of this job, where AMD's tools are: in the container after `conda activate {environment}`,
# or with PYTHON=/path/to/python in an environment of your own.
#   sh run.sh quantize      sh run.sh compile
here=$(dirname "$0")
cd "$here/scripts" && exec "${{PYTHON:-python}}" -m "host.vitis.container.$1" ..
"""


@dataclasses.dataclass(frozen=True)
class QuantizeOptions:
    """Options of AMD's quantizer; defaults are its own.

    Attributes:
        batch_size: Images a vote on positions, and a step of training.
        equalize: Cross-layer equalization on or off.
        relu6_to_relu: Turn ReLU6 into ReLU first.
        fast_finetune_epochs: At most, of each layer; 0 for no fast finetuning.
        qat_epochs: Of quantization-aware training; 0 for none.
        qat_learning_rate: Of Adam.
        seed: Of everything random.
    """

    batch_size: int = 32
    equalize: bool = True
    relu6_to_relu: bool = False
    fast_finetune_epochs: int = 0
    qat_epochs: int = 0
    qat_learning_rate: float = 1e-4
    seed: int = 1


@dataclasses.dataclass(frozen=True)
class JobImages:
    """Images of a job, float32 (n, h, w, c), and the classes of some.

    Attributes:
        calibration: To calibrate on.
        evaluation: To judge by.
        classes: Of the evaluation images, int (n,); None if unknown.
        training: Images and their classes; None without quantization-aware training.
    """

    calibration: np.ndarray
    evaluation: np.ndarray
    classes: np.ndarray | None = None
    training: tuple[np.ndarray, np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class JobSettings:
    """Settings of a job.

    Attributes:
        options: Of the quantizer.
        config: Which tools.
        source: Where it comes from: float_sha256, images.
    """

    options: QuantizeOptions
    config: VitisConfig
    source: dict[str, str]

    def describe(self, name: str) -> dict[str, Any]:
        """Return the content of job.json, but for the DPU to compile for.

        Args:
            name: Of the model.
        """
        return {
            "format": FORMAT,
            "name": name,
            "flow": self.config.flow,
            "quantize": dataclasses.asdict(self.options),
            "source": self.source,
        }


def write_job(folder: Path, graph: Graph, images: JobImages, settings: JobSettings) -> None:
    """Write a job; results of an earlier one in the folder are removed.

    Args:
        folder: Is made if need be.
        graph: Float, portable.
        images: That fit the graph.
        settings: Of the job.

    Raises:
        ModelError: If the network cannot be written.
        DataError: If the images do not fit it.
    """
    write_images(folder, graph, images)
    write_network(graph, folder)
    copy_scripts(folder, settings.config.environment)
    write_target(folder, settings.describe(graph.name), settings.config)


def write_images(folder: Path, graph: Graph, images: JobImages) -> np.ndarray:
    """Write the images of a job into an emptied folder.

    Args:
        folder: Is made if need be; results of an earlier job are removed.
        graph: Float.
        images: That fit the graph.

    Returns:
        Outputs of the float graph for the first evaluation images, float32 (at most 32, outputs).

    Raises:
        DataError: If the images do not fit.
    """
    check_images(graph, images)
    files.check_writable(folder / "job.json")
    for stale in _STALE:
        shutil.rmtree(folder / stale, ignore_errors=True)
    (folder / "training.npz").unlink(missing_ok=True)
    _save(folder / "calibration.npz", {"x": images.calibration})
    expected = float_outputs(graph, images.evaluation)
    evaluation = {"x": images.evaluation, "expected": expected}
    if images.classes is not None:
        evaluation["y"] = np.asarray(images.classes, np.int64)
    _save(folder / "evaluation.npz", evaluation)
    if images.training is not None:
        x, y = images.training
        _save(folder / "training.npz", {"x": x, "y": np.asarray(y, np.int64)})
    return expected


def write_target(folder: Path, content: dict[str, Any], config: VitisConfig) -> None:
    """Write job.json with the DPU to compile for, and arch.json if one is given.

    Args:
        folder: Of the job.
        content: Of job.json.
        config: Names release and arch.json.

    Raises:
        DataError: If the arch.json cannot be read or names no DPU.
    """
    arch = wanted_dpu(config)
    (folder / "arch.json").unlink(missing_ok=True)
    if config.arch:
        files.write_text(folder / "arch.json", config.arch.read_text(encoding="utf-8"))
    target = {
        "board": BOARD,
        "release": config.release,
        "target": arch.name,
        "fingerprint": f"{arch.fingerprint:#x}",
    }
    files.write_json(folder / "job.json", {**content, "compile": target})


def read_job(folder: Path) -> dict[str, Any]:
    """Return the content of job.json.

    Raises:
        ModelError: If there is none, or of another format.
    """
    path = folder / "job.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        options = QuantizeOptions(**content["quantize"])
        known = content["format"] == FORMAT and isinstance(content["source"], dict) and options
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"job folder must hold a job.json of format {FORMAT}, got '{one_line(error)}' at {path};"
            " run make quantize TOOLCHAIN=vitis"
        ) from error
    if not known:
        raise ModelError(
            f"job.json must have format {FORMAT}, got {content['format']} at {path}; run make quantize"
            " TOOLCHAIN=vitis"
        )
    return dict(content)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file of a job.

    Raises:
        ModelError: If it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"job must hold {path.name}, got '{one_line(error)}' at {path}; run make quantize"
            " TOOLCHAIN=vitis"
        ) from error


def read_report(job: Path, step: str, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the report.json that a step left.

    Args:
        job: The job folder.
        step: `quantize` or `compile`.
        keys: That the report must have.

    Raises:
        ModelError: If the step has not run, or left something else.
    """
    path = job / RESULTS[step] / "report.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {key: content[key] for key in keys}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"step {step} must have run in the job, got '{one_line(error)}' at {path}; run sh run.sh {step}"
            f" in {job} where AMD's tools are, or leave out --only"
        ) from error


def float_outputs(graph: Graph, images: np.ndarray) -> np.ndarray:
    """Return the float graph's outputs for the first images, float32 (at most 32, outputs)."""
    emulator = Emulator(graph)
    values = emulator.run({emulator.inputs[0].name: images[:CHECKED_IMAGES]})
    return np.asarray(values[graph.outputs()[0].tensor.name], np.float32)


def check_images(graph: Graph, images: JobImages) -> None:
    """Check that images fit the network.

    Raises:
        DataError: If not.
    """
    wanted = graph.of_type("data")[0].tensor.dims[1:]
    for array in (images.calibration, images.evaluation):
        if array.shape[1:] != wanted:
            raise DataError(f"images must be float32 {('n', *wanted)}, got {array.shape}")


def copy_scripts(folder: Path, environment: str) -> None:
    """Put run.sh and the container's part of the program into a job."""
    home = Path(host.vitis.container.__file__).resolve().parent
    root = home.parents[2]
    shutil.rmtree(folder / "scripts", ignore_errors=True)
    for package in _PACKAGES:
        names = (
            sorted(home.glob("*.py"))
            if root / package == home
            else [root / package / "__init__.py"]
        )
        for source in names:
            text = source.read_text(encoding="utf-8")
            files.write_text(folder / "scripts" / package / source.name, text)
    files.write_text(folder / "run.sh", _RUN.format(environment=environment))


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with files.replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)
