from __future__ import annotations

import numpy as np
import pytest

from host.compiler.lower import lower
from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op, Tensor
from target.errors import ModelError
from target.vision.fixed_point import quantize
from tests.host.small_graphs import add_conv, add_data, add_fix, add_op

GENERATOR = np.random.default_rng(5)


def _start(dims: tuple[int, ...] = (1, 4, 4, 2)) -> Graph:
    graph = Graph("g")
    add_data(graph, dims)
    add_fix(graph, "image", 6)
    return graph


def _conv(graph: Graph, name: str, source: str, shape: tuple[int, ...], **attrs: object) -> None:
    """Add a convolution with quantized weights and bias, not yet its output."""
    kind = str(attrs.pop("kind", "conv2d"))
    outputs = shape[-1] if kind == "depthwise-conv2d" else shape[0]
    weights, bias = GENERATOR.normal(size=shape), GENERATOR.normal(size=outputs)
    add_conv(graph, name, source, weights, bias, kind, **attrs)
    add_fix(graph, f"{name}/kernel", 5, "kernel")
    add_fix(graph, f"{name}/bias", 6, "bias")


def _types(graph: Graph) -> dict[str, str]:
    return {op.name: op.type for op in graph if op.data is None}


def _same_codes(quantized: Graph) -> Graph:
    """Lower; check that every quantized tensor has the same codes; return the lowered graph."""
    lowered = lower(quantized)
    source = quantized.op("image")
    images = GENERATOR.uniform(-2, 2, (3, *source.tensor.dims[1:])).astype(np.float32)
    before = Emulator(quantized).run({"image": images})
    after = Emulator(lowered).run({"image": quantize(images, 6)})
    for fix in quantized.of_type("fix"):
        if quantized.input(fix).data is None and fix.tensor.name in after:
            codes = quantize(before[fix.tensor.name], fix.attrs["fix_point"])
            got = after[fix.tensor.name]
            np.testing.assert_array_equal(got.reshape(codes.shape), codes, err_msg=fix.name)
    for op in quantized.outputs():
        last = op.tensor.name
        if op.type != "fix":
            np.testing.assert_array_equal(after[last], before[last])
    return lowered


@pytest.mark.parametrize(
    ("activation", "nonlinear"),
    [(None, "NONE"), ("relu", "RELU"), ("relu6", "RELU6"), ("leaky-relu", "LEAKYRELU")],
)
@pytest.mark.parametrize("kind", ["conv2d", "depthwise-conv2d"])
def test_convolution_activation_and_fix_become_one_op(
    kind: str, activation: str | None, nonlinear: str
) -> None:
    graph = _start()
    _conv(graph, "conv", "image_fix", (3, 1, 1, 2) if kind == "conv2d" else (1, 1, 1, 2), kind=kind)
    if activation is not None:
        add_op(graph, "act", activation, ["conv"], alpha=26 / 256)
    add_fix(graph, "act" if activation else "conv", 4)
    lowered = _same_codes(graph)
    assert _types(lowered) == {"image": "data-fix", "conv": f"{kind}-fix"}
    op = lowered.op("conv")
    assert op.attrs["nonlinear"] == nonlinear
    assert op.tensor.name == ("act_fix" if activation else "conv_fix")
    assert (op.tensor.dtype, op.tensor.fix_point) == ("xint8", 4)
    weights = lowered.data_of(op, "weights")
    assert weights.dtype == np.int8
    np.testing.assert_array_equal(
        weights, quantize(graph.data_of(graph.op("conv/kernel_fix"), "input"), 5, "PY3_ROUND")
    )
    assert lowered.input(op, "weights").tensor.fix_point == 5
    assert lowered.input(op, "bias").tensor.fix_point == 6


def test_leaky_relu_of_another_slope_stays_float() -> None:
    graph = _start()
    _conv(graph, "conv", "image_fix", (3, 1, 1, 2))
    add_op(graph, "act", "leaky-relu", ["conv"], alpha=0.3)
    add_fix(graph, "act", 4)
    lowered = _same_codes(graph)
    assert _types(lowered) == {
        "image": "data-fix",
        "image_fix2float": "fix2float",
        "conv": "conv2d",
        "act": "leaky-relu",
        "act_fix": "float2fix",
    }
    # its weights are real values, but those that int8 can hold
    weights = lowered.data_of(lowered.op("conv"), "weights")
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(np.rint(weights * 32), weights * 32)


def test_convolution_used_twice_before_its_activation_keeps_its_own_codes() -> None:
    graph = _start()
    _conv(graph, "conv", "image_fix", (2, 1, 1, 2))
    add_fix(graph, "conv", 4)
    add_op(graph, "act", "relu", ["conv_fix"])
    add_fix(graph, "act", 5)
    add_op(graph, "sum", "add", ["conv_fix", "act_fix"])
    add_fix(graph, "sum", 3)
    types = _types(_same_codes(graph))
    assert types["conv"] == "conv2d-fix"
    assert types["act"] == "relu"
    assert types["sum"] == "eltwise-fix"


@pytest.mark.parametrize("position", ["last", "flattened"])
def test_dense_layer_becomes_a_convolution_over_the_whole_map(position: str) -> None:
    graph = _start((1, 3, 4, 2))
    source = "image_fix"
    if position == "flattened":
        add_op(graph, "flat", "reshape", ["image_fix"], (1, 24))
        source = "flat"
    else:
        graph.op("image").tensor.dims = graph.op("image_fix").tensor.dims = (1, 24)
    _conv(graph, "fc", source, (5, 24), kind="inner-product")
    add_fix(graph, "fc", 3)
    lowered = _same_codes(graph)
    op = lowered.op("fc")
    assert op.type == "conv2d-fix"
    weights = lowered.data_of(op, "weights")
    if position == "flattened":
        assert (op.attrs["kernel"], weights.shape) == ([4, 3], (5, 3, 4, 2))
        assert op.args["input"] == ["image"]
    else:
        assert (op.attrs["kernel"], weights.shape) == ([1, 1], (5, 1, 1, 24))
    assert op.tensor.dims == (1, 1, 1, 5)
    (output,) = lowered.outputs()
    assert (output.type, output.tensor.dims) == ("reshape-fix", (1, 5))


def test_two_dense_layers_in_a_row_need_no_reshape_between() -> None:
    graph = _start()
    add_op(graph, "flat", "reshape", ["image_fix"], (1, 32))
    _conv(graph, "fc1", "flat", (6, 32), kind="inner-product")
    add_fix(graph, "fc1", 3)
    _conv(graph, "fc2", "fc1_fix", (4, 6), kind="inner-product")
    add_fix(graph, "fc2", 2)
    assert list(_types(_same_codes(graph)).values()) == [
        "data-fix", "conv2d-fix", "conv2d-fix", "reshape-fix",
    ]  # fmt: skip


@pytest.mark.parametrize("sizes", [(6, 6), (6, 3)], ids=["same", "different"])
def test_flat_tensors_are_concatenated_along_their_channels(sizes: tuple[int, int]) -> None:
    graph = _start()
    add_op(graph, "flat", "reshape", ["image_fix"], (1, 32))
    for name, size in zip("ab", sizes):
        _conv(graph, name, "flat", (size, 32), kind="inner-product")
        add_fix(graph, name, 3)
    add_op(graph, "both", "concat", ["a_fix", "flat", "b_fix"], (1, sum(sizes) + 32), axis=1)
    add_fix(graph, "both", 2)
    lowered = _same_codes(graph)
    assert lowered.op("both").attrs["axis"] == 3


def test_flat_tensors_are_added() -> None:
    graph = _start()
    add_op(graph, "flat", "reshape", ["image_fix"], (1, 32))
    _conv(graph, "fc", "flat", (32, 32), kind="inner-product")
    add_fix(graph, "fc", 3)
    add_op(graph, "sum", "add", ["flat", "fc_fix"])
    add_fix(graph, "sum", 3)
    assert _same_codes(graph).op("sum").type == "eltwise-fix"


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_maps_are_concatenated_along_any_axis(axis: int) -> None:
    graph = _start()
    _conv(graph, "conv", "image_fix", (2, 1, 1, 2))
    add_fix(graph, "conv", 4)
    dims = [1, 4, 4, 2]
    dims[axis] *= 2
    add_op(graph, "both", "concat", ["image_fix", "conv_fix"], tuple(dims), axis=axis)
    add_fix(graph, "both", 4)
    assert _same_codes(graph).op("both").attrs["axis"] == axis % 4


@pytest.mark.parametrize("kind", ["conv2d", "depthwise-conv2d"])
def test_padding_becomes_the_convolutions(kind: str) -> None:
    graph = _start()
    add_op(
        graph,
        "pad",
        "pad",
        ["image_fix"],
        (1, 6, 5, 2),
        paddings=[0, 0, 2, 0, 1, 0, 0, 0],
        mode="CONSTANT",
    )
    shape = (3, 2, 2, 2) if kind == "conv2d" else (1, 2, 2, 2)
    _conv(graph, "conv", "pad", shape, kind=kind)
    graph.op("conv").tensor.dims = (1, 5, 4, shape[0] if kind == "conv2d" else 2)
    add_fix(graph, "conv", 3)
    lowered = _same_codes(graph)
    assert lowered.op("conv").attrs["pad"] == [1, 0, 2, 0]
    assert "pad" not in lowered
    assert "pad" in graph  # the quantized graph is not changed


def test_padding_of_a_pool_works_on_codes() -> None:
    graph = _start()
    add_op(
        graph,
        "pad",
        "pad",
        ["image_fix"],
        (1, 6, 6, 2),
        paddings=[0, 0, 1, 1, 1, 1, 0, 0],
        mode="CONSTANT",
    )
    attrs = {"kernel": [2, 2], "stride": [2, 2]}
    add_op(graph, "pool", "maxpool2d", ["pad"], (1, 3, 3, 2), **attrs)
    add_fix(graph, "pool", 6)
    types = _types(_same_codes(graph))
    assert (types["pad"], types["pool"]) == ("pad-fix", "pool-fix")


@pytest.mark.parametrize(
    ("kind", "attrs", "dims", "fixed"),
    [
        ("maxpool2d", {"kernel": [2, 2], "stride": [2, 2]}, (1, 2, 2, 2), "MAX"),
        (
            "avgpool2d",
            {"kernel": [2, 2], "stride": [2, 2], "dpu_factor": [1, 2]},
            (1, 2, 2, 2),
            "AVG",
        ),
        ("avgpool2d", {"kernel": [4, 4], "stride": [1, 1], "dpu_factor": [1, 4]}, (1, 2), "AVG"),
    ],
    ids=["max", "average", "global"],
)
def test_pools(kind: str, attrs: dict[str, object], dims: tuple[int, ...], fixed: str) -> None:
    graph = _start()
    add_op(graph, "pool", kind, ["image_fix"], dims, **attrs)
    add_fix(graph, "pool", 5)
    op = _same_codes(graph).op("pool")
    assert (op.type, op.attrs["type"]) == ("pool-fix", fixed)
    assert len(op.tensor.dims) == 4


def test_padded_average_stays_on_the_cpu() -> None:
    graph = _start()
    attrs = {"kernel": [3, 3], "stride": [1, 1], "pad": [1, 1, 1, 1], "dpu_factor": [7, 6]}
    add_op(graph, "pool", "avgpool2d", ["image_fix"], **attrs)
    add_fix(graph, "pool", 5)
    assert _types(_same_codes(graph))["pool"] == "avgpool2d"


def test_reshape_between_maps_is_kept() -> None:
    graph = _start()
    add_op(graph, "wide", "reshape", ["image_fix"], (1, 2, 8, 2))
    _conv(graph, "conv", "wide", (3, 1, 1, 2))
    add_fix(graph, "conv", 4)
    lowered = _same_codes(graph)
    (reshape,) = lowered.of_type("reshape-fix")
    assert reshape.tensor.dims == (1, 2, 8, 2)
    assert reshape.tensor.fix_point == 6


def test_fix_behind_a_fix_does_not_change_the_first_ones_users() -> None:
    graph = _start()
    add_op(graph, "wide", "reshape", ["image_fix"], (1, 2, 8, 2))
    fix = Op("coarse", "fix", Tensor("coarse", (1, 2, 8, 2)), {"input": ["wide"]})
    fix.attrs = {"fix_point": 2, "bit_width": 8, "if_signed": True, "round_mode": "DPU_ROUND"}
    graph.add(fix)
    add_op(graph, "soft", "softmax", ["coarse"], axis=-1)
    _conv(graph, "conv", "wide", (4, 1, 1, 2))
    add_fix(graph, "conv", 3)
    lowered = _same_codes(graph)
    assert lowered.input(lowered.op("conv")).tensor.fix_point == 6


def test_softmax_gets_real_values() -> None:
    graph = _start((1, 5))
    add_op(graph, "soft", "softmax", ["image_fix"], axis=-1, __keras="Activation", __float=True)
    lowered = _same_codes(graph)
    assert _types(lowered) == {
        "image": "data-fix",
        "image_fix2float": "fix2float",
        "soft": "softmax",
    }
    assert lowered.op("soft").attrs == {"axis": -1}
    assert lowered.op("image_fix2float").attrs["fix_point"] == 6


def test_missing_fix_point_is_refused() -> None:
    graph = Graph("g")
    add_data(graph, (1, 2))
    add_fix(graph, "image", None)
    with pytest.raises(
        ModelError, match="fix op 'image_fix' must have a fix_point, got none; run make"
    ):
        lower(graph)


def test_weights_that_are_not_quantized_are_refused() -> None:
    graph = _start()
    add_conv(graph, "conv", "image_fix", np.ones((2, 1, 1, 2)))
    add_fix(graph, "conv", 4)
    with pytest.raises(
        ModelError, match="'weights' of op 'conv' must be a quantized constant, got const"
    ):
        lower(graph)
