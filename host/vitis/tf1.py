"""The older flow of Vitis AI 1.3 to 2.5: a frozen graph, a calibration input function, two command lines.

frozen.pb         the float network (host/vitis/frozen_graph.py)
calibration.npz   x float32 (n, h, w, c)
input_fn.py       gives it to vai_q_tensorflow, batch by batch
run.sh            the two commands, for inside the container
"""

from __future__ import annotations

import dataclasses
import math
import shlex
from pathlib import Path

import numpy as np

from host.graph.graph import Graph
from host.vitis.config import BOARD, VitisConfig
from host.vitis.frozen_graph import write_frozen_graph
from host.vitis.job import JobImages, JobSettings, QuantizeOptions, write_images, write_target
from target import files
from target.errors import DataError

FROZEN, INPUT_FN = "frozen.pb", "input_fn.py"
# Which of vai_q_tensorflow's results its compiler takes for the DPU of edge boards.
_DEPLOYED = {"1.3": "deploy_model.pb"}
_INPUT_FN = '''"""Calibration images for vai_q_tensorflow: --input_fn input_fn.calib_input."""

import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = np.load(os.path.join(HERE, "calibration.npz"))["x"]
BATCH_SIZE = {batch_size}


def calib_input(iter):
    """Return the images of one step: float32 (n, {size}), by the input's name."""
    start = iter * BATCH_SIZE
    return {{"{node}": IMAGES[start : start + BATCH_SIZE]}}
'''
_RUN = """#!/bin/sh
# The two steps of this job, in AMD's container after `conda activate vitis-ai-tensorflow`:
#   sh run.sh quantize      sh run.sh compile
cd "$(dirname "$0")" || exit 1
case "$1" in
quantize)
    exec {quantize} ;;
compile)
    exec {compile} ;;
*)
    echo "usage: sh run.sh quantize|compile" >&2
    exit 2 ;;
esac
"""


@dataclasses.dataclass(frozen=True)
class Commands:
    """The command lines of AMD's older tools, one argument each."""

    quantize: list[str]
    compile: list[str]


def write_tf1_job(folder: Path, graph: Graph, images: JobImages, settings: JobSettings) -> Commands:
    """Write a job of the older flow; returns its command lines.

    Args:
        folder: Is made if need be.
        graph: Float, portable.
        images: That fit the graph.
        settings: Of the job.

    Raises:
        ModelError: If the network has no frozen graph.
        DataError: If options are asked for that the older tool has not.
    """
    options = settings.options
    if options != QuantizeOptions(batch_size=options.batch_size, seed=options.seed):
        raise DataError(
            "--flow tf1 takes --count and --batch-size alone, got another option of the quantizer; use"
            " --flow tf2"
        )
    expected = write_images(folder, graph, images)
    write_frozen_graph(graph, folder / FROZEN, images.evaluation, expected)
    source = graph.of_type("data")[0]
    size = ", ".join(str(side) for side in source.tensor.dims[1:])
    text = _INPUT_FN.format(batch_size=options.batch_size, size=size, node=source.name)
    files.write_text(folder / INPUT_FN, text)
    commands = command_lines(graph, images.calibration, settings)
    lines = {
        step: " \\\n        ".join(_grouped(getattr(commands, step)))
        for step in ("quantize", "compile")
    }
    files.write_text(folder / "run.sh", _RUN.format(**lines))
    write_target(folder, settings.describe(graph.name), settings.config)
    return commands


def command_lines(graph: Graph, calibration: np.ndarray, settings: JobSettings) -> Commands:
    """Return the command lines for vai_q_tensorflow and vai_c_tensorflow, to run in the job folder."""
    source, last = graph.of_type("data")[0], graph.outputs()[0]
    config = settings.config
    shape = ",".join(["?", *(str(side) for side in source.tensor.dims[1:])])
    rounds = math.ceil(len(calibration) / settings.options.batch_size)
    quantize = ["vai_q_tensorflow", "quantize", "--input_frozen_graph", FROZEN]
    quantize += ["--input_nodes", source.name, "--input_shapes", shape]
    quantize += ["--output_nodes", last.name, "--input_fn", "input_fn.calib_input"]
    quantize += ["--method", "1", "--calib_iter", str(rounds), "--output_dir", "quantize_results"]
    deployed = _DEPLOYED.get(config.release, "quantize_eval_model.pb")
    compile_ = ["vai_c_tensorflow", "--frozen_pb", f"quantize_results/{deployed}"]
    compile_ += ["--arch", arch_path(config), "--output_dir", "compiled"]
    compile_ += ["--net_name", graph.name]
    return Commands(quantize, compile_)


def arch_path(config: VitisConfig) -> str:
    """Return where the container has the board's arch.json: its own, or the one that was given."""
    if config.arch:
        return "arch.json"
    return f"/opt/vitis_ai/compiler/arch/DPUCZDX8G/{BOARD}/arch.json"


def _grouped(command: list[str]) -> list[str]:
    """Return an option and its value a line."""
    lines: list[str] = []
    for part in command:
        quoted = shlex.quote(part)
        if lines and not part.startswith("--"):
            lines[-1] += f" {quoted}"
        else:
            lines.append(quoted)
    return lines
