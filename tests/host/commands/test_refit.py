"""python -m host refit: on two small networks with made-up times; the published ones are slow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host.__main__ import main
from host.dpu.latency.parameters import load_parameters

ROW: dict[str, Any] = {
    "network": "MobileNet",
    "model_zoo_name": "mobilenet",
    "keras_application": "MobileNet",
    "keras_arguments": {"alpha": 0.25},
    "input_hw": [32, 32],
    "gops": 0.01,
    "architecture_known": True,
    "pruned": None,
    "release": "3.0",
    "board": "zcu104",
    "fps_1_thread": 2000,
    "fps_multi_thread": 5000,
}
OTHER = {
    **ROW,
    "network": "V2",
    "keras_application": "MobileNetV2",
    "keras_arguments": {"alpha": 0.35},
}
PAIR = [ROW, {**OTHER, "fps_1_thread": 1000, "fps_multi_thread": None}]
SMALL: dict[str, Any] = {
    "network": "small",
    "input_shape": [8, 8, 3],
    "layers": [
        {"type": "conv2d", "filters": 4, "kernel": [3, 3], "strides": [1, 1], "padding": "same"}
    ],
    "measurements": [
        {
            "board": "zcu102",
            "release": "1.3",
            "api": api,
            "what": "in memory",
            "threads": 1,
            "fps": fps,
        }
        for api, fps in (("C++", 10_000), ("Python", 3000))
    ],
}


def _write(folder: Path, name: str, content: Any) -> str:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder / name)


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["refit", *arguments, "--json", "--quiet"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def _error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["refit", *arguments, "--quiet"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    return line


def test_refit_writes_parameters_with_their_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = _write(tmp_path, "rows.json", [*PAIR, {**ROW, "input_hw": None}])
    small = _write(tmp_path, "small.json", [SMALL])
    out = tmp_path / "parameters.json"
    found = _json(capsys, rows, "--small", small, "--out", str(out))
    described = found.pop("rows")
    assert json.loads(out.read_text()) == found
    _, error = load_parameters(out)
    assert error["networks"] == ["MobileNet", "V2"]
    assert error["rows_excluded"] == {"input size not published": 1}
    assert (error["rows_fitted"], error["one_thread"]["left_out"]["rows"]) == (2, 2)
    assert (error["multi_thread"]["rows"], error["small_networks"]["rows"]) == (1, 2)
    assert error["one_thread_other_networks"] is error["one_thread_zcu102"] is None
    assert [row["network"] for row in described] == ["MobileNet", "V2"]
    assert [row["single_ms"] for row in described] == [0.5, 1.0]
    assert described[1]["error_multi_left_out"] is None
    off = [abs(row["error_left_out"]) for row in described]
    assert error["one_thread"]["left_out"]["max"] == max(off)


def test_text_has_parameters_and_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _write(tmp_path, "rows.json", PAIR)
    assert main(["refit", rows, "--all", "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0].startswith("MobileNet") and "left out " in lines[0] and "all threads" in lines[0]
    )
    assert lines[1].startswith("V2") and "all threads" not in lines[1]
    assert lines[2].startswith("array_efficiency ")
    assert any(line.startswith("one thread, network left out ") for line in lines)
    assert not any(line.startswith("small networks") for line in lines)


def _with(**changes: Any) -> list[dict[str, Any]]:
    return [{**ROW, **changes}, PAIR[1]]


def _without_keras(**changes: Any) -> list[dict[str, Any]]:
    squeezenet = {"network": "SqueezeNet", "keras_application": None, "gops": 0.7035}
    return [{**ROW, **squeezenet, "input_hw": [224, 224], **changes}, PAIR[1]]


REFUSED: dict[str, tuple[Any, str]] = {
    "empty file": ("", "published rows must be a JSON list, got 'Expecting value"),
    "no rows": ([], "published rows must have two networks or more, got fewer in"),
    "one network": ([ROW], "published rows must have two networks or more, got fewer in"),
    "null frames": (_with(fps_1_thread=None), "must have two networks or more"),
    "0 frames": (_with(fps_1_thread=0), "must have two networks or more"),
    "text for frames": (_with(fps_1_thread="a"), "fps_1_thread must be 1e-06 to 1e+09, 0 or null, got 'a'"),
    "list for network": (_with(network=["a"]), "network must be text, got ['a'] in row 0 of"),
    "unknown application": (_with(keras_application="AlexNet"), "Keras application must be one of"),
    "unknown argument": (_with(keras_arguments={"a": 1}), "size and arguments must be some that"),
    "size too small": (_with(input_hw=[1, 1]), "size and arguments must be some that MobileNet takes"),
    "too small, not in Keras": (_without_keras(input_hw=[1, 1]), "must be one that SqueezeNet takes"),
    "other operations": (_without_keras(gops=9.0), "with the published operations, got 'SqueezeNet' of 9.0"),
    "zcu102 alone": ([{**row, "board": "zcu102"} for row in PAIR], "keras_application and board zcu104 or"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "text"), REFUSED.values(), ids=REFUSED)
def test_rows_that_cannot_be_fitted_are_refused_in_one_line(
    content: Any, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, out = _write(tmp_path, "rows.json", content), tmp_path / "parameters.json"
    line = _error(capsys, rows, "--out", str(out))
    assert line.startswith("error: ") and text in line
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, "small networks must be a JSON list with layers and measurements, got 'dict'"),
        (
            [{**SMALL, "layers": [{"type": "lstm"}]}],
            "layer must be conv2d, max_pool, flatten or dense",
        ),
        (
            [{**SMALL, "layers": [{"type": "dense"}]}],
            "layer 0 must be one that Keras takes, got KeyError",
        ),
        ([{**SMALL, "layers": [{"type": "flatten"}]}], "must compute something"),
    ],
    ids=["an object", "type", "no units", "nothing to compute"],
)
def test_small_networks_are_refused_before_the_fit(
    content: Any,
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("host.commands.refit.fit", lambda *_: pytest.fail("fitted before"))
    small = _write(tmp_path, "small.json", content)
    assert text in _error(capsys, _write(tmp_path, "rows.json", PAIR), "--small", small)


def test_parameters_that_cannot_be_written_are_refused_before_the_fit(
    read_only: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(read_only / "parameters.json")
    assert "output folder must be writable" in _error(capsys, str(tmp_path / "none"), "--out", out)


def test_command_of_the_help_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["refit", "--help"])
    shown = capsys.readouterr().out.replace("\\\n", "")
    command = " ".join(next(line for line in shown.splitlines() if "--small small" in line).split())
    assert command.endswith("--small small_nets.json --out host/dpu/latency/parameters.json")


def _same(found: Any, stated: Any, where: str) -> None:
    if isinstance(stated, dict):
        assert set(found) == set(stated), where
        for key, value in stated.items():
            _same(found[key], value, f"{where}.{key}")
    elif isinstance(stated, float):
        assert found == pytest.approx(stated, abs=0.002), where
    else:
        assert found == stated, where


@pytest.mark.slow
def test_published_rows_give_the_errors_that_the_shipped_parameters_state(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared / "given" / "performance"
    out = tmp_path / "parameters.json"
    small = str(folder / "small_nets.json")
    arguments = [str(folder / "zcu104_published.json"), "--small", small, "--out", str(out)]
    rows = _json(capsys, *arguments)["rows"]
    found, error = load_parameters(out)
    shipped, stated = load_parameters()
    _same(error, stated, "error")
    for name, value in vars(shipped).items():
        assert getattr(found, name) == pytest.approx(value, rel=0.02), name
    assert len(rows) == 226
