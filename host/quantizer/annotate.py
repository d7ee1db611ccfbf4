"""Puts a `fix` op behind every tensor that AMD's quantizer quantizes, with its method and rounding.

The rules, in AMD's words (no target given): a convolution that only an activation layer uses is
quantized behind the activation; so are sums and products; softmax, tanh and their kin have their input
quantized and their output float; flatten, reshape and padding pass codes through; an activation that
follows none of these stays float. A float tensor is quantized again where one layer alone takes it in
that is quantized and has no other input.
Source: vai_q_tensorflow2, vitis_pof2s_quantize_transforms.py.
"""

from __future__ import annotations

from host.graph.graph import Graph, Op, Tensor

CONV_LIKE = ("conv2d", "depthwise-conv2d", "transposed-conv2d", "inner-product")
PASS_THROUGH = ("reshape", "flatten", "pad")
POOLS = ("maxpool2d", "avgpool2d")
ELTWISE = ("add", "mul")
# Activations that are quantized behind, and those quantized before.
POST_ACTIVATIONS = ("relu", "relu6", "leaky-relu", "identity")  # the last is Activation("linear")
PRE_ACTIVATIONS = (
    *("softmax", "elu", "selu", "softplus", "softsign", "swish", "gelu", "tanh", "sigmoid", "exp"),
    "hard-sigmoid",
)
_OWN_OUTPUT = (*CONV_LIKE, *ELTWISE, "concat", "resize", "prelu")
_ROLES = (("weights", "kernel"), ("bias", "bias"), ("weight", "alpha"))

# Attributes that only the quantizer reads; never written to a file.
METHOD, LAYER, ROLE, FLOAT = "__method", "__layer", "__role", "__float"


def annotate(graph: Graph) -> None:
    """Insert the fix ops, without fix points yet; mark ops that stay float with FLOAT."""
    ops = [op for op in graph if op.data is None]
    partners = {op.name for op in ops if _is_partner(graph, op)}
    wrapped = {op.name for op in ops if _is_wrapped(op, partners)}
    behind = [op for op in ops if _has_own_output(graph, op, partners)]
    requantized = [op for op in ops if _is_requantized(graph, op, wrapped)]
    before = [op for op in ops if op.name in partners and op.type in PRE_ACTIVATIONS]
    for op in ops:
        if (op.name not in wrapped and op.type != "data") or op in before:
            op.attrs[FLOAT] = True
        if op.name in wrapped:
            _fix_constants(graph, op)
    for op in behind:
        _fix_output(graph, op, "non-overflow" if op.type == "data" else "min-mse")
    for op in requantized:
        _fix_output(graph, op, "non-overflow")
    for op in before:
        source = graph.input(op)
        fixed = _insert(graph, source, op, (f"{source.name}_fix", "input", "min-mse"))
        op.args["input"] = [fixed.name]
    graph.sort()


def is_activation_layer(op: Op) -> bool:
    """Say whether an op was an Activation, ReLU or LeakyReLU layer; AMD's sigmoid is none."""
    if op.type in POST_ACTIVATIONS and op.type != "identity":
        return True
    known = op.type in (*PRE_ACTIVATIONS, "identity")
    return known and op.attrs.get("__keras") == "Activation"


def is_leaky_relu(op: Op) -> bool:
    """Say whether an op was a LeakyReLU layer; a ReLU with a slope is a ReLU to AMD's tool."""
    return op.type == "leaky-relu" and op.attrs.get("__keras") != "ReLU"


def _is_partner(graph: Graph, op: Op) -> bool:
    """Say whether an activation layer is quantized together with the layer before it."""
    if not is_activation_layer(op):
        return False
    source = graph.input(op)
    if len(graph.consumers(source.name)) != 1:
        return False
    if is_leaky_relu(op):
        return source.type in CONV_LIKE
    return source.type in (*CONV_LIKE, *ELTWISE) or _is_known_pool(source)


def _is_known_pool(op: Op) -> bool:
    """AMD's tool does not know GlobalMaxPooling2D."""
    return op.type in POOLS and op.attrs.get("__keras") != "GlobalMaxPooling2D"


def _is_vitis_sigmoid(op: Op) -> bool:
    return op.type == "hard-sigmoid" and not is_activation_layer(op)


def _is_wrapped(op: Op, partners: set[str]) -> bool:
    """Say whether AMD's tool knows the layer: then its inputs are codes, or made so."""
    known = op.type in (*_OWN_OUTPUT, *PASS_THROUGH) or _is_vitis_sigmoid(op) or _is_known_pool(op)
    return known or op.name in partners


def _has_own_output(graph: Graph, op: Op, partners: set[str]) -> bool:
    if op.type == "data":
        return True
    if op.name in partners:
        return op.type in POST_ACTIVATIONS
    users = graph.consumers(op.name)
    if op.type in (*CONV_LIKE, *ELTWISE) and len(users) == 1 and users[0].name in partners:
        return False
    return op.type in _OWN_OUTPUT or _is_vitis_sigmoid(op) or _is_known_pool(op)


def _is_requantized(graph: Graph, op: Op, wrapped: set[str]) -> bool:
    """Say whether a float tensor is quantized for the one layer that takes it in."""
    users = graph.consumers(op.name)
    if op.type == "data" or op.name in wrapped or len(users) != 1:
        return False
    return users[0].name in wrapped and len(users[0].args["input"]) == 1


def _fix_constants(graph: Graph, op: Op) -> None:
    for arg, role in _ROLES:
        if arg in op.args:
            source = graph.input(op, arg)
            entry = (f"{source.name}_fix", role, "min-mse")
            op.args[arg] = [_insert(graph, source, op, entry).name]


def _fix_output(graph: Graph, op: Op, method: str) -> None:
    fixed = _insert(graph, op, op, (f"{op.name}_fix", "output", method))
    graph.redirect(op.name, fixed.name, keep=(fixed.name,))


def _insert(graph: Graph, source: Op, owner: Op, entry: tuple[str, str, str]) -> Op:
    """Add a fix op; `entry` is its name, role and method."""
    name, role, method = entry
    attrs = {
        METHOD: method,
        LAYER: owner.name,
        ROLE: role,
        "bit_width": 8,
        "if_signed": True,
        "round_mode": "DPU_ROUND" if source.data is None else "PY3_ROUND",
    }
    tensor = Tensor(name, source.tensor.dims)
    return graph.add(Op(name, "fix", tensor, {"input": [source.name]}, attrs))
