from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from host.__main__ import main


def _inspect(capsys: pytest.CaptureFixture[str], *args: object) -> dict[str, object]:
    assert main(["inspect", *map(str, args), "--json"]) == 0
    described: dict[str, object] = json.loads(capsys.readouterr().out)
    return described


def test_signnet(released: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    described = _inspect(capsys, released["signnet"] / "signnet.xmodel")
    # 784*(9*16 + 144*16) + 196*(144*32 + 288*32) + 49*(288*64 + 576*64) + 16*576*64 + 1024*25
    expected = 784 * 2448 + 196 * 13_824 + 49 * 55_296 + 16 * 36_864 + 25_600
    assert described["macs"] == expected
    assert described["toolchain"] == "builtin" and described["assumed"] == []
    devices = [sub["device"] for sub in described["subgraphs"]]  # type: ignore[attr-defined]
    assert devices == ["USER", "DPU", "CPU"]
    dpu = described["subgraphs"][1]  # type: ignore[index]
    assert dpu["releases"] == ["3.0", "3.5"] and dpu["has_instructions"] is False


@pytest.mark.parametrize(
    ("name", "fingerprint", "release"),
    [
        ("beetlebox_sign_language_mnist_a", "0x1000020f6014407", "1.4"),
        ("vai2.5.tf2_custom_op_zcu", "0x101000016010407", "2.5"),
        ("dpupynq35_mnist_kria", "0x101000056010407", "3.5"),
    ],
)
def test_amds_files_name_target_release_and_instructions(
    shared: Path, capsys: pytest.CaptureFixture[str], name: str, fingerprint: str, release: str
) -> None:
    described = _inspect(capsys, shared / "given" / "xmodels" / f"{name}.xmodel")
    dpu = next(s for s in described["subgraphs"] if s["device"] == "DPU")  # type: ignore[attr-defined]
    assert dpu["fingerprint"] == fingerprint and release in dpu["releases"]
    assert dpu["has_instructions"] is True


def test_why_an_op_is_on_the_cpu_and_not_emulated(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = _inspect(capsys, shared / "given/xmodels/vai3.0.tf2_custom_op_zcu.xmodel")
    by_name = {op["name"]: op for op in described["ops"]}  # type: ignore[attr-defined]
    assert by_name["custom_layer"]["why_cpu"] == "the DPU has no Mylayer"
    assert by_name["custom_layer"]["emulated"] is False


def test_drawing_is_well_formed_and_has_a_box_for_every_op(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = tmp_path / "graph.svg"
    model = shared / "given/xmodels/vai3.0.pointpillars_zcu.xmodel"
    described = _inspect(capsys, model, "--svg", drawing)
    root = ET.parse(drawing).getroot()
    boxes = [element for element in root.iter() if element.tag.endswith("}g")]
    assert len(boxes) == len(described["ops"])  # type: ignore[arg-type]


def test_text_for_people(released: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(released["tutorial"] / "tutorial.xmodel")]) == 0
    shown = capsys.readouterr().out
    assert "Vitis AI 3.0/3.5" in shown and "without instructions for a board" in shown
    assert "depthwise-conv2d-fix" in shown and "the DPU has no softmax" in shown
