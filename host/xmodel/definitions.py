"""What XIR demands of an op: attributes without which AMD's xir aborts when it reads a file.

Source: the op definitions of AMD's xir, built_in_ops.cpp.
"""

from __future__ import annotations

from typing import Any

from host.graph.graph import Op
from target.errors import ModelError

_SOURCE = ("shape", "data_type")
_FIX = ("fix_point", "bit_width", "if_signed", "round_mode")
_CONV = ("kernel", "stride", "pad_mode")
_REDUCTION = ("axis", "keep_dims")
_SLICE = ("begin", "end", "strides")
# Every op type of XIR that this program writes or executes, with its required attributes.
REQUIRED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("data", "data-fix"), _SOURCE),
    **dict.fromkeys(("const", "const-fix"), (*_SOURCE, "data")),
    **dict.fromkeys(("conv2d", "depthwise-conv2d"), _CONV),
    **dict.fromkeys(("transposed-conv2d", "transposed-depthwise-conv2d"), _CONV),
    **dict.fromkeys(("conv2d-fix", "depthwise-conv2d-fix"), ("kernel", "stride")),
    "transposed-conv2d-fix": ("kernel", "stride"),
    "transposed-depthwise-conv2d-fix": ("kernel", "stride"),
    **dict.fromkeys(("maxpool2d", "avgpool2d"), _CONV),
    "pool-fix": ("kernel", "stride", "type"),
    **dict.fromkeys(("add", "sub", "mul", "div", "min", "max", "eltwise-fix"), ()),
    **dict.fromkeys(("relu", "relu6", "elu", "selu", "gelu", "sigmoid", "swish", "tanh"), ()),
    **dict.fromkeys(("hard-sigmoid", "hard-swish", "hard-tanh", "hard-sigmoid-fix"), ()),
    **dict.fromkeys(("exp", "neg", "prelu", "upload", "download", "identity", "squeeze"), ()),
    "leaky-relu": ("alpha",),
    **dict.fromkeys(("fix", "fix2float", "float2fix"), _FIX),
    **dict.fromkeys(("reduction_max", "reduction_mean", "reduction_sum"), _REDUCTION),
    "reduction_max-fix": _REDUCTION,
    **dict.fromkeys(("argmax", "argmax-fix", "concat", "concat-fix", "softmax"), ("axis",)),
    "inner-product": ("axis",),
    "batchnorm": ("axis", "epsilon"),
    "reshape": (),
    "reshape-fix": ("shape",),
    "flatten": ("start_axis", "end_axis"),
    "transpose": ("order",),
    "resize": ("mode",),
    **dict.fromkeys(("upsample-fix", "downsample-fix"), ("mode", "scale")),
    **dict.fromkeys(("pad", "pad-fix"), ("paddings", "mode")),
    **dict.fromkeys(("strided_slice", "strided_slice-fix"), _SLICE),
    "matmul": ("transpose_a", "transpose_b"),
}


def complete(op: Op) -> dict[str, Any]:
    """Return the attributes of an op as a file needs them.

    Ops without inputs say what they make; so do those whose type XIR does not know, which it takes
    as they are.

    Raises:
        ModelError: If one is missing that XIR demands.
    """
    attrs = dict(op.attrs)
    required = REQUIRED.get(op.type, _SOURCE)
    if "shape" in required:
        attrs.setdefault("shape", list(op.tensor.dims))
    if "data_type" in required:
        attrs.setdefault("data_type", op.tensor.dtype.upper())
    missing = [name for name in required if name not in attrs and name != "data"]
    if missing:
        raise ModelError(
            f"op '{op.name}' ({op.type}) must have the attributes {list(required)} to be written,"
            f" got none of {missing}"
        )
    return attrs
