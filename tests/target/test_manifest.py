from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from target.errors import ModelError
from target.manifest import Manifest, check_manifest, load_manifest
from tests.target import documents


def _write(folder: Path, content: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_manifest_gives_what_it_holds(tmp_path: Path) -> None:
    manifest = load_manifest(_write(tmp_path / "m", documents.manifest()))
    assert manifest.folder == tmp_path / "m"
    assert (manifest.name, manifest.toolchain) == ("signnet", "builtin")
    assert (manifest.input_size, manifest.input_scale) == (28, 1 / 255)
    assert (manifest.input_fix_point, manifest.output_fix_point) == (6, 2)
    assert manifest.max_trim == 0.05
    assert (manifest.classes[9], manifest.classes[10]) == (None, "K")
    assert manifest.xmodel == tmp_path / "m" / "signnet.xmodel"
    assert manifest.sha256 == "0" * 64


def test_manifest_may_be_named_itself(tmp_path: Path) -> None:
    folder = _write(tmp_path / "m", documents.manifest())
    assert load_manifest(folder / "model.json") == load_manifest(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            r"model folder must hold model\.json, got 'No such file .*'; ?|at .*model\.json; run",
        ),
        (b"{", r"manifest must be JSON, got '.*' in .*model\.json; run make compile"),
        (b"\xff\xfe", "manifest must be JSON, got '.*utf-8.*'"),
        (b"[" * 100_000, "manifest must be JSON, got 'maximum recursion depth"),
        (b"[]", r"document must be object, got \[\] in .*model\.json; run make compile"),
        (b'{"schema": 2}', "manifest version must be 1, got 2 in .*; use the program version that"),
        (b'{"schema": "2"}', "document must have a 'name'|schema must be 1"),
    ],
    ids=["missing", "half", "binary", "deep", "list", "newer", "odd-version"],
)
def test_load_refuses(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["schema"], True, "schema must be 1, got true in here; run make compile"),
        (["input", "width"], 30, "input must be square, got 28x30 in here"),
        (["input", "channels"], 3, "input.channels must be 1, got 3"),
        (
            ["output", "classes"],
            [None],
            r"output.classes must name each letter once, got \[\] in here",
        ),
        (["output", "classes"], ["A", None, "A"], r"name each letter once, got \['A', 'A'\]"),
        (["input", "scale"], float("inf"), "input.scale must be finite, got inf in here"),
        (
            ["files", "xmodel", "path"],
            "/etc/passwd",
            "path of 'xmodel' must stay in the model folder",
        ),
        (["files", "xmodel", "path"], "a/../../b", "must stay in the model folder, got a/../../b"),
        (["files", "xmodel", "sha256"], "0" * 63, "files.xmodel.sha256 must match"),
    ],
    ids=[
        "version",
        "oblong",
        "colour",
        "no-letters",
        "twice",
        "scale",
        "absolute",
        "outside",
        "sha256",
    ],
)
def test_check_refuses(path: list[str], value: Any, message: str) -> None:
    content = documents.manifest()
    holder = content
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    with pytest.raises(ModelError, match=message):
        check_manifest(content, "here")


def test_file_names_the_roles_there_are() -> None:
    manifest = Manifest(Path("m"), documents.manifest())
    with pytest.raises(
        ModelError, match=r"manifest must name a 'golden' file, got \['xmodel'\] in m.model\.json"
    ):
        manifest.file("golden")


def test_verify_checks_every_file(tmp_path: Path) -> None:
    content = documents.manifest()
    for role, name in (("xmodel", "a.xmodel"), ("golden", "golden/b.npz")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(role.encode())
        sha256 = hashlib.sha256(role.encode()).hexdigest()
        content["files"][role] = {"path": name, "sha256": sha256}
    manifest = load_manifest(_write(tmp_path, content))
    manifest.verify()
    (tmp_path / "golden" / "b.npz").write_bytes(b"other")
    manifest.verify("xmodel")
    with pytest.raises(
        ModelError, match=r"must have sha256 [0-9a-f]{16}\.\.\., got .* in .*b\.npz; c"
    ):
        manifest.verify()
    (tmp_path / "a.xmodel").unlink()
    with pytest.raises(
        ModelError, match=r"model file must exist, got none at .*a\.xmodel; run make"
    ):
        manifest.verify("xmodel")
