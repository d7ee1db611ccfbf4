"""A deployment killed after every one of its steps, here and on the board: a release answers all the same.

Until `current` is switched the release before answers its golden vectors at its socket, afterwards the new
one. The steps come from the playbook: those of the way forward from Ansible's own list, those of the way
back from its rescue. Half an hour.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.host.deploy.loopback import ANSIBLE, ROOT, SSHD, Loopback, loopback
from tests.host.deploy.releases import another

PLAYBOOK = ROOT / "host/deploy/deploy.yml"
TRIAL_S = 30
SWITCH = "Switch"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SSHD is None, reason="sshd is not installed: make apt"),
    pytest.mark.skipif(not ANSIBLE.is_file(), reason="no Ansible: make .venv-deploy/ready"),
]


def forward() -> list[str]:
    """Return the steps of a deployment, as Ansible lists them."""
    if not ANSIBLE.is_file():
        return []
    done = subprocess.run(
        [ANSIBLE, "-i", "localhost,", "--list-tasks", PLAYBOOK],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "host/deploy/ansible.cfg")},
        capture_output=True,
        text=True,
        check=True,
    )
    return re.findall(r"^ {6}(\S.*?)\s+TAGS:", done.stdout, re.MULTILINE)


def backward() -> list[str]:
    """Return the steps of the way back; Ansible does not list them."""
    (play,) = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))
    (block,) = [task for task in play["tasks"] if "rescue" in task]
    return [task["name"] for task in block["rescue"]]


@pytest.fixture(scope="module")
def board() -> Iterator[Loopback]:
    """A board with a release in service."""
    with loopback() as made:
        made.trust()
        done = subprocess.run([*_command(made), *made.options], cwd=ROOT, check=False)
        assert done.returncode == 0
        yield made


@pytest.fixture
def model(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A model that was not deployed before."""
    year = 3000 + sum(request.node.name.encode()) % 1000 + 1000 * (len(request.node.name) % 5)
    return another(tmp_path / "m", year)


def _command(board: Loopback) -> list[str]:
    words = [sys.executable, "-m", "host", "deploy"]
    return [*words, "--set", f"board_trial_s={TRIAL_S}"]


def interrupted(board: Loopback, model: Path, step: str, where: str, *more: str) -> bool:
    """Deploy and kill everything after a step; returns whether that step was reached.

    Args:
        board: Where to.
        model: What.
        step: After which.
        where: `client`: the deploying processes; `board`: every process that works for them there.
        more: Options.
    """
    told, litter = board.prefix / "told.log", board.prefix / "tmp"
    litter.mkdir(exist_ok=True)  # what a killed client leaves goes with the board
    with told.open("wb") as stderr:
        client = subprocess.Popen(
            [*_command(board), "--model", str(model), *board.options, *more],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(litter)},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    reached = False
    while not reached and client.poll() is None:
        lines = told.read_text(encoding="utf-8").splitlines()
        reached = step in [line.removeprefix("127.0.0.1: ").split(",")[0] for line in lines]
        time.sleep(0.01)
    if where == "client":
        os.killpg(client.pid, signal.SIGKILL)
    else:
        board.armed.write_text("0.05")  # seconds that a session of the board lives from now on
    client.wait()
    board.armed.unlink(missing_ok=True)
    reached = reached or f"127.0.0.1: {step}" in told.read_text(encoding="utf-8")
    return reached


def check(board: Loopback) -> None:
    """Check that the release in service answers: the one before, or a new one that was switched to."""
    until = time.monotonic() + 3 * TRIAL_S
    answer: dict[str, Any] = {}
    # A step that had begun on the board may still end there: what is in service is read anew each time.
    while not answer or answer["release"] != board.current:
        assert time.monotonic() < until, board.tool("journalctl", "-u", "asl", "-n", "40").stdout
        answer = board.health(1, "--settled")
    assert answer["golden"] == {"vectors": 32, "wrong": 0}
    assert board.current in board.releases
    assert len(board.releases) <= 3  # what is cut off does not pile up
    assert board.tool("systemctl", "is-active", "asl").stdout.strip() == "active"


@pytest.mark.parametrize("where", ["client", "board"])
@pytest.mark.parametrize("step", forward())
def test_killed_after_a_step_forward(board: Loopback, model: Path, step: str, where: str) -> None:
    before, steps = board.current, forward()
    reached = interrupted(board, model, step, where)
    assert reached
    if steps.index(step) < steps.index("Settings in place"):
        assert board.current == before  # the one before, whatever was under way
    elif steps.index(step) >= steps.index(SWITCH):
        assert board.current != before
    check(board)


@pytest.mark.parametrize("where", ["client", "board"])
@pytest.mark.parametrize("step", backward())
def test_killed_after_a_step_back(board: Loopback, model: Path, step: str, where: str) -> None:
    before = board.current
    assert interrupted(board, model, step, where, "--set", "board_options=--no-such-option")
    assert board.current == before
    check(board)


def test_deployment_after_all_that_succeeds(board: Loopback, model: Path) -> None:
    done = subprocess.run(
        [*_command(board), "--model", str(model), *board.options], cwd=ROOT, check=False
    )
    assert done.returncode == 0 and len(board.releases) == 3 and board.health()["ok"]
    assert not list((board.app / "releases").glob(".*")) and not (board.app / "trial").exists()
