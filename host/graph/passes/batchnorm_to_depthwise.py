"""Turn a batch norm that cannot be folded into a 1x1 depthwise convolution of the same name.

Source: vai_q_tensorflow2, vitis_optimize_transforms.py (convert_bn_to_dwconv).
"""

from __future__ import annotations

from host.graph.graph import Graph, Op, const
from host.graph.passes.fold_batchnorm import batchnorm_scale


def batchnorm_to_depthwise(graph: Graph) -> int:
    """Convert every remaining batch norm on a map; returns how many.

    One on a flat tensor stays: the DPU has no depthwise convolution for it, and AMD's tool crashes.
    """
    batchnorms = [op for op in graph.of_type("batchnorm") if len(op.tensor.dims) == 4]
    for op in batchnorms:
        scale = batchnorm_scale(graph, op)
        bias = graph.data_of(op, "beta") - graph.data_of(op, "moving_mean") * scale
        source = graph.input(op).name
        graph.add(const(f"{op.name}/kernel", scale.reshape(1, 1, 1, -1)), before=op.name)
        graph.add(const(f"{op.name}/bias", bias), before=op.name)
        constants = [name for arg, names in op.args.items() if arg != "input" for name in names]
        _become_depthwise(op, source)
        for name in constants:
            graph.remove(name)
    return len(batchnorms)


def _become_depthwise(op: Op, source: str) -> None:
    op.type = "depthwise-conv2d"
    op.args = {"input": [source], "weights": [f"{op.name}/kernel"], "bias": [f"{op.name}/bias"]}
    op.attrs = {
        "__keras": "DepthwiseConv2D",
        "kernel": [1, 1],
        "stride": [1, 1],
        "dilation": [1, 1],
        "pad": [0, 0, 0, 0],
        "pad_mode": "FLOOR",
    }
