"""The table of ops. To add one: write its file, add one line here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from host.dpu.ops import activations, arithmetic, reductions
from host.dpu.ops.batchnorm import batchnorm
from host.dpu.ops.call import Call
from host.dpu.ops.concat import concat
from host.dpu.ops.concat_fix import concat_fix
from host.dpu.ops.conv2d import conv2d, transposed_conv2d
from host.dpu.ops.conv2d_fix import conv2d_fix, transposed_conv2d_fix
from host.dpu.ops.depthwise_conv2d import depthwise_conv2d, transposed_depthwise_conv2d
from host.dpu.ops.depthwise_conv2d_fix import (
    depthwise_conv2d_fix,
    transposed_depthwise_conv2d_fix,
)
from host.dpu.ops.eltwise_fix import eltwise_fix
from host.dpu.ops.fix import fix
from host.dpu.ops.fix2float import fix2float
from host.dpu.ops.float2fix import float2fix
from host.dpu.ops.hard_sigmoid_fix import hard_sigmoid_fix
from host.dpu.ops.identity import identity
from host.dpu.ops.inner_product import inner_product
from host.dpu.ops.matmul import matmul
from host.dpu.ops.pad import pad, pad_fix
from host.dpu.ops.pool2d import avgpool2d, maxpool2d
from host.dpu.ops.pool_fix import pool_fix
from host.dpu.ops.rearrange import strided_slice, strided_slice_fix, transpose
from host.dpu.ops.resize import resize, resize_fix
from host.dpu.ops.softmax import softmax

OPS: dict[str, Callable[[Call], np.ndarray]] = {
    # int8 codes in, int8 codes out
    "argmax-fix": reductions.argmax_fix,
    "concat-fix": concat_fix,
    "conv2d-fix": conv2d_fix,
    "depthwise-conv2d-fix": depthwise_conv2d_fix,
    "download": identity,
    "downsample-fix": resize_fix,
    "eltwise-fix": eltwise_fix,
    "hard-sigmoid-fix": hard_sigmoid_fix,
    "pad-fix": pad_fix,
    "pool-fix": pool_fix,
    "reduction_max-fix": reductions.reduction_max_fix,
    "reshape-fix": identity,
    "strided_slice-fix": strided_slice_fix,
    "transposed-conv2d-fix": transposed_conv2d_fix,
    "transposed-depthwise-conv2d-fix": transposed_depthwise_conv2d_fix,
    "upload": identity,
    "upsample-fix": resize_fix,
    # between codes and real values
    "fix": fix,
    "fix2float": fix2float,
    "float2fix": float2fix,
    # float32
    "add": arithmetic.add,
    "argmax": reductions.argmax,
    "avgpool2d": avgpool2d,
    "batchnorm": batchnorm,
    "concat": concat,
    "conv2d": conv2d,
    "depthwise-conv2d": depthwise_conv2d,
    "div": arithmetic.div,
    "elu": activations.elu,
    "exp": activations.exp,
    "flatten": identity,
    "gelu": activations.gelu,
    "hard-sigmoid": activations.hard_sigmoid,
    "hard-swish": activations.hard_swish,
    "hard-tanh": activations.hard_tanh,
    "identity": identity,
    "inner-product": inner_product,
    "leaky-relu": activations.leaky_relu,
    "matmul": matmul,
    "max": arithmetic.maximum,
    "maxpool2d": maxpool2d,
    "min": arithmetic.minimum,
    "mul": arithmetic.mul,
    "neg": activations.neg,
    "pad": pad,
    "prelu": activations.prelu,
    "reduction_max": reductions.reduction_max,
    "reduction_mean": reductions.reduction_mean,
    "reduction_sum": reductions.reduction_sum,
    "relu": activations.relu,
    "relu6": activations.relu6,
    "reshape": identity,
    "resize": resize,
    "selu": activations.selu,
    "sigmoid": activations.sigmoid,
    "softmax": softmax,
    "softplus": activations.softplus,
    "softsign": activations.softsign,
    "squeeze": identity,
    "strided_slice": strided_slice,
    "sub": arithmetic.sub,
    "swish": activations.swish,
    "tanh": activations.tanh,
    "transpose": transpose,
    "transposed-conv2d": transposed_conv2d,
    "transposed-depthwise-conv2d": transposed_depthwise_conv2d,
}
INPUT_TYPES = ("data", "data-fix")
CONST_TYPES = ("const", "const-fix")
