"""What the command refuses: one line, exit code 1, and nothing half-written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host.commands import report as command
from tests.host.report import samples

_BAD_RECORDS = {
    "missing": (None, "record file must be a readable file, got 'No such file or directory'"),
    "not-json": ("{", "record file must be JSON"),
    "binary": (b"\xff\xfe\x00", "record file must be JSON"),
    "not-finite": ('{"records": [NaN]}', "NaN is not a number"),
    "too-large": ('{"records": [1e999]}', "is too large"),
    "too-long": ('{"records": [' + "9" * 400 + "]}", "is too large"),
    "deep": ("[" * 100_000, "record file must be JSON"),
    "half-character": ('{"records": ["\\ud800"]}', "record file must be JSON"),
    "no-record": ('{"records": []}', "records must hold at least one run"),
    "not-a-list": ('{"records": 5}', "records must be a list, got int"),
    "not-a-record": ('{"kind": "measured"}', "record 0: document must have a"),
}


@pytest.mark.parametrize(("content", "message"), _BAD_RECORDS.values(), ids=_BAD_RECORDS)
def test_bad_record_files_are_one_line_and_leave_nothing(
    content: str | bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "records.json"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    _check_fails([str(path)], tmp_path / "out", message, capsys)


def _check_fails(
    arguments: list[str], out: Path, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([*arguments, "--out", str(out), "--quiet"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert not out.exists()


_BAD_FOLDERS: dict[str, tuple[str, Any, str]] = {
    "no-manifest": ("model.json", None, "manifest must be a readable file"),
    "bad-manifest": ("model.json", {"schema": 1}, "document must have a 'name'"),
    "future-manifest": ("model.json", {"schema": 2}, "manifest version must be 1, got 2"),
    "share": (
        "model.json",
        {
            **samples.manifest(),
            "accuracy": {"float": 99.1, "int8": 0.9, "dataset": "x", "n": 1},
        },
        "accuracy.float must be from 0 to 1, got 99.1",
    ),
    "metrics": ("metrics.json", {"n": 0}, "document must have a 'float_correct'"),
    "counts": (
        "metrics.json",
        {"n": 5, "float_correct": 6, "int8_correct": 5, "model_sha256": samples.hashes()},
        "float_correct of all must be at most 5, got 6",
    ),
    "confusion": (
        "metrics.json",
        {
            "n": 5,
            "float_correct": 5,
            "int8_correct": 5,
            "letters": "AB",
            "confusion": [[1, 2]],
            "model_sha256": samples.hashes(),
        },
        "confusion must have one row and one column per letter, got 1 rows for 2 letters",
    ),
    "history": ("history.json", {"history": {}, "best_epoch": 1}, "history must have a 'loss'"),
    "epochs": (
        "history.json",
        {**samples.history(3), "best_epoch": 9},
        "a best epoch among them, got [3] values and best epoch 9",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), _BAD_FOLDERS.values(), ids=_BAD_FOLDERS)
def test_bad_model_folders_are_one_line_and_leave_nothing(
    name: str, content: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = samples.write_json(tmp_path / "records.json", samples.record())
    folder = samples.model_folder(tmp_path / "model")
    if content is None:
        (folder / name).unlink()
    else:
        samples.write_json(folder / name, content)
    arguments = [str(records), "--models", str(folder)]
    _check_fails(arguments, tmp_path / "out", message, capsys)


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = samples.write_json(tmp_path / "records.json", samples.record())
    _check_fails([str(records)], read_only / "out", "output folder must be writable", capsys)


@pytest.mark.parametrize("name", ["report.html", "report.md", "report.json"])
def test_all_three_files_or_none(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = samples.write_json(tmp_path / "records.json", samples.record())
    (tmp_path / "out" / name).mkdir(parents=True)
    assert command.main([str(records), "--out", str(tmp_path / "out"), "--quiet"]) == 1
    assert "report file must be a file, got a folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
