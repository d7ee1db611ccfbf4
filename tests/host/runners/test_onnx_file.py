"""Every op of the table, with Keras as the oracle, in ONNX Runtime and in OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.graph.passes.fold_batchnorm import fold_batchnorm
from host.graph.passes.remove_dropout import remove_dropout
from host.quiet import import_keras
from host.runners.onnx_file import _CONVERTERS, OPSET, to_onnx
from target.errors import ModelError
from target.opencv import cv2

import_keras()
import keras  # noqa: E402  its chatter has to be kept away first
from keras import layers  # noqa: E402

SHAPE = (8, 10, 4)  # h, w and c differ, so that no mix-up goes unseen
_NORMAL = keras.initializers.RandomNormal(stddev=1.0, seed=3)
_POSITIVE = keras.initializers.RandomUniform(0.5, 2.0, seed=4)


def _batchnorm() -> Any:
    return layers.BatchNormalization(
        beta_initializer=_NORMAL,
        gamma_initializer=_NORMAL,
        moving_mean_initializer=_NORMAL,
        moving_variance_initializer=_POSITIVE,
    )


def _sizes(**options: Any) -> dict[str, Any]:
    return {"kernel_initializer": _NORMAL, "bias_initializer": _NORMAL, **options}


def _gate(x: Any) -> Any:
    pooled = layers.GlobalAveragePooling2D()(x)
    return layers.Activation("sigmoid")(layers.Reshape((1, 1, 4))(pooled))


# name -> (op it is about, network)
CASES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "conv-same": ("conv2d", layers.Conv2D(6, (3, 2), (2, 1), "same", **_sizes())),
    "conv-valid-dilated": ("conv2d", layers.Conv2D(6, (3, 2), dilation_rate=(2, 1), **_sizes())),
    "conv-groups": ("conv2d", layers.Conv2D(6, 3, groups=2, use_bias=False)),
    "depthwise": (
        "depthwise-conv2d",
        layers.DepthwiseConv2D((3, 2), 2, "same", 2, bias_initializer=_NORMAL),
    ),
    "separable": ("depthwise-conv2d", layers.SeparableConv2D(5, 3, padding="same")),
    "batchnorm": ("batchnorm", _batchnorm()),
    "batchnorm-flat": ("batchnorm", lambda x: _batchnorm()(layers.Flatten()(x))),
    "batchnorm-folded": ("conv2d", lambda x: _batchnorm()(layers.Conv2D(6, 3, **_sizes())(x))),
    "dense": ("inner-product", lambda x: layers.Dense(5, **_sizes())(layers.Flatten()(x))),
    "dense-no-bias": (
        "inner-product",
        lambda x: layers.Dense(5, use_bias=False)(layers.Flatten()(x)),
    ),
    "max-pool": ("maxpool2d", layers.MaxPooling2D((3, 2), (2, 1), "same")),
    "max-pool-global": ("maxpool2d", layers.GlobalMaxPooling2D()),
    "average-pool": ("avgpool2d", layers.AveragePooling2D((3, 2))),
    "average-pool-padded": ("avgpool2d", layers.AveragePooling2D((3, 2), (2, 1), "same")),
    "average-pool-global": ("avgpool2d", layers.GlobalAveragePooling2D()),
    "average-pool-global-map": ("avgpool2d", layers.GlobalAveragePooling2D(keepdims=True)),
    "add": ("add", lambda x: layers.Add()([x, layers.ReLU()(x)])),
    "add-three": ("add", lambda x: layers.Add()([x, layers.ReLU()(x), layers.ReLU(6.0)(x)])),
    "add-itself": ("add", lambda x: layers.Add()([x, x])),
    "multiply-three": (
        "mul",
        lambda x: layers.Multiply()([x, layers.Activation("tanh")(x), layers.ReLU()(x)]),
    ),
    "multiply-channels": ("mul", lambda x: layers.Multiply()([x, _gate(x)])),
    "relu": ("relu", layers.ReLU()),
    "relu6": ("relu6", layers.ReLU(6.0)),
    "reshape-map-to-map": ("reshape", layers.Reshape((16, 5, 4))),
    "reshape-map-to-rows": ("reshape", layers.Reshape((80, 4))),
    "reshape-flat-to-map": (
        "reshape",
        lambda x: layers.Reshape((4, 8, 10))(layers.Flatten()(x)),
    ),
    "flatten": ("reshape", layers.Flatten()),
    "sigmoid": ("sigmoid", layers.Activation("sigmoid")),
    "tanh": ("tanh", layers.Activation("tanh")),
    "softmax": ("softmax", lambda x: layers.Softmax()(layers.Flatten()(x))),
    "softmax-map": ("softmax", layers.Softmax()),
    "linear": ("identity", lambda x: layers.Dropout(0.5)(layers.Activation("linear")(x))),
}


def _model(make: Callable[[Any], Any], shape: tuple[int, ...] = SHAPE) -> Any:
    image = keras.Input(shape, batch_size=1)
    return keras.Model(image, make(image))


def _ops(graph: Graph) -> set[str]:
    bare = graph.copy()
    remove_dropout(bare)
    fold_batchnorm(bare)
    return {op.type for op in bare if op.data is None}


def _ort(data: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (source,), (last,) = session.get_inputs(), session.get_outputs()
    assert source.shape == list(x.shape)
    output = np.asarray(session.run(None, {source.name: x})[0])
    assert last.shape == list(output.shape)
    return output


def _opencv(data: bytes, x: np.ndarray) -> np.ndarray:
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(x)
    return np.asarray(net.forward())


@pytest.mark.parametrize("name", CASES)
def test_to_onnx_computes_what_keras_computes(name: str) -> None:
    kind, make = CASES[name]
    keras.utils.set_random_seed(1)
    model = _model(make)
    graph = from_keras(model)
    assert kind in _ops(graph)
    x = 3 * np.random.default_rng(5).normal(size=(1, *SHAPE)).astype(np.float32)
    expected = np.asarray(model(x, training=False))
    data = to_onnx(graph)
    for given in (_ort(data, x), _opencv(data, x)):
        assert given.shape == expected.shape and given.dtype == np.float32
        np.testing.assert_allclose(given, expected, rtol=1e-4, atol=2e-5)


def test_every_converter_has_a_case() -> None:
    assert {kind for kind, _ in CASES.values()} == set(_CONVERTERS) - {"data"}


def test_the_file_is_one_that_old_readers_know() -> None:
    model = onnx.load_from_string(to_onnx(from_keras(_model(layers.ReLU()))))
    assert (model.ir_version, [entry.version for entry in model.opset_import]) == (8, [OPSET])
    assert OPSET == 13


def test_the_graph_stays_as_it_was() -> None:
    graph = from_keras(_model(lambda x: _batchnorm()(layers.Dropout(0.5)(layers.Conv2D(2, 3)(x)))))
    before = [(op.name, op.type) for op in graph]
    assert to_onnx(graph) == to_onnx(graph)
    assert [(op.name, op.type) for op in graph] == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda x: layers.Concatenate(name="both")([x, x]),
            "op 'both' must be one of add, .*, tanh for a baseline in ONNX, got concat",
        ),
        (
            layers.Dense(5, name="fc"),
            r"dense layer 'fc' must be on a flat tensor, got \(1, 8, 10, 5\)",
        ),
    ],
    ids=["unknown", "dense-on-a-map"],
)
def test_to_onnx_refuses_what_it_has_no_counterpart_for(
    make: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        to_onnx(from_keras(_model(make)))
