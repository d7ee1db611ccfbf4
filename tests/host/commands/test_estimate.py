"""python -m host estimate: what it takes, what it prints, what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host.__main__ import main
from host.compiler.compile import compile_graph
from host.dpu.latency.describe import error_sentence, model_error
from host.dpu.latency.parameters import load_parameters
from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.quantizer.placeholder import with_placeholders
from host.quiet import import_keras
from host.xmodel.reader import read_xmodel
from host.xmodel.writer import write_xmodel
from tests.conftest import ROOT
from tests.host.dpu.latency.made import add, conv, new_graph, place_all

import_keras()
import keras  # noqa: E402
from keras import layers  # noqa: E402

KEYS = {
    *("kind", "board", "dpu_ms", "latency_1_thread_ms", "fps_1_thread", "fps_multi_thread"),
    *("bound_by", "layers", "model_error"),
}
MAP = (1, 8, 8, 16)


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["estimate", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def _error(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main(["estimate", *map(str, arguments)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    return line


def _usage(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit, match="2"):
        main(["estimate", *arguments])
    return capsys.readouterr().err


def _save(folder: Path, *chain: keras.Layer, suffix: str = ".keras", name: str = "net") -> Path:
    path = folder / f"net{suffix}"
    keras.Sequential([layers.Input((8, 8, 3)), *chain], name=name).save(path)
    return path


def test_json_of_the_released_model(
    released: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, released["signnet"])
    assert set(found) >= KEYS
    assert (found["kind"], found["board"], found["release"]) == ("predicted", "zcu104", "3.0")
    assert (found["network"], found["macs"]) == ("signnet", 7_953_664)
    assert found["dpu_ms"] == pytest.approx(
        sum(one["total_ms"] for one in found["layers"]), abs=1e-5
    )
    assert found["latency_1_thread_ms"] == pytest.approx(
        found["dpu_ms"] + found["host_ms"], abs=1e-5
    )
    assert found["fps_1_thread"] == pytest.approx(1000 / found["latency_1_thread_ms"], rel=1e-3)
    assert found["fps_multi_thread"] > found["fps_1_thread"]
    _, error = load_parameters()
    assert found["model_error"]["one_thread"] == error["one_thread"]["left_out"]
    assert found["model_error"]["multi_thread"] == error["multi_thread"]


def test_text_says_predicted_and_how_far_off(
    released: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["estimate", str(released["tutorial"])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == ("tutorial on zcu104, Vitis AI 3.0 (ISA1), 2 cores at 300 MHz: PREDICTED")
    assert lines[1] == error_sentence(model_error(load_parameters()[1]), "zcu104")
    assert "Predicted, not measured: off published latencies by " in lines[1]
    assert "percentile for networks of keras.applications (" in lines[1]
    names = [line.split()[0] for line in lines if line.endswith((" chip", " DDR"))]
    assert names == ["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"]
    assert "on the CPU, not in these numbers: softmax" in lines
    assert any("global average pooling in front of dense layer 'fc1'" in line for line in lines)


@pytest.mark.parametrize("name", ["signnet.xmodel", "signnet_int.xmodel"])
def test_an_xmodel_is_estimated_without_tensorflow(
    released: dict[str, Path], name: str, tmp_path: Path
) -> None:
    script = (
        "import json, sys\n"
        "from host.__main__ import main\n"
        "code = main(sys.argv[1:])\n"
        "print(json.dumps([code, [name for name in ('tensorflow', 'keras') if name in sys.modules]]))\n"
    )
    arguments = ["estimate", str(released["signnet"] / name), "--json"]
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments, "--plot", str(tmp_path / "roofline.svg")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    estimate, last = map(json.loads, ran.stdout.splitlines())
    assert set(estimate) >= KEYS
    assert last == [0, []] and ran.stderr == ""


@pytest.mark.parametrize("board", ["zcu104", "zcu102", "kv260"])
@pytest.mark.parametrize("release", [None, "1.0"])
def test_a_float_model_takes_as_long_as_what_is_compiled_of_it(
    released: dict[str, Path],
    board: str,
    release: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--board", board, *(["--release", release] if release else [])]
    folder = released["signnet"]
    found = [
        _json(capsys, folder / name, *options)
        for name in ("float.keras", "signnet_int.xmodel", "signnet.xmodel")
    ]
    assert len({one["dpu_ms"] for one in found}) == 1
    assert len({one["macs"] for one in found}) == 1
    assert found[0]["isa"] == (0 if release else 1)


@pytest.mark.parametrize(
    ("name", "release", "layers", "parts"),
    [
        ("beetlebox_sign_language_mnist_a", "2.0", 6, 1),
        ("vai2.5.tf2_custom_op_zcu", "2.5", 5, 2),
        ("dpupynq35_mnist_kria", "3.0", 3, 1),
    ],
)
def test_amds_files_tell_their_release(
    shared: Path,
    name: str,
    release: str,
    layers: int,
    parts: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = _json(capsys, shared / "given" / "xmodels" / f"{name}.xmodel")
    assert (found["release"], len(found["layers"])) == (release, layers)
    assert found["dpu_subgraphs"] == parts
    other = _json(capsys, shared / "given" / "xmodels" / f"{name}.xmodel", "--release", "1.4")
    assert (other["release"], other["isa"]) == ("1.4", 0)


def test_a_file_for_another_boards_dpu_is_taken_as_the_newest(
    released: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = read_xmodel(released["signnet"] / "signnet.xmodel")
    graph.subgraphs("DPU")[0].attrs["dpu_fingerprint"] = 0x101000016010406
    write_xmodel(graph, tmp_path / "other.xmodel")
    assert _json(capsys, tmp_path / "other.xmodel")["release"] == "3.0"


def test_a_file_for_a_smaller_dpu_is_warned_of(
    released: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = read_xmodel(released["signnet"] / "signnet.xmodel")
    graph.subgraphs("DPU")[0].attrs["dpu_name"] = "DPUCZDX8G_ISA1_B1600"
    write_xmodel(graph, tmp_path / "smaller.xmodel")
    assert main(["estimate", str(tmp_path / "smaller.xmodel")]) == 0
    assert "for DPUCZDX8G_ISA1_B1600; predicted as if for the B4096" in capsys.readouterr().err


def test_keras2_file(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, ROOT / "tests" / "host" / "graph" / "keras2" / "sequential.h5")
    assert found["kind"] == "predicted" and found["dpu_ms"] > 0


def test_h5_of_keras3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _save(tmp_path, layers.Conv2D(4, 3), suffix=".h5")
    assert _json(capsys, path)["macs"] == 6 * 6 * 4 * 27


def test_application_with_size_and_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--input-size", "96x160", "--keras-arguments", '{"alpha": 0.25, "classes": 7}']
    found = _json(capsys, "--keras-application", "MobileNet", *options)
    assert (found["dpu_subgraphs"], found["cpu_ops"]) == (1, ["softmax"])
    assert found["layers"][0]["shape"] == [1, 48, 80, 8]
    assert found["layers"][-1]["shape"] == [1, 1, 1, 7]
    depthwise = [one for one in found["layers"] if one["types"][0] == "depthwise-conv2d-fix"]
    assert len(depthwise) == 13


@pytest.mark.parametrize("most", [40, 41], ids=["as many as are shown", "one more"])
def test_long_networks_show_the_longest_layers(
    most: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = new_graph(MAP)
    last = "x"
    for number in range(most):
        last = conv(graph, f"c{number}", last, MAP).name
    write_xmodel(_placed(graph), tmp_path / "long.xmodel")
    path = str(tmp_path / "long.xmodel")
    assert main(["estimate", path]) == 0
    shown = capsys.readouterr().out
    assert ("1 shorter layers," in shown) is (most == 41)
    assert main(["estimate", path, "--all"]) == 0
    every = capsys.readouterr().out
    assert "shorter layers" not in every
    assert sum(line.endswith(" chip") for line in every.splitlines()) == most


def _placed(graph: Graph) -> Graph:
    """Give the graph a DPU part and the attributes that a file needs."""
    for op in graph:
        if op.type == "conv2d-fix":
            op.attrs.setdefault("stride", [1, 1])
    return place_all(graph)


def _cpu_alone(folder: Path) -> Path:
    """Return a compiled file all of which runs on the CPU."""
    chain = [layers.Input((8, 8, 3)), layers.Softmax()]
    graph = compile_graph(with_placeholders(from_keras(keras.Sequential(chain, name="net")))).graph
    write_xmodel(graph, folder / "net.xmodel")
    return folder / "net.xmodel"


def _renamed(folder: Path) -> Path:
    graph = new_graph(MAP)
    add(graph, "flat", "reshape-fix", (1, 1024), ["x"], shape=[1, 1024])
    write_xmodel(place_all(graph), folder / "net.xmodel")
    return folder / "net.xmodel"


def _bytes(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def _folder(folder: Path) -> Path:
    return folder


def _two_inputs(folder: Path) -> Path:
    images = [layers.Input((8, 8, 3)), layers.Input((8, 8, 3))]
    keras.Model(images, layers.Concatenate()(images), name="net").save(folder / "net.keras")
    return folder / "net.keras"


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "cpu alone": (_cpu_alone, "must have a part that runs on the DPU, got none in 'net'"),
    "new names alone": (_renamed, "must compute something, got ops that only name bytes anew in"),
    "softmax": (
        lambda folder: _save(folder, layers.Softmax()),
        "a part that runs on the DPU, got none",
    ),
    "flatten": (lambda folder: _save(folder, layers.Flatten()), "must compute something, got ops"),
    "depth multiplier": (
        lambda folder: _save(folder, layers.DepthwiseConv2D(3, depth_multiplier=2)),
        "must have a part that runs on the DPU",
    ),
    "two inputs": (_two_inputs, "model 'net' must have one input, got 2"),
    "empty xmodel": (_bytes("a.xmodel", b""), "model file must hold ops, got none in"),
    "damaged xmodel": (_bytes("a.xmodel", b"\x12\xffhello"), "must be an .xmodel, got 7 bytes"),
    "empty h5": (_bytes("a.h5", b""), "float model must be readable by Keras 3"),
    "damaged keras": (_bytes("a.keras", b"PK12345"), "float model must be readable by Keras 3"),
    "other suffix": (_bytes("a.onnx", b"onnx"), "model file must be an .xmodel"),
    "folder without a model": (_folder, "model folder must hold model.json"),
    "no file": (lambda folder: folder / "none.xmodel", "model file must be readable, got 'No such"),
}


@pytest.mark.parametrize(("make", "text"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_estimated_is_refused_in_one_line(
    make: Callable[[Path], Path], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text in _error(capsys, make(tmp_path))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--input-size", "1x1"], "size and arguments must be some that MobileNet takes"),
        (["--keras-arguments", '{"alpha": "x"}'], "size and arguments must be some that MobileNet"),
        (["--keras-arguments", '{"include_top": false}'], "must have a fixed size"),
    ],
    ids=["too small", "text for a number", "no size"],
)
def test_what_keras_refuses_is_an_error(
    options: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text in _error(capsys, "--keras-application", "MobileNet", *options)


def test_unknown_application_lists_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert "must be one of ConvNeXtBase, " in _error(capsys, "--keras-application", "AlexNet")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give either a model or --keras-application"),
        (
            ["a.xmodel", "--keras-application", "VGG16"],
            "give either a model or --keras-application",
        ),
        (["a.xmodel", "--input-size", "8x8"], "go with --keras-application"),
        (["a.xmodel", "--keras-arguments", '{"a": 1}'], "go with --keras-application"),
        (["--keras-application", "VGG16", "--input-size", "8"], "must be HEIGHTxWIDTH, got 8"),
        (["--keras-application", "VGG16", "--input-size", "0x8"], "must be HEIGHTxWIDTH, got 0x8"),
        (["--keras-application", "VGG16", "--input-size", "-8x8"], "--input-size"),
        (
            ["--keras-application", "VGG16", "--keras-arguments", "[1]"],
            "must be a JSON object, got [1]",
        ),
        (
            ["--keras-application", "VGG16", "--keras-arguments", "{a}"],
            "must be a JSON object, got {a}",
        ),
        (["a.xmodel", "--board", "vck190"], "invalid choice: 'vck190'"),
        (["a.xmodel", "--release", "4.0"], "invalid choice: '4.0'"),
    ],
    ids=[
        *("nothing", "both", "size of a file", "arguments of a file", "one side", "no rows"),
        *("negative", "list", "no JSON", "board", "release"),
    ],
)
def test_wrong_usage(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in _usage(capsys, *arguments)


def test_plot_is_written_beside_the_text(
    released: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "roofline.svg"
    assert _json(capsys, released["signnet"], "--plot", path)["kind"] == "predicted"
    assert path.read_text(encoding="utf-8").startswith("<?xml")


def test_plot_of_a_network_whose_name_is_no_formula(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = _save(tmp_path, layers.Conv2D(4, 3), name="a$_{$b")
    assert _json(capsys, model, "--plot", tmp_path / "roofline.svg")["network"] == "a$_{$b"


def test_plot_that_cannot_be_written_is_refused_before_anything_else(
    released: dict[str, Path],
    read_only: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = released["signnet"]
    assert "output folder must be writable" in _error(capsys, model, "--plot", read_only / "a.svg")
    assert "plot must be a .png or .svg file" in _error(capsys, model, "--plot", tmp_path / "a.pdf")
    (tmp_path / "b.svg").mkdir()
    assert "must be a file, got a folder" in _error(capsys, model, "--plot", tmp_path / "b.svg")
