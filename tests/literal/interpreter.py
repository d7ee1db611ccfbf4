"""Execute one DPU subgraph of a compiled .xmodel literally: every op by its definition.

The second opinion on the emulator: must not import host, target or numpy. The arithmetic is in
ops.py, the file format in wire.py.
Source: the graph, subgraph and register layout of DPUCZDX8G files of Vitis AI 1.4 to 3.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.literal.ops import OPS, Node, Tensor, check, const_fix, dims_of, fix_point_of
from tests.literal.wire import read_graph


@dataclass(frozen=True)
class Reals:
    """Real numbers on the CPU side, behind fix2float."""

    dims: tuple[int, ...]
    values: list[float]


@dataclass(frozen=True)
class Model:
    """A graph: its ops in file order, and the subgraphs directly under the root."""

    name: str
    ops: list[Node]
    subgraphs: list[Node]


def load(path: str | Path) -> Model:
    """Read an .xmodel file.

    Raises:
        ValueError: If the file is no serialized graph with a root subgraph, an op names a
            producer that does not come before it, has no output tensor, or two share a name.
    """
    graph = read_graph(Path(path).read_bytes())
    if graph["root"] is None:
        raise ValueError(f"graph must have a root subgraph, got none in {path}")
    ops: set[str] = set()
    tensors: set[str] = set()
    for op in graph["ops"]:
        for name in _arg_names(op):
            if name not in ops:
                raise ValueError(f"{op['name']}: producer must come before, got {name} in {path}")
        if op["tensor"] is None:
            raise ValueError(f"{op['name']}: op must have an output tensor, got none in {path}")
        if op["name"] in ops or op["tensor"]["name"] in tensors:
            raise ValueError(f"op and tensor names must be unique, got {op['name']} in {path}")
        ops.add(op["name"])
        tensors.add(op["tensor"]["name"])
    return Model(graph["name"], graph["ops"], graph["root"]["children"])


def run(model: Model, codes: Iterable[int], *, subgraph: int = 0) -> dict[str, Tensor]:
    """Execute one DPU subgraph on one image.

    Args:
        model: The model.
        codes: All values of the subgraph's one input in NHWC order, -128..127. The bytes of a
            bytes-like object are read as two's complement.
        subgraph: Which DPU subgraph, counted from 0 in file order.

    Returns:
        The output tensor of every op of the subgraph by tensor name, constants included, and
        first of all the input tensor itself (that of data-fix).

    Raises:
        NotImplementedError: If an op, its type or its nonlinearity is not known here, or the
            subgraph has several inputs.
        ValueError: If the input or the ops do not fit each other.
    """
    here = _dpu_subgraph(model, subgraph)
    inside = _op_names(here)
    registers = here["attrs"].get("reg_id_to_parameter_value", {})
    source = _input_op(model, inside)
    by_op = {source["name"]: _tensor(source, _input_values(codes))}
    results = {source["tensor"]["name"]: by_op[source["name"]]}
    for op in model.ops:
        if op["name"] not in inside or op is source:
            continue
        if op["type"] == "const-fix":
            values = const_fix(op, registers)
        elif op["type"] in OPS:
            args = {arg: [by_op[name] for name in names] for arg, names in op["args"].items()}
            values = OPS[op["type"]](op, args)
        else:
            rule = f"type must be one of {', '.join(sorted(OPS))}"
            raise NotImplementedError(f"{op['name']}: {rule}, got {op['type']}")
        by_op[op["name"]] = results[op["tensor"]["name"]] = _tensor(op, values)
    return results


def output_names(model: Model, *, subgraph: int = 0) -> list[str]:
    """Return the names of the output tensors of a DPU subgraph, those no op in it takes."""
    inside = _op_names(_dpu_subgraph(model, subgraph))
    ops = [op for op in model.ops if op["name"] in inside]
    taken = {name for op in ops for name in _arg_names(op)}
    results = [op for op in ops if op["type"] not in ("const-fix", "data-fix")]
    return [op["tensor"]["name"] for op in results if op["name"] not in taken]


def run_cpu(model: Model, tensors: dict[str, Tensor]) -> dict[str, Reals]:
    """Execute the fix2float and softmax ops that follow the tensors `run` returned.

    Ops of other types, and those behind them, are left out.

    Returns:
        The output of every op executed, by tensor name.
    """
    names = {op["tensor"]["name"]: op["name"] for op in model.ops}
    codes = {names[name]: tensor for name, tensor in tensors.items()}
    reals: dict[str, Reals] = {}
    results: dict[str, Reals] = {}
    for op in model.ops:
        if op["type"] == "fix2float" and op["args"]["input"][0] in codes:
            result = fix2float(op, codes[op["args"]["input"][0]])
        elif op["type"] == "softmax" and op["args"]["input"][0] in reals:
            result = softmax(op, reals[op["args"]["input"][0]])
        else:
            continue
        reals[op["name"]] = results[op["tensor"]["name"]] = result
    return results


def fix2float(op: Node, x: Tensor) -> Reals:
    """Turn codes into real numbers, exactly."""
    return Reals(x.dims, [math.ldexp(code, -op["attrs"]["fix_point"]) for code in x.values])


def softmax(op: Node, x: Reals) -> Reals:
    """Take the softmax over the last axis."""
    check(op, "axis", len(x.dims) - 1, op["attrs"]["axis"] % len(x.dims))
    classes = x.dims[-1]
    result: list[float] = []
    for start in range(0, len(x.values), classes):
        row = x.values[start : start + classes]
        largest = max(row)
        powers = [math.exp(value - largest) for value in row]
        total = math.fsum(powers)
        result += [power / total for power in powers]
    return Reals(x.dims, result)


def _tensor(op: Node, values: list[int]) -> Tensor:
    """Make the output tensor of an op, with the dims and the fix point the file gives it."""
    check(op, "number of values", math.prod(dims_of(op)), len(values))
    return Tensor(dims_of(op), values, fix_point_of(op))


def _dpu_subgraph(model: Model, index: int) -> Node:
    dpu = [s for s in model.subgraphs if s["attrs"].get("device", "").upper() == "DPU"]
    if not 0 <= index < len(dpu):
        raise ValueError(f"DPU subgraph must be below {len(dpu)}, got {index} in {model.name}")
    return dpu[index]


def _op_names(subgraph: Node) -> set[str]:
    """Return the names of the ops of a subgraph and of all subgraphs in it."""
    return set(subgraph["ops"]).union(*(_op_names(child) for child in subgraph["children"]))


def _arg_names(op: Node) -> list[str]:
    """Return the names of the ops whose outputs this op takes."""
    return [name for names in op["args"].values() for name in names]


def _input_op(model: Model, inside: set[str]) -> Node:
    """Return the one op that feeds the subgraph: its data-fix, or the producer outside of it."""
    taken = {name for op in model.ops if op["name"] in inside for name in _arg_names(op)}
    sources: list[Node] = [
        op
        for op in model.ops
        if (op["name"] in taken and op["name"] not in inside)
        or (op["name"] in inside and op["type"] == "data-fix")
    ]
    if len(sources) != 1:
        raise NotImplementedError(f"subgraph must have one input, got {len(sources)}")
    return sources[0]


def _input_values(codes: Iterable[int]) -> list[int]:
    """Return the input codes as ints -128..127."""
    if isinstance(codes, (bytes, bytearray, memoryview)):
        return list(memoryview(codes).cast("B").cast("b"))
    values = [int(code) for code in codes]
    if values and not -128 <= min(values) <= max(values) <= 127:
        raise ValueError(f"codes must be -128..127, got {min(values)}..{max(values)}")
    return values
