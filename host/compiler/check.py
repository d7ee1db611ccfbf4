"""Which device an op runs on and why: every limit of the DPU, with the numbers."""

from __future__ import annotations

from typing import NamedTuple

from host.dpu.arch import DpuArch
from host.graph.graph import Graph, Op

USER_TYPES = ("data-fix", "data")
DPU_TYPES = (
    "conv2d-fix",
    "depthwise-conv2d-fix",
    "pool-fix",
    "eltwise-fix",
    "concat-fix",
    "hard-sigmoid-fix",
    "pad-fix",
    "transposed-conv2d-fix",
    "upsample-fix",
    "reshape-fix",
)


class Verdict(NamedTuple):
    """Where an op runs.

    Attributes:
        op: Its name.
        device: USER, DPU or CPU.
        reason: Why not on the DPU; empty for the DPU.
    """

    op: str
    device: str
    reason: str


def check_ops(graph: Graph, arch: DpuArch) -> list[Verdict]:
    """Return a verdict for every op but constants, in order."""
    return [_verdict(graph, op, arch) for op in graph if op.data is None]


def _verdict(graph: Graph, op: Op, arch: DpuArch) -> Verdict:
    if op.type in USER_TYPES:
        return Verdict(op.name, "USER", "the network's input")
    if op.type not in DPU_TYPES:
        return Verdict(op.name, "CPU", _why_not(op))
    checks = {
        "conv2d-fix": _conv_fault,
        "depthwise-conv2d-fix": _alu_fault,
        "pool-fix": _alu_fault,
        "eltwise-fix": _eltwise_fault,
        "transposed-conv2d-fix": _transposed_fault,
    }
    fault = checks[op.type](graph, op, arch) if op.type in checks else ""
    fault = fault or _shift_fault(graph, op)
    return Verdict(op.name, "CPU" if fault else "DPU", fault)


def _why_not(op: Op) -> str:
    if op.type == "avgpool2d":
        return "the DPU has no such average: padding counts for it, and not every factor exists"
    if op.type == "resize":
        return "the DPU enlarges by whole factors with the nearest pixel alone"
    if op.type in ("relu", "relu6", "leaky-relu"):
        return "an activation alone is not one of the DPU's ops"
    known = f"{op.type}-fix" in DPU_TYPES or op.type in ("add", "mul", "maxpool2d", "inner-product")
    return "its input is not quantized" if known else f"the DPU has no {op.type}"


def _conv_fault(graph: Graph, op: Op, arch: DpuArch) -> str:
    if op.attrs.get("group", 1) != 1:
        return f"{op.attrs['group']} groups are more than 1"
    kw, kh = op.attrs["kernel"]
    sw, sh = op.attrs["stride"]
    dw, dh = op.attrs["dilation"]
    ic, oc = graph.input(op).tensor.dims[-1], op.tensor.dims[-1]
    words = kw * kh * -(-ic // arch.channel_parallel)
    # A kernel that covers the whole map is a dense layer: the compiler cuts it, depth counts alone.
    dense = op.tensor.dims[1:3] == (1, 1) and graph.input(op).tensor.dims[1:3] == (kh, kw)
    if max(kw, kh) > arch.conv_kernel and not dense:
        return f"kernel {kw}x{kh} is larger than {arch.conv_kernel}x{arch.conv_kernel}"
    if max(sw, sh) > arch.conv_stride:
        return f"stride {sw}x{sh} is larger than {arch.conv_stride}"
    if max(dw, dh) * ic > 256 * arch.channel_parallel:
        limit = 256 * arch.channel_parallel
        return f"dilation x input channels {max(dw, dh) * ic} is more than {limit}"
    left, right, top, bottom = op.attrs["pad"]
    if max(left, right) > (kw - 1) * dw or max(top, bottom) > (kh - 1) * dh:
        return f"pad {left, right, top, bottom} is more than the kernel reaches out"
    if words > arch.bank_depth:
        return f"kernel x input channels need {words} words, a bank has {arch.bank_depth}"
    if max(ic, oc) > arch.conv_channels:
        return f"{max(ic, oc)} channels are more than {arch.conv_channels}"
    return _nonlinear_fault(op, arch)


def _alu_fault(graph: Graph, op: Op, arch: DpuArch) -> str:
    if "weights" in op.args and graph.input(op, "weights").tensor.dims[0] != 1:
        return f"{graph.input(op, 'weights').tensor.dims[0]} kernels a channel are more than 1"
    kw, kh = op.attrs["kernel"]
    sw, sh = op.attrs["stride"]
    if max(kw, kh, sw, sh) > arch.alu_kernel:
        return f"kernel {kw}x{kh} stride {sw}x{sh} is larger than {arch.alu_kernel}"
    left, right, top, bottom = op.attrs["pad"]
    if max(left, top) > 15 or max(right, bottom) > 255:
        return f"pad {left, right, top, bottom} is more than 15 (left, top) or 255 (right, bottom)"
    nonlinear = op.attrs.get("nonlinear", "NONE")
    return "" if nonlinear in ("NONE", "RELU", "RELU6") else f"the ALU has no {nonlinear}"


def _eltwise_fault(graph: Graph, op: Op, arch: DpuArch) -> str:
    shapes = {source.tensor.dims for source in graph.inputs(op)}
    if len(shapes) != 1:
        return f"inputs of different shapes {sorted(shapes)} are not broadcast"
    nonlinear = op.attrs.get("nonlinear", "NONE")
    return "" if nonlinear in ("NONE", "RELU") else f"a sum or product has no {nonlinear}"


def _transposed_fault(graph: Graph, op: Op, arch: DpuArch) -> str:
    """The DPU computes a transposed convolution as stride x stride convolutions of a part each.

    Assumed: those parts are what the limits of a convolution bind; a compilation of such a layer by
    AMD's compiler would settle it.
    """
    (kw, kh), (sw, sh) = op.attrs["kernel"], op.attrs["stride"]
    ic, oc = graph.input(op).tensor.dims[-1], op.tensor.dims[-1]
    part = -(-kw // sw), -(-kh // sh)
    words = part[0] * part[1] * -(-ic // arch.channel_parallel)
    if max(part) > arch.conv_kernel or max(sw, sh) > arch.conv_stride:
        return f"kernel {kw}x{kh} with stride {sw}x{sh} is larger than {arch.conv_kernel} a stride"
    if words > arch.bank_depth:
        return f"kernel x input channels need {words} words, a bank has {arch.bank_depth}"
    if max(ic, oc) > arch.conv_channels:
        return f"{max(ic, oc)} channels are more than {arch.conv_channels}"
    return _nonlinear_fault(op, arch)


def _nonlinear_fault(op: Op, arch: DpuArch) -> str:
    nonlinear = op.attrs.get("nonlinear", "NONE")
    return "" if nonlinear in arch.nonlinear else f"a convolution has no {nonlinear}"


def _shift_fault(graph: Graph, op: Op) -> str:
    """The shifts of a convolution: 0 <= cut <= 16, min(0, cut - 16) <= bias shift <= 16."""
    if "weights" not in op.args:
        return ""
    product = graph.input(op).tensor.fix_point + graph.input(op, "weights").tensor.fix_point
    cut = product - op.tensor.fix_point
    if not 0 <= cut <= 16:
        return f"shift_cut {cut} is outside 0..16"
    if "bias" in op.args:
        shift = product - graph.input(op, "bias").tensor.fix_point
        if not min(0, cut - 16) <= shift <= 16:
            return f"shift_bias {shift} is outside {min(0, cut - 16)}..16"
    return ""
