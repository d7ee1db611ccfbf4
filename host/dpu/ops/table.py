"""The table of ops. To add one: write its file, add one line here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from host.dpu.ops.activations import hard_sigmoid, leaky_relu, relu, relu6, sigmoid
from host.dpu.ops.batchnorm import batchnorm
from host.dpu.ops.call import Call
from host.dpu.ops.concat import concat
from host.dpu.ops.concat_fix import concat_fix
from host.dpu.ops.conv2d import conv2d
from host.dpu.ops.conv2d_fix import conv2d_fix
from host.dpu.ops.depthwise_conv2d import depthwise_conv2d
from host.dpu.ops.depthwise_conv2d_fix import depthwise_conv2d_fix
from host.dpu.ops.eltwise import eltwise
from host.dpu.ops.eltwise_fix import eltwise_fix
from host.dpu.ops.fix import fix
from host.dpu.ops.fix2float import fix2float
from host.dpu.ops.float2fix import float2fix
from host.dpu.ops.hard_sigmoid_fix import hard_sigmoid_fix
from host.dpu.ops.identity import identity
from host.dpu.ops.inner_product import inner_product
from host.dpu.ops.pad import pad
from host.dpu.ops.pool2d import avgpool2d, maxpool2d
from host.dpu.ops.pool_fix import pool_fix
from host.dpu.ops.softmax import softmax

OPS: dict[str, Callable[[Call], np.ndarray]] = {
    # int8 codes in, int8 codes out
    "concat-fix": concat_fix,
    "conv2d-fix": conv2d_fix,
    "depthwise-conv2d-fix": depthwise_conv2d_fix,
    "download": identity,
    "eltwise-fix": eltwise_fix,
    "hard-sigmoid-fix": hard_sigmoid_fix,
    "pool-fix": pool_fix,
    "reshape-fix": identity,
    "upload": identity,
    # between codes and real values
    "fix": fix,
    "fix2float": fix2float,
    "float2fix": float2fix,
    # float32
    "avgpool2d": avgpool2d,
    "batchnorm": batchnorm,
    "concat": concat,
    "conv2d": conv2d,
    "depthwise-conv2d": depthwise_conv2d,
    "eltwise": eltwise,
    "flatten": identity,
    "hard-sigmoid": hard_sigmoid,
    "inner-product": inner_product,
    "leaky-relu": leaky_relu,
    "maxpool2d": maxpool2d,
    "pad": pad,
    "relu": relu,
    "relu6": relu6,
    "reshape": identity,
    "sigmoid": sigmoid,
    "softmax": softmax,
}
INPUT_TYPES = ("data", "data-fix")
CONST_TYPES = ("const", "const-fix")
