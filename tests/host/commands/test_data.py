from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from host.commands import data
from host.commands.data import main
from host.data import mixture
from host.data.mixture import PHOTO_SETS, how_to_get

NOT_EQUAL = "need not be bit-equal to the file that the released weights were trained on"


@pytest.fixture(autouse=True)
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for data/, so that nothing of a developer's is read or written."""
    folder = tmp_path / "default"
    for module in (data, mixture):
        monkeypatch.setattr(module, "DATA", folder)
    return folder


@pytest.fixture
def archive(tmp_path: Path, small_archive: Path) -> Path:
    """The small data set in a folder of its own."""
    (tmp_path / "given").mkdir()
    return Path(shutil.copy(small_archive, tmp_path / "given" / "archive.zip"))


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A small repository of digits."""
    path = tmp_path / "Sign-Language-Digits-Dataset-master.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for digit in range(10):
            for k in range(2):
                photo = np.full((100, 100, 3), 20 * digit + k, np.uint8)
                name = f"Sign-Language-Digits-Dataset-master/Dataset/{digit}/IMG_{1118 + k}.JPG"
                archive.writestr(name, cv2.imencode(".jpg", photo)[1].tobytes())
    return path


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A small Roboflow export."""
    path = tmp_path / "letters.zip"
    content = {
        "images": [{"id": 0, "file_name": "A1_jpg.rf.0f.jpg"}],
        "categories": [{"id": 1, "name": "A"}],
        "annotations": [{"image_id": 0, "category_id": 1, "bbox": [5, 5, 20, 20]}],
    }
    with zipfile.ZipFile(path, "w") as archive:
        photo = cv2.imencode(".jpg", np.full((60, 60, 3), 90, np.uint8))[1].tobytes()
        archive.writestr("train/_annotations.coco.json", json.dumps(content))
        archive.writestr("train/A1_jpg.rf.0f.jpg", photo)
    return path


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_missing_photo_sets_are_listed_with_how_to_get_them(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(archive), "--cache", str(tmp_path / "cache")]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{archive}: 576 training and 144 test images of 24 letters, sha256")
    assert rest == [f"photos '{n}' are missing: {how_to_get(n)}" for n in PHOTO_SETS]


def test_photo_sets_that_are_there_are_listed(
    archive: Path, digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(archive.parent), "--import", "students", str(digits)]) == 0
    capsys.readouterr()
    made = archive.parent / "clean_students_OVWF.npz"
    common = ["--data", str(archive), "--cache", str(tmp_path / "cache")]
    assert main(common) == 0
    known = PHOTO_SETS["students"]
    line = f"photos 'students' are there: {known.title} (Apache-2.0) in {made}"
    assert capsys.readouterr().out.splitlines()[2] == line
    assert main([*common, "--json"]) == 0
    result = _json(capsys)
    assert result["train"] == 576 and result["path"] == str(archive)
    assert result["photo_sets"] == {
        name: {
            "file": str(made) if name == "students" else None,
            "title": known.title,
            "licence": known.licence,
            "source": known.source,
            "how_to_get": how_to_get(name),
        }
        for name, known in PHOTO_SETS.items()
    }


def test_import_says_what_it_made(
    archive: Path, letters: Path, digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(archive.parent)
    assert main(["--data", folder, "--import", "davidlee", str(letters)]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    made = archive.parent / "clean_davidlee.npz"
    assert first == f"{made}: 1 images of 1 letters (A 1), 1 source photos"
    assert "licence: Public Domain" in second and "public.roboflow.com" in second
    assert NOT_EQUAL in third
    assert main(["--data", folder, "--import", "students", str(digits), "--json"]) == 0
    known = PHOTO_SETS["students"]
    assert _json(capsys) == {
        "set": "students",
        "file": str(archive.parent / known.file),
        "images": 8,
        "per_letter": {"F": 2, "O": 2, "V": 2, "W": 2},
        "signers": 2,
        "source_photos": None,
        "title": known.title,
        "licence": known.licence,
        "source": known.source,
    }


@pytest.mark.parametrize("given", [[], ["--data", "archive.zip"], ["--data", "hands"]])
def test_import_goes_to_data_unless_a_folder_is_given(
    given: list[str], digits: Path, no_data: Path
) -> None:
    assert main([*given, "--import", "students", str(digits)]) == 0
    assert [path.name for path in no_data.iterdir()] == ["clean_students_OVWF.npz"]


def test_import_replaces_a_file_only_when_asked(
    digits: Path, no_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    no_data.mkdir()
    mine = no_data / "clean_students_OVWF.npz"
    mine.write_text("mine")
    command = ["--import", "students", str(digits)]
    assert main(command) == 1
    assert "error: set must be new, got a file that is there at" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    assert main([*command, "--force"]) == 0


def test_a_wrong_download_is_one_line(
    digits: Path, no_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--import", "davidlee", str(digits)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "error: export must have annotations in the format" in error
    assert not no_data.exists()


def test_an_unknown_set_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--import", "massey", "x.zip"])
    assert caught.value.code == 2
    assert "SET must be one of davidlee, students, got 'massey'" in capsys.readouterr().err


def test_help_tells_the_truth_about_imports(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "need not be bit-equal to the one that the released weights were trained on" in text
