"""The DPU's operations by definition, one output code at a time, with Python ints and fractions.

Part of the second opinion on the emulator: must not import host, target or numpy, nor be clever.
Source: the DPU's integer arithmetic as documented for AMD's cpu_task; where cpu_task is known to
depart from that definition (MAX pool of negatives, LEAKYRELU, RELU6, MUL), the definition is kept.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.literal.ops.convolution import (
    conv2d_fix,
    depthwise_conv2d_fix,
    transposed_conv2d_fix,
    transposed_depthwise_conv2d_fix,
)
from tests.literal.ops.eltwise import eltwise_fix, hard_sigmoid_fix
from tests.literal.ops.move import concat_fix, const_fix, identity, pad_fix, strided_slice_fix
from tests.literal.ops.pool import average_factor, pool_fix
from tests.literal.ops.reduce import argmax_fix, reduction_max_fix
from tests.literal.ops.resize import resize_fix
from tests.literal.ops.rounding import finish, finish_convolution, half_up, saturate, to_code
from tests.literal.ops.tensor import Args, Node, Tensor, check, dims_of, fix_point_of

__all__ = [
    "OPS",
    "Args",
    "Node",
    "Tensor",
    "argmax_fix",
    "average_factor",
    "check",
    "concat_fix",
    "const_fix",
    "conv2d_fix",
    "depthwise_conv2d_fix",
    "dims_of",
    "eltwise_fix",
    "finish",
    "finish_convolution",
    "fix_point_of",
    "half_up",
    "hard_sigmoid_fix",
    "identity",
    "pad_fix",
    "pool_fix",
    "reduction_max_fix",
    "resize_fix",
    "saturate",
    "strided_slice_fix",
    "to_code",
    "transposed_conv2d_fix",
    "transposed_depthwise_conv2d_fix",
]

OPS: dict[str, Callable[[Node, Args], list[int]]] = {
    "upload": identity,
    "download": identity,
    "reshape-fix": identity,
    "conv2d-fix": conv2d_fix,
    "depthwise-conv2d-fix": depthwise_conv2d_fix,
    "transposed-conv2d-fix": transposed_conv2d_fix,
    "transposed-depthwise-conv2d-fix": transposed_depthwise_conv2d_fix,
    "pool-fix": pool_fix,
    "eltwise-fix": eltwise_fix,
    "hard-sigmoid-fix": hard_sigmoid_fix,
    "concat-fix": concat_fix,
    "pad-fix": pad_fix,
    "strided_slice-fix": strided_slice_fix,
    "upsample-fix": resize_fix,
    "downsample-fix": resize_fix,
    "argmax-fix": argmax_fix,
    "reduction_max-fix": reduction_max_fix,
}  # data-fix and const-fix take no tensors: the interpreter reads these itself
