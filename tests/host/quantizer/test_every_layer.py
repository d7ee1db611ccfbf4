"""Every layer in one network: float, quantized, written, compiled, read back: the same codes everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.compiler.compile import Compiled, compile_graph
from host.dpu.emulator import Emulator
from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.graph.layers.table import CONVERTERS
from host.quantizer.config import QuantConfig
from host.quantizer.export import int8_weights_of, positions_of
from host.quantizer.quantize import Quantized, quantize_graph
from host.quiet import import_keras
from host.xmodel.reader import read_xmodel
from host.xmodel.writer import write_xmodel
from target.vision.fixed_point import quantize

import_keras()

import keras  # noqa: E402  (quietly, after import_keras)
from keras import layers  # noqa: E402
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer  # noqa: E402

IMAGES = np.random.default_rng(0).uniform(0, 1, (40, 16, 16, 3)).astype(np.float32)
NOT_HERE = {
    *("Reshape", "GlobalMaxPooling2D", "SpatialDropout2D", "Softmax"),
    *("CustomScaleLayer", "Normalization", "Rescaling"),  # in the test of scalings
}


def _network() -> keras.Model:
    keras.utils.set_random_seed(1)
    image = layers.Input((16, 16, 3), name="image")
    y = layers.Conv2D(8, 3, padding="same", activation="swish", name="c1")(image)
    separable = {"strides": 2, "padding": "same", "activation": "relu"}
    y = layers.SeparableConv2D(12, 3, name="s1", **separable)(y)
    y = layers.BatchNormalization(name="b1")(y)
    y = layers.PReLU(shared_axes=[1, 2], name="p1")(y)
    a = layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="t1")(y)
    b = layers.Conv2D(6, 1, name="c2")(layers.UpSampling2D(2, name="u1")(y))
    z = layers.ReLU(6.0, name="r6")(layers.Add(name="add")([a, b]))
    c = layers.UpSampling2D(2, interpolation="bilinear", name="u2")(y)
    z = layers.ZeroPadding2D(1, name="zp")(layers.Concatenate(name="cat")([z, c]))
    z = layers.Dropout(0.5)(layers.MaxPooling2D(2, name="mp")(z))
    z = layers.DepthwiseConv2D(3, padding="same", name="dw")(z)
    z = layers.AveragePooling2D(3, strides=2, padding="same", name="ap")(z)
    z = layers.Conv2D(8, 3, padding="same", name="c3")(z)
    z = layers.LeakyReLU(negative_slope=0.1, name="lr")(z)
    g = layers.GlobalAveragePooling2D(keepdims=True, name="gap")(z)
    g = layers.Dense(8, activation="sigmoid", name="gate")(g)
    z = layers.Multiply(name="product")([z, g])
    z = layers.Activation("tanh", name="th")(z)
    z = layers.Flatten(name="fl")(layers.Conv2D(8, 3, name="c4")(z))
    return keras.Model(image, layers.Dense(5, activation="softmax", name="fc")(z), name="zoo")


@pytest.fixture(scope="module")
def quantized() -> Quantized:
    return quantize_graph(from_keras(_network()), IMAGES, QuantConfig(count=len(IMAGES)))


def _compiled(graph: Graph, folder: Path) -> Compiled:
    """Compile what was written and read back, and write and read that too."""
    write_xmodel(graph, folder / "zoo_int.xmodel")
    compiled = compile_graph(read_xmodel(folder / "zoo_int.xmodel"))
    write_xmodel(compiled.graph, folder / "zoo.xmodel")
    return Compiled(read_xmodel(folder / "zoo.xmodel"), compiled.verdicts)


def test_network_has_every_layer() -> None:
    kinds = {layer["class_name"] for layer in _network().get_config()["layers"]}
    assert set(CONVERTERS) - kinds == NOT_HERE


def test_positions_have_the_layers_of_the_tools_graph(quantized: Quantized) -> None:
    positions = positions_of(quantized.graph)
    assert set(positions["s1_depthwise_conv"] or {}) == {"kernel", "output"}
    assert set(positions["s1_pointwise_conv"] or {}) == {"kernel", "bias"}
    assert set(positions["c1_swish_mul"] or {}) == {"output"}
    assert set(positions["p1"] or {}) == {"alpha", "output"}
    assert positions["th"] == {"input": positions["th"]["input"]}  # type: ignore[index]
    assert positions["zp"] == positions["fl"] == {}
    shapes = {name: codes.shape for name, codes in int8_weights_of(quantized.graph).items()}
    assert shapes["t1/kernel"] == (3, 3, 6, 12)
    assert shapes["s1_depthwise_conv/kernel"] == (3, 3, 8, 1)
    assert shapes["p1/alpha"] == (1, 1, 12)


def test_transposed_kernel_comes_out_as_keras_has_it(quantized: Quantized) -> None:
    codes = int8_weights_of(quantized.graph)["t1/kernel"]
    position = (positions_of(quantized.graph)["t1"] or {})["kernel"]
    kernel = np.asarray(_network().get_layer("t1").kernel)
    assert np.array_equal(codes, quantize(kernel, position, "PY3_ROUND"))


def test_compiled_network_gives_the_quantizers_codes(quantized: Quantized, tmp_path: Path) -> None:
    compiled = _compiled(quantized.graph, tmp_path)
    real = Emulator(quantized.graph).run({"image": IMAGES[:4]})
    fixes = [op for op in quantized.graph.of_type("fix") if quantized.graph.input(op).data is None]
    codes = {op.tensor.name: quantize(real[op.tensor.name], op.attrs["fix_point"]) for op in fixes}
    emulator = Emulator(compiled.graph)
    values = emulator.run({emulator.inputs[0].name: codes["image_fix"]})
    for name, expected in codes.items():
        got = values.get(f"{name}_download_0", values.get(name))
        assert got is not None, name
        assert np.array_equal(got.reshape(-1), expected.reshape(-1)), name
    (last,) = quantized.graph.outputs()
    np.testing.assert_array_equal(values[last.tensor.name], real[last.tensor.name])


def test_verdicts_say_why_an_op_is_on_the_cpu(quantized: Quantized, tmp_path: Path) -> None:
    reasons = {v.op: v.reason for v in _compiled(quantized.graph, tmp_path).verdicts}
    assert reasons["c1_swish_mul"] == reasons["t1"] == reasons["u1"] == reasons["zp"] == ""
    assert reasons["add"] == "a sum or product has no RELU6"
    assert "are not broadcast" in reasons["product"]
    assert reasons["p1"] == "the DPU has no prelu"
    assert reasons["c4"] == "its input is not quantized"


def test_without_the_tools_mistakes_only_what_they_touch_differs() -> None:
    graph = from_keras(_network())
    matched = quantize_graph(graph, IMAGES, QuantConfig(count=len(IMAGES), match_vai_q=True))
    names = {op.name for op in matched.graph}
    assert "s1_relu" not in names and "s1_pointwise_conv" in names


def test_batch_norm_between_dense_layers_runs_on_the_cpu(tmp_path: Path) -> None:
    image = layers.Input((4, 4, 1), name="image")
    y = layers.Dense(6, activation="relu", name="fc1")(layers.Flatten(name="flat")(image))
    y = layers.Dense(3, name="fc2")(layers.BatchNormalization(name="bn")(y))
    graph = from_keras(keras.Model(image, y, name="flat"))
    images = IMAGES[:8, :4, :4, :1]
    quantized = quantize_graph(graph, images, QuantConfig(count=8)).graph
    assert positions_of(quantized)["bn"] == {"output": positions_of(quantized)["bn"]["output"]}  # type: ignore[index]
    compiled = _compiled(quantized, tmp_path)
    assert [s.device for s in compiled.graph.subgraphs()].count("DPU") == 2
    emulator = Emulator(compiled.graph)
    codes = quantize(images, int(quantized.op("image_fix").attrs["fix_point"]))
    values = emulator.run({emulator.inputs[0].name: codes})
    real = Emulator(quantized).run({"image": images})
    position = int(quantized.op("fc2_fix").attrs["fix_point"])
    got = values["fc2_fix"].reshape(len(images), -1)
    assert np.array_equal(got, quantize(real["fc2_fix"], position))


def _positions(build: Any, **options: Any) -> dict[str, Any]:
    keras.utils.set_random_seed(2)
    image = layers.Input((8, 8, 2), name="image")
    graph = from_keras(keras.Model(image, build(image), name="net"))
    config = QuantConfig(count=16, **options)
    return positions_of(quantize_graph(graph, IMAGES[:16, :8, :8, :2], config).graph)


def test_keras_own_hard_sigmoid_is_not_the_dpus() -> None:
    def build(image: Any) -> Any:
        gate = layers.Activation("hard_sigmoid", name="gate")(layers.Conv2D(3, 1, name="c1")(image))
        return layers.Conv2D(3, 1, name="c2", kernel_initializer=keras.initializers.Constant(30))(
            gate
        )

    positions = _positions(build)
    assert positions["c2"]["output"] < 7  # the adjustment of the DPU's sigmoid would make it 7
    assert set(positions["gate"]) == {"input"}


def test_global_max_pooling_stays_float_as_in_the_tool() -> None:
    assert _positions(layers.GlobalMaxPooling2D(name="gmp"))["gmp"] is None
    both = _positions(
        lambda x: layers.Dense(3, name="fc")(layers.GlobalMaxPooling2D(name="gmp")(x))
    )
    assert set(both["gmp"]) == {"output"}  # quantized again for the dense layer


def test_spatial_dropout_is_a_float_layer_to_the_tool() -> None:
    positions = _positions(
        lambda x: layers.Conv2D(2, 1, name="c2")(
            layers.SpatialDropout2D(0.2, name="sd")(layers.Conv2D(2, 1, name="c1")(x))
        )
    )
    assert set(positions["sd"]) == {"output"} and "output" in positions["c1"]


def test_linear_activation_layers_are_layers() -> None:
    positions = _positions(
        lambda x: layers.Activation("linear", name="id")(layers.Conv2D(2, 1, name="c")(x))
    )
    assert set(positions["id"]) == {"output"} and set(positions["c"]) == {"kernel", "bias"}


def test_a_relu_with_a_slope_is_a_relu_to_the_tool() -> None:
    positions = _positions(
        lambda x: layers.ReLU(negative_slope=0.1, name="r")(layers.Add(name="sum")([x, x]))
    )
    assert positions["sum"] == {"output": positions["sum"].get("output")} or positions["sum"] == {}
    assert set(positions["r"]) == {"output"}


def test_scalings_run_on_the_dpu(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    image = layers.Input((8, 8, 3), name="image")
    y = layers.Rescaling(2.0, offset=-1.0, name="scale")(image)
    y = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 1.0, 2.0], name="norm")(y)
    a, b = (layers.Conv2D(4, 3, name=name)(y) for name in ("a", "b"))
    y = layers.ReLU(name="r")(CustomScaleLayer(0.25, name="sum")([a, b]))
    y = layers.Dense(5, name="fc")(layers.GlobalAveragePooling2D(name="gap")(y))
    images = np.random.default_rng(1).uniform(0, 1, (40, 8, 8, 3)).astype(np.float32)
    model = keras.Model(image, y, name="net")
    result = quantize_graph(from_keras(model), images, QuantConfig(count=40))
    compiled = _compiled(result.graph, tmp_path)
    assert {v.device for v in compiled.verdicts if v.op in ("scale", "norm", "sum", "fc")} == {
        "DPU"
    }
    expected = Emulator(result.graph).run({"image": images})
    (last,) = result.graph.outputs()
    real = np.asarray(model(images))
    noise = np.abs(expected[last.tensor.name] - real).max()
    assert noise < 0.25 * np.abs(real).max()  # global averages of random weights are small
