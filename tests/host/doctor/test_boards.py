"""The doctor looks at boards over ssh: a real sshd on loopback with stand-ins for AMD's runtime."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host.__main__ import main
from target.check.finding import ERROR, NOTE, OK, WARNING
from tests.host.deploy.loopback import SSHD, Loopback, loopback


@pytest.fixture(scope="module")
def board() -> Iterator[Loopback]:
    if SSHD is None:
        pytest.skip("needs sshd: make apt")
    with loopback() as made:
        made.trust()
        yield made


def _doctor(board: Loopback, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code = main(["doctor", *board.options, "--json", *words])
    captured = capsys.readouterr()
    assert captured.err == ""
    result = json.loads(captured.out)
    assert code == (0 if result["ok"] else 1)
    return result["boards"]["127.0.0.1"]


def _of(result: Any, check: str) -> list[dict[str, str]]:
    return [one for one in result["findings"] if one["check"] == check]


def test_nothing_needs_to_be_deployed(
    board: Loopback, capsys: pytest.CaptureFixture[str], released: dict[str, Path]
) -> None:
    result = _doctor(board, capsys)
    assert result["ok"], result
    assert _of(result, "golden")[0]["level"] == OK
    assert "32 vectors bit for bit on a stand-in" in _of(result, "golden")[0]["what"]
    clock, model = _of(result, "board")
    assert clock["level"] == OK and "clock within 5 s of ours" in clock["what"]
    assert model["level"] == NOTE and "signnet" in model["what"]
    assert not any((board.prefix / "tmp").glob("*"))


@pytest.mark.slow
def test_a_board_without_vart_and_with_another_clock(
    board: Loopback, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = board.prefix / "usr/lib/python3/site-packages/vart.py"
    kept = hidden.read_bytes()
    hidden.unlink()
    monkeypatch.setattr("host.doctor.boards.time", type("Later", (), {"time": lambda: 4e9}))
    try:
        result = _doctor(board, capsys)
    finally:
        hidden.write_bytes(kept)
    found = [one for one in _of(result, "libraries") if one["level"] == ERROR]
    assert len(found) == 1 and found[0]["what"].startswith("vart must be importable by")
    assert _of(result, "golden")[0]["level"] == ERROR
    assert _of(result, "board")[0]["level"] == WARNING
    assert "date -u -s @$(date +%s)" in _of(result, "board")[0]["remedy"]


def test_a_board_that_cannot_be_reached_and_one_whose_key_is_unknown(
    board: Loopback, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--known-hosts", str(tmp_path / "none")]
    (found,) = _doctor(board, capsys, *options)["findings"]
    assert found["level"] == ERROR and "make board-trust" in found["remedy"]
    (found,) = _doctor(board, capsys, "--only", "gpu")["findings"]
    assert found["level"] == ERROR and "check must be one of libraries, image" in found["what"]
    (found,) = _doctor(board, capsys, "--board-port", "1")["findings"]
    assert found["level"] == ERROR and "see that the board is on" in found["remedy"]
