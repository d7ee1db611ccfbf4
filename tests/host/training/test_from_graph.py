"""Graph -> Keras and back; a quantized graph as a Keras layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.from_keras import from_keras
from host.graph.graph import Graph, Op, Tensor
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import optimize, quantize_graph
from host.quiet import import_keras
from target.errors import ModelError
from tests.host.small_graphs import add_conv, add_data, add_fix

import_keras()
import keras  # noqa: E402
from keras import layers  # noqa: E402

from host.training.from_graph import keras_from_graph  # noqa: E402
from host.training.graph_layer import GraphLayer, function_of  # noqa: E402

IMAGES = np.random.default_rng(0).uniform(-1, 1, (8, 8, 6, 2)).astype(np.float32)
Build = Callable[[Any], Any]
BUILDS: dict[str, Build] = {
    "conv-same-stride": layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
    "conv-batchnorm": lambda x: layers.BatchNormalization()(layers.Conv2D(4, 3)(x)),
    "batchnorm-alone": layers.BatchNormalization(),
    "conv-dilated-groups": layers.Conv2D(4, 3, dilation_rate=2, padding="same", groups=2),
    "depthwise": layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
    "separable": layers.SeparableConv2D(3, 3, activation="swish"),
    "transposed-same": layers.Conv2DTranspose(3, 3, strides=2, padding="same"),
    "transposed-valid": layers.Conv2DTranspose(3, (3, 2), strides=(2, 1)),
    "dense": lambda x: layers.Dense(5, activation="softmax")(layers.Flatten()(x)),
    "softmax-layer": lambda x: layers.Softmax()(layers.Flatten()(x)),
    "relu6": lambda x: layers.ReLU(6.0)(layers.Conv2D(4, 1)(x)),
    "leaky": lambda x: layers.LeakyReLU(negative_slope=0.1)(layers.Conv2D(4, 1)(x)),
    "prelu": layers.PReLU(shared_axes=[1, 2]),
    "curves": lambda x: layers.Activation("tanh")(layers.Activation("elu")(x)),
    "sigmoid": layers.Activation("sigmoid"),
    "pools": lambda x: layers.AveragePooling2D(3, 2, "same")(layers.MaxPooling2D(2)(x)),
    "global": lambda x: layers.Concatenate()(
        [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    ),
    "global-keepdims": layers.GlobalAveragePooling2D(keepdims=True),
    "branches": lambda x: layers.Multiply()([layers.Add()([x, x]), layers.Conv2D(2, 1)(x)]),
    "pad-resize": lambda x: layers.ZeroPadding2D(((1, 0), (0, 2)))(layers.UpSampling2D(2)(x)),
    "bilinear": layers.UpSampling2D(2, interpolation="bilinear"),
}


def _graph(build: Build) -> Graph:
    keras.utils.set_random_seed(1)
    image = layers.Input(IMAGES.shape[1:], name="image")
    model = keras.Model(image, build(image), name="net")
    generator = np.random.default_rng(2)
    model.set_weights(
        [generator.uniform(0.1, 0.9, w.shape).astype(np.float32) for w in model.get_weights()]
    )
    return from_keras(model)


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_a_graph_comes_back_as_the_same_network(build: Build) -> None:
    plain = optimize(_graph(build), QuantConfig(), for_dpu=False)
    model = keras_from_graph(plain)
    expected = Emulator(plain).run({"image": IMAGES})[plain.outputs()[0].tensor.name]
    np.testing.assert_allclose(np.asarray(model(IMAGES)), expected, rtol=1e-4, atol=1e-5)
    again = from_keras(model)
    assert [(op.name, op.type) for op in again] == [(op.name, op.type) for op in plain]


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_the_layer_computes_the_quantized_graph(build: Build) -> None:
    quantized = quantize_graph(_graph(build), IMAGES, QuantConfig(count=len(IMAGES))).graph
    expected = Emulator(quantized).run({"image": IMAGES})[quantized.outputs()[0].tensor.name]
    got = np.asarray(GraphLayer(quantized)(IMAGES))
    assert got.shape == expected.shape
    # TensorFlow sums in another order: now and then a tie of float32 rounds the other way.
    np.testing.assert_allclose(got, expected, atol=1e-5, rtol=1e-5)


def test_gradients_pass_rounding_and_stop_at_saturation() -> None:
    import tensorflow as tf

    graph = Graph("g")
    add_data(graph, (1, 1, 1, 1))
    add_conv(graph, "conv", "image", np.float32([[[[0.3]]], [[[7.0]]]]))
    add_fix(graph, "conv/kernel", 5, "kernel")  # reaches 127 / 32 = 3.97
    layer = GraphLayer(graph)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(np.full((1, 1, 1, 1), 2, np.float32)))
    (slope,) = tape.gradient(total, layer.trainable_variables)
    np.testing.assert_allclose(np.asarray(slope).reshape(-1), [2, 0])


def test_store_puts_the_weights_back() -> None:
    graph = Graph("g")
    add_data(graph, (1, 1, 1, 1))
    add_conv(graph, "conv", "image", np.ones((1, 1, 1, 1), np.float32))
    layer = GraphLayer(graph)
    layer(np.zeros((1, 1, 1, 1), np.float32))
    layer.set_weights([np.full((1, 1, 1, 1), 3, np.float32)])
    layer.store()
    assert graph.data_of(graph.op("conv"), "weights").item() == 3


def test_what_keras_has_not_is_refused() -> None:
    graph = Graph("g")
    add_data(graph, (1, 4, 4, 1))
    weights = np.ones((1, 3, 3, 1), np.float32)
    add_conv(graph, "conv", "image", weights, pad=[2, 0, 1, 1])
    with pytest.raises(ModelError, match=r"pad of op 'conv' must be none or \(1, 1, 1, 1\), got"):
        keras_from_graph(graph)
    with pytest.raises(ModelError, match="op 'x' must be one of .* trained through, got 'sine'"):
        function_of(Op("x", "sine", Tensor("x", (1,))))
