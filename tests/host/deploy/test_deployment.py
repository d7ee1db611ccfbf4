"""Deployments to boards on this machine: real ssh, real Ansible, real processes; minutes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.host.deploy.loopback import ANSIBLE, ROOT, SSHD, Loopback, loopback
from tests.host.deploy.releases import another, spoilt
from tests.target.camera.test_http_stream import serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SSHD is None, reason="sshd is not installed: make apt"),
    pytest.mark.skipif(not ANSIBLE.is_file(), reason="no Ansible: make .venv-deploy/ready"),
]


def host(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the host."""
    return subprocess.run(
        [sys.executable, "-m", "host", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def deploy(board: Loopback, *more: str) -> tuple[int, dict[str, Any], str]:
    """Deploy; returns exit code, what happened on the board, stderr."""
    done = host("deploy", "--json", *board.options, *more)
    found = json.loads(done.stdout)["boards"][0] if done.stdout else {}
    return done.returncode, found, done.stderr


def seen(board: Loopback) -> dict[str, Any]:
    """Return every file of the board's application, with its time and target."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_ino)
        for root in (board.app, board.prefix / "etc/systemd")
        for path in root.rglob("*")
        if path.name != "__pycache__"
    }


@pytest.fixture(scope="module")
def board() -> Iterator[Loopback]:
    """A board with the released model in service."""
    with loopback() as made:
        made.trust()
        code, found, told = deploy(made)
        assert code == 0 and found["state"] == "changed", told
        settings = made.app / "etc/settings.env"
        settings.write_text(settings.read_text().rstrip("\n"))  # as some editors leave it
        yield made


def test_second_deployment_changes_nothing(board: Loopback) -> None:
    before, answer = seen(board), board.health()
    code, found, told = deploy(board)
    assert (code, found["state"], found["changed"]) == (0, "unchanged", []), told
    token = (board.app / "etc/token.env").read_text().strip().partition("=")[2]
    assert found["facts"]["page"].endswith(f"?token={token}")
    assert seen(board) == before and board.health()["pid"] == answer["pid"]


def test_check_says_what_would_change_and_changes_nothing(board: Loopback, tmp_path: Path) -> None:
    before, answer = seen(board), board.health()
    code, found, told = deploy(board, "--check", "--model", str(another(tmp_path / "m")))
    assert code == 0 and {"Archive", "Release", "Trial", "Switch"} <= set(found["changed"]), told
    assert seen(board) == before and board.health()["pid"] == answer["pid"]


def test_release_with_one_wrong_weight_fails_the_golden_check(
    board: Loopback, tmp_path: Path
) -> None:
    before = board.current
    code, found, told = deploy(board, "--model", str(spoilt(tmp_path / "m")))
    assert code == 1 and found["step"] == "Golden vectors", told
    assert "golden vectors" in found["why"] and f"release {before} runs on" in found["why"]
    assert board.current == before and board.releases == [before]
    assert board.health(0, "--release", before, "--settled")["golden"]["wrong"] == 0


def test_release_that_does_not_start_is_rolled_back_with_its_settings(
    board: Loopback, tmp_path: Path
) -> None:
    before, settings = board.current, (board.app / "current/settings.json").read_text()
    model = another(tmp_path / "m", 1998)
    code, found, told = deploy(
        board,
        "--model",
        str(model),
        "--set",
        "board_options=--no-such-option",
        "--set",
        "board_trial_s=40",
    )
    assert code == 1 and found["step"] in ("Restart", "Health"), told
    assert f"release {before} was put back and answers" in found["why"]
    assert "--no-such-option" in found["why"]  # the log says what was wrong
    assert board.current == before and board.releases == [before]
    assert (board.app / "current/settings.json").read_text() == settings
    assert not (board.app / "trial").exists()
    assert board.health(0, "--release", before, "--settled")["ok"]


def test_release_in_another_folder_that_does_not_start_gives_way_to_the_service_before(
    board: Loopback,
) -> None:
    before, unit = board.current, board.prefix / "etc/systemd/system/asl.service"
    text = unit.read_text()
    words = [f"board_prefix={board.prefix / 'opt/other'}", "board_options=--no-such-option"]
    code, found, told = deploy(
        board, *(w for one in (*words, "board_trial_s=40") for w in ("--set", one))
    )
    assert code == 1 and found["step"] in ("Restart", "Health"), told
    assert "the service before was put back and started" in found["why"]
    assert unit.read_text() == text and board.tool("systemctl", "is-enabled", "asl").returncode == 0
    assert board.health(60, "--release", before, "--settled")["ok"]


def test_last_three_releases_are_kept(board: Loopback, tmp_path: Path) -> None:
    ids = [board.current]
    for year in (2001, 2002, 2003):
        code, _, told = deploy(board, "--model", str(another(tmp_path / str(year), year)))
        assert code == 0, told
        ids.append(board.current)
        assert board.health(0, "--release", ids[-1], "--settled")["ok"]
    assert len(set(ids)) == 4 and board.releases == sorted(ids[1:])
    code, _, told = deploy(board, "--model", str(tmp_path / "2001"))  # and back again
    assert code == 0 and board.current == ids[1] and board.health()["release"] == ids[1], told
    there, back = board.releases, ["--model", str(tmp_path / "2002"), "--set", "board_trial_s=40"]
    code, _, told = deploy(board, *back, "--set", "board_options=--no-such-option")
    assert code == 1 and board.current == ids[1], told
    assert board.releases == there  # one that was good before stays


def test_crash_and_hang_end_in_a_new_start(board: Loopback) -> None:
    os.kill(board.health()["pid"], signal.SIGKILL)
    answer = board.health(60)
    assert answer["ok"]
    # VART does not come back from so many jobs; read at the next start.
    board.device.change(hang_after=60)
    os.kill(answer["pid"], signal.SIGKILL)
    until = time.monotonic() + 120
    while (
        "must answer within 10 s" not in board.tool("journalctl", "-u", "asl", "-n", "1000").stdout
    ):
        board.health(1)  # 32 jobs each time
        assert time.monotonic() < until
    board.device.change(hang_after=None)
    assert board.health(120)["ok"]


def test_changed_host_key_is_refused(board: Loopback) -> None:
    key = board.prefix / "etc/ssh/host_key"
    kept = key.read_bytes()
    key.unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], input=b"y\n", check=True
    )
    board.shut()
    board.begin()
    try:
        code, found, told = deploy(board)
        assert code == 3 and found["state"] == "unreachable", told
        assert "make board-trust BOARD_IP=127.0.0.1" in found["why"]
        done = host("board", "logs", *board.options)
        assert done.returncode == 1 and "make board-trust" in done.stderr
    finally:
        key.write_bytes(kept)
        board.shut()
        board.begin()


def test_builtin_model_is_refused_where_the_query_names_no_stand_in(board: Loopback) -> None:
    before = board.current
    board.device.change(device=None)
    try:
        code, found, told = deploy(board)
    finally:
        board.device.change(device="stand-in")
    assert code == 1 and found["step"] == "Board", told
    assert "make quantize compile TOOLCHAIN=vitis" in found["why"] and board.current == before
    assert (
        host("deploy", *board.options, "--set", "device=stand-in").returncode == 1
    )  # no such switch


def test_other_dpu_is_refused_with_both_releases(board: Loopback) -> None:
    board.device.change(fingerprint="0x101000016010407")
    try:
        code, found, told = deploy(board)
    finally:
        board.device.change(fingerprint="0x101000056010407")
    assert code == 1 and "Vitis AI 2.5" in found["why"] and "Vitis AI 3.0" in found["why"], told


def test_undeploy_leaves_nothing_and_then_finds_nothing(board: Loopback) -> None:
    (board.app / "mine.txt").write_text("a file of somebody else's")
    done = host("undeploy", *board.options)
    assert done.returncode == 1 and board.health()["ok"]
    assert "got mine.txt in" in done.stderr and "then make undeploy again" in done.stderr
    (board.app / "mine.txt").unlink()
    # Of deployments that were killed: these are ours.
    for name in (".asl-x1y2", ".ansible_tmpx1y2settings.env", ".12.34.567.tmp", "launch.py.part"):
        (board.app / name).write_text("")
    done = host("undeploy", *board.options)
    assert done.returncode == 0 and "taken off" in done.stdout, done.stderr
    assert not board.app.exists() and not (board.prefix / "etc/systemd/system/asl.service").exists()
    done = host("undeploy", *board.options)
    assert done.returncode == 0 and "nothing was there" in done.stdout, done.stderr


@pytest.mark.parametrize("missing", ["vart", "xir", "xdputil"])
def test_board_without_amds_runtime_gets_nothing(missing: str) -> None:
    with loopback(without=(missing,)) as board:
        board.trust()
        code, found, told = deploy(board)
        assert code == 1 and found["step"] == "Board", told
        assert (
            f"{missing} must be" in found["why"]
            and "packagegroup-petalinux-vitisai" in found["why"]
        )
        assert not board.app.exists()


def inventory_of(folder: Path, boards: dict[str, Loopback], **more: dict[str, str]) -> list[str]:
    """Write an inventory of boards that all let the first one's key in; returns the options for it."""
    known, lines = folder / "known", []
    first = next(iter(boards.values()))
    for name, board in boards.items():
        (board.prefix / "etc/ssh/authorized_keys").write_bytes(
            (first.prefix / "etc/ssh/authorized_keys").read_bytes()
        )
        board.known_hosts = known
        board.trust()
        facts = {"ansible_host": "127.0.0.1", "ansible_port": str(board.port), **board.settings}
        facts["ansible_ssh_args"] = "-o StrictHostKeyChecking=no"  # of no avail
        facts.update(more.get(name, {}))
        lines.append(" ".join([name, *(f"{k}='{v}'" for k, v in facts.items())]))
    inventory = folder / "boards.ini"
    user = f"[boards:vars]\nansible_user={first.login[1]}\n"
    inventory.write_text("[boards]\n" + "\n".join(lines) + "\n" + user)
    words = ["--json", "--inventory", str(inventory), "--known-hosts", str(known)]
    return [*words, "--board-key", str(first.key)]


def test_of_three_boards_one_is_down_and_the_others_finish(tmp_path: Path) -> None:
    with loopback() as one, loopback() as two, loopback() as three:
        words = inventory_of(tmp_path, {"one": one, "two": two, "three": three})
        two.shut()
        done = host("deploy", *words)
        states = {b["board"]: b["state"] for b in json.loads(done.stdout)["boards"]}
        assert states == {"one": "changed", "two": "unreachable", "three": "changed"}, done.stderr
        assert done.returncode == 3 and "error: board 'two' must be reached" in done.stderr
        assert one.health()["ok"] and three.health()["ok"] and one.current == three.current
        two.begin()
        done = host("deploy", *words)
        states = {b["board"]: b["state"] for b in json.loads(done.stdout)["boards"]}
        assert states == {"one": "unchanged", "two": "changed", "three": "unchanged"}, done.stderr
        assert done.returncode == 0 and two.health()["ok"]


def test_board_that_hangs_does_not_cost_another_its_release(tmp_path: Path) -> None:
    with loopback() as good, loopback() as hanging:
        # Asked where nobody listens, until long after the other's alarm.
        odd = {"board_run": str(hanging.prefix / "run/none"), "board_trial_s": "70"}
        boards = {"good": good, "hanging": hanging}
        words = inventory_of(tmp_path, boards, good={"board_trial_s": "30"}, hanging=odd)
        done = host("deploy", *words)
        states = {b["board"]: b["state"] for b in json.loads(done.stdout)["boards"]}
        assert states == {"good": "changed", "hanging": "failed"}, done.stderr
        assert done.returncode == 1 and hanging.current == ""
        assert good.health(0, "--release", good.current, "--settled")["ok"]


def test_clean_clone_to_first_letter_log_and_benchmark(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)

    def make(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *words], cwd=clone, capture_output=True, text=True, check=False
        )

    with loopback() as board, serving() as camera:
        settings = {**board.settings, "board_input": f"http://127.0.0.1:{camera.server_port}/s"}
        reach = [
            "BOARD_IP=127.0.0.1", f"BOARD_PORT={board.port}", f"BOARD_USER={board.login[1]}",
            f"BOARD_KEY={board.key}", "SET=" + " ".join("=".join(item) for item in settings.items()),
        ]  # fmt: skip
        done = make("deploy", *reach)
        assert done.returncode and "make board-trust" in done.stderr, done.stderr
        done = make("board-trust", *reach, f"FINGERPRINT={board.fingerprint}")
        assert done.returncode == 0 and (clone / ".boards/known_hosts").is_file(), done.stderr
        done = make("deploy", *reach)
        assert done.returncode == 0 and "runs release" in done.stdout, done.stderr
        assert board.health()["frames"] > 0
        done = make("board-logs", *reach)
        assert done.returncode == 0, done.stderr
        page = next(
            line for line in done.stdout.splitlines() if line.startswith("page at ")
        ).split()[-1]
        with urllib.request.urlopen(page, timeout=30) as answer:
            assert b"<html" in answer.read()
        pid = board.health()["pid"]
        done = make(
            "board-bench", *reach, "DURATION=0", "OPTIONS=--queries 70 --throughput-threads 0"
        )
        assert done.returncode == 0, done.stderr
        (record,) = json.loads((clone / "build/records/board-127.0.0.1.json").read_text())[
            "records"
        ]
        assert record["runner"] == "dpu" and record["frames"] == 70
        after = board.health(60)
        assert after["ok"] and after["pid"] != pid  # the service paused meanwhile
        done = make("board-run", *reach, "INPUT=/none.avi")
        assert done.returncode and "/none.avi" in done.stderr and board.health(60)["ok"]
