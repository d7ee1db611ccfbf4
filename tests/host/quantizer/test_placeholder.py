from __future__ import annotations

import pytest

from host.compiler.compile import compile_graph
from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.quantizer.placeholder import with_placeholders
from host.quiet import import_keras

import_keras()
import keras  # noqa: E402
from keras import layers  # noqa: E402


def _graph(*chain: keras.Layer) -> Graph:
    return from_keras(keras.Sequential([layers.Input((8, 8, 3)), *chain], name="net"))


def _copy_of(graph: Graph) -> list[tuple[str, str, dict[str, object]]]:
    return [(op.name, op.type, dict(op.attrs)) for op in graph]


def test_every_fix_gets_a_position_that_the_dpu_can_shift_by() -> None:
    graph = with_placeholders(
        _graph(layers.Conv2D(4, 3, name="c"), layers.ReLU(), layers.Flatten())
    )
    fixes = graph.of_type("fix")
    positions = {op.name: op.attrs["fix_point"] for op in fixes}
    # image and output 4, kernel and bias 7: shift_cut 4 + 7 - 4, shift_bias 4 + 7 - 7
    assert sorted(positions.values()) == [4, 4, 7, 7]
    assert all(op.tensor.fix_point == op.attrs["fix_point"] for op in fixes)


def test_the_float_graph_is_not_changed() -> None:
    graph = _graph(
        layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.AveragePooling2D(3, 2, "same")
    )
    before = _copy_of(graph)
    with_placeholders(graph)
    assert _copy_of(graph) == before


def test_scaling_in_front_is_left_to_the_host() -> None:
    scalings = [
        layers.Rescaling(1 / 255, name="rescaled"),
        layers.Normalization(mean=[1, 2, 3], variance=[1, 1, 1], name="normalized"),
    ]
    graph = with_placeholders(_graph(*scalings, layers.Conv2D(4, 3, name="c")))
    assert not graph.of_type("batchnorm", "depthwise-conv2d")
    assert [op.type for op in compile_graph(graph).graph if op.data is None] == [
        *("data-fix", "upload", "conv2d-fix", "download")
    ]


def test_scaling_further_on_stays() -> None:
    graph = with_placeholders(
        _graph(layers.MaxPooling2D(2), layers.Rescaling(0.5, name="later"), layers.Conv2D(4, 3))
    )
    assert [op.name for op in graph.of_type("depthwise-conv2d")] == ["later"]


def test_padded_average_keeps_its_shape_and_stays_on_the_dpu() -> None:
    graph = with_placeholders(_graph(layers.AveragePooling2D(3, 2, "same", name="average")))
    compiled = compile_graph(graph).graph
    (pool,) = compiled.of_type("pool-fix")
    assert (pool.tensor.dims, pool.attrs["type"]) == ((1, 4, 4, 3), "AVG")
    assert pool.attrs["pad"] == [0, 0, 0, 0]
    assert [part.device for part in compiled.subgraphs()] == ["USER", "DPU"]


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (layers.Conv2D(5, 3, 2, "same"), "conv2d-fix"),
        (layers.DepthwiseConv2D(3), "depthwise-conv2d-fix"),
        (layers.Conv2DTranspose(5, 2, 2), "transposed-conv2d-fix"),
        (layers.GlobalAveragePooling2D(), "pool-fix"),
        (layers.UpSampling2D(2), "upsample-fix"),
        (layers.ZeroPadding2D(1), "pad-fix"),
        (layers.Dense(5), "conv2d-fix"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_layer_runs_on_the_dpu_as_if_it_were_quantized(layer: keras.Layer, kind: str) -> None:
    compiled = compile_graph(with_placeholders(_graph(layer))).graph
    (part,) = compiled.subgraphs("DPU")
    assert kind in [compiled.op(name).type for name in part.all_ops()]
    assert not compiled.subgraphs("CPU")


def test_residual_block_folds_its_batch_norms() -> None:
    image = layers.Input((8, 8, 16))
    x = layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(image))
    x = layers.ReLU()(layers.Add()([layers.ReLU()(x), image]))
    compiled = compile_graph(with_placeholders(from_keras(keras.Model(image, x)))).graph
    kinds = [op.type for op in compiled if op.data is None]
    assert kinds == ["data-fix", "upload", "conv2d-fix", "eltwise-fix", "download"]
