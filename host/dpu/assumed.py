"""Rules of the emulator that no reference output at hand confirms. Never called exact.

Assumed: each rule below; an output of AMD's tools, or of a board, with such an op would settle it. Many
follow AMD's public source (cpu_task, functional models of the DPU), which is said where it is so.
"""

from __future__ import annotations

from collections.abc import Callable

from host.graph.graph import Graph, Op

_CONVS = ("conv2d-fix", "depthwise-conv2d-fix")
_NONLINEAR = {
    "PRELU": "slope prelu_in / 2**prelu_shift on the exact sum, as AMD's functional models have it",
    "HSIGMOID": "the sum is rounded first, then the line 2731 x, as AMD's functional models have it",
    "HSWISH": "x times its rounded hard sigmoid, as AMD's functional models have it",
}
_WHOLE_OPS = {
    "argmax-fix": "the first of equal maxima; places beyond 127 saturate",
    "downsample-fix": "places between pixels by XIR's formula, rounded once",
    "pad-fix": "codes are moved, not changed, as cpu_task has it",
    "reduction_max-fix": "a maximum of codes, rounded half up if the fix points differ",
    "strided_slice-fix": "codes are moved, not changed",
    "transposed-conv2d-fix": "weights are not flipped, the input has gaps of zeros, as cpu_task has it",
    "transposed-depthwise-conv2d-fix": "as transposed-conv2d-fix, channel by channel",
    "upsample-fix": "places between pixels by XIR's formula, rounded once, as cpu_task has it",
}


def assumption_of(graph: Graph, op: Op) -> str | None:
    """Return what is assumed about an op's arithmetic, or None if reference outputs confirm it."""
    if op.type in _WHOLE_OPS:
        return _WHOLE_OPS[op.type]
    nonlinear = str(op.attrs.get("nonlinear", "NONE"))
    if nonlinear in _NONLINEAR:
        return _NONLINEAR[nonlinear]
    rule = _RULES.get(op.type)
    return rule(graph, op) if rule else None


def _convolution(graph: Graph, op: Op) -> str | None:
    weights = graph.inputs(op, "weights")
    if op.attrs.get("group", 1) != 1:
        return "groups of channels, each convolved by itself"
    if op.type == "depthwise-conv2d-fix" and weights and weights[0].tensor.dims[:1] != (1,):
        return "several kernels a channel: output k * m + q is channel k with its kernel q"
    if op.type == "depthwise-conv2d-fix" and op.attrs.get("nonlinear") in ("RELU", "LEAKYRELU"):
        return "as in conv2d-fix"
    if op.attrs.get("nonlinear") == "RELU6" and _fix_point(op, 4) < 4:
        return "cut off at 6; AMD's functional models cut at code 96 below fix point 4"
    return None


def _eltwise(graph: Graph, op: Op) -> str | None:
    if len({source.tensor.dims for source in graph.inputs(op)}) > 1:
        return "inputs of different shapes are broadcast, as AMD's functional model has it"
    if op.attrs.get("type") == "MUL":
        return "product of codes, rounded once, as AMD's functional model has it"
    nonlinear = op.attrs.get("nonlinear", "NONE")
    return None if nonlinear == "NONE" else f"{nonlinear} of the exact sum, rounded once behind it"


def _pool(graph: Graph, op: Op) -> str | None:
    if op.attrs.get("type") == "AVG" and any(op.attrs.get("pad", ())):
        return "padding counts as zeros in an average, as cpu_task has it"
    if op.attrs.get("type") == "MAX" and _rescales(graph, op):
        return "a maximum is brought to another fix point, rounded half up, as cpu_task has it"
    return None


def _concat(graph: Graph, op: Op) -> str | None:
    return "inputs with another fix point are rounded half up" if _rescales(graph, op) else None


def _hard_sigmoid(graph: Graph, op: Op) -> str | None:
    return "cut off at 1, which codes do by themselves above" if _fix_point(op, 7) < 7 else None


def _rescales(graph: Graph, op: Op) -> bool:
    own = op.tensor.attrs.get("fix_point")
    return any(source.tensor.attrs.get("fix_point") != own for source in graph.inputs(op))


def _fix_point(op: Op, default: int) -> int:
    found = op.tensor.attrs.get("fix_point", default)
    return found if isinstance(found, int) else default


_RULES: dict[str, Callable[[Graph, Op], str | None]] = {
    **dict.fromkeys(_CONVS, _convolution),
    "concat-fix": _concat,
    "eltwise-fix": _eltwise,
    "hard-sigmoid-fix": _hard_sigmoid,
    "pool-fix": _pool,
}
