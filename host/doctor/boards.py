"""Boards seen from here: this checkout's checks, run on each over ssh, and its clock against ours.

Nothing has to be deployed: what checks goes over the same connection into a temporary folder and is
removed afterwards.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from host.deploy.boards import Board, Boards, list_boards
from host.deploy.release import write_archive
from target.check.finding import ERROR, NOTE, WARNING, Finding, ok
from target.errors import BackendError
from target.manifest import Manifest

NAME = "board"
MOST_SKEW_S = 5.0
_TIMEOUT_S = 300
# The deployed model if there is one, else the one that was sent.
_SCRIPT = """
made=$(mktemp -d) || exit 1
trap 'rm -rf "$made"' EXIT
cd "$made" && tar xzf - || exit 1
model=model
{deployed}
{python} -B -m target check "$model" {options} --json
"""
_DEPLOYED = "test -f {folder}/model.json && model={folder}"


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked of a board.

    Attributes:
        sent: Whether the model that is sent is checked, also where another one is deployed.
        threads: DPU runners at a time, for the memory they need.
        only: Names of checks, with commas between; all if None.
    """

    sent: bool = False
    threads: int = 8
    only: str | None = None


def check_boards(boards: Boards, manifest: Manifest, asked: Asked) -> dict[str, list[Finding]]:
    """Check every board.

    Args:
        boards: Which.
        manifest: Of the model that is sent along.
        asked: Of each.

    Returns:
        Findings by the boards' names; a board that cannot be reached has one.

    Raises:
        DataError: If no board is meant.
        ModelError: If the model is not whole.
    """
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        archive = Path(folder) / "release.tar.gz"
        write_archive(archive, manifest)
        return {
            board.name: _check(board, boards, archive, _script(board, asked))
            for board in list_boards(boards)
        }


def _script(board: Board, asked: Asked) -> str:
    folder = shlex.quote(f"{board.prefix}/current/model")
    options = ["--threads", str(asked.threads), *(["--only", asked.only] if asked.only else [])]
    return _SCRIPT.format(
        deployed="" if asked.sent else _DEPLOYED.format(folder=folder),
        python=shlex.quote(board.python),
        options=shlex.join(options),
    )


def _check(board: Board, boards: Boards, archive: Path, script: str) -> list[Finding]:
    try:
        result = _ask(board, boards, archive, script)
    except BackendError as error:
        what, _, remedy = str(error).partition("; ")
        return [
            Finding(
                NAME,
                ERROR,
                what,
                "a board that cannot be asked cannot be deployed to",
                remedy or f"ssh {board.user}@{board.address}",
            )
        ]
    findings = [Finding(**one) for one in result["findings"]]
    return [_clock(board, result["time"]), *findings, *_model(result)]


def _ask(board: Board, boards: Boards, archive: Path, script: str) -> dict[str, Any]:
    """Run the checks there and return their JSON.

    Raises:
        BackendError: If the board cannot be reached or does not print any.
    """
    with archive.open("rb") as sent:
        try:
            done = subprocess.run(
                board.command(script, boards),
                stdin=sent,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BackendError(
                f"board '{board.name}' must answer within {_TIMEOUT_S} s, got nothing; switch it off and on"
            ) from error
    try:
        result: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
        return {
            "time": float(result["time"]),
            **{k: result[k] for k in ("findings", "model", "device")},
        }
    except (ValueError, KeyError, TypeError):
        raise board.fail("check", done.stderr or done.stdout, boards) from None


def _clock(board: Board, there: float) -> Finding:
    """Compare clocks; the answer was on its way for less than a second."""
    skew = there - time.time()
    if abs(skew) <= MOST_SKEW_S:
        return ok(
            NAME,
            f"{board.user}@{board.address}:{board.port}, clock within {MOST_SKEW_S:g} s of ours",
        )
    return Finding(
        NAME,
        WARNING,
        f"clock of '{board.name}' must be within {MOST_SKEW_S:g} s of ours, got {skew:+.0f} s",
        "records and logs of board and workstation cannot be compared",
        f"ssh -p {board.port} {board.user}@{board.address} date -u -s @$(date +%s)",
    )


def _model(result: dict[str, Any]) -> list[Finding]:
    model = result["model"]
    if model is None:
        return []
    return [
        Finding(NAME, NOTE, f"checked with model {model['name']}, sha256 {model['sha256'][:12]}")
    ]
