"""Every limit of the DPU: just inside runs there, just outside does not, and the reason has the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from host.compiler.check import check_ops
from host.dpu.arch import ARCHS, ZCU104, DpuArch
from host.graph.graph import Graph, Op, Tensor

ISA0 = ARCHS[-1]


def _code(name: str, dims: tuple[int, ...], fix_point: int = 0) -> Tensor:
    return Tensor(name, dims, "xint8", {"fix_point": fix_point})


def _verdict(
    kind: str,
    dims: tuple[int, ...] = (1, 20, 20, 16),
    out: tuple[int, ...] = (1, 20, 20, 16),
    fixes: tuple[int, int, int, int] = (6, 6, 8, 4),
    arch: DpuArch = ZCU104,
    bias: bool = True,
    **attrs: Any,
) -> tuple[str, str]:
    """Return device and reason of one op behind an input; `fixes` of input, weights, bias, output."""
    graph = Graph("g")
    graph.add(Op("x", "data-fix", _code("x", dims, fixes[0])))
    args = {"input": ["x"]}
    if "conv2d" in kind:
        graph.add(Op("w", "const-fix", _code("w", (1,), fixes[1]), {}, {}, np.zeros(1, np.int8)))
        args["weights"] = ["w"]
        if bias:
            graph.add(
                Op("b", "const-fix", _code("b", (1,), fixes[2]), {}, {}, np.zeros(1, np.int8))
            )
            args["bias"] = ["b"]
    window = {"kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1], "pad": [0, 0, 0, 0]}
    graph.add(Op("op", kind, _code("op", out, fixes[3]), args, {**window, **attrs}))
    source, verdict = check_ops(graph, arch)
    assert (source.device, source.reason) == ("USER", "the network's input")
    assert verdict.op == "op"
    return verdict.device, verdict.reason


CONV = "conv2d-fix"
DEPTHWISE = "depthwise-conv2d-fix"

LIMITS: list[tuple[str, dict[str, Any], str]] = [
    (CONV, {"kernel": [16, 16]}, ""),
    (CONV, {"kernel": [17, 3]}, "kernel 17x3 is larger than 16x16"),
    (CONV, {"kernel": [3, 17]}, "kernel 3x17 is larger than 16x16"),
    (CONV, {"kernel": [20, 20], "out": (1, 1, 1, 16)}, ""),  # a dense layer on a 20x20 map
    (CONV, {"kernel": [20, 19], "out": (1, 2, 1, 16)}, "kernel 20x19 is larger than 16x16"),
    (CONV, {"stride": [8, 8]}, ""),
    (CONV, {"stride": [1, 9]}, "stride 1x9 is larger than 8"),
    (CONV, {"dilation": [256, 1]}, ""),  # 256 * 16 = 4096
    (CONV, {"dilation": [1, 257]}, "dilation x input channels 4112 is more than 4096"),
    (CONV, {"pad": [2, 2, 2, 2]}, ""),
    (CONV, {"pad": [3, 0, 0, 0]}, "pad (3, 0, 0, 0) is more than the kernel reaches out"),
    (CONV, {"pad": [0, 0, 0, 3]}, "pad (0, 0, 0, 3) is more than the kernel reaches out"),
    (CONV, {"pad": [4, 4, 0, 0], "dilation": [2, 1]}, ""),
    # 16 * 16 * ceil(128 / 16) = 2048 words; one channel more needs another word of 16
    (CONV, {"kernel": [16, 16], "dims": (1, 20, 20, 128)}, ""),
    (
        CONV,
        {"kernel": [16, 16], "dims": (1, 20, 20, 129)},
        "kernel x input channels need 2304 words, a bank has 2048",
    ),
    (CONV, {"kernel": [1, 1], "dims": (1, 1, 1, 4096)}, ""),
    (CONV, {"kernel": [1, 1], "dims": (1, 1, 1, 4097)}, "dilation x input channels 4097 is more"),
    (CONV, {"out": (1, 18, 18, 4096)}, ""),
    (CONV, {"out": (1, 18, 18, 4097)}, "4097 channels are more than 4096"),
    (CONV, {"nonlinear": "LEAKYRELU"}, ""),
    (CONV, {"nonlinear": "PRELU"}, "a convolution has no PRELU"),
    (CONV, {"fixes": (6, 6, 8, -4)}, ""),  # shift_cut 16
    (CONV, {"fixes": (6, 6, 8, 12)}, ""),  # 0
    (CONV, {"fixes": (6, 6, 8, -5)}, "shift_cut 17 is outside 0..16"),
    (CONV, {"fixes": (6, 6, 8, 13)}, "shift_cut -1 is outside 0..16"),
    (CONV, {"fixes": (6, 6, -4, 4)}, ""),  # shift_bias 16
    (CONV, {"fixes": (6, 6, -5, 4)}, "shift_bias 17 is outside -8..16"),
    (CONV, {"fixes": (6, 6, 20, 4)}, ""),  # -8 = cut 8 - 16
    (CONV, {"fixes": (6, 6, 21, 4)}, "shift_bias -9 is outside -8..16"),
    (CONV, {"fixes": (6, 6, 13, -4)}, "shift_bias -1 is outside 0..16"),
    (CONV, {"fixes": (6, 6, 21, 4), "bias": False}, ""),
    (DEPTHWISE, {"kernel": [256, 1], "stride": [1, 256]}, ""),
    (DEPTHWISE, {"kernel": [257, 1]}, "kernel 257x1 stride 1x1 is larger than 256"),
    (DEPTHWISE, {"stride": [1, 257]}, "kernel 3x3 stride 1x257 is larger than 256"),
    (DEPTHWISE, {"kernel": [16, 16], "arch": ISA0}, ""),
    (DEPTHWISE, {"kernel": [17, 1], "arch": ISA0}, "kernel 17x1 stride 1x1 is larger than 16"),
    (DEPTHWISE, {"pad": [15, 255, 15, 255]}, ""),
    (DEPTHWISE, {"pad": [16, 0, 0, 0]}, "pad (16, 0, 0, 0) is more than 15 (left, top) or 255"),
    (DEPTHWISE, {"pad": [0, 256, 0, 0]}, "pad (0, 256, 0, 0) is more than 15"),
    (DEPTHWISE, {"nonlinear": "RELU6"}, ""),
    (DEPTHWISE, {"nonlinear": "LEAKYRELU"}, "the ALU has no LEAKYRELU"),
    (DEPTHWISE, {"fixes": (6, 6, 8, -5)}, "shift_cut 17 is outside 0..16"),
    ("pool-fix", {"kernel": [256, 256]}, ""),
    ("pool-fix", {"kernel": [1, 257]}, "kernel 1x257 stride 1x1 is larger than 256"),
    ("pool-fix", {"fixes": (60, 0, 0, -60)}, ""),  # a pool has no such shift
    ("eltwise-fix", {"nonlinear": "RELU"}, ""),
    ("eltwise-fix", {"nonlinear": "RELU6"}, "a sum or product has no RELU6"),
    ("concat-fix", {}, ""),
    ("reshape-fix", {}, ""),
    ("softmax", {}, "the DPU has no softmax"),
    ("fix2float", {}, "the DPU has no fix2float"),
    ("hard-sigmoid", {}, "its input is not quantized"),
    ("tanh", {}, "the DPU has no tanh"),
    ("relu", {}, "an activation alone"),
]


@pytest.mark.parametrize(
    ("kind", "changes", "reason"), LIMITS, ids=[f"{k}-{c}-{bool(r)}" for k, c, r in LIMITS]
)
def test_limits(kind: str, changes: dict[str, Any], reason: str) -> None:
    device, why = _verdict(kind, **changes)
    assert device == ("CPU" if reason else "DPU")
    assert why.startswith(reason) and bool(why) == bool(reason)


def test_constants_have_no_verdict() -> None:
    graph = Graph("g")
    graph.add(Op("w", "const-fix", _code("w", (1,)), {}, {}, np.zeros(1, np.int8)))
    assert check_ops(graph, ZCU104) == []
