"""The only file that imports xir: reads an .xmodel with AMD's library into a plan of steps.

xir and VART abort the process on a missing file, a bad file or a missing attribute, so everything
is asked with has_attr first, and a file that no manifest vouches for is loaded in a child process
before (target/runners/probe.py).
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple, Union

import numpy as np

from target.errors import ModelError
from target.manifest import TensorFacts
from target.runners.cpu_steps import OPS, CpuOp
from target.runners.interpreters import missing_module

_INPUTS, _CONSTS = ("data", "data-fix"), ("const", "const-fix")
# What may follow the last codes: it keeps the order of the outputs, and the application does it itself.
_ORDER_KEEPING = ("fix2float", "softmax", "sigmoid", "tanh", "reshape", "flatten", "identity")
_DTYPES = {"float32": "<f4", "float64": "<f8", "xint8": "i1", "int32": "<i4", "int64": "<i8"}


@dataclasses.dataclass(frozen=True)
class DpuStep:
    """A DPU subgraph.

    Attributes:
        name: Of the subgraph.
        subgraph: xir.Subgraph.
        inputs: Names of the tensors it takes, sorted, as VART sorts them.
        outputs: Names of those it makes, sorted.
        libraries: VART's library by mode, of the attribute `runner`; empty if it has none.
        has_instructions: Whether it holds code for a real DPU (`mc_code`).
        fingerprint: Of the DPU it is compiled for; None if the file does not say.
        missing: Attributes without which VART aborts.
        sizes: Bytes of its regions: `CONST`, `WORKSPACE`, `INTERFACE`, and `CODE`.
    """

    name: str
    subgraph: Any
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    libraries: Dict[str, str]
    has_instructions: bool
    fingerprint: Optional[int]
    missing: Tuple[str, ...]
    sizes: Dict[str, int]


@dataclasses.dataclass(frozen=True)
class CpuStep:
    """Ops that the CPU does between two DPU subgraphs, in order.

    Attributes:
        name: Of the subgraph.
        ops: Its ops as far as they are needed.
    """

    name: str
    ops: Tuple[CpuOp, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a file is executed up to its last int8 codes.

    Attributes:
        path: Of the file.
        graph: xir.Graph; it must stay alive as long as a subgraph is used.
        steps: In order.
        source: The input.
        last: The last codes.
        constants: Values of constants that CPU steps take, by tensor name.
    """

    path: Path
    graph: Any
    steps: Tuple[Union[DpuStep, CpuStep], ...]
    source: TensorFacts
    last: TensorFacts
    constants: Dict[str, np.ndarray]

    @property
    def dpu_steps(self) -> List[DpuStep]:
        """The steps that the DPU does."""
        return [step for step in self.steps if isinstance(step, DpuStep)]


def load_xir() -> Any:
    """Import xir.

    Raises:
        BackendError: If it is not there for this interpreter; names the one that has it.
    """
    try:
        return importlib.import_module("xir")
    except ImportError as error:
        raise missing_module("xir", error) from error


def read_plan(path: Path) -> Plan:
    """Read a file that is known to be whole.

    Args:
        path: Verified by its sha256, or by target.runners.probe.probe_file.

    Raises:
        ModelError: If it is not compiled, has not one input and one output, a CPU step that is not
            known here, or no DPU subgraph.
    """
    graph = load_xir().Graph.deserialize(str(path))
    ops = list(graph.toposort())
    source, last = _ends(ops, path)
    needed = _needed(last)
    steps: List[Union[DpuStep, CpuStep]] = []
    for child in graph.get_root_subgraph().toposort_child_subgraph():
        device = str(_attr(child, "device", "")).upper()
        names = {op.get_name() for op in child.get_ops()} & needed
        inside = [op for op in ops if op.get_name() in names]
        if not inside:
            continue
        if device == "DPU":
            steps.append(_dpu_step(child))
        elif device == "CPU":
            steps.append(_cpu_step(child.get_name(), inside, path))
    if not any(isinstance(step, DpuStep) for step in steps):
        raise ModelError(
            f"model must have a DPU subgraph, got none in {path};"
            " see python -m host compile for the reason of each cut"
        )
    constants = _constants(steps, ops, path)
    facts = [tensor_facts(op.get_output_tensor()) for op in (source, last)]
    return Plan(path, graph, tuple(steps), facts[0], facts[1], constants)


def tensor_facts(tensor: Any) -> TensorFacts:
    """Return name, dims and fix point of an xir.Tensor.

    Raises:
        ModelError: If it has no fix point.
    """
    if not tensor.has_attr("fix_point"):
        raise ModelError(
            f"tensor '{tensor.name}' must have a fix_point, got none; compile it again"
        )
    dims = tuple(int(dim) for dim in tensor.dims)
    return TensorFacts(str(tensor.name), dims, int(tensor.get_attr("fix_point")))


def _attr(owner: Any, key: str, default: Any) -> Any:
    return owner.get_attr(key) if owner.has_attr(key) else default


def _ends(ops: List[Any], path: Path) -> Tuple[Any, Any]:
    """Return the op that takes the codes and the last one that makes codes."""
    used = {source.get_name() for op in ops for source in _inputs(op)}
    sources = [op for op in ops if op.get_type() in _INPUTS]
    outputs = [op for op in ops if op.get_name() not in used and op.get_type() not in _CONSTS]
    if len(sources) != 1 or len(outputs) != 1:
        raise ModelError(
            f"model must have one input and one output, got {len(sources)} and {len(outputs)} in {path}"
        )
    if sources[0].get_type() != "data-fix":
        raise ModelError(f"model's input must be int8 codes (data-fix), got float in {path}")
    last = outputs[0]
    while str(last.get_output_tensor().dtype).startswith("float"):
        before = _inputs(last)
        if last.get_type() not in _ORDER_KEEPING or len(before) != 1:
            raise ModelError(
                f"behind the last int8 codes there must be nothing but {', '.join(_ORDER_KEEPING)}, got"
                f" op '{last.get_name()}' ({last.get_type()}) in {path}; the application would leave it out"
            )
        last = before[0]
    if math.prod(last.get_output_tensor().dims) != math.prod(outputs[0].get_output_tensor().dims):
        raise ModelError(f"the last int8 codes must be the network's outputs, got others in {path}")
    return sources[0], last


def _inputs(op: Any) -> List[Any]:
    return [source for sources in op.get_input_ops().values() for source in sources]


def _needed(last: Any) -> Set[str]:
    """Return the names of the ops that an op's tensor is made of."""
    found: Set[str] = set()
    waiting = [last]
    while waiting:
        op = waiting.pop()
        if op.get_name() not in found:
            found.add(op.get_name())
            waiting += _inputs(op)
    return found


def _dpu_step(subgraph: Any) -> DpuStep:
    fingerprint = _attr(subgraph, "dpu_fingerprint", None)
    needed = ("reg_id_to_context_type", "reg_id_to_size", "reg_id_to_parameter_value")
    return DpuStep(
        str(subgraph.get_name()),
        subgraph,
        tuple(sorted(str(tensor.name) for tensor in subgraph.get_input_tensors())),
        tuple(sorted(str(tensor.name) for tensor in subgraph.get_output_tensors())),
        dict(_attr(subgraph, "runner", None) or {}),
        subgraph.has_attr("mc_code"),
        fingerprint if isinstance(fingerprint, int) else None,
        tuple(key for key in needed if not subgraph.has_attr(key)),
        _sizes(subgraph),
    )


def _sizes(subgraph: Any) -> Dict[str, int]:
    kinds = _attr(subgraph, "reg_id_to_context_type_v2", None)
    kinds = kinds or _attr(subgraph, "reg_id_to_context_type", None) or {}
    found: Dict[str, int] = {}
    for register, size in (_attr(subgraph, "reg_id_to_size", None) or {}).items():
        kind = str(kinds.get(register, "WORKSPACE"))
        found[kind] = found.get(kind, 0) + int(size)
    code = _attr(subgraph, "mc_code", None)
    found["CODE"] = len(code) if isinstance(code, bytes) else 0
    return found


def _cpu_step(name: str, inside: List[Any], path: Path) -> CpuStep:
    ops = []
    for op in inside:
        if op.get_type() in _INPUTS + _CONSTS:
            continue
        if op.get_type() not in OPS:
            raise ModelError(
                f"CPU op between DPU subgraphs must be one of {', '.join(OPS)}, got '{op.get_type()}'"
                f" ('{op.get_name()}') in subgraph '{name}' of {path};"
                " change that layer so that the DPU can do it, see python -m host compile"
            )
        tensor = op.get_output_tensor()
        ops.append(
            CpuOp(
                str(op.get_name()),
                str(op.get_type()),
                tuple(str(source.get_output_tensor().name) for source in _inputs(op)),
                str(tensor.name),
                tuple(int(dim) for dim in tensor.dims),
                {key: op.get_attr(key) for key in _ATTRS if op.has_attr(key)},
            )
        )
    return CpuStep(name, tuple(ops))


_ATTRS = (
    *("fix_point", "round_mode", "axis", "order", "alpha", "kernel", "stride", "pad"),
    *("count_include_pad", "dpu_factor"),
)


def _constants(
    steps: List[Union[DpuStep, CpuStep]], ops: List[Any], path: Path
) -> Dict[str, np.ndarray]:
    """Return the values of the constants that CPU steps take."""
    cpu = [op for step in steps if isinstance(step, CpuStep) for op in step.ops]
    wanted = {name for op in cpu for name in op.inputs}
    found = {}
    for op in ops:
        tensor = op.get_output_tensor()
        if op.get_type() not in _CONSTS or tensor.name not in wanted:
            continue
        raw = _attr(op, "data", b"")
        kind = _DTYPES.get(str(tensor.dtype))
        dims = [int(dim) for dim in tensor.dims]
        if kind is None or len(raw) != math.prod(dims) * np.dtype(kind).itemsize:
            raise ModelError(
                f"constant '{op.get_name()}' of a CPU step must hold {tensor.dtype} {dims}, got"
                f" {len(raw)} bytes in {path}; compile it again"
            )
        found[str(tensor.name)] = np.frombuffer(raw, kind).reshape(dims)
    return found
