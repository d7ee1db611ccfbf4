"""Sound .xmodel messages to damage: one for every type of op, and real ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from host.graph.graph import Graph, Op, Subgraph, Tensor
from host.xmodel.schema import GraphMessage
from host.xmodel.writer import serialize

_X = (1, 4, 4, 2)
_WINDOW = {
    "kernel": [2, 2],
    "stride": [2, 2],
    "pad": [0, 0, 0, 0],
    "dilation": [1, 1],
    "pad_mode": "FLOOR",
}
_CODED = {"fix_point": 2, "bit_width": 8, "if_signed": True, "round_mode": "DPU_ROUND"}
_HALF, _TWICE, _FLAT = (1, 2, 2, 2), (1, 8, 8, 2), (1, 32)
_AXES = {"axis": [1, 2], "keep_dims": False}
_CUT = {"begin": [0, 0, 0, 0], "end": [1, 4, 4, 2], "strides": [1, 2, 2, 1]}
_EDGE = {"paddings": [0, 0, 1, 1, 1, 1, 0, 0], "mode": "REFLECT"}
_SCALED = {"mode": "BILINEAR", "half_pixel_centers": True, "scale": [2.0, 2.0]}
_KERNEL, _DEPTHWISE = {"weights": _HALF[1:] + (2,), "bias": (2,)}, {"weights": _HALF, "bias": (2,)}
_NORM = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_var"), (2,))
# Type: its dims, its attributes, shapes of its constants.
SPECIAL: dict[str, tuple[tuple[int, ...], dict[str, Any], dict[str, tuple[int, ...]]]] = {
    "argmax": ((1, 4, 4), {"axis": 3}, {}),
    "avgpool2d": (_HALF, {**_WINDOW, "count_include_pad": False, "dpu_factor": [1, 2]}, {}),
    "batchnorm": (_X, {"axis": 3, "epsilon": 0.001}, _NORM),
    "concat": ((1, 4, 4, 4), {"axis": 3}, {}),
    "conv2d": (_HALF, _WINDOW | {"nonlinear": "RELU6"}, _KERNEL),
    "depthwise-conv2d": (_HALF, _WINDOW | {"nonlinear": "LEAKYRELU"}, _DEPTHWISE),
    "downsample": (_HALF, _SCALED, {}),
    "eltwise": (_X, {"type": "ADD", "nonlinear": "RELU"}, {}),
    "fix": (_X, _CODED, {}),
    "fix2float": (_X, _CODED, {}),
    "flatten": (_FLAT, {"start_axis": 1, "end_axis": -1}, {}),
    "float2fix": (_X, _CODED, {}),
    "hard-sigmoid": (_X, {"slope": 0.2, "offset": 0.5}, {}),
    "inner-product": ((1, 2), {"axis": 1}, {"weights": (2, 32), "bias": (2,)}),
    "leaky-relu": (_X, {"alpha": 0.1}, {}),
    "matmul": ((1, 4, 4, 3), {"transpose_a": False, "transpose_b": False}, {"input": (2, 3), "bias": (3,)}),
    "maxpool2d": (_HALF, _WINDOW, {}),
    "pad": ((1, 6, 6, 2), _EDGE, {}),
    "pool": (_HALF, _WINDOW | {"type": "AVG"}, {}),
    "prelu": (_X, {}, {"weight": (2,)}),
    "reduction_max": ((1, 2), _AXES, {}),
    "reduction_mean": ((1, 2), _AXES, {}),
    "reduction_sum": ((1, 2), _AXES, {}),
    "reshape": (_FLAT, {"shape": list(_FLAT)}, {}),
    "resize": (_TWICE, _SCALED, {}),
    "softmax": (_X, {"axis": -1}, {}),
    "squeeze": (_FLAT, {}, {}),
    "strided_slice": (_HALF, _CUT, {}),
    "transpose": ((1, 2, 4, 4), {"order": [0, 3, 1, 2]}, {}),
    "transposed-conv2d": (_TWICE, _WINDOW | {"nonlinear": "PRELU", "prelu_in": 3, "prelu_shift": 4}, _KERNEL),
    "transposed-depthwise-conv2d": (
        _TWICE,
        _WINDOW | {"nonlinear": "HSWISH", "hsigmoid_in": 2, "shift_hsigmoid": 7, "shift_hswish": 7},
        _DEPTHWISE,
    ),
    "upsample": (_TWICE, _SCALED, {}),
}  # fmt: skip
_PAIRED = ("add", "sub", "mul", "div", "min", "max", "eltwise-fix", "concat", "concat-fix")


def sound_model(kind: str) -> Any:
    """Return input x -> op of the type -> end, with the constants c_... that it takes."""
    dims, attrs, shapes = SPECIAL.get(kind.removesuffix("-fix"), (_X, {}, {}))
    coded = kind.endswith("-fix") or kind in ("upload", "download")
    takes, makes = coded or kind == "fix2float", coded or kind == "float2fix"
    graph, generator = Graph(f"one {kind}"), np.random.default_rng(3)

    def tensor(name: str, dims: tuple[int, ...], codes: bool) -> Tensor:
        return Tensor(f"{name}_t", dims, *(("xint8", {"fix_point": 3}) if codes else ("float32",)))

    graph.add(Op("x", "data-fix" if takes else "data", tensor("x", _X, takes)))
    args = {"input": ["x", "x"] if kind in _PAIRED else ["x"]}
    for arg, shape in shapes.items():
        codes = generator.integers(1, 128, shape, dtype=np.int8)
        data = codes if takes else codes.astype(np.float32)
        constant = tensor(f"c_{arg}", shape, takes)
        graph.add(Op(f"c_{arg}", "const-fix" if takes else "const", constant, data=data))
        args.setdefault(arg, []).append(f"c_{arg}")
    graph.add(Op("op", kind, tensor("op", dims, makes), args, attrs))
    last = "download" if makes else "identity"
    graph.add(Op("end", last, tensor("end", dims, makes), {"input": ["op"]}))
    parts = [
        Subgraph("user", {"device": "USER"}, ["x"]),
        Subgraph("work", {"device": "DPU" if coded else "CPU"}, [op.name for op in graph][1:]),
    ]
    graph.root = Subgraph("root", {}, [], parts)
    return parsed(serialize(graph))


def parsed(content: bytes) -> Any:
    """Return the message without what a reader skips (the definitions of ops in AMD's files)."""
    message = GraphMessage()
    message.ParseFromString(content)
    message.DiscardUnknownFields()
    return message
