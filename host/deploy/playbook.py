"""Runs a playbook of this folder and returns what happened on each board."""

from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from host.deploy import ssh
from host.deploy.boards import Boards, list_boards
from host.deploy.environment import ansible_environment, find_tool
from target.errors import BackendError, one_line

HERE = Path(__file__).resolve().parent
UNCHANGED, CHANGED, FAILED, UNREACHABLE = "unchanged", "changed", "failed", "unreachable"
EXIT_UNREACHED = 3  # some boards could not be reached, all others are done


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a playbook did on one board.

    Attributes:
        board: Its name in the inventory.
        state: unchanged, changed, failed or unreachable.
        changed: Steps that changed something, in order.
        step: That failed; empty if none did.
        why: It failed, one line.
        facts: How it is reached, and what it said: device, release before (`current`), address of the page.
    """

    board: str
    state: str
    changed: tuple[str, ...]
    step: str
    why: str
    facts: dict[str, Any]


def run_playbook(
    name: str, boards: Boards, variables: dict[str, Any], only_check: bool = False
) -> list[Outcome]:
    """Run a playbook on all boards; progress goes to stderr.

    Args:
        name: Of the file, such as deploy.yml.
        boards: Which.
        variables: For the playbook.
        only_check: Change nothing, say what would change.

    Raises:
        BackendError: If Ansible is missing or ends without having done anything.
        DataError: If the inventory has no board, or a setting is not one.
    """
    list_boards(boards)  # what is wrong with one stops all, before anything is copied
    tool = find_tool("ansible-playbook")
    with tempfile.TemporaryDirectory(prefix="asl-") as made:
        folder = Path(made)
        inventory = boards.inventory or folder / "board.json"
        if boards.inventory is None:
            inventory.write_text(json.dumps(boards.describe()), encoding="utf-8")
        report, given = folder / "report.json", folder / "variables.json"
        given.write_text(
            json.dumps({**_forced(boards, folder), **boards.settings, **variables}), "utf-8"
        )
        command = [tool, "-i", str(inventory), "-e", f"@{given}", str(HERE / name)]
        done = subprocess.run(
            [*command, *(["--check"] if only_check else [])],
            env={**ansible_environment(folder), "ASL_REPORT": str(report)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None,
            text=True,
            check=False,
        )
        try:
            found = json.loads(report.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            why = one_line(done.stdout)[-500:] or f"exit code {done.returncode}"
            raise BackendError(f"Ansible must run {name} to its end, got '{why}'") from error
    if not found:
        raise BackendError(f"Ansible must reach for boards, got none in {inventory}")
    return [_outcome(board, facts, boards) for board, facts in found.items()]


def _forced(boards: Boards, folder: Path) -> dict[str, Any]:
    """Return what no inventory may set otherwise: ssh itself, with host keys checked."""
    reuse = ["-o", "ControlMaster=auto", "-o", "ControlPersist=30s"]
    return {
        "ansible_connection": "ssh",
        "ansible_ssh_executable": "ssh",
        "ansible_ssh_args": shlex.join([*boards.ssh_options(), *reuse]),
        "ansible_ssh_common_args": "",
        "ansible_ssh_extra_args": "",
        "ansible_control_path": "",  # one of Ansible's own making, in a folder that nobody else has
        "ansible_control_path_dir": str(folder / "cp"),
        "ansible_host_key_checking": True,
        "ansible_ssh_host_key_checking": True,
    }


def _outcome(board: str, facts: dict[str, Any], boards: Boards) -> Outcome:
    why = str(facts["why"])
    if facts["state"] == UNREACHABLE:
        way = facts["facts"]
        address, port = str(way.get("host", board)), int(way.get("port", boards.port))
        remedy = ssh.remedy(
            why, address, port, str(way.get("user", boards.user)), boards.known_hosts
        )
        why = f"{why}; {remedy}" if remedy else why
    return Outcome(
        board, facts["state"], tuple(facts["changed"]), facts["step"], why, facts["facts"]
    )


def exit_code(outcomes: list[Outcome]) -> int:
    """Return 0 if all is done, 1 if a board failed, 3 if boards were only not reached."""
    states = {outcome.state for outcome in outcomes}
    if FAILED in states:
        return 1
    return EXIT_UNREACHED if UNREACHABLE in states else 0
