"""The older flow: the frozen graph, the calibration input function, the command lines."""

from __future__ import annotations

import dataclasses
import os
import runpy
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.graph.keras_file import load_keras_model
from host.quiet import import_keras
from host.vitis.config import VitisConfig
from host.vitis.frozen_graph import write_frozen_graph
from host.vitis.job import JobImages, JobSettings, QuantizeOptions, float_outputs
from host.vitis.network import make_portable
from host.vitis.tf1 import write_tf1_job
from target.errors import DataError, ModelError

SETTINGS = JobSettings(
    QuantizeOptions(batch_size=4), VitisConfig("tf1", "2.5"), {"images": "x", "float_sha256": "0"}
)
# Attributes that TensorFlow 1.15 does not know: a graph with one of them does not load there.
LATER = {"exponential_avg_factor", "grad_a", "grad_b", "_class", "T_threshold"}


@pytest.fixture(scope="module")
def signnet(released: dict[str, Path]) -> Graph:
    graph = make_portable(from_keras(load_keras_model(released["signnet"] / "float.keras")))
    graph.name = "signnet"
    return graph


def _load(path: Path) -> Any:
    import_keras()
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(path.read_bytes())
    return graph


def _answers(content: Any, fed: dict[str, np.ndarray], last: str) -> np.ndarray:
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(content, name="")
        feed = {f"{name}:0": values for name, values in fed.items()}
        return np.asarray(session.run(f"{last}:0", feed))


@pytest.mark.parametrize("case", ["cnn_a", "cnn_c", "cnn_e"])
def test_frozen_graph_gives_the_float_outputs(case: str, shared: Path, tmp_path: Path) -> None:
    given = shared / "given" / "quantizer"
    graph = make_portable(from_keras(load_keras_model(given / case / "float.keras")))
    with np.load(given / "test_images.npz") as stored:
        images = stored["x"].astype(np.float32) / np.float32(255)
    write_frozen_graph(graph, tmp_path / "frozen.pb", images, float_outputs(graph, images))
    content = _load(tmp_path / "frozen.pb")
    assert not {name for node in content.node for name in node.attr} & LATER
    assert not any("Variable" in node.op or "Call" in node.op for node in content.node)
    last = graph.outputs()[0].name
    got = _answers(content, {"image": images}, last)
    with np.load(given / case / "outputs_int8.npz") as stored:
        np.testing.assert_allclose(got, stored["float_model"], atol=1e-5)


def test_frozen_graph_with_other_outputs_is_refused(shared: Path, tmp_path: Path) -> None:
    path = shared / "given" / "quantizer" / "cnn_a" / "float.keras"
    graph = make_portable(from_keras(load_keras_model(path)))
    images = np.zeros((2, 28, 28, 1), np.float32)
    with pytest.raises(ModelError, match="frozen graph must give the float graph's outputs within"):
        write_frozen_graph(graph, tmp_path / "f.pb", images, np.ones((2, 25), np.float32))
    assert not (tmp_path / "f.pb").exists()


def test_job_has_all_that_amds_older_tools_take(signnet: Graph, tmp_path: Path) -> None:
    graph = signnet
    images = np.random.default_rng(1).uniform(0, 1, (10, 28, 28, 1)).astype(np.float32)
    commands = write_tf1_job(tmp_path, graph, JobImages(images, images), SETTINGS)
    assert commands.quantize[:4] == [
        *("vai_q_tensorflow", "quantize", "--input_frozen_graph", "frozen.pb")
    ]
    options = dict(zip(commands.quantize[2::2], commands.quantize[3::2]))
    assert options["--input_shapes"] == "?,28,28,1" and options["--calib_iter"] == "3"
    assert options["--input_fn"] == "input_fn.calib_input"
    calib_input = runpy.run_path(str(tmp_path / "input_fn.py"))["calib_input"]
    fed = [calib_input(step) for step in range(3)]
    assert set(fed[0]) == {options["--input_nodes"]}
    np.testing.assert_array_equal(np.concatenate([step["image"] for step in fed]), images)
    got = _answers(_load(tmp_path / "frozen.pb"), fed[0], options["--output_nodes"])
    np.testing.assert_allclose(got, float_outputs(graph, images)[:4], atol=1e-5)
    assert commands.compile[-2:] == ["--net_name", "signnet"]


def test_script_runs_the_command_lines(signnet: Graph, tmp_path: Path) -> None:
    images = np.zeros((5, 28, 28, 1), np.float32)
    commands = write_tf1_job(tmp_path / "j", signnet, JobImages(images, images), SETTINGS)
    for name in ("vai_q_tensorflow", "vai_c_tensorflow"):
        tool = tmp_path / name
        tool.write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@"\n')
        tool.chmod(0o755)
    for step in ("quantize", "compile"):
        ran = subprocess.run(
            ["sh", "j/run.sh", step],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}{os.pathsep}/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.splitlines() == getattr(commands, step)


@pytest.mark.parametrize(
    ("release", "deployed"), [("1.3", "deploy_model.pb"), ("2.0", "quantize_eval_model.pb")]
)
def test_compiler_takes_what_the_release_deploys(
    signnet: Graph, tmp_path: Path, release: str, deployed: str
) -> None:
    images = np.zeros((5, 28, 28, 1), np.float32)
    settings = dataclasses.replace(SETTINGS, config=VitisConfig("tf1", release))
    commands = write_tf1_job(tmp_path, signnet, JobImages(images, images), settings)
    assert commands.compile[2] == f"quantize_results/{deployed}"


def test_options_that_the_older_tool_has_not(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, options=QuantizeOptions(qat_epochs=2))
    images = np.zeros((0, 1, 1, 1), np.float32)
    with pytest.raises(DataError, match="--flow tf1 takes --count and --batch-size alone"):
        write_tf1_job(tmp_path, None, JobImages(images, images), settings)  # type: ignore[arg-type]
