"""Keras is the oracle: every converter gives what the layer gives, and what has none is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.from_keras import from_keras
from host.graph.keras_file import load_keras_model
from host.graph.layers.activation import ACTIVATIONS
from host.graph.layers.table import CONVERTERS
from host.graph.passes.fold_batchnorm import fold_batchnorm
from host.quiet import import_keras
from target.errors import ModelError

import_keras()

import keras  # noqa: E402  (quietly, after import_keras)
from keras import layers  # noqa: E402
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer  # noqa: E402

Build = Callable[[Any], Any]


def _model(build: Build, shape: tuple[int | None, ...] = (9, 8, 3)) -> keras.Model:
    keras.utils.set_random_seed(1)
    image = layers.Input(shape, name="image")
    model = keras.Model(image, build(image), name="net")
    generator = np.random.default_rng(2)
    weights = [generator.uniform(-1, 1, w.shape).astype(np.float32) for w in model.get_weights()]
    for place, variable in enumerate(model.weights):
        if "variance" in variable.path:
            weights[place] = np.abs(weights[place])
    model.set_weights(weights)
    return model


def _conv(filters: int = 4, **options: Any) -> layers.Layer:
    return layers.Conv2D(filters, 3, name="conv", **options)


EXACT: dict[str, Build] = {
    "conv-valid": _conv(),
    "conv-same-stride2": _conv(strides=2, padding="same"),
    "conv-even-kernel": layers.Conv2D(4, (2, 4), padding="same"),
    "conv-oblong-stride": layers.Conv2D(2, (3, 2), strides=(2, 1), padding="same"),
    "conv-dilated": _conv(dilation_rate=2, padding="same"),
    "conv-no-bias": _conv(use_bias=False),
    "conv-relu": _conv(activation="relu"),
    "conv-relu6": _conv(activation="relu6"),
    "conv-sigmoid": _conv(activation="sigmoid"),
    "depthwise": layers.DepthwiseConv2D((3, 2), strides=2, padding="same"),
    "depthwise-dilated": layers.DepthwiseConv2D(3, dilation_rate=2),
    "depthwise-multiplier": layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
    "conv-groups": _conv(6, groups=3),
    "separable": layers.SeparableConv2D(5, 3, strides=2, padding="same", activation="relu"),
    "separable-multiplier": layers.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False),
    "transposed-same": layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
    "transposed-same-even": layers.Conv2DTranspose(2, 4, strides=2, padding="same"),
    "transposed-valid": layers.Conv2DTranspose(2, (3, 2), strides=(2, 1), activation="relu"),
    "transposed-small-kernel": layers.Conv2DTranspose(2, 2, strides=3, padding="same"),
    "transposed-small-kernel-valid": layers.Conv2DTranspose(2, 1, strides=2),
    "dense-on-map": layers.Dense(3, activation="tanh"),
    "prelu": layers.PReLU(shared_axes=[1, 2]),
    "prelu-each": layers.PReLU(),
    "up-nearest": layers.UpSampling2D((2, 3)),
    "up-bilinear": layers.UpSampling2D(2, interpolation="bilinear"),
    "relu-slope": layers.ReLU(negative_slope=0.5),
    "global-max": layers.GlobalMaxPooling2D(),
    "spatial-dropout": lambda x: _conv()(layers.SpatialDropout2D(0.3)(x)),
    "batchnorm": layers.BatchNormalization(),
    "rescaling": layers.Rescaling([0.5, 2.0, -1.0], offset=[0.0, 1.0, 2.0]),
    "normalization": layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 0.0, 4.0]),
    "scaled-sum": lambda x: CustomScaleLayer(0.17)([x, layers.Conv2D(3, 1)(x)]),
    "a-plus-b": lambda x: x + layers.Conv2D(3, 1)(x),
    "a-minus-b": lambda x: x - layers.Conv2D(3, 1)(x),
    "a-times-b": lambda x: x * layers.Conv2D(1, 1)(x),
    "numbers": lambda x: 1.5 - (-((2.0 * x + 0.25) / 4.0) - 3.0),
    "keras-ops": lambda x: keras.ops.sigmoid(keras.ops.relu(x + 0.5)),
    "hard-swish-by-hand": lambda x: x * (layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)),
    "batchnorm-plain": layers.BatchNormalization(scale=False, center=False),
    "nested": keras.Sequential([layers.Input((9, 8, 3)), layers.Conv2D(2, 1), layers.ReLU()]),
    "twice": lambda x: (lambda twice: twice(layers.ReLU()(twice(x))))(layers.Conv2D(3, 1)),
    "dense": lambda x: layers.Dense(5, activation="softmax")(layers.Flatten()(x)),
    "softmax-layer": lambda x: layers.Softmax()(layers.Dense(5)(layers.Flatten()(x))),
    "leaky": layers.LeakyReLU(negative_slope=0.3),
    "relu6-layer": layers.ReLU(max_value=6),
    "max-pool": layers.MaxPooling2D(2),
    "max-pool-same": layers.MaxPooling2D((3, 2), strides=(2, 1), padding="same"),
    "average-pool-same": layers.AveragePooling2D(3, strides=2, padding="same"),
    "global-average": layers.GlobalAveragePooling2D(),
    "global-average-keepdims": layers.GlobalAveragePooling2D(keepdims=True),
    "add-three": lambda x: layers.Add()([x, layers.Conv2D(3, 1)(x), layers.Conv2D(3, 1)(x)]),
    "multiply": lambda x: layers.Multiply()([x, layers.Conv2D(3, 1)(x)]),
    "concat-channels": lambda x: layers.Concatenate()([x, layers.Conv2D(2, 1)(x)]),
    "concat-rows": lambda x: layers.Concatenate(axis=1)([x, layers.Conv2D(3, 1)(x)]),
    "pad": layers.ZeroPadding2D(((1, 0), (2, 3))),
    "reshape": layers.Reshape((-1, 6)),
    "dropout": lambda x: layers.Dropout(0.5)(_conv()(x)),
    "linear": lambda x: layers.Activation("linear")(_conv()(x)),
    **{
        f"activation-{name}": layers.Activation(name)
        for name in sorted({*ACTIVATIONS, "silu"} - {"softmax"})
    },
}


@pytest.mark.parametrize("build", EXACT.values(), ids=EXACT)
def test_graph_computes_what_keras_computes(build: Build) -> None:
    model = _model(build)
    graph = from_keras(model)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 9, 8, 3)).astype(np.float32)
    expected = np.asarray(model(images, training=False))
    (output,) = graph.outputs()
    got = Emulator(graph).run({"image": images})[output.tensor.name]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["cnn_c", "cnn_e"])
def test_reference_model_gives_its_stored_outputs(shared: Path, case: str) -> None:
    folder = shared / "given" / "quantizer"
    graph = from_keras(load_keras_model(folder / case / "float.keras"))
    fold_batchnorm(graph)
    with np.load(folder / "test_images.npz") as stored:
        images = stored["x"].astype(np.float32) / np.float32(255)
    with np.load(folder / case / "outputs_int8.npz") as stored:
        expected = stored["float_model"]
    (output,) = graph.outputs()
    got = Emulator(graph).run({"image": images})[output.tensor.name]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(got / scale, expected / scale, atol=1e-5)


def test_layers_keep_their_names_and_weights_take_xirs_layout() -> None:
    flat = layers.Flatten(name="flat")
    model = _model(lambda x: layers.Dense(5, name="fc")(flat(_conv(activation="relu")(x))))
    graph = from_keras(model)
    assert [op.name for op in graph] == [
        "image",
        "conv/kernel",
        "conv/bias",
        "conv",
        "conv_relu",
        "flat",
        "fc/kernel",
        "fc/bias",
        "fc",
    ]
    conv, dense = graph.op("conv"), graph.op("fc")
    kernel = np.asarray(model.get_layer("conv").kernel)
    assert graph.data_of(conv, "weights").shape == (4, 3, 3, 3)
    np.testing.assert_array_equal(graph.data_of(conv, "weights")[1, 2, 0], kernel[2, 0, :, 1])
    np.testing.assert_array_equal(
        graph.data_of(dense, "weights"), np.asarray(model.get_layer("fc").kernel).T
    )
    assert conv.tensor.dims == (1, 7, 6, 4)
    assert graph.op("conv_relu").attrs["__keras"] == "Activation"


@pytest.mark.parametrize(
    ("options", "kernel", "stride", "pad"),
    [
        # height 9: (5 - 1) * 2 + 3 - 9 = 2; width 8: (4 - 1) * 2 + 3 - 8 = 1, the odd one behind
        ({"strides": 2, "padding": "same"}, [3, 3], [2, 2], [0, 1, 1, 1]),
        ({"dilation_rate": 2, "padding": "same"}, [3, 3], [1, 1], [2, 2, 2, 2]),
        ({"padding": "valid"}, [3, 3], [1, 1], [0, 0, 0, 0]),
    ],
    ids=["same-stride2", "same-dilated", "valid"],
)
def test_window_is_w_h_and_left_right_top_bottom(
    options: dict[str, Any], kernel: list[int], stride: list[int], pad: list[int]
) -> None:
    attrs = from_keras(_model(_conv(**options))).op("conv").attrs
    assert (attrs["kernel"], attrs["stride"], attrs["pad"]) == (kernel, stride, pad)


REFUSED: dict[str, tuple[Build, str]] = {
    "unknown-layer": (
        layers.GaussianNoise(0.1, name="noise"),
        "layer 'noise' must be one of .*got GaussianNoise",
    ),
    "operation": (
        lambda x: keras.ops.sum(x, axis=-1),
        "operation 'sum' must be one of Add, .* got Sum",
    ),
    "division": (
        lambda x: 1.0 / x,
        "TrueDivide.* must be of two tensors, or a tensor and a number",
    ),
    "power": (lambda x: x**2, "operation 'power' must be one of Add, .* got Power"),
    "array": (lambda x: x + np.ones((9, 8, 3), np.float32), "must be a tensor or a number"),
    "up-cubic": (
        layers.UpSampling2D(2, interpolation="bicubic", name="up"),
        "interpolation of layer 'up' must be nearest or bilinear, got bicubic",
    ),
    "transposed-dilated": (
        layers.Conv2DTranspose(2, 3, dilation_rate=2, name="t"),
        r"dilation_rate of layer 't' must be 1, got \(2, 2\)",
    ),
    "transposed-output-padding": (
        layers.Conv2DTranspose(2, 3, strides=2, output_padding=1, name="t"),
        "output_padding of layer 't' must be none",
    ),
    "channels-first": (
        layers.MaxPooling2D(2, data_format="channels_first", name="pool"),
        "data_format of layer 'pool' must be channels_last, got channels_first",
    ),
    "softmax-axis": (layers.Softmax(axis=1, name="soft"), "axis of layer 'soft' must be the last"),
    "batchnorm-axis": (
        layers.BatchNormalization(axis=1, name="bn"),
        "axis of layer 'bn' must be the last one, got 1",
    ),
    "activation": (_conv(activation="mish"), "activation of layer 'conv' must be .*, got 'mish'"),
    "activation-layer": (
        _conv(activation=layers.LeakyReLU(negative_slope=0.1)),
        "activation of layer 'conv' must be .*, got 'LeakyReLU'",
    ),
    "relu-limit": (
        layers.ReLU(max_value=1, name="r"),
        "ReLU 'r' must have threshold 0 and max_value none, or 6 .*, got threshold 0.0, max_value 1",
    ),
    "relu6-slope": (
        layers.ReLU(6, negative_slope=0.5, name="r"),
        "ReLU 'r' must have threshold 0 .* negative_slope 0.5",
    ),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_from_keras_refuses(build: Build, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        from_keras(_model(build))


def test_from_keras_refuses_a_free_size() -> None:
    with pytest.raises(
        ModelError, match=r"input 'image' must have a fixed size, got \[None, 8, 3\]"
    ):
        from_keras(_model(_conv(), (None, 8, 3)))


def test_several_outputs() -> None:
    image = layers.Input((4, 4, 1), name="image")
    model = keras.Model(image, [layers.ReLU(name="a")(image), layers.Flatten(name="b")(image)])
    assert [op.name for op in from_keras(model).outputs()] == ["a", "b"]


def test_refuses_an_output_that_is_used_again() -> None:
    image = layers.Input((4, 4, 1), name="image")
    first = layers.ReLU(name="a")(image)
    model = keras.Model(image, [first, layers.Flatten(name="b")(first)], name="two")
    with pytest.raises(ModelError, match="output 'a' of model 'two' must not feed another layer"):
        from_keras(model)


def test_refuses_two_inputs() -> None:
    images = [layers.Input((4, 4, 1), name=name) for name in "ab"]
    with pytest.raises(ModelError, match="model 'two' must have one input, got 2"):
        from_keras(keras.Model(images, layers.Add()(images), name="two"))


def test_a_sequential_model_keeps_its_order() -> None:
    conv, norm = layers.Conv2D(2, 3, name="conv"), layers.BatchNormalization(name="norm")
    rest = [layers.ReLU(name="relu"), layers.MaxPooling2D(name="pool"), layers.Flatten(name="flat")]
    stack = [layers.Input((6, 6, 1), name="image"), conv, norm, *rest, layers.Dense(3, name="fc")]
    graph = from_keras(keras.Sequential(stack, name="row"))
    names = [op.name for op in graph if op.data is None]
    assert names == ["image", "conv", "norm", "relu", "pool", "flat", "fc"]


def test_refuses_a_sequential_model_without_a_size() -> None:
    model = keras.Sequential([layers.Conv2D(2, 3)], name="row")
    with pytest.raises(ModelError, match="functional or built Sequential .*, got Sequential 'row'"):
        from_keras(model)


def test_names_of_models_inside_stay_apart() -> None:
    inner = keras.Sequential([layers.Input((9, 8, 3)), layers.Conv2D(3, 1, name="c")], name="inner")
    graph = from_keras(_model(lambda x: layers.Conv2D(2, 1, name="c")(inner(x))))
    assert [op.name for op in graph.of_type("conv2d")] == ["c", "net/c"]


@pytest.mark.parametrize("name", ["functional", "sequential"])
def test_keras_2_models_compute_what_keras_2_computed(name: str) -> None:
    folder = Path(__file__).parent / "keras2"
    model = load_keras_model(folder / f"{name}.h5")
    with np.load(folder / f"{name}.npz") as stored:
        images, expected = stored["images"], stored["outputs"]
    graph = from_keras(model)
    (output,) = graph.outputs()
    got = Emulator(graph).run({graph.of_type("data")[0].name: images})[output.tensor.name]
    np.testing.assert_allclose(got, expected, atol=1e-6)
    np.testing.assert_allclose(np.asarray(model(images)), expected, atol=1e-6)


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    path = tmp_path / "some.weights.h5"
    _model(_conv()).save_weights(path)
    with pytest.raises(ModelError, match="must hold a whole model, got weights alone"):
        load_keras_model(path)


def test_weights_that_keras_has_quantized_are_refused() -> None:
    model = _model(lambda x: layers.Dense(3)(layers.Flatten()(x)))
    model.layers[-1].quantize("int8")
    with pytest.raises(ModelError, match="must have float weights, got int8 ones"):
        from_keras(model)


@pytest.mark.parametrize("kernel", [1, 2], ids=["1", "2"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_transposed_kernel_below_its_stride_leaves_no_negative_pad(
    kernel: int, padding: str
) -> None:
    build = layers.Conv2DTranspose(4, kernel, strides=3, padding=padding, name="t")
    op = from_keras(_model(build)).op("t")
    assert min(op.attrs["pad"]) >= 0


def test_every_converter_is_tested() -> None:
    tested = set()
    for build in EXACT.values():
        tested |= {layer["class_name"] for layer in _model(build).get_config()["layers"]}
    assert set(CONVERTERS) == tested & set(CONVERTERS)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"PK\x03\x04garbage"], ids=["0", "text", "zip"]
)
def test_load_refuses_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "float.keras"
    path.write_bytes(content)
    with pytest.raises(
        ModelError, match=r"float model must be readable by Keras 3, got .*\.keras$"
    ):
        load_keras_model(path)


def test_load_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="must be a .keras or .h5 file, got no file at .*; run make train"
    ):
        load_keras_model(tmp_path / "none.keras")
