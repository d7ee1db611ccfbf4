"""The compiled graph, written and read back, gives the codes of the quantized graph on every tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.compiler.compile import TOOLCHAIN, compile_graph
from host.dpu.arch import ARCHS
from host.dpu.emulator import Emulator
from host.graph.graph import Graph
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import quantize_graph
from host.xmodel.reader import read_xmodel
from host.xmodel.writer import serialize, write_xmodel
from target.vision.fixed_point import quantize
from tests.host.conftest import ReferenceCase
from tests.host.small_graphs import add_conv, add_data, add_op


def _codes_of(graph: Graph, images: np.ndarray) -> dict[str, np.ndarray]:
    (source,) = graph.of_type("data-fix")
    return Emulator(graph).run({source.name: quantize(images, source.tensor.fix_point)})


def _find(values: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return a tensor under its own name, or the one it has inside the DPU, or reshaped."""
    for candidate in (name, f"{name}_download_0", f"{name}_reshaped"):
        if candidate in values:
            return values[candidate]
    raise KeyError(name)


def _check_codes(
    quantized: Graph, expected: dict[str, np.ndarray], got: dict[str, np.ndarray]
) -> int:
    """Compare every quantized activation; return how many."""
    count = 0
    for fix in quantized.of_type("fix"):
        if quantized.input(fix).data is None:
            codes = quantize(expected[fix.tensor.name], fix.tensor.fix_point)
            found = _find(got, fix.tensor.name)
            assert found.dtype == np.int8
            np.testing.assert_array_equal(found.reshape(codes.shape), codes, err_msg=fix.name)
            count += 1
    return count


def test_compiled_file_gives_the_same_codes_on_every_tensor(
    case: ReferenceCase, tmp_path: Path
) -> None:
    write_xmodel(case.compiled.graph, tmp_path / "case.xmodel")
    read = read_xmodel(tmp_path / "case.xmodel")
    got = _codes_of(read, case.images)
    count = _check_codes(case.quantized.graph, case.values, got)
    stored = case.arrays("outputs_int8.npz")
    assert count == len(stored) - 2  # without final_float and float_model
    (output,) = read.outputs()
    final = got[output.tensor.name]
    if output.type == "download":
        final = np.ldexp(final.astype(np.float32), -output.tensor.fix_point)
    np.testing.assert_allclose(
        final.reshape(stored["final_float"].shape), stored["final_float"], rtol=1e-5, atol=1e-7
    )


def test_quantized_file_compiles_to_the_same_bytes(case: ReferenceCase, tmp_path: Path) -> None:
    write_xmodel(case.quantized.graph, tmp_path / "case_int.xmodel")
    read = read_xmodel(tmp_path / "case_int.xmodel")
    assert serialize(compile_graph(read).graph) == serialize(case.compiled.graph)


def test_compiling_does_not_change_the_quantized_graph(case: ReferenceCase) -> None:
    before = serialize(case.quantized.graph)
    compile_graph(case.quantized.graph)
    assert serialize(case.quantized.graph) == before


def test_compiled_graph_is_sound(case: ReferenceCase) -> None:
    graph = case.compiled.graph
    assert graph.attrs["toolchain"] == TOOLCHAIN
    assert graph.root is not None
    assert sorted(graph.root.all_ops()) == sorted(op.name for op in graph)
    seen: set[str] = set()
    for op in graph:
        assert set(op.input_names) <= seen
        seen.add(op.name)
        assert op.attrs["device"] in ("USER", "DPU", "CPU")
    for dpu in graph.subgraphs("DPU"):
        blob = dpu.attrs["reg_id_to_parameter_value"]["REG_0"]
        ops = [graph.op(name) for name in dpu.all_ops()]
        assert {op.attrs["device"] for op in ops} == {"DPU"}
        for op in ops:
            if op.data is not None:
                start = op.tensor.attrs["ddr_addr"]
                assert blob[start : start + op.data.size] == op.data.tobytes()
            if op.type not in ("upload", "download") and op.data is None:
                assert all(graph.op(name).attrs["device"] == "DPU" for name in op.input_names)
    assert graph.root.attrs["workload"] > 0


def test_straight_network_has_one_dpu_subgraph(case: ReferenceCase) -> None:
    devices = [child.device for child in case.compiled.graph.subgraphs()]
    if case.folder.name in ("cnn_a", "cnn_c"):
        assert devices == ["USER", "DPU", "CPU"]
    else:  # one convolution's bias shift and a LeakyReLU behind a sum are none that the DPU does
        assert devices.count("DPU") > 1
        reasons = {verdict.op: verdict.reason for verdict in case.compiled.verdicts}
        assert reasons["ba"] == "shift_bias -9 is outside 0..16"
        assert reasons["lr0"] == "an activation alone is not one of the DPU's ops"


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.releases[0])
def test_every_release_gives_the_same_codes(case: ReferenceCase, arch: object) -> None:
    compiled = compile_graph(case.quantized.graph, arch)  # type: ignore[arg-type]
    (first, *_) = compiled.graph.subgraphs("DPU")
    assert first.attrs["dpu_fingerprint"] == arch.fingerprint  # type: ignore[attr-defined]
    images = case.images[:2]
    got = _codes_of(compiled.graph, images)
    expected = _codes_of(case.compiled.graph, images)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value)


def _network(seed: int) -> Graph:
    """A small random network with branches, padding, dense layers and CPU parts."""
    generator = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return generator.normal(size=shape) * generator.choice([0.1, 1, 8])

    graph = Graph(f"random{seed}")
    add_data(graph, (1, 8, 8, 2))
    last, channels = "image", 2
    for index in range(int(generator.integers(2, 6))):
        kind = generator.choice(
            ["conv", "depthwise", "pool", "sum", "concat", "gate", "leaky", "pad"]
        )
        name = f"{kind}{index}"
        before = graph.op(last).tensor.dims
        if kind == "conv":
            add_conv(graph, name, last, weights(3, 3, 3, channels), weights(3), pad=[1] * 4)
            add_op(graph, f"{name}_act", str(generator.choice(["relu", "relu6"])), [name])
            last, channels = f"{name}_act", 3
        elif kind == "depthwise":
            add_conv(
                graph,
                name,
                last,
                weights(1, 1, 3, channels),
                None,
                "depthwise-conv2d",
                pad=[1, 1, 0, 0],
            )
            last = name
        elif kind == "pool" and before[1] >= 4:
            dims = (1, before[1] // 2, before[2] // 2, channels)
            window = {"kernel": [2, 2], "stride": [2, 2]}
            add_op(
                graph,
                name,
                str(generator.choice(["maxpool2d", "avgpool2d"])),
                [last],
                dims,
                **window,
            )
            last = name
        elif kind in ("sum", "concat"):
            add_conv(
                graph, f"{name}_side", last, weights(channels, 1, 1, channels), weights(channels)
            )
            if kind == "sum":
                add_op(graph, name, "add", [last, f"{name}_side"])
            else:
                add_op(
                    graph,
                    name,
                    "concat",
                    [last, f"{name}_side"],
                    (*before[:3], 2 * channels),
                    axis=3,
                )
                channels *= 2
            last = name
        elif kind == "gate":
            add_conv(graph, f"{name}_conv", last, weights(channels, 1, 1, channels))
            add_op(graph, f"{name}_s", "sigmoid", [f"{name}_conv"])
            add_op(graph, name, "mul", [last, f"{name}_s"])
            last = name
        elif kind == "leaky":
            add_conv(
                graph, f"{name}_conv", last, weights(channels, 1, 1, channels), weights(channels)
            )
            slope = float(generator.choice([0.1, 0.3]))
            add_op(graph, name, "leaky-relu", [f"{name}_conv"], alpha=slope)
            last = name
        elif kind == "pad":
            dims = (1, before[1] + 1, before[2] + 2, channels)
            add_op(
                graph,
                f"{name}_pad",
                "pad",
                [last],
                dims,
                paddings=[0, 0, 0, 1, 2, 0, 0, 0],
                mode="CONSTANT",
            )
            add_conv(graph, name, f"{name}_pad", weights(2, 1, 1, channels))
            last, channels = name, 2
    flat = int(np.prod(graph.op(last).tensor.dims))
    add_op(graph, "flat", "reshape", [last], (1, flat))
    add_conv(graph, "fc", "flat", weights(4, flat), weights(4), "inner-product")
    add_op(graph, "soft", "softmax", ["fc"], axis=-1, __keras="Activation")
    return graph


@pytest.mark.parametrize("seed", range(40))
def test_random_networks_keep_their_codes(seed: int, tmp_path: Path) -> None:
    images = np.random.default_rng(seed + 1).random((6, 8, 8, 2)).astype(np.float32)
    quantized = quantize_graph(_network(seed), images, QuantConfig(6, 4)).graph
    expected = Emulator(quantized).run({"image": images})
    write_xmodel(compile_graph(quantized).graph, tmp_path / "net.xmodel")
    got = _codes_of(read_xmodel(tmp_path / "net.xmodel"), images)
    assert _check_codes(quantized, expected, got) >= 3
    np.testing.assert_array_equal(got["soft"], expected["soft"])
