"""The portable form of a network: what becomes of its layers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, const
from host.vitis.network import describe_layers, make_portable, write_network
from target.errors import ModelError
from tests.host.small_graphs import add_conv, add_data, add_op

GENERATOR = np.random.default_rng(3)
IMAGES = GENERATOR.uniform(0, 1, (4, 6, 6, 2)).astype(np.float32)


def _graph() -> Graph:
    graph = Graph("net")
    add_data(graph, (1, 6, 6, 2))
    return graph


def _batch_norm(graph: Graph, name: str, source: str, epsilon: float) -> None:
    channels = graph.op(source).tensor.dims[-1]
    op = add_op(graph, name, "batchnorm", [source], epsilon=epsilon, axis=3)
    for role in ("gamma", "beta", "moving_mean", "moving_var"):
        values = GENERATOR.uniform(0.5, 2, channels)
        op.args[role] = [graph.add(const(f"{name}/{role}", values)).name]
    graph.sort()


def _run(graph: Graph) -> np.ndarray:
    return Emulator(graph).run({"image": IMAGES})[graph.outputs()[0].tensor.name]


def test_dropouts_go_and_the_rest_computes_the_same() -> None:
    graph = _graph()
    add_conv(graph, "c1", "image", GENERATOR.normal(size=(3, 1, 1, 2)).astype(np.float32))
    add_op(graph, "drop", "identity", ["c1"], __keras="SpatialDropout2D")
    add_op(graph, "act", "relu6", ["drop"], __keras="Activation")
    made = make_portable(graph)
    assert "drop" not in made and "drop" in graph
    np.testing.assert_array_equal(_run(made), _run(graph))
    kinds = [(layer.name, layer.kind, layer.inputs) for layer in describe_layers(made)]
    assert kinds == [("image", "Input", []), ("c1", "Conv2D", ["image"]), ("act", "ReLU", ["c1"])]


@pytest.mark.parametrize(("epsilon", "kept"), [(0.0, False), (1e-6, False), (1e-3, True)])
def test_epsilons_that_tensorflow_would_raise_are_raised_before(epsilon: float, kept: bool) -> None:
    graph = _graph()
    _batch_norm(graph, "bn", "image", epsilon)
    made = make_portable(graph)
    assert float(made.op("bn").attrs["epsilon"]) == (epsilon if kept else 1e-3)
    np.testing.assert_allclose(_run(made), _run(graph), rtol=2e-6, atol=1e-6)
    assert float(graph.op("bn").attrs["epsilon"]) == epsilon
    layer = describe_layers(made)[1]
    assert layer.options == {"epsilon": 1e-3 if not kept else epsilon}
    assert [weights.shape for weights in layer.weights] == [(2,)] * 4


def test_batch_norm_behind_a_flat_activation_is_refused() -> None:
    graph = Graph("net")
    add_data(graph, (1, 8))
    add_op(graph, "act", "relu", ["image"], __keras="ReLU")
    _batch_norm(graph, "bn", "act", 1e-3)
    with pytest.raises(ModelError, match=r"'bn' of a flat tensor must stand right behind a Dense"):
        make_portable(graph)


@pytest.mark.parametrize(
    ("name", "kind", "attrs", "message"),
    [
        ("_c", "relu", {"__keras": "ReLU"}, "letters, digits and _ . / - for Keras 2, .* got '_c'"),
        ("a b", "relu", {"__keras": "ReLU"}, "got 'a b'; rename the layer"),
        ("h", "hard-sigmoid", {"__keras": "Activation"}, "got the hard_sigmoid of Keras 3"),
        ("h", "argmax", {}, "must have a layer in Keras 2, got type 'argmax'"),
        (
            "p",
            "maxpool2d",
            {"kernel": [2, 2], "stride": [2, 2], "pad": [1, 1, 1, 1]},
            r"pad of op 'p' must be that of padding='same', got \[1, 1, 1, 1\]",
        ),
    ],
    ids=["underscore", "space", "hard sigmoid", "unknown", "padding"],
)
def test_what_keras_2_has_not(name: str, kind: str, attrs: dict[str, Any], message: str) -> None:
    graph = _graph()
    add_op(graph, name, kind, ["image"], **attrs)
    with pytest.raises(ModelError, match=message):
        describe_layers(graph)


def test_files_hold_the_network(tmp_path: Path) -> None:
    graph = _graph()
    kernel = GENERATOR.normal(size=(3, 1, 1, 2)).astype(np.float32)
    add_conv(graph, "c1", "image", kernel, np.ones(3, np.float32))
    write_network(graph, tmp_path)
    content = json.loads((tmp_path / "network.json").read_text())
    assert (content["format"], content["name"], content["outputs"]) == (1, "net", ["c1"])
    assert content["layers"][1]["weights"] == ["c1/0", "c1/1"]
    with np.load(tmp_path / "network.npz") as weights:
        np.testing.assert_array_equal(weights["c1/0"], kernel.transpose(1, 2, 3, 0))
        np.testing.assert_array_equal(weights["c1/1"], np.ones(3))
