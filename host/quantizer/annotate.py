"""Puts a `fix` op behind every tensor that AMD's quantizer quantizes, with its method and rounding.

The rules, in AMD's words (no target given): a convolution directly followed by an activation is
quantized behind the activation only; so are sums and products; softmax has its input quantized and
its output float; flatten, reshape and padding pass codes through; an activation that follows none of
these stays float, and is quantized again only where a quantized layer takes it in.
Source: vai_q_tensorflow2, vitis_pof2s_quantize_transforms.py.
"""

from __future__ import annotations

from host.graph.graph import Graph, Op, Tensor

CONV_LIKE = ("conv2d", "depthwise-conv2d", "inner-product")
ACTIVATIONS = ("relu", "relu6", "leaky-relu")
PASS_THROUGH = ("reshape", "flatten", "pad")
POOLS = ("maxpool2d", "avgpool2d")

# Attributes of a fix op that only the quantizer reads; never written to a file.
METHOD, LAYER, ROLE, FLOAT = "__method", "__layer", "__role", "__float"


def annotate(graph: Graph) -> None:
    """Insert the fix ops, without fix points yet; mark ops that stay float with FLOAT."""
    for op in graph:
        if op.type in CONV_LIKE:
            _fix_weights(graph, op)
    for op in [op for op in graph if op.data is None and op.type != "fix"]:
        if op.type == "softmax":
            _annotate_softmax(graph, op)
        elif _stays_float(graph, op):
            op.attrs[FLOAT] = True
            if any(_takes_codes(graph, user) for user in graph.consumers(op.name)):
                _fix_output(graph, op, "non-overflow")
        elif op.type == "data":
            _fix_output(graph, op, "non-overflow")
        elif _has_own_output(graph, op):
            _fix_output(graph, op, "min-mse")
    graph.sort()


def _fix_weights(graph: Graph, op: Op) -> None:
    for arg, role in (("weights", "kernel"), ("bias", "bias")):
        if arg in op.args:
            source = graph.input(op, arg)
            fixed = _insert(graph, source, op, f"{source.name}_fix", role, "min-mse", "PY3_ROUND")
            op.args[arg] = [fixed.name]


def _fix_output(graph: Graph, op: Op, method: str) -> None:
    fixed = _insert(graph, op, op, f"{op.name}_fix", "output", method, "DPU_ROUND")
    graph.redirect(op.name, fixed.name, keep=(fixed.name,))


def _annotate_softmax(graph: Graph, op: Op) -> None:
    """Activation('softmax') has its input quantized; a Softmax layer is unknown to the tool."""
    op.attrs[FLOAT] = True
    source = graph.input(op)
    if op.attrs.get("__keras") != "Activation" or source.type == "fix":
        return
    fixed = _insert(graph, source, op, f"{source.name}_fix", "input", "min-mse", "DPU_ROUND")
    op.args["input"] = [fixed.name]


def _insert(
    graph: Graph, source: Op, owner: Op, name: str, role: str, method: str, round_mode: str
) -> Op:
    attrs = {
        METHOD: method,
        LAYER: owner.name,
        ROLE: role,
        "bit_width": 8,
        "if_signed": True,
        "round_mode": round_mode,
    }
    tensor = Tensor(name, source.tensor.dims)
    fixed = graph.add(Op(name, "fix", tensor, {"input": [source.name]}, attrs))
    graph.sort()
    return fixed


def _only_consumer(graph: Graph, op: Op) -> Op | None:
    users = graph.consumers(op.name)
    return users[0] if len(users) == 1 else None


def _has_own_output(graph: Graph, op: Op) -> bool:
    if op.type in PASS_THROUGH:
        return False
    follower = _only_consumer(graph, op)
    if follower is None:
        return True
    if op.type in CONV_LIKE:
        softmax = follower.type == "softmax" and follower.attrs.get("__keras") == "Activation"
        return follower.type not in ACTIVATIONS and not softmax
    if op.type == "eltwise":
        return follower.type not in ("relu", "relu6")
    return True


def _stays_float(graph: Graph, op: Op) -> bool:
    """Say whether an activation has no partner before it with which it is quantized."""
    if op.type not in ACTIVATIONS:
        return False
    source = graph.input(op)
    if source.type == "fix":
        source = graph.input(source)
    if op.type == "leaky-relu":
        return source.type not in CONV_LIKE
    return source.type not in (*CONV_LIKE, "eltwise", *POOLS)


def _takes_codes(graph: Graph, op: Op) -> bool:
    """Say whether AMD's tool quantizes a float input of this op: quantized layers with one input."""
    if op.type in (*PASS_THROUGH, "softmax") or _stays_float(graph, op):
        return False
    return len(op.args["input"]) == 1
