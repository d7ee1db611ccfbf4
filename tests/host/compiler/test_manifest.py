from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from host.compiler.manifest import build_manifest
from host.dpu.arch import ZCU104
from host.graph.graph import Op, Tensor
from target import files
from target.errors import DataError, ModelError
from target.manifest import NAME, load_manifest

TRAINING: dict[str, Any] = {
    "network": "signnet",
    "input": {"colour": "gray", "scale": 1 / 255},
    "data": {"source": "archive.zip", "sha256": "ab"},
    "config": {"validation": "photo:0.15", "epochs": 3, "seed": 1},
}
HASHES = {"xmodel": ("net.xmodel", hashlib.sha256(b"model").hexdigest())}

HASHES = {"xmodel": ("net.xmodel", hashlib.sha256(b"model").hexdigest())}


def _doors(dims: tuple[int, ...] = (1, 28, 28, 1), outputs: int = 25) -> tuple[Op, Op]:
    source = Tensor("image_fix", dims, "xint8", {"fix_point": 6})
    last = Tensor("fc_fix", (1, outputs), "xint8", {"fix_point": 2})
    return Op("image", "data-fix", source), Op("fc_download", "download", last)


def test_manifest_is_valid_and_loads(tmp_path: Path) -> None:
    (tmp_path / "net.xmodel").write_bytes(b"model")
    content = build_manifest("net", _doors(), ZCU104, TRAINING, HASHES)
    files.write_json(tmp_path / NAME, content)
    manifest = load_manifest(tmp_path)
    manifest.verify()
    assert manifest.sha256 == HASHES["xmodel"][1]
    assert (manifest.name, manifest.toolchain) == ("net", "builtin")
    assert (manifest.input_size, manifest.input_fix_point, manifest.output_fix_point) == (28, 6, 2)
    assert (manifest.classes[9], manifest.classes[10], manifest.classes[24]) == (None, "K", "Y")
    assert content["fingerprint"] == "0x101000056010407"
    assert content["network"] == "signnet"
    assert content["training"]["split"] == "photo:0.15"
    assert content["files"] == {"xmodel": {"path": "net.xmodel", "sha256": HASHES["xmodel"][1]}}
    assert content["input"]["tensor"] == "image_fix"


def test_manifest_of_a_model_of_unknown_origin() -> None:
    content = build_manifest("net", _doors(), ZCU104, {}, HASHES)
    assert content["network"] == "net"
    assert content["training"]["source"] == "unknown"
    assert content["input"]["scale"] == 1 / 255


@pytest.mark.parametrize(
    ("doors", "name", "hashes", "message"),
    [
        (_doors((1, 28, 30, 1)), "net", HASHES, "input must be square, got 28x30"),
        (_doors((1, 28, 28, 3)), "net", HASHES, "input.channels must be 1, got 3"),
        (_doors(), "a b", HASHES, "name must match"),
        (_doors(), "net", {}, r"files must have a 'xmodel', got \[\]"),
        (_doors(), "net", {"xmodel": ("../x", "0" * 64)}, "must stay in the model folder"),
    ],
    ids=["oblong", "colour", "name", "no-model", "outside"],
)
def test_manifest_that_would_not_be_valid_is_refused(
    doors: tuple[Op, Op], name: str, hashes: dict[str, tuple[str, str]], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build_manifest(name, doors, ZCU104, {}, hashes)


def test_manifest_needs_the_alphabet() -> None:
    with pytest.raises(
        DataError, match="model outputs must be 24, 25 or 26 for the alphabet, got 10"
    ):
        build_manifest("net", _doors(outputs=10), ZCU104, {}, HASHES)
