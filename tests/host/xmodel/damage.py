"""Ways to damage an .xmodel file: its bytes, or the fields of its message."""

from __future__ import annotations

import collections
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.dpu.ops.table import CONST_TYPES, INPUT_TYPES, OPS
from host.xmodel.schema import GraphMessage
from tests.host.xmodel.sound_models import SPECIAL

Pick = Callable[[Any], Any]  # draws from a strategy, or one of a list
_NUMBERS = [0, 1, 2, 3, 4, 8, 28, 61, 127, 256, 4096, 65536, 2**24, 2**30, 2**31 - 1]
_SIGNED = st.sampled_from([*_NUMBERS, *(-number for number in _NUMBERS), -(2**31)])
_LITTLE = st.integers(-1, 9)
_FLOATS = st.sampled_from([0.0, -0.0, 0.1, -3.5, 1e38, -1e-45, math.nan, math.inf, -math.inf])
_ODD_NAMES = ["", "é", "file", "x\n\x1b[31m\x00", "<&\"'", "\uffff\u202e", "n" * 5000]
_WORDS = "NONE RELU RELU6 PRELU HSWISH ADD MUL MAX AVG CONSTANT SYMMETRIC NEAREST BILINEAR STD_ROUND CPU DPU"
_TEXTS = st.sampled_from([*_WORDS.split(), *_ODD_NAMES])
_VALUES = st.one_of(
    st.just(("", None)),
    st.tuples(st.just("int32_value"), _SIGNED),
    st.tuples(st.just("int64_value"), st.sampled_from([2**63 - 1, -(2**63)])),
    st.tuples(st.just("float_value"), _FLOATS),
    st.tuples(st.just("double_value"), st.just(1e300)),
    st.tuples(st.just("string_value"), _TEXTS),
    st.tuples(st.just("bool_value"), st.booleans()),
    st.tuples(st.just("bytes_value"), st.binary(max_size=9)),
    st.tuples(st.just("int32_vec_value"), st.lists(_LITTLE | _SIGNED, max_size=8)),
    st.tuples(st.just("float_vec_value"), st.lists(_FLOATS, max_size=4)),
    st.tuples(st.just("bool_vec_value"), st.lists(st.booleans(), max_size=4)),
    st.tuples(st.just("string_vec_value"), st.lists(_TEXTS, max_size=2)),
)
_OP_KEYS = sorted({key for _, attrs, _ in SPECIAL.values() for key in attrs} | {"group", "data"})
_TENSOR_KEYS = ("fix_point", "reg_id", "ddr_addr")
_SUBGRAPH_KEYS = ("device", "dpu_name", "dpu_fingerprint", "reg_id_to_parameter_value", "mc_code")
_ARGS = ("input", "weights", "bias", "weight", "gamma", "", "x\n")


def _blobs(message: Any) -> list[bytes]:
    """Return weights and instructions, in which any byte is as good as another."""
    values = [value for node in message.op_node for value in node.op_attr.values()]
    subgraphs = [message.subg_root]
    while subgraphs:
        subgraph = subgraphs.pop()
        values += subgraph.subg_attr.values()
        subgraphs += subgraph.subg_child
    maps = [m for v in values for m in v.map_string_2_bytes_value.value.values()]
    found = [value.bytes_value.value for value in values] + [entry.value for entry in maps]
    return [blob for blob in found if len(blob) > 64]


def structure(content: bytes, message: Any) -> np.ndarray:
    """Return the places of all bytes but those of weights and instructions."""
    free = np.ones(len(content), bool)
    for blob in _blobs(message):
        start = content.find(blob)
        free[start : start + len(blob)] = False
    return np.flatnonzero(free)


def damage_bytes(content: bytes, places: np.ndarray, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        anywhere = chance.random() < 0.05
        place = chance.randrange(len(damaged) + 1) if anywhere else int(chance.choice(places))
        some = chance.choice((1, 1, 2, 8, 100))
        match chance.choice(("flip", "flip", "flip", "set", "delete", "insert", "cut")):
            case "flip":
                damaged[place : place + 1] = bytes(
                    byte ^ 1 << chance.randrange(8) for byte in damaged[place : place + 1]
                )
            case "set":
                damaged[place : place + 1] = bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF))])
            case "delete":
                del damaged[place : place + some]
            case "insert":
                damaged[place:place] = chance.randbytes(some)
            case "cut" if chance.random() < 0.2:
                del damaged[place:]
    return bytes(damaged)


def put(attr: Any, field: str, content: Any) -> None:
    attr.Clear()
    if field.endswith("_vec_value"):
        getattr(attr, field).SetInParent()
        getattr(attr, field).value.extend(content)
    elif field == "bytes_value":
        attr.bytes_value.value = content
    elif field:
        setattr(attr, field, content)


def _op(message: Any, pick: Pick) -> Any:
    nodes = [node for node in message.op_node if node.op_type not in CONST_TYPES]
    return pick(nodes or list(message.op_node))


def _subgraph(message: Any, pick: Pick) -> Any:
    children = list(message.subg_root.subg_child)
    leaves = [leaf for child in children for leaf in child.subg_child]
    return pick([message.subg_root, *children, *leaves])


def _set_attr(message: Any, pick: Pick) -> None:
    node, subgraph = _op(message, pick), _subgraph(message, pick)
    holder, keys = pick(
        [
            (node.op_attr, _OP_KEYS),
            (node.op_attr, sorted(node.op_attr) or _OP_KEYS),
            (node.output_tensor.tensor_attr, _TENSOR_KEYS),
            (subgraph.subg_attr, _SUBGRAPH_KEYS),
            (message.graph_attr, ("toolchain",)),
        ]
    )
    put(holder[pick(keys)], *pick(_VALUES))


def _delete_attr(message: Any, pick: Pick) -> None:
    node = _op(message, pick)
    holder = pick([node.op_attr, node.output_tensor.tensor_attr])
    if len(holder):
        del holder[pick(sorted(holder))]


def _set_number(message: Any, pick: Pick) -> None:
    """Change one number of a list, or the number or text, that an op has, and keep the kind."""
    attrs = _op(message, pick).op_attr
    kinds = {key: attrs[key].WhichOneof("value") for key in sorted(attrs)}
    lists = [key for key, kind in kinds.items() if kind == "int32_vec_value"]
    texts = [key for key, kind in kinds.items() if kind == "string_value"]
    if lists:
        numbers = attrs[pick(lists)].int32_vec_value.value
        if numbers:
            numbers[pick(st.integers(0, len(numbers) - 1))] = pick(_LITTLE | _SIGNED)
    if texts and pick(st.booleans()):
        attrs[pick(texts)].string_value = pick(_TEXTS)


def _set_fix_point(message: Any, pick: Pick) -> None:
    attrs = pick(list(message.op_node)).output_tensor.tensor_attr
    attrs["fix_point"].int32_value = pick(st.integers(-70, 130) | _SIGNED)


def _set_dims(message: Any, pick: Pick) -> None:
    dims = pick(list(message.op_node)).output_tensor.tensor_dim
    match pick(["one", "other", "more", "fewer", "many"]):
        case "one" if dims:
            dims[pick(st.integers(0, len(dims) - 1))] = pick([*_NUMBERS, 2**32 - 1])
        case "other":
            dims[:] = list(pick(list(message.op_node)).output_tensor.tensor_dim)
        case "more":
            dims.insert(pick(st.integers(0, len(dims))), pick([1, 2, 70]))
        case "fewer" if dims:
            del dims[pick(st.integers(0, len(dims) - 1))]
        case "many":
            dims[:] = [1] * pick([8, 70])


def _set_kind(message: Any, pick: Pick) -> None:
    node = pick(list(message.op_node))
    tensor = node.output_tensor
    match pick(["type", "type", "dtype", "bits"]):
        case "type":
            node.op_type = pick([*OPS, *INPUT_TYPES, *CONST_TYPES, *_ODD_NAMES])
        case "dtype":
            tensor.data_type = pick([0, 1, 2, 3, 4, 5, 6, 7, -1])
        case "bits":
            tensor.tensor_bit_width = pick([0, 1, 8, 32, 64, 65, -8])


def _set_args(message: Any, pick: Pick) -> None:
    node = _op(message, pick)
    other = pick([*(node.op_name for node in message.op_node), "nobody", "nobody\n"])
    args = (
        node.args.add() if not node.args or pick(st.integers(0, 3)) == 0 else pick(list(node.args))
    )
    match pick(["name", "replace", "replace", "add", "delete"]):
        case "name":
            args.arg_name = pick(_ARGS)
        case "replace" if args.arg_ops:
            args.arg_ops[pick(st.integers(0, len(args.arg_ops) - 1))] = other
        case "delete" if args.arg_ops:
            del args.arg_ops[0]
        case _:
            args.arg_ops.append(other)


def _set_name(message: Any, pick: Pick) -> None:
    node, other = pick(list(message.op_node)), pick(list(message.op_node))
    match pick(["op", "tensor", "tensor", "subgraph", "graph"]):
        case "op":
            node.op_name = pick([*_ODD_NAMES, other.op_name])
        case "tensor":
            node.output_tensor.tensor_name = pick([*_ODD_NAMES, other.output_tensor.tensor_name])
        case "subgraph":
            _subgraph(message, pick).subgraph_name = pick(_TEXTS)
        case "graph":
            message.graph_name = pick(_TEXTS)


def _set_members(message: Any, pick: Pick) -> None:
    names = _subgraph(message, pick).op_name
    if names and pick(st.booleans()):
        del names[pick(st.integers(0, len(names) - 1))]
    else:
        names.append(pick([*(node.op_name for node in message.op_node), "nobody"]))
    if pick(st.integers(0, 9)) == 0:
        deeper = message.subg_root
        for _ in range(pick([3, 9, 90, 120])):
            deeper = deeper.subg_child.add()


def _set_nodes(message: Any, pick: Pick) -> None:
    place = pick(st.integers(0, len(message.op_node) - 1))
    if pick(st.booleans()):
        del message.op_node[place]
    else:
        message.op_node.add().CopyFrom(message.op_node[place])


def _set_constant(message: Any, pick: Pick) -> None:
    found = [node for node in message.op_node if node.op_attr["data"].bytes_value.value]
    if found:
        data = pick(found).op_attr["data"].bytes_value
        count = len(data.value) // 4
        data.value = np.full(count, pick(_FLOATS), np.float32).tobytes()


_CHANGES = (
    *(_set_attr, _set_attr, _set_number, _set_number, _set_args, _set_args, _set_fix_point),
    *(_set_dims, _set_kind, _set_name, _set_members, _set_nodes, _set_constant, _delete_attr),
)


def change_field(message: Any, pick: Pick) -> None:
    """Change one field, if there is an op left."""
    if message.op_node:
        pick(_CHANGES)(message, pick)


def change_often(
    messages: list[Any], times: int, use: Callable[[bytes], str]
) -> collections.Counter[str]:
    """Change one to three fields of one of the messages, over and over; the seed is fixed.

    Args:
        messages: Sound ones; they stay as they are.
        times: Files to make.
        use: Does with a file what it can and returns how far it went.

    Returns:
        How many files went how far.
    """
    ends: collections.Counter[str] = collections.Counter()

    @settings(
        max_examples=times,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def change_and_use(data: st.DataObject) -> None:
        def pick(choices: Any) -> Any:
            if isinstance(choices, st.SearchStrategy):
                return data.draw(choices)
            return choices[data.draw(st.integers(0, len(choices) - 1))]

        message = GraphMessage()
        message.CopyFrom(pick(messages))
        for _ in range(pick([1, 1, 2, 3])):
            change_field(message, pick)
        ends[use(message.SerializeToString())] += 1

    change_and_use()
    return ends
