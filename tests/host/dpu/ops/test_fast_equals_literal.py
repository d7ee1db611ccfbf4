"""The emulator's ops against their definitions in tests/literal: random ops, every code equal.

Every compiled type of op has a strategy in STRATEGIES that draws whole ops: shapes, attributes,
fix points and codes. The definition is scalar Python and takes one image at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.dpu.emulator import Emulator
from host.dpu.ops.table import OPS as FAST
from host.graph.graph import Graph, Op, Tensor
from tests.literal import ops as literal

UNCHANGED = {"upload", "download", "reshape-fix", "data-fix", "const-fix"}  # nothing to compute
GATES = ("HSIGMOID", "HSWISH")  # nonlinearities of two steps
CUTS = st.integers(0, 16)  # shift_cut that the DPU has
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Codes(NamedTuple):
    """An input or a constant: int8 values, their fix point, whether they come from the file."""

    values: np.ndarray
    fix_point: int
    constant: bool = False


@dataclasses.dataclass(frozen=True)
class Case:
    """One op with its inputs by argument; `dims` is of one image, activations may be several."""

    kind: str
    args: dict[str, list[Codes]]
    dims: tuple[int, ...]
    fix_point: int
    attrs: dict[str, Any]


def fast(case: Case) -> np.ndarray:
    """Execute a case by the emulator, as a graph of one op; returns int8 (n, ...)."""
    graph, images, args = Graph("one-op"), {}, {}
    for arg, many in case.args.items():
        args[arg] = [f"{arg}{i}" for i in range(len(many))]
        for name, codes in zip(args[arg], many):
            shape = codes.values.shape if codes.constant else (1, *codes.values.shape[1:])
            tensor = Tensor(name, shape, "xint8", {"fix_point": codes.fix_point})
            if codes.constant:
                graph.add(Op(name, "const-fix", tensor, data=codes.values))
            else:
                graph.add(Op(name, "data-fix", tensor))
                images[name] = codes.values
    tensor = Tensor("it", case.dims, "xint8", {"fix_point": case.fix_point})
    graph.add(Op("it", case.kind, tensor, args, case.attrs))
    return Emulator(graph).run(images)["it"]


def by_definition(case: Case) -> np.ndarray:
    """Execute a case by the definition, image by image; returns int8 (n, ...)."""
    tensor = {"name": "it", "dims": list(case.dims), "attrs": {"fix_point": case.fix_point}}
    op = {"name": "it", "type": case.kind, "attrs": case.attrs, "args": {}, "tensor": tensor}
    everything = [codes for many in case.args.values() for codes in many]
    (n,) = {len(codes.values) for codes in everything if not codes.constant}
    results = [
        literal.OPS[case.kind](
            op, {arg: [_tensor(codes, row) for codes in many] for arg, many in case.args.items()}
        )
        for row in range(n)
    ]
    return np.array(results, np.int8).reshape(n, *case.dims[1:])


def _tensor(codes: Codes, row: int) -> literal.Tensor:
    values = codes.values if codes.constant else codes.values[row : row + 1]
    return literal.Tensor(values.shape, values.ravel().tolist(), codes.fix_point)


def _codes(draw: Draw, shape: tuple[int, ...], fix_point: int, constant: bool = False) -> Codes:
    """Draw codes: all of int8, its ends alone, or few different ones, so that maxima are tied."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["all", "ends", "few"]))
    if kind == "ends":
        values = generator.choice(np.array([-128, -127, 127], np.int8), shape)
    else:
        end = 128 if kind == "all" else 3
        values = generator.integers(-end, end, shape, np.int8)
    return Codes(values, fix_point, constant)


def _near(draw: Draw, fix_point: int, reach: int = 4) -> int:
    """Draw a fix point not far from another one."""
    return fix_point + int(draw(st.integers(-reach, reach)))


def _one_input(draw: Draw, *shape: int) -> Codes:
    """Draw one or two images."""
    return _codes(draw, (draw(st.integers(1, 2)), *shape), draw(st.integers(-4, 10)))


def _shape(draw: Draw, lowest_rank: int = 1) -> list[int]:
    return list(draw(st.lists(st.integers(1, 5), min_size=lowest_rank, max_size=3)))


# Windows


class Side(NamedTuple):
    """A window along one axis, and the sizes of input and output."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    behind: int
    out: int


def _side(draw: Draw, dilations: int = 2) -> Side:
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilation = draw(st.integers(1, dilations))
    reach = (kernel - 1) * dilation + 1
    before, behind = (draw(st.integers(0, reach - 1)) for _ in "ab")
    size = max(reach + draw(st.integers(0, 3)) - before - behind, 1)
    out = (size + before + behind - reach) // stride + 1
    return Side(size, kernel, stride, dilation, before, behind, out)


def _pool_side(draw: Draw) -> Side:
    """Draw a window without dilation; the last one may hang over the edge."""
    side = _side(draw, dilations=1)
    rest = (side.size + side.before + side.behind - side.kernel) % side.stride
    starts_inside = side.out * side.stride - side.before < side.size
    more = rest > 0 and starts_inside and draw(st.booleans())
    return side._replace(out=side.out + more)


def _transposed_side(draw: Draw) -> Side:
    size, kernel, stride = (draw(st.integers(1, most)) for most in (4, 4, 3))
    dilation = draw(st.sampled_from([1, 1, 1, 2]))
    whole = (size - 1) * stride + dilation * (kernel - 1) + 1
    before = draw(st.integers(0, min(kernel, whole - 1)))
    behind = draw(st.integers(0, min(kernel, whole - 1 - before)))
    return Side(size, kernel, stride, dilation, before, behind, whole - before - behind)


def _window(rows: Side, columns: Side) -> dict[str, Any]:
    return {
        "kernel": [columns.kernel, rows.kernel],
        "stride": [columns.stride, rows.stride],
        "dilation": [columns.dilation, rows.dilation],
        "pad": [columns.before, columns.behind, rows.before, rows.behind],
    }


@st.composite
def _convolutions(draw: Draw, kind: str) -> Case:
    rows, columns = (
        (_transposed_side if kind.startswith("transposed") else _side)(draw) for _ in "hw"
    )
    attrs, kernel = _window(rows, columns), (rows.kernel, columns.kernel)
    ic, oc, more = (draw(st.integers(1, 3)) for _ in "ioc")
    more = 1 if kind.startswith("transposed") else more  # groups, or filters a channel
    if "depthwise" in kind:
        shape, channels, oc = (more, *kernel, ic), ic, ic * more
    else:
        shape, channels, oc = (oc * more, *kernel, ic), ic * more, oc * more
        attrs["group"] = more
    x = _one_input(draw, rows.size, columns.size, channels)
    weights = _codes(draw, shape, draw(st.integers(-2, 10)), constant=True)
    return _finished(draw, kind, x, weights, (1, rows.out, columns.out, oc), attrs, CUTS)


def _finished(
    draw: Draw,
    kind: str,
    x: Codes,
    weights: Codes,
    dims: tuple[int, ...],
    attrs: dict[str, Any],
    cuts: st.SearchStrategy[int],
) -> Case:
    """Draw what follows the sums: shifts, bias and nonlinearity."""
    product = x.fix_point + weights.fix_point
    shift_cut = draw(cuts)
    args = {"input": [x], "weights": [weights]}
    if draw(st.booleans()):
        shift_bias = draw(st.integers(min(0, shift_cut - 16), 16))
        args["bias"] = [_codes(draw, (dims[3],), product - shift_bias, constant=True)]
    fix_point = product - shift_cut
    nonlinear = draw(st.sampled_from(["NONE", "RELU", "RELU6", "LEAKYRELU", "PRELU", *GATES]))
    attrs["nonlinear"] = nonlinear
    if nonlinear == "PRELU":
        attrs["prelu_in"] = draw(st.integers(-128, 127))
        attrs["prelu_shift"] = draw(st.integers(-1, 10))
    elif nonlinear in GATES:  # the cut is then to hsigmoid_in; the output's has no part in it
        attrs["hsigmoid_in"], fix_point = fix_point, draw(st.integers(-4, 10))
        attrs["shift_hsigmoid"] = 14 + _near(draw, attrs["hsigmoid_in"]) - 7
        attrs["shift_hswish"] = draw(st.integers(-1, 14))
    return Case(kind, args, dims, fix_point, attrs)


@st.composite
def _pools(draw: Draw) -> Case:
    rows, columns = _pool_side(draw), _pool_side(draw)
    if draw(st.booleans()):  # all of a map, where the average's factor comes from a table
        k = draw(st.sampled_from([2, 5, 6, 7, 8, 14]))
        rows = columns = Side(k, k, 1, 1, 0, 0, 1)
    c = draw(st.integers(1, 3))
    x = _one_input(draw, rows.size, columns.size, c)
    attrs = {**_window(rows, columns), "type": draw(st.sampled_from(["MAX", "AVG"]))}
    dims = (1, rows.out, columns.out, c)
    return Case("pool-fix", {"input": [x]}, dims, _near(draw, x.fix_point), attrs)


# Element by element


@st.composite
def _eltwise(draw: Draw) -> Case:
    n, shape = draw(st.integers(1, 2)), _shape(draw)
    inputs = []
    for place in range(draw(st.integers(2, 3))):
        stretched = [1 if draw(st.integers(0, 3)) == 0 else size for size in shape]
        constant = place > 0 and draw(st.booleans())
        full = (1 if constant else n, *stretched)
        inputs.append(_codes(draw, full, draw(st.integers(-4, 12)), constant))
    _, *shape = np.broadcast_shapes(*(x.values.shape for x in inputs))
    kind = draw(st.sampled_from(["ADD", "MUL"]))
    attrs = {
        "type": kind,
        "nonlinear": draw(st.sampled_from(["NONE", "RELU", "RELU6", "LEAKYRELU"])),
    }
    positions = [x.fix_point for x in inputs]
    fix_point = (
        _near(draw, min(positions)) if kind == "ADD" else sum(positions) - 7 + _near(draw, 0)
    )
    return Case("eltwise-fix", {"input": inputs}, (1, *shape), fix_point, attrs)


@st.composite
def _hard_sigmoids(draw: Draw) -> Case:
    x = _one_input(draw, *_shape(draw))
    fix_point, attrs = draw(st.integers(0, 10)), {}
    if draw(st.booleans()):  # AMD's files say it once more
        attrs = {"hsigmoid_in": x.fix_point, "shift_hsigmoid": 14 + x.fix_point - fix_point}
    dims = (1, *x.values.shape[1:])
    return Case("hard-sigmoid-fix", {"input": [x]}, dims, fix_point, attrs)


# Moves


@st.composite
def _concats(draw: Draw) -> Case:
    n, shape = draw(st.integers(1, 2)), _shape(draw)
    axis = draw(st.integers(1, len(shape)))
    inputs, total = [], 0
    for _ in range(draw(st.integers(1, 3))):
        shape[axis - 1] = draw(st.integers(1, 3))
        total += shape[axis - 1]
        inputs.append(_codes(draw, (n, *shape), draw(st.integers(2, 6))))
    shape[axis - 1] = total
    axis -= draw(st.sampled_from([0, len(shape) + 1]))
    fix_point = draw(st.integers(2, 6))
    return Case("concat-fix", {"input": inputs}, (1, *shape), fix_point, {"axis": axis})


@st.composite
def _pads(draw: Draw) -> Case:
    shape, mode = _shape(draw), draw(st.sampled_from(["CONSTANT", "REFLECT", "SYMMETRIC"]))
    x = _one_input(draw, *shape)
    paddings = [0, 0]
    for axis, size in enumerate(shape):
        most = 0 if mode == "REFLECT" and size == 1 else 6
        before, behind = (draw(st.integers(0, most)) for _ in "ab")
        paddings += [before, behind]
        shape[axis] += before + behind
    fix_point = x.fix_point + draw(st.sampled_from([0, 0, -2, 1]))
    attrs = {"paddings": paddings, "mode": mode}
    return Case("pad-fix", {"input": [x]}, (1, *shape), fix_point, attrs)


@st.composite
def _slices(draw: Draw) -> Case:
    shape = _shape(draw)
    x = _one_input(draw, *shape)
    begins, ends, strides, dims = [0], [1], [1], [1]
    for size in shape:
        stride, first = draw(st.sampled_from([1, 1, 2, 3, -1, -2])), draw(st.integers(0, size - 1))
        last = draw(st.integers(first, size - 1) if stride > 0 else st.integers(0, first))
        end = last + 1 if stride > 0 else last - 1 if last else -size - 1
        begins.append(first - draw(st.sampled_from([0, size])))
        ends.append(end if end < 0 or draw(st.booleans()) or end == size else end - size)
        strides.append(stride)
        dims.append(abs(last - first) // abs(stride) + 1)
    attrs = {"begin": begins, "end": ends, "strides": strides}
    fix_point = _near(draw, x.fix_point, 2)
    return Case("strided_slice-fix", {"input": [x]}, tuple(dims), fix_point, attrs)


@st.composite
def _resizes(draw: Draw, kind: str) -> Case:
    h, w, oh, ow = (draw(st.integers(1, most)) for most in (5, 5, 7, 7))
    x = _one_input(draw, h, w, draw(st.integers(1, 3)))
    attrs = {
        "mode": draw(st.sampled_from(["NEAREST", "BILINEAR"])),
        "align_corners": draw(st.booleans()),
        "half_pixel_centers": draw(st.booleans()),
    }
    dims = (1, oh, ow, x.values.shape[3])
    return Case(kind, {"input": [x]}, dims, _near(draw, x.fix_point, 3), attrs)


@st.composite
def _argmaxes(draw: Draw) -> Case:
    shape = _shape(draw)
    axis = draw(st.integers(0, len(shape) - 1))
    shape[axis] = draw(st.sampled_from([shape[axis], 10, 150]))
    x = _one_input(draw, *shape)
    shape[axis : axis + 1] = draw(st.sampled_from([[], [1]]))
    axis += draw(st.sampled_from([1, -x.values.ndim + 1]))
    return Case("argmax-fix", {"input": [x]}, (1, *shape), 0, {"axis": axis})


@st.composite
def _reductions(draw: Draw) -> Case:
    x = _one_input(draw, *_shape(draw))
    rank = x.values.ndim
    axes = draw(st.lists(st.integers(1, rank - 1), min_size=1, unique=True))
    keep = draw(st.booleans())
    dims = [
        1 if axis in axes else size
        for axis, size in enumerate(x.values.shape)
        if keep or axis not in axes
    ]
    dims[0] = 1
    attrs = {"axis": [axis - draw(st.sampled_from([0, rank])) for axis in axes], "keep_dims": keep}
    fix_point = _near(draw, x.fix_point)
    return Case("reduction_max-fix", {"input": [x]}, tuple(dims), fix_point, attrs)


CONVOLUTIONS = (
    "conv2d-fix",
    "depthwise-conv2d-fix",
    "transposed-conv2d-fix",
    "transposed-depthwise-conv2d-fix",
)
STRATEGIES: dict[str, st.SearchStrategy[Case]] = {
    **{kind: _convolutions(kind) for kind in CONVOLUTIONS},
    "argmax-fix": _argmaxes(),
    "concat-fix": _concats(),
    "downsample-fix": _resizes("downsample-fix"),
    "eltwise-fix": _eltwise(),
    "hard-sigmoid-fix": _hard_sigmoids(),
    "pad-fix": _pads(),
    "pool-fix": _pools(),
    "reduction_max-fix": _reductions(),
    "strided_slice-fix": _slices(),
    "upsample-fix": _resizes("upsample-fix"),
}


def test_every_compiled_op_has_a_definition_and_a_strategy() -> None:
    assert set(STRATEGIES) == set(literal.OPS) - UNCHANGED
    assert set(STRATEGIES) == {kind for kind in FAST if kind.endswith("-fix")} - UNCHANGED


@pytest.mark.parametrize("kind", STRATEGIES)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_fast_equals_literal(kind: str, data: st.DataObject) -> None:
    case = data.draw(STRATEGIES[kind])
    np.testing.assert_array_equal(fast(case), by_definition(case))


@st.composite
def _long_sums(draw: Draw, kind: str) -> Case:
    """Draw a convolution with one output whose sum needs more than the 24 bits of a float32."""
    taps, channels = ((48, 48), 1) if "depthwise" in kind else ((3, 3), 256)
    x, weights = np.zeros((2, 2304), np.int8)
    sign = draw(st.sampled_from([-1, 1]))
    if draw(st.booleans()):  # beyond 2**24 and back, to a code that needs no shift
        x[:1151], x[1151:2302], x[2302] = sign * 127, -sign * 127, draw(st.integers(-128, 127))
        weights[:2302], weights[2302] = 127, 1
        cuts = st.integers(0, 2)
    else:  # one below or above a tie: (m + 1/2) * 2**18 is more than 2**24
        total = (2 * draw(st.integers(64, 126)) + 1) * 2**17 + draw(st.sampled_from([-1, 1]))
        count, rest = divmod(total, 127 * 127)
        x[:count], x[count], x[count + 1] = sign * 127, sign * (rest // 127), sign * (rest % 127)
        weights[: count + 1], weights[count + 1] = 127, 1
        cuts = st.just(18)
    pad = [k - 1 if kind.startswith("transposed") else 0 for k in taps for _ in "ab"]
    attrs = {"kernel": list(taps), "stride": [1, 1], "dilation": [1, 1], "pad": pad}
    maps = Codes(x.reshape(1, *taps, channels), draw(st.integers(-2, 8)))
    constants = Codes(weights.reshape(1, *taps, channels), draw(st.integers(0, 8)), constant=True)
    return _finished(draw, kind, maps, constants, (1, 1, 1, 1), attrs, cuts)


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_sums_past_24_bits_are_exact(kind: str, data: st.DataObject) -> None:
    case = data.draw(_long_sums(kind))
    np.testing.assert_array_equal(fast(case), by_definition(case))
