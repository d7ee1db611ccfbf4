from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from host.deploy.release import Extras, write_archive, write_release
from target import files
from target.errors import DataError, ModelError
from target.manifest import Manifest, default_model, load_manifest


@pytest.fixture
def signnet(released: dict[str, Path], tmp_path: Path) -> Manifest:
    """A copy of the released model that a test may change."""
    shutil.copytree(released["signnet"], tmp_path / "signnet")
    return load_manifest(tmp_path / "signnet")


def test_release_holds_application_model_and_the_sums_of_every_file(
    signnet: Manifest, tmp_path: Path
) -> None:
    content = write_release(tmp_path / "r", signnet)
    assert json.loads((tmp_path / "r/release.json").read_text()) == content
    for name in ("target/__main__.py", "target/show/page/page.html", "model/model.json"):
        assert content["files"][name]["sha256"] == files.sha256_of(tmp_path / "r" / name)
    there = {
        p.relative_to(tmp_path / "r").as_posix() for p in (tmp_path / "r").rglob("*") if p.is_file()
    }
    assert there == {"release.json", *content["files"]}
    assert {
        "model/signnet.xmodel",
        "model/golden/vectors.npz",
        "model/golden/reference.npz",
    } <= there
    assert not any(
        "float.keras" in name or "_int" in name or "__pycache__" in name for name in there
    )
    load_manifest(tmp_path / "r/model").verify("xmodel", "golden")
    assert content["model"]["toolchain"] == "builtin" and content["command"][:3] == [
        "-m",
        "target",
        "run",
    ]


def test_commands_in_a_release_take_its_own_model(signnet: Manifest, tmp_path: Path) -> None:
    write_release(tmp_path / "r", signnet)
    done = subprocess.run(
        [sys.executable, "-B", "-m", "target", "check", "--only", "model", "--json"],
        cwd=tmp_path / "r",
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout)["model"]["name"] == "signnet", done.stderr
    assert default_model() == Path("models/signnet")  # of a checkout


def test_same_files_make_the_same_archive_and_others_another_id(
    signnet: Manifest, tmp_path: Path
) -> None:
    first = write_archive(tmp_path / "1.tar.gz", signnet)
    second = write_archive(tmp_path / "2.tar.gz", signnet)
    assert first == second
    assert (tmp_path / "1.tar.gz").read_bytes() == (tmp_path / "2.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "1.tar.gz") as archive:
        assert archive.getnames() == ["release.json", *first["files"]]
        assert {(m.uid, m.mode, m.mtime) for m in archive} == {(0, 0o644, 0)}
    path = signnet.folder / "model.json"
    path.write_text(path.read_text().replace('"created": "2', '"created": "1'))
    assert write_archive(tmp_path / "3.tar.gz", load_manifest(signnet.folder))["id"] != first["id"]


def test_model_that_differs_from_its_manifest_makes_no_release(
    signnet: Manifest, tmp_path: Path
) -> None:
    data = bytearray(signnet.xmodel.read_bytes())
    data[-100] ^= 1
    signnet.xmodel.write_bytes(data)
    with pytest.raises(ModelError, match="must have sha256"):
        write_archive(tmp_path / "r.tar.gz", signnet)
    assert not (tmp_path / "r.tar.gz").exists()


def test_model_without_golden_vectors_makes_no_release(signnet: Manifest, tmp_path: Path) -> None:
    del signnet.content["files"]["golden"]
    with pytest.raises(ModelError, match="must name a 'golden' file to be deployed"):
        write_release(tmp_path / "r", signnet)


def test_folder_with_something_in_it_is_left_alone(signnet: Manifest, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be new or empty"):
        write_release(signnet.folder, signnet)


def test_baselines_come_with_their_reference(signnet: Manifest, tmp_path: Path) -> None:
    bench = tmp_path / "bench"
    bench.mkdir()
    shutil.copyfile(signnet.folder / "golden/reference.npz", bench / "reference.npz")
    (bench / "int8.tflite").write_bytes(b"TFL3")
    (bench / "notes.txt").write_text("mine")
    content = write_release(tmp_path / "r", signnet, Extras(baselines=bench))
    assert {"bench/reference.npz", "bench/int8.tflite"} <= set(content["files"])
    assert "bench/notes.txt" not in content["files"]


def test_baselines_of_another_model_are_refused(
    signnet: Manifest, released: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="must belong to model"):
        write_release(tmp_path / "r", signnet, Extras(baselines=released["tutorial"] / "golden"))
    with pytest.raises(DataError, match="must be a folder, got none"):
        write_release(tmp_path / "r2", signnet, Extras(baselines=tmp_path / "none"))


def _wheel(folder: Path, name: str, entries: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for entry, data in entries.items():
            archive.writestr(entry, data)
    return folder


AARCH64 = "litert-1.0-cp39-cp39-manylinux_2_27_aarch64.manylinux2014_aarch64.whl"


@pytest.mark.parametrize(
    "name",
    [AARCH64, "litert-1.0-py3-none-any.whl", "litert-1.0-cp36-abi3-manylinux2014_aarch64.whl"],
    ids=["cp39", "any", "abi3"],
)
def test_wheels_are_unpacked_beside_the_application(
    signnet: Manifest, tmp_path: Path, name: str
) -> None:
    folder = _wheel(
        tmp_path / "w",
        name,
        {"litert/__init__.py": b"x = 1\n", "litert-1.0.dist-info/METADATA": b""},
    )
    content = write_release(tmp_path / "r", signnet, Extras(wheels=folder))
    assert "litert/__init__.py" in content["files"]


@pytest.mark.parametrize(
    ("name", "entries", "match"),
    [
        ("a-1-cp39-cp39-manylinux2014_x86_64.whl", {}, "must be for Python 3.9 on aarch64"),
        ("a-1-cp311-cp311-manylinux2014_aarch64.whl", {}, "must be for Python 3.9 on aarch64"),
        ("a-1-cp311-abi3-manylinux2014_aarch64.whl", {}, "must be for Python 3.9 on aarch64"),
        ("a.whl", {}, "must be named"),
        (AARCH64, {"../evil": b""}, "must keep to its own folders"),
        (AARCH64, {"/etc/passwd": b""}, "must keep to its own folders"),
        (AARCH64, {"numpy/__init__.py": b""}, "must not bring numpy"),
        (AARCH64, {"vart.so": b""}, "must not bring vart.so"),
        (AARCH64, {"target/app.py": b""}, "must not bring target"),
        (AARCH64, {"release.json": b""}, "must not bring release.json"),
        (AARCH64, {"a-1.data/scripts/a": b""}, "must hold packages alone"),
    ],
    ids=[
        "x86",
        "cp311",
        "abi3 of 3.11",
        "name",
        "up",
        "root",
        "numpy",
        "vart",
        "ours",
        "id",
        "scripts",
    ],
)
def test_wheels_that_do_not_fit_are_refused(
    signnet: Manifest, tmp_path: Path, name: str, entries: dict[str, bytes], match: str
) -> None:
    folder = _wheel(tmp_path / "w", name, entries)
    with pytest.raises(DataError, match=match):
        write_release(tmp_path / "r", signnet, Extras(wheels=folder))


def test_no_wheel_and_half_a_wheel_are_refused(signnet: Manifest, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with pytest.raises(DataError, match="got none in .*make board-wheels"):
        write_release(tmp_path / "r", signnet, Extras(wheels=tmp_path / "w"))
    (tmp_path / "w" / AARCH64).write_bytes(b"PK")
    with pytest.raises(DataError, match="must be a zip archive"):
        write_release(tmp_path / "r2", signnet, Extras(wheels=tmp_path / "w"))
