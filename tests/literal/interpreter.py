"""Execute one DPU subgraph of a compiled .xmodel literally, with Python ints in scalar loops.

The second opinion on the emulator: must not import host, target or numpy, nor be made clever.
Source: the DPU's integer arithmetic as documented for AMD's cpu_task; where cpu_task is known to
depart from that definition (MAX pool of negatives, LEAKYRELU, RELU6, MUL), the definition is kept.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.literal.wire import read_graph

Node = dict[str, Any]  # an op or a subgraph as wire.read_graph returns it


@dataclass(frozen=True)
class Tensor:
    """Codes of one feature map or constant; the real value of a code is code / 2**fix_point."""

    dims: tuple[int, ...]
    values: list[int]
    fix_point: int


@dataclass(frozen=True)
class Reals:
    """Real numbers on the CPU side, behind fix2float."""

    dims: tuple[int, ...]
    values: list[float]


@dataclass(frozen=True)
class Model:
    """A graph: ops in file order, and the subgraphs directly under the root."""

    name: str
    ops: list[Node]
    subgraphs: list[Node]


Args = dict[str, list[Tensor]]  # argument name -> tensors, as `args` of an op names their producers


def load(path: str | Path) -> Model:
    """Read an .xmodel file.

    Raises:
        ValueError: If the file is no serialized graph with a root subgraph.
    """
    graph = read_graph(Path(path).read_bytes())
    if graph["root"] is None:
        raise ValueError(f"graph must have a root subgraph, got none in {path}")
    return Model(graph["name"], graph["ops"], graph["root"]["children"])


def run(
    model: Model, codes: Sequence[int] | bytes | bytearray | memoryview, *, subgraph: int = 0
) -> dict[str, Tensor]:
    """Execute one DPU subgraph on one image.

    Args:
        model: The model.
        codes: All values of the subgraph's one input in NHWC order, -128..127. Bytes are read as
            two's complement.
        subgraph: Which DPU subgraph, counted from 0 in file order.

    Returns:
        The output tensor of every op of the subgraph by tensor name, constants included, and
        first of all the input tensor itself (that of data-fix).

    Raises:
        NotImplementedError: If an op, its type or its nonlinearity is not known here.
        ValueError: If the input or the ops do not fit each other.
    """
    here = _dpu_subgraph(model, subgraph)
    inside = _op_names(here)
    registers = here["attrs"].get("reg_id_to_parameter_value", {})
    source = _input_op(model, inside)
    by_op = {source["name"]: _tensor(source, _signed_bytes(codes))}
    for op in model.ops:
        if op["name"] not in inside or op["name"] in by_op:
            continue
        if op["type"] == "const-fix":
            values = constant(op, registers)
        elif op["type"] in OPS:
            args = {arg: [by_op[name] for name in names] for arg, names in op["args"].items()}
            values = OPS[op["type"]](op, args)
        else:
            raise NotImplementedError(f"op type must be one of {sorted(OPS)}, got {op['type']}")
        by_op[op["name"]] = _tensor(op, values)
    tensor_names = {op["name"]: op["tensor"]["name"] for op in model.ops}
    return {tensor_names[name]: tensor for name, tensor in by_op.items()}


def output_names(model: Model, *, subgraph: int = 0) -> list[str]:
    """Return the names of the output tensors of a DPU subgraph.

    An output is a tensor that no op of the same subgraph takes; constants are none.
    """
    inside = _op_names(_dpu_subgraph(model, subgraph))
    ops = [op for op in model.ops if op["name"] in inside]
    taken = {name for op in ops for names in op["args"].values() for name in names}
    return [
        op["tensor"]["name"]
        for op in ops
        if op["name"] not in taken and op["type"] not in ("const-fix", "data-fix")
    ]


def run_cpu(model: Model, tensors: dict[str, Tensor]) -> dict[str, Reals]:
    """Execute the fix2float and softmax ops that follow the tensors `run` returned.

    Ops of other types, and those behind them, are left out.

    Returns:
        The output of every op executed, by tensor name.
    """
    by_op: dict[str, Tensor | Reals] = {
        op["name"]: tensors[op["tensor"]["name"]]
        for op in model.ops
        if op["tensor"]["name"] in tensors
    }
    results: dict[str, Reals] = {}
    for op in model.ops:
        known = op["type"] in ("fix2float", "softmax")
        if not known or op["args"]["input"][0] not in by_op:
            continue
        x = by_op[op["args"]["input"][0]]
        reals = fix2float(op, x) if isinstance(x, Tensor) else softmax(op, x)
        by_op[op["name"]] = results[op["tensor"]["name"]] = reals
    return results


def half_up(numerator: int, shift: int) -> int:
    """Return numerator / 2**shift rounded to the nearest int, ties towards plus infinity."""
    if shift <= 0:
        return numerator << -shift
    return (numerator + (1 << (shift - 1))) >> shift


def saturate(value: int) -> int:
    """Limit to int8."""
    return max(-128, min(127, value))


def finish(numerator: int, shift: int, nonlinear: str = "NONE", fix_point: int = 0) -> int:
    """Turn an exact sum into a code: nonlinearity, then one rounding, then saturation.

    Args:
        numerator: y * 2**shift, where y is the result in units of the output code.
        shift: May be negative.
        nonlinear: NONE, RELU, RELU6 or LEAKYRELU.
        fix_point: That of the output; RELU6 limits at the real value 6, code 6 * 2**fix_point.
    """
    if nonlinear == "RELU":
        numerator = max(numerator, 0)
    elif nonlinear == "RELU6":
        cap_shift = fix_point + shift  # the cap 6 * 2**fix_point is 6 * 2**cap_shift / 2**shift
        if cap_shift < 0:
            numerator, shift, cap_shift = numerator << -cap_shift, shift - cap_shift, 0
        numerator = min(max(numerator, 0), 6 << cap_shift)
    elif nonlinear == "LEAKYRELU":
        if numerator < 0:
            numerator, shift = numerator * 26, shift + 8  # slope 26/256
    elif nonlinear not in ("NONE", ""):
        raise NotImplementedError(
            f"nonlinear must be NONE, RELU, RELU6 or LEAKYRELU, got {nonlinear}"
        )
    return saturate(half_up(numerator, shift))


def conv2d_fix(op: Node, args: Args) -> list[int]:
    """Convolve: input (1, h, w, ic), weights (oc, kh, kw, ic), bias (oc,) or none."""
    x, weights = args["input"][0], args["weights"][0]
    oc, kh, kw, ic = weights.dims
    _, _, width, channels = x.dims
    _, out_h, out_w, out_c = _dims(op)
    _check(op, "kernel", [kw, kh], op["attrs"]["kernel"])
    _check(op, "channels", (ic, oc), (channels, out_c))
    _check(op, "group", 1, op["attrs"].get("group", 1))
    bias, fraction, shift = _bias_and_shift(op, args)
    nonlinear, fix_point = op["attrs"].get("nonlinear", "NONE"), _fix_point(op)

    def filters(rows: list[int], columns: list[int]) -> list[list[int]]:
        """For every output channel, its weights at the given taps."""
        taps = [(i * kw + j) * ic for i in rows for j in columns]
        starts = [o * kh * kw * ic for o in range(oc)]
        return [
            [w for tap in taps for w in weights.values[start + tap : start + tap + ic]]
            for start in starts
        ]

    filters_at: dict[tuple[int, ...], list[list[int]]] = {}  # by the taps inside the input
    result = []
    for oy in range(out_h):
        rows = _taps(op, x, "h", oy)
        for ox in range(out_w):
            columns = _taps(op, x, "w", ox)
            patch: list[int] = []  # the input under the taps; padding adds nothing to the sum
            for _, y in rows:
                for _, column in columns:
                    at = (y * width + column) * ic
                    patch += x.values[at : at + ic]
            key = (*(i for i, _ in rows), -1, *(j for j, _ in columns))
            if key not in filters_at:
                filters_at[key] = filters([i for i, _ in rows], [j for j, _ in columns])
            for o, filter_values in enumerate(filters_at[key]):
                acc = sum(map(operator.mul, patch, filter_values))
                result.append(finish((acc << fraction) + bias[o], shift, nonlinear, fix_point))
    return result


def depthwise_conv2d_fix(op: Node, args: Args) -> list[int]:
    """Convolve each channel by itself: input (1, h, w, c), weights (1, kh, kw, c), bias (c,)."""
    x, weights = args["input"][0], args["weights"][0]
    multiplier, kh, kw, c = weights.dims
    _, _, width, channels = x.dims
    _, out_h, out_w, out_c = _dims(op)
    if multiplier != 1:
        raise NotImplementedError(f"{op['name']}: channel multiplier must be 1, got {multiplier}")
    _check(op, "kernel", [kw, kh], op["attrs"]["kernel"])
    _check(op, "channels", (c, c), (channels, out_c))
    bias, fraction, shift = _bias_and_shift(op, args)
    nonlinear, fix_point = op["attrs"].get("nonlinear", "NONE"), _fix_point(op)
    result = []
    for oy in range(out_h):
        rows = _taps(op, x, "h", oy)
        for ox in range(out_w):
            columns = _taps(op, x, "w", ox)
            acc = [0] * c
            for i, y in rows:
                for j, column in columns:
                    at, tap = (y * width + column) * c, (i * kw + j) * c
                    for k in range(c):
                        acc[k] += x.values[at + k] * weights.values[tap + k]
            for k in range(c):
                result.append(finish((acc[k] << fraction) + bias[k], shift, nonlinear, fix_point))
    return result


def pool_fix(op: Node, args: Args) -> list[int]:
    """Take the maximum or the mean of each window of the input (1, h, w, c).

    Padding is no candidate for MAX; for AVG it counts as zeros, the divisor being the whole
    kernel's.
    """
    x = args["input"][0]
    _, _, width, c = x.dims
    _, out_h, out_w, out_c = _dims(op)
    _check(op, "channels", c, out_c)
    kw, kh = op["attrs"]["kernel"]
    kind = op["attrs"]["type"]
    if kind == "MAX":
        reduce: Callable[[Iterable[int]], int] = max
        multiplier, shift = 1, 0
    elif kind == "AVG":
        reduce = sum
        multiplier, shift = average_factor(kw, kh)
    else:
        raise NotImplementedError(f"{op['name']}: pool type must be MAX or AVG, got {kind}")
    shift += x.fix_point - _fix_point(op)
    result = []
    for oy in range(out_h):
        rows = _taps(op, x, "h", oy)
        for ox in range(out_w):
            columns = _taps(op, x, "w", ox)
            starts = [(y * width + column) * c for _, y in rows for _, column in columns]
            for k in range(c):
                pooled = reduce([x.values[start + k] for start in starts])
                result.append(finish(pooled * multiplier, shift))
    return result


def average_factor(kw: int, kh: int) -> tuple[int, int]:
    """Return (N, M): the DPU multiplies a window's sum by N / 2**M instead of 1 / (kw * kh)."""
    table = {3: (7, 6), 5: (10, 8), 6: (7, 8), 7: (21, 10), 14: (21, 12)}
    if kw == kh and kw in table:
        return table[kw]
    area = kw * kh
    best, best_error = (0, 0), Fraction(1)
    for m in range((area * 128 - 1).bit_length()):  # m < ceil(log2(area * 128))
        n = math.floor(Fraction(2**m, area) + Fraction(1, 2))
        error = abs(Fraction(n, 2**m) - Fraction(1, area))
        if error < best_error:
            best, best_error = (n, m), error
    return best


def eltwise_fix(op: Node, args: Args) -> list[int]:
    """Add or multiply all inputs element by element; a dimension of 1 is stretched."""
    inputs = args["input"]
    kind = op["attrs"]["type"]
    nonlinear, fix_point = op["attrs"].get("nonlinear", "NONE"), _fix_point(op)
    elements = zip(*(_stretched(x, _dims(op)) for x in inputs), strict=True)
    if kind == "ADD":
        finest = max(x.fix_point for x in inputs)
        lefts = [finest - x.fix_point for x in inputs]
        sums = (sum(map(operator.lshift, element, lefts)) for element in elements)
        return [finish(total, finest - fix_point, nonlinear, fix_point) for total in sums]
    if kind == "MUL":
        shift = sum(x.fix_point for x in inputs) - fix_point
        return [finish(math.prod(e), shift, nonlinear, fix_point) for e in elements]
    raise NotImplementedError(f"{op['name']}: eltwise type must be ADD or MUL, got {kind}")


def concat_fix(op: Node, args: Args) -> list[int]:
    """Join the inputs along `axis`, each code brought to the output's fix point.

    Assumed: the rounding where the fix points differ. Compiled files have them equal.
    """
    inputs, dims = args["input"], _dims(op)
    axis = op["attrs"]["axis"] % len(dims)
    for x in inputs:
        _check(op, "dims off the axis", _without(dims, axis), _without(x.dims, axis))
    result = []
    for outer in range(math.prod(dims[:axis])):
        for x in inputs:
            run_length = math.prod(x.dims[axis:])
            chunk = x.values[outer * run_length : (outer + 1) * run_length]
            result += [finish(code, x.fix_point - _fix_point(op)) for code in chunk]
    return result


def identity(op: Node, args: Args) -> list[int]:
    """Pass the codes on: upload, download and reshape-fix."""
    x = args["input"][0]
    _check(op, "fix_point", x.fix_point, _fix_point(op))
    return x.values


def constant(op: Node, registers: dict[str, bytes]) -> list[int]:
    """Read a const-fix: its own `data` if there is any, else plain int8 out of its register."""
    size = math.prod(_dims(op))
    data = op["attrs"].get("data") or b""
    if not data:
        attrs = op["tensor"]["attrs"]
        register = f"REG_{attrs['reg_id']}"
        if register not in registers:
            raise ValueError(f"{op['name']}: register must be in the file, got no {register}")
        data = registers[register][attrs["ddr_addr"] : attrs["ddr_addr"] + size]
    _check(op, "bytes", size, len(data))
    return list(memoryview(data).cast("b"))


def fix2float(op: Node, x: Tensor) -> Reals:
    """Turn codes into real numbers, exactly."""
    return Reals(x.dims, [math.ldexp(code, -op["attrs"]["fix_point"]) for code in x.values])


def softmax(op: Node, x: Reals) -> Reals:
    """Take the softmax over the last axis."""
    classes = x.dims[-1]
    _check(op, "axis", len(x.dims) - 1, op["attrs"]["axis"] % len(x.dims))
    result: list[float] = []
    for start in range(0, len(x.values), classes):
        row = x.values[start : start + classes]
        powers = [math.exp(value - max(row)) for value in row]
        result += [power / sum(powers) for power in powers]
    return Reals(x.dims, result)


OPS: dict[str, Callable[[Node, Args], list[int]]] = {
    "upload": identity,
    "download": identity,
    "reshape-fix": identity,
    "conv2d-fix": conv2d_fix,
    "depthwise-conv2d-fix": depthwise_conv2d_fix,
    "pool-fix": pool_fix,
    "eltwise-fix": eltwise_fix,
    "concat-fix": concat_fix,
}  # data-fix and const-fix have no inputs: see run


def _bias_and_shift(op: Node, args: Args) -> tuple[list[int], int, int]:
    """Return (bias, fraction, shift) of a convolution; shift_bias may be negative.

    With `fraction` more bits behind the point the bias is an int again; a sum of products is
    brought to the same point by << fraction, and then y = (that sum + bias) / 2**shift.
    """
    product_fix_point = args["input"][0].fix_point + args["weights"][0].fix_point
    shift_cut = product_fix_point - _fix_point(op)
    if not args.get("bias"):
        return [0] * _dims(op)[3], 0, shift_cut
    bias = args["bias"][0]
    _check(op, "bias dims", (_dims(op)[3],), bias.dims)
    shift_bias = product_fix_point - bias.fix_point
    fraction = max(0, -shift_bias)
    return [b << (shift_bias + fraction) for b in bias.values], fraction, shift_cut + fraction


def _taps(op: Node, x: Tensor, axis: str, position: int) -> list[tuple[int, int]]:
    """Return (tap, input position) for the kernel's taps that fall inside the input.

    Args:
        op: An op with kernel, stride and dilation [w, h] and pad [left, right, top, bottom].
        x: Its input (1, h, w, c).
        axis: "h" or "w".
        position: The output row or column.
    """
    wh = "wh".index(axis)
    kernel, stride = op["attrs"]["kernel"][wh], op["attrs"]["stride"][wh]
    dilation = op["attrs"].get("dilation", [1, 1])[wh]
    pad_before = op["attrs"].get("pad", [0, 0, 0, 0])[2 * wh]
    size = x.dims[1] if axis == "h" else x.dims[2]
    at = [(tap, position * stride - pad_before + tap * dilation) for tap in range(kernel)]
    return [(tap, i) for tap, i in at if 0 <= i < size]


def _stretched(x: Tensor, dims: tuple[int, ...]) -> list[int]:
    """Return the values of x as if its dimensions of 1 were those of `dims`."""
    if x.dims == dims:
        return x.values
    own = (1,) * (len(dims) - len(x.dims)) + x.dims
    if any(mine not in (1, size) for mine, size in zip(own, dims, strict=True)):
        raise ValueError(f"input dims must stretch to {dims}, got {x.dims}")
    result = []
    for index in itertools.product(*(range(size) for size in dims)):
        at = 0
        for i, size in zip(index, own, strict=True):
            at = at * size + (i if size > 1 else 0)
        result.append(x.values[at])
    return result


def _without(dims: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return dims[:axis] + dims[axis + 1 :]


def _dims(op: Node) -> tuple[int, ...]:
    return tuple(op["tensor"]["dims"])


def _fix_point(op: Node) -> int:
    fix_point: int = op["tensor"]["attrs"]["fix_point"]
    return fix_point


def _tensor(op: Node, values: list[int]) -> Tensor:
    """Make the output tensor of an op, with the dims and fix point the file gives it."""
    _check(op, "values", math.prod(_dims(op)), len(values))
    return Tensor(_dims(op), values, _fix_point(op))


def _check(op: Node, what: str, rule: object, got: object) -> None:
    if rule != got:
        raise ValueError(f"{op['name']}: {what} must be {rule}, got {got}")


def _dpu_subgraph(model: Model, index: int) -> Node:
    dpu = [s for s in model.subgraphs if s["attrs"].get("device", "").upper() == "DPU"]
    if not 0 <= index < len(dpu):
        raise ValueError(f"DPU subgraph must be below {len(dpu)}, got {index} in {model.name}")
    return dpu[index]


def _op_names(subgraph: Node) -> set[str]:
    """Return the names of the ops of a subgraph and of all subgraphs in it."""
    return set(subgraph["ops"]).union(*(_op_names(child) for child in subgraph["children"]))


def _input_op(model: Model, inside: set[str]) -> Node:
    """Return the one op that feeds the subgraph: its data-fix, or the producer outside of it."""
    taken = {
        name
        for op in model.ops
        if op["name"] in inside
        for names in op["args"].values()
        for name in names
    }
    sources = [
        op
        for op in model.ops
        if (op["name"] in taken and op["name"] not in inside)
        or (op["name"] in inside and op["type"] == "data-fix")
    ]
    if len(sources) != 1:
        raise NotImplementedError(f"subgraph must have one input, got {len(sources)}")
    source: Node = sources[0]
    return source


def _signed_bytes(codes: Sequence[int] | bytes | bytearray | memoryview) -> list[int]:
    """Return the input codes as ints -128..127."""
    if isinstance(codes, (bytes, bytearray, memoryview)):
        return list(memoryview(codes).cast("B").cast("b"))
    values = [int(code) for code in codes]
    if values and not -128 <= min(values) <= max(values) <= 127:
        raise ValueError(f"codes must be -128..127, got {min(values)}..{max(values)}")
    return values
