"""Every engine against the reference, on every tensor; and why the fast one is exact."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.dpu.engines.base import Unsupported, make_engine
from host.dpu.engines.ort_graph import MAX_CUT, multiplier
from host.graph.graph import Graph, Op, Tensor
from host.runners.emulator import EmulatorRunner, dpu_doors
from host.xmodel.reader import read_xmodel
from target.errors import BackendError, ModelError
from target.manifest import Manifest, load_manifest

GIVEN = ("beetlebox_sign_language_mnist_a", "dpupynq35_mnist_kria")


def _code_tensor(name: str, dims: tuple[int, ...], fix_point: int) -> Tensor:
    return Tensor(name, dims, "xint8", {"fix_point": fix_point})


def _constant(name: str, codes: np.ndarray, fix_point: int) -> Op:
    return Op(name, "const-fix", _code_tensor(name, codes.shape, fix_point), {}, {}, codes)


def _one_conv(
    weights: np.ndarray, bias: np.ndarray, cut: int, bias_shift: int, **more: object
) -> tuple[Graph, tuple[Op, Op]]:
    """One convolution between upload and download; input and weights at fix point 7."""
    graph = Graph("one")
    size = 6
    depthwise = bool(more.get("depthwise"))
    channels = weights.shape[3]
    kernel = [weights.shape[2], weights.shape[1]]
    pad = list(more.get("pad", [1, 0, 0, 1]))  # type: ignore[call-overload]
    out = (size + pad[2] + pad[3] - kernel[1] + 1, size + pad[0] + pad[1] - kernel[0] + 1)
    oc = channels if depthwise else len(weights)
    source = graph.add(Op("x", "data-fix", _code_tensor("x", (1, size, size, channels), 7)))
    graph.add(
        Op("up", "upload", _code_tensor("up", (1, size, size, channels), 7), {"input": ["x"]})
    )
    graph.add(_constant("w", weights, 7))
    graph.add(_constant("b", bias, 14 - bias_shift))
    attrs = {
        "kernel": kernel,
        "stride": [1, 1],
        "dilation": [1, 1],
        "pad": pad,
        "nonlinear": more.get("nonlinear", "NONE"),
    }
    kind = "depthwise-conv2d-fix" if depthwise else "conv2d-fix"
    args = {"input": ["up"], "weights": ["w"], "bias": ["b"]}
    graph.add(Op("c", kind, _code_tensor("c", (1, *out, oc), 14 - cut), args, attrs))
    last = graph.add(
        Op("d", "download", _code_tensor("d", (1, *out, oc), 14 - cut), {"input": ["c"]})
    )
    return graph, (source, last)


@pytest.mark.parametrize("cut", range(MAX_CUT + 1))
def test_the_multiplier_rounds_every_sum_half_up(cut: int) -> None:
    sums = np.arange(0, 257 << cut, dtype=np.int64)
    assert sums[-1] < 1 << 23
    products = sums.astype(np.float32) * multiplier(cut)
    assert products.dtype == np.float32
    got = np.minimum(np.rint(products), 255)
    expected = np.minimum((2 * sums + (1 << cut)) >> (cut + 1), 255)
    assert np.array_equal(got.astype(np.int64), expected)


def test_sums_too_large_for_float32_saturate_all_the_same() -> None:
    sums = np.array([(256 << MAX_CUT) + 1, 2**24 + 1, 2**30 + 7, 2**31 - 1], dtype=np.int64)
    assert (np.rint(sums.astype(np.float32) * multiplier(MAX_CUT)) >= 255).all()


@pytest.mark.parametrize("name", ["signnet", "tutorial"])
def test_released_models_give_the_same_codes_on_every_tensor(
    name: str, released: dict[str, Path]
) -> None:
    manifest = load_manifest(released[name])
    with np.load(manifest.file("golden")) as golden:
        codes = golden["input"]
    _compare(read_xmodel(manifest.xmodel), codes, least=8)


@pytest.mark.parametrize("name", GIVEN)
def test_amds_files_give_the_same_codes_on_every_tensor(name: str, shared: Path) -> None:
    with np.load(shared / "given" / "xmodels" / f"{name}.npz") as stored:
        codes, expected = stored["input"], stored["output"]
    graph = read_xmodel(shared / "given" / "xmodels" / f"{name}.xmodel")
    _compare(graph, codes, least=4)
    assert np.array_equal(make_engine("onnxruntime", graph, dpu_doors(graph)).run(codes), expected)


def _compare(graph: Graph, codes: np.ndarray, least: int) -> None:
    doors = dpu_doors(graph)
    fast = make_engine("onnxruntime", graph, doors)
    reference = make_engine("reference", graph, doors).run_all(codes)
    every = fast.run_all(codes)
    assert len(every) >= least
    for name, values in every.items():
        assert np.array_equal(values, reference[name]), name
    assert np.array_equal(fast.run(codes), reference[doors[1].tensor.name])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cut=st.integers(0, MAX_CUT),
    bias_shift=st.integers(-7, 9),
    nonlinear=st.sampled_from(["NONE", "RELU", "RELU6"]),
    depthwise=st.booleans(),
    spread=st.sampled_from([2, 20, 127]),
)
def test_random_convolutions(
    seed: int, cut: int, bias_shift: int, nonlinear: str, depthwise: bool, spread: int
) -> None:
    generator = np.random.default_rng(seed)
    shape = (1, 3, 3, 4) if depthwise else (5, 3, 2, 4)
    weights = generator.integers(-spread - 1, spread + 1, shape).astype(np.int8)
    bias = generator.integers(-128, 128, 4 if depthwise else 5).astype(np.int8)
    graph, doors = _one_conv(
        weights, bias, cut, bias_shift, nonlinear=nonlinear, depthwise=depthwise
    )
    codes = generator.integers(-128, 128, (7, 6, 6, 4)).astype(np.int8)
    if nonlinear == "RELU6" and doors[1].tensor.fix_point < 0:
        return  # left to the reference
    fast = make_engine("onnxruntime", graph, doors)
    assert np.array_equal(fast.run(codes), make_engine("reference", graph, doors).run(codes))


def _joined(kind: str, fixes: list[int], relus: list[bool], **attrs: object) -> Graph:
    """Max pools of one input, brought apart by 1x1 convolutions, joined by one op."""
    graph = Graph("joined")
    graph.add(Op("x", "data-fix", _code_tensor("x", (1, 4, 3, 2), 5)))
    graph.add(Op("up", "upload", _code_tensor("up", (1, 4, 3, 2), 5), {"input": ["x"]}))
    generator = np.random.default_rng(len(fixes))
    for number, (fix, relu) in enumerate(zip(fixes[:-1], relus)):
        weights = generator.integers(-128, 128, (2, 1, 1, 2)).astype(np.int8)
        graph.add(_constant(f"w{number}", weights, 7))
        window = {"kernel": [1, 1], "stride": [1, 1], "pad": [0] * 4}
        window["nonlinear"] = "RELU" if relu else "NONE"  # type: ignore[assignment]
        tensor = _code_tensor(f"c{number}", (1, 4, 3, 2), fix)
        args = {"input": ["up"], "weights": [f"w{number}"]}
        graph.add(Op(f"c{number}", "conv2d-fix", tensor, args, window))
    inputs = [f"c{number}" for number in range(len(fixes) - 1)]
    dims = (1, 4, 3, 2 * len(inputs)) if kind == "concat-fix" else (1, 4, 3, 2)
    graph.add(Op("j", kind, _code_tensor("j", dims, fixes[-1]), {"input": inputs}, dict(attrs)))
    graph.add(Op("d", "download", _code_tensor("d", dims, fixes[-1]), {"input": ["j"]}))
    return graph


@settings(max_examples=60, deadline=None)
@given(
    fixes=st.lists(st.integers(-2, 9), min_size=3, max_size=4),
    relus=st.lists(st.booleans(), min_size=3, max_size=3),
    kind=st.sampled_from(["ADD", "MUL"]),
    nonlinear=st.sampled_from(["NONE", "RELU"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_sums_and_products(
    fixes: list[int], relus: list[bool], kind: str, nonlinear: str, seed: int
) -> None:
    graph = _joined("eltwise-fix", fixes, relus, type=kind, nonlinear=nonlinear)
    doors = graph.op("x"), graph.op("d")
    codes = np.random.default_rng(seed).integers(-128, 128, (5, 4, 3, 2)).astype(np.int8)
    try:
        fast = make_engine("onnxruntime", graph, doors)
    except Unsupported as error:
        assert "bits" in str(error) or "shift" in str(error)
        return
    assert np.array_equal(fast.run(codes), make_engine("reference", graph, doors).run(codes))


@pytest.mark.parametrize("relus", [[True, True], [True, False], [False, False]], ids=str)
@pytest.mark.parametrize("axis", [3, -1])
def test_concatenation(relus: list[bool], axis: int) -> None:
    graph = _joined("concat-fix", [4, 4, 4], relus, axis=axis)
    doors = graph.op("x"), graph.op("d")
    codes = np.random.default_rng(1).integers(-128, 128, (5, 4, 3, 2)).astype(np.int8)
    fast = make_engine("onnxruntime", graph, doors)
    assert np.array_equal(fast.run(codes), make_engine("reference", graph, doors).run(codes))


def test_concatenation_of_other_fix_points_goes_to_the_reference() -> None:
    graph = _joined("concat-fix", [4, 5, 4], [True, True], axis=3)
    assert make_engine("auto", graph, (graph.op("x"), graph.op("d"))).name == "reference"


def test_every_tie_is_rounded_up() -> None:
    """A 1x1 kernel of 1 with cut 1: every odd code is a tie, positive and negative."""
    weights, bias = np.ones((1, 1, 1, 1), np.int8), np.zeros(1, np.int8)
    graph, doors = _one_conv(weights, bias, cut=1, bias_shift=0, pad=[0, 0, 0, 0])
    codes = np.resize(np.arange(-128, 128), (8, 6, 6, 1)).astype(np.int8)
    got = make_engine("onnxruntime", graph, doors).run(codes)
    assert np.array_equal(got, (codes.astype(np.int16) + 1) >> 1)


@pytest.mark.parametrize(
    ("cut", "nonlinear"), [(MAX_CUT + 1, "NONE"), (5, "LEAKYRELU"), (15, "RELU6")]
)
def test_what_it_cannot_do_exactly_goes_to_the_reference(cut: int, nonlinear: str) -> None:
    weights, bias = np.ones((1, 1, 1, 1), np.int8), np.zeros(1, np.int8)
    graph, doors = _one_conv(weights, bias, cut, 0, nonlinear=nonlinear, pad=[0, 0, 0, 0])
    with pytest.raises(Unsupported):
        make_engine("onnxruntime", graph, doors)
    assert make_engine("auto", graph, doors).name == "reference"


def test_an_unknown_engine_lists_the_known() -> None:
    graph, doors = _one_conv(np.ones((1, 1, 1, 1), np.int8), np.zeros(1, np.int8), 1, 0)
    with pytest.raises(ModelError, match="engine must be one of .*'onnxruntime', 'reference'"):
        make_engine("cuda", graph, doors)


def test_an_engine_that_is_not_exact_here_is_refused_or_replaced(
    released: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = load_manifest(released["signnet"])
    from host.dpu.engines.ort import OrtEngine

    right = OrtEngine.run
    monkeypatch.setattr(OrtEngine, "run", lambda self, codes: right(self, codes) + np.int8(1))
    with pytest.raises(BackendError, match="engine 'onnxruntime' must give the golden codes"):
        EmulatorRunner(manifest, "onnxruntime")
    with caplog.at_level(logging.WARNING):
        runner = EmulatorRunner(manifest)
    assert "engine: reference" in runner.device
    assert "the slower reference is used" in caplog.text


def test_the_record_names_the_engine(released: dict[str, Path]) -> None:
    manifest: Manifest = load_manifest(released["signnet"])
    for name in ("onnxruntime", "reference"):
        assert f"engine: {name}" in EmulatorRunner(manifest, name).device
