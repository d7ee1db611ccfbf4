"""Float graph -> a frozen TensorFlow 1 graph (.pb), as the older vai_q_tensorflow wants it.

Every op is one that TensorFlow 1.15 has, with no attribute that it does not know. The op that makes the
output of a layer is named as the layer. The only file of host/vitis outside `container` that imports
TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from host.graph.graph import Graph, Op
from host.graph.passes.fold_batchnorm import fold_batchnorm
from host.quantizer.export import to_keras_layout
from host.quiet import import_keras
from host.vitis.network import describe_layers
from target import files
from target.errors import ModelError

TOLERANCE = 1e-5
_Build = Callable[[Any, Op, list[Any], dict[str, Any], dict[str, np.ndarray]], Any]


def write_frozen_graph(graph: Graph, path: Path, images: np.ndarray, expected: np.ndarray) -> None:
    """Write the graph, once it is sure that it computes what the float graph does.

    Args:
        graph: Portable.
        path: Of the .pb file.
        images: float32 (n, h, w, c) to compare on.
        expected: Outputs of the float graph for them, float32 (n, outputs).

    Raises:
        ModelError: If an op has no counterpart, or the outputs differ by more than 1e-5.
    """
    import_keras()
    import tensorflow as tf

    folded = graph.copy()
    fold_batchnorm(folded)
    options = {layer.name: layer.options for layer in describe_layers(folded)}
    with tf.Graph().as_default():
        made: dict[str, Any] = {}
        for op in folded:
            if op.data is None:
                sources = [made[name] for name in op.args.get("input", [])]
                made[op.name] = _build(tf, folded, op, (sources, options[op.name]))
        outputs = made[folded.outputs()[0].name]
        with tf.compat.v1.Session() as session:
            feed = {made[folded.of_type("data")[0].name]: images[: len(expected)]}
            got = session.run(outputs, feed)
        content = tf.compat.v1.train.export_meta_graph(strip_default_attrs=True).graph_def
    difference = float(np.abs(got - expected).max())
    limit = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= limit:
        raise ModelError(
            f"frozen graph must give the float graph's outputs within {limit:.2g}, got a difference of"
            f" {difference:.2g}; report the network"
        )
    files.write_bytes(path, content.SerializeToString())


def _build(tf: Any, graph: Graph, op: Op, given: tuple[list[Any], dict[str, Any]]) -> Any:
    sources, options = given
    build = _BUILDERS.get(op.type)
    if build is None:
        raise ModelError(
            f"op '{op.name}' must have a counterpart in TensorFlow 1, got type '{op.type}'; use --flow tf2"
        )
    weights = {
        role: to_keras_layout(graph.data_of(op, role), op) for role in op.args if role != "input"
    }
    return build(tf, op, sources, options, weights)


def _const(tf: Any, op: Op, role: str, values: np.ndarray) -> Any:
    return tf.constant(values, tf.float32, name=f"{op.name}/{role}")


def _placeholder(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    return tf.compat.v1.placeholder(tf.float32, [None, *options["shape"]], name=op.name)


def _with_bias(tf: Any, op: Op, product: Callable[[str], Any], weights: Any) -> Any:
    """Name the last op as the layer: the product, or the sum with the bias."""
    if "bias" not in weights:
        return product(op.name)
    bias = _const(tf, op, "bias", weights["bias"])
    return tf.raw_ops.BiasAdd(value=product(f"{op.name}/product"), bias=bias, name=op.name)


def _convolution(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    if options.get("groups", 1) != 1:
        raise ModelError(f"op '{op.name}' must have one group in TensorFlow 1; use --flow tf2")
    function = tf.raw_ops.Conv2D
    if op.type == "depthwise-conv2d":
        function = tf.raw_ops.DepthwiseConv2dNative
    kernel = _const(tf, op, "kernel", weights["weights"])

    def product(name: str) -> Any:
        return function(
            input=sources[0],
            filter=kernel,
            strides=[1, *options["strides"], 1],
            padding=options["padding"].upper(),
            dilations=[1, *options["dilation_rate"], 1],
            name=name,
        )

    return _with_bias(tf, op, product, weights)


def _transposed(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    kernel = _const(tf, op, "kernel", weights["weights"])
    rows = tf.raw_ops.Shape(input=sources[0], name=f"{op.name}/shape")
    batch = tf.strided_slice(rows, [0], [1], name=f"{op.name}/batch")
    rest = tf.constant(list(op.tensor.dims[1:]), tf.int32, name=f"{op.name}/size")
    size = tf.concat([batch, rest], 0, name=f"{op.name}/sizes")

    def product(name: str) -> Any:
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=size,
            filter=kernel,
            out_backprop=sources[0],
            strides=[1, *options["strides"], 1],
            padding=options["padding"].upper(),
            name=name,
        )

    return _with_bias(tf, op, product, weights)


def _dense(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    values, many = weights["weights"], len(op.tensor.dims) == 4
    kernel = _const(tf, op, "kernel", values[None, None] if many else values)

    def product(name: str) -> Any:
        if many:
            return tf.raw_ops.Conv2D(
                input=sources[0], filter=kernel, strides=[1, 1, 1, 1], padding="VALID", name=name
            )
        return tf.raw_ops.MatMul(a=sources[0], b=kernel, name=name)

    return _with_bias(tf, op, product, weights)


def _batch_norm(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    parts = [_const(tf, op, role, weights[role]) for role in weights]
    scale, offset, mean, variance = parts
    return tf.raw_ops.FusedBatchNormV3(
        x=sources[0],
        scale=scale,
        offset=offset,
        mean=mean,
        variance=variance,
        epsilon=options["epsilon"],
        is_training=False,
        name=op.name,
    )[0]


def _pool(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    average = op.type == "avgpool2d"
    if op.attrs.get("global"):
        reduce = tf.reduce_mean if average else tf.reduce_max
        return reduce(sources[0], axis=[1, 2], keepdims=len(op.tensor.dims) == 4, name=op.name)
    sides = {
        "ksize": [1, *options["pool_size"], 1],
        "strides": [1, *options["strides"], 1],
        "padding": options["padding"].upper(),
        "name": op.name,
    }
    if average:
        return tf.raw_ops.AvgPool(value=sources[0], **sides)
    return tf.raw_ops.MaxPool(input=sources[0], **sides)


def _prelu(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    slope = _const(tf, op, "alpha", weights["weight"])
    negative = -tf.nn.relu(-sources[0], name=f"{op.name}/negative")
    return tf.add(
        tf.nn.relu(sources[0], name=f"{op.name}/positive"), slope * negative, name=op.name
    )


def _swish(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    gate = tf.sigmoid(sources[0], name=f"{op.name}/sigmoid")
    return tf.multiply(sources[0], gate, name=op.name)


def _pad(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    pads = [[0, 0], *options["padding"], [0, 0]]
    return tf.raw_ops.Pad(input=sources[0], paddings=tf.constant(pads, tf.int32), name=op.name)


def _resize(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    size = tf.constant(list(op.tensor.dims[1:3]), tf.int32, name=f"{op.name}/size")
    if options["interpolation"] == "nearest":
        return tf.raw_ops.ResizeNearestNeighbor(images=sources[0], size=size, name=op.name)
    return tf.raw_ops.ResizeBilinear(
        images=sources[0], size=size, half_pixel_centers=True, name=op.name
    )


def _reshape(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    return tf.reshape(sources[0], [-1, *op.tensor.dims[1:]], name=op.name)


def _concat(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    return tf.concat(sources, options["axis"], name=op.name)


def _leaky_relu(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
    slope = float(op.attrs["alpha"])
    return tf.raw_ops.LeakyRelu(features=sources[0], alpha=slope, name=op.name)


def _of_two(name: str) -> _Build:
    def build(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
        return getattr(tf.raw_ops, name)(x=sources[0], y=sources[1], name=op.name)

    return build


def _of_one(name: str, argument: str) -> _Build:
    def build(tf: Any, op: Op, sources: list[Any], options: Any, weights: Any) -> Any:
        return getattr(tf.raw_ops, name)(**{argument: sources[0], "name": op.name})

    return build


_BUILDERS: dict[str, _Build] = {
    "add": _of_two("AddV2"),
    "avgpool2d": _pool,
    "batchnorm": _batch_norm,
    "concat": _concat,
    "conv2d": _convolution,
    "data": _placeholder,
    "depthwise-conv2d": _convolution,
    "elu": _of_one("Elu", "features"),
    "exp": _of_one("Exp", "x"),
    "identity": _of_one("Identity", "input"),
    "inner-product": _dense,
    "leaky-relu": _leaky_relu,
    "maxpool2d": _pool,
    "mul": _of_two("Mul"),
    "pad": _pad,
    "prelu": _prelu,
    "relu": _of_one("Relu", "features"),
    "relu6": _of_one("Relu6", "features"),
    "reshape": _reshape,
    "resize": _resize,
    "selu": _of_one("Selu", "features"),
    "sigmoid": _of_one("Sigmoid", "x"),
    "softmax": _of_one("Softmax", "logits"),
    "softplus": _of_one("Softplus", "features"),
    "softsign": _of_one("Softsign", "features"),
    "swish": _swish,
    "tanh": _of_one("Tanh", "x"),
    "transposed-conv2d": _transposed,
}
