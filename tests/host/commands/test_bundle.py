"""python -m host bundle: a release's folder, as the card image takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from board_image.release import read_release
from host.commands.bundle import main


def test_a_release_is_made_once_and_mended(
    released: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(released["signnet"]), "--out", str(tmp_path / "releases")]
    assert main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    folder = Path(said["folder"])
    assert folder == tmp_path / "releases" / said["id"]
    release = read_release(folder)  # every sum, and names that an image takes
    assert (release.id, release.model, release.toolchain) == (said["id"], "signnet", "builtin")
    assert "target/__main__.py" in release.files and "model/signnet.xmodel" in release.files

    (folder / "model" / "signnet.xmodel").write_bytes(b"spoilt")
    assert main(command) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert read_release(folder).files == release.files
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_model_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none"), "--out", str(tmp_path / "releases")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.rglob("release.json"))
