from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from host.commands import board, deploy, undeploy
from host.deploy import known_hosts, ssh
from host.deploy.boards import Board, Boards, list_boards
from host.deploy.playbook import Outcome, _forced, exit_code, run_playbook
from host.deploy.remote import bench_script, run_script
from target.errors import DataError
from tests.host.deploy.loopback import ANSIBLE, ROOT, SSHD, Loopback, loopback

NEEDS_SSHD = pytest.mark.skipif(SSHD is None, reason="sshd is not installed: make apt")
NEEDS_ANSIBLE = pytest.mark.skipif(
    not ANSIBLE.is_file(), reason="Ansible is not installed: make .venv-deploy/ready"
)
NEVER = "192.0.2.1"  # RFC 5737: nobody's
WRONG = "SHA256:" + "A" * 43


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "either --board-ip or --inventory must be given, got neither"),
        (["--board-ip", NEVER, "--inventory", "x.ini"], "got both"),
        (["--inventory", "/none.ini"], "copy host/deploy/boards.ini.example"),
        (["--inventory", "x.ini", "--board-port", "23"], "set ansible_port and"),
        (["--board-ip", "-oProxyCommand=touch x"], "must be a name or an IP address"),
        (["--board-ip", "a b"], "must be a name or an IP address"),
        (["--board-ip", NEVER, "--board-port", "0"], "--board-port must be 1 to 65535"),
        (["--board-ip", NEVER, "--board-user=-x"], "must be the name of a user"),
        (["--board-ip", NEVER, "--board-key", "/none"], "--board-key must be a file"),
        (["--board-ip", NEVER, "--set", "release=1"], "--set must be NAME=VALUE"),
        (["--board-ip", NEVER, "--set", "board_input"], "--set must be NAME=VALUE"),
        (["--board-ip", NEVER, "--set", "board_input=1 bord_port=2"], "got 'bord_port=2' in"),
        (["--board-ip", NEVER, "--model", "/none"], "model folder must hold model.json"),
    ],
    ids=[
        "none",
        "both",
        "file",
        "port of many",
        "option",
        "blank",
        "port",
        "user",
        "key",
        "unknown",
        "no value",
        "two in one",
        "model",
    ],
)
def test_wrong_options_are_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [f"--board-ip={words[1]}", *words[2:]] if words[:1] == ["--board-ip"] else words
    assert deploy.main(line) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ") and says in told and told.count("\n") == 1


def test_host_keys_are_checked_whatever_else_is_configured(tmp_path: Path) -> None:
    words = ssh.options(tmp_path / "a b")
    assert "StrictHostKeyChecking=yes" in words and f'UserKnownHostsFile="{tmp_path}/a b"' in words
    config = tmp_path / "config"
    config.write_text(
        "Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  ControlMaster auto\n"
        "  ControlPath ~/%h\n  ControlPersist yes\n  NoHostAuthenticationForLocalhost yes\n"
    )
    boards = Boards(NEVER, 22, "root", None, {}, tmp_path / "a b")
    command = Board("b", NEVER, 22, "root").command("true", boards)
    done = subprocess.run(
        [command[0], "-F", str(config), "-G", *command[1:]],
        capture_output=True,
        text=True,
        check=True,
    )
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert told["stricthostkeychecking"] == "true" and told["batchmode"] == "yes"
    assert told["userknownhostsfile"].endswith("a b") and told["updatehostkeys"] == "false"
    assert told["nohostauthenticationforlocalhost"] == "no"
    assert told["controlmaster"] == "false" and "controlpath" not in told  # no connection of others
    forced = _forced(boards, tmp_path)
    assert (forced["ansible_control_path"], forced["ansible_control_path_dir"]) == (
        "",
        f"{tmp_path}/cp",
    )


def test_relative_file_in_a_folder_with_blanks_is_one_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a b").mkdir()
    monkeypatch.chdir(tmp_path / "a b")
    assert f'UserKnownHostsFile="{tmp_path}/a b/known"' in ssh.options(Path("known"))


@NEEDS_ANSIBLE
def test_inventory_names_boards_and_cannot_reach_past_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "boards.ini"
    path.write_text(
        "[boards]\none ansible_host=192.0.2.1 ansible_port=2222 board_prefix=/data/asl\n"
        "two ansible_host=192.0.2.2 ansible_user=petalinux board_become=true"
        " ansible_ssh_private_key_file='/keys/of two'\n192.0.2.3\n"
    )
    boards = Boards(None, 22, "root", path, {"board_python": "/opt/python3"}, tmp_path / "known")
    monkeypatch.setenv("ANSIBLE_INVENTORY_ENABLED", "yaml")  # of a user with another Ansible
    one, two, three = list_boards(boards)
    assert one == Board("one", "192.0.2.1", 2222, "root", "/data/asl", "/opt/python3")
    assert (two.user, two.become, two.prefix) == ("petalinux", True, "/opt/asl")
    assert (three.name, three.address, three.user, three.key) == (
        "192.0.2.3",
        "192.0.2.3",
        "root",
        None,
    )
    assert 'IdentityFile="/keys/of two"' in two.command("true", boards)
    command = two.command("echo 'a b'", boards)
    assert (
        command[-1] == "sudo -n sh -c 'echo '\"'\"'a b'\"'\"''"
        and "StrictHostKeyChecking=yes" in command
    )
    path.write_text("[boards]\none ansible_host='-oProxyCommand=x'\n")
    with pytest.raises(DataError, match="must be a name or an IP address"):
        list_boards(boards)
    path.write_text("")
    with pytest.raises(DataError, match="inventory must name boards"):
        list_boards(boards)


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        ("ansible_port=ssh", "ansible_port must be 1 to 65535, got 'ssh'"),
        ("ansible_port=70000", "ansible_port must be 1 to 65535"),
        ("ansible_user=-oProxyCommand=x", "ansible_user must be the name of a user"),
        ("ansible_ssh_user=-oProxyCommand=x", "must say ansible_user, got ansible_ssh_user"),
        ("board_prefix=/opt/a b", "board_prefix must be an absolute path"),
        ("board_prefix=/opt/asl\nExecStartPre=x", "board_prefix must be an absolute path"),
        ("board_prefix=/", "board_prefix must be an absolute path"),
        ("board_prefix=/opt/../etc", "board_prefix must be an absolute path"),
        ("board_python=python3", "board_python must be an absolute path"),
        ("board_units=/etc/$(reboot)", "board_units must be an absolute path"),
        ("board_states=/var/lib/asl,..", "board_states must be an absolute path"),
        ("board_service_user=a\nExecStart=x", "board_service_user must be the name of a user"),
        ("board_trial_s=5", "board_trial_s must be 20 to 170, got '5'"),
        ("board_trial_s=171", "board_trial_s must be 20 to 170"),
        ("board_trial_s=soon", "board_trial_s must be 20 to 170"),
    ],
)
def test_what_is_set_for_a_board_is_checked_before_anything_is_copied(fact: str, says: str) -> None:
    name, value = fact.split("=", 1)
    boards = Boards("board", 22, "root", None, {name: value}, Path("known"))
    with pytest.raises(DataError, match=says) as error:
        run_playbook("deploy.yml", boards, {})
    assert "\n" not in str(error.value)


@NEEDS_ANSIBLE
def test_inventory_without_boards_deploys_nothing(tmp_path: Path) -> None:
    path = tmp_path / "boards.ini"
    path.write_text("")
    boards = Boards(None, 22, "root", path, {}, tmp_path / "known")
    with pytest.raises(DataError, match="inventory must name boards, got"):
        run_playbook("undeploy.yml", boards, {})


def test_exit_code_says_whether_boards_failed_or_were_not_reached() -> None:
    def of(*states: str) -> int:
        return exit_code([Outcome("b", state, (), "", "", {}) for state in states])

    assert of("changed", "unchanged") == 0
    assert of("changed", "unreachable") == 3
    assert of("failed", "unreachable", "changed") == 1


def test_scripts_pause_the_service_and_quote_what_they_are_given() -> None:
    script = run_script(Board("b", NEVER, 22, "root"), ["my clip.mp4", "$(reboot)"])
    assert "run 'my clip.mp4' '$(reboot)' --model model <&0 &" in script
    assert "--json $(test -d bench && echo --baselines bench) --queries 9" in bench_script(
        Board("b", NEVER, 22, "root"), ["--queries", "9"]
    )
    for text in (script, bench_script(Board("b", NEVER, 22, "root"), [])):
        subprocess.run(["sh", "-n", "-c", text], check=True)


def test_trust_without_a_fingerprint_is_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["trust", "--board-ip", "127.0.0.1", "--known-hosts", str(tmp_path / "k")]
    assert board.main([*words, "--fingerprint", "MD5:aa"]) == 1
    assert "must be SHA256: and 43 characters" in capsys.readouterr().err
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = str(closed.getsockname()[1])
    assert board.main([*words, "--board-port", port, "--fingerprint", WRONG]) == 1
    assert "board must offer a host key" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        board.main(["logs", "--board-ip", NEVER, "--", "x"])
    assert end.value.code == 2


@pytest.fixture(scope="module")
def bare() -> object:
    """A board on which nothing is deployed."""
    with loopback() as made:
        yield made


@NEEDS_SSHD
def test_only_the_fingerprint_that_the_board_shows_is_accepted(
    bare: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "known"
    words = [
        "trust",
        "--board-ip",
        "127.0.0.1",
        "--board-port",
        str(bare.port),
        "--known-hosts",
        str(known),
    ]
    assert board.main(words) == 1
    told = capsys.readouterr().err
    assert bare.fingerprint in told and "serial console" in told
    assert board.main([*words, "--fingerprint", WRONG]) == 1
    assert f"got {bare.fingerprint} from 127.0.0.1:{bare.port}" in capsys.readouterr().err
    assert not known.exists()
    known.write_text(f"[127.0.0.1]:{bare.port} ssh-rsa AAAA\nother ssh-ed25519 BBBB\n")
    assert board.main([*words, "--json", "--fingerprint", bare.fingerprint]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "ssh-ed25519"
    lines = known.read_text().splitlines()
    assert lines[0] == "other ssh-ed25519 BBBB" and lines[1].startswith(
        f"[127.0.0.1]:{bare.port} ssh-ed25519 "
    )
    assert known_hosts.fingerprint(lines[1].split()[2]) == bare.fingerprint


@NEEDS_SSHD
def test_board_without_a_deployment_says_so(
    bare: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare.trust()
    assert board.main(["bench", *bare.options, "--out", str(tmp_path)]) == 1
    assert "nothing is deployed at" in capsys.readouterr().err


@NEEDS_SSHD
@NEEDS_ANSIBLE
def test_host_key_that_was_not_accepted_is_refused(
    bare: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = bare.options
    options[options.index("--known-hosts") + 1] = str(tmp_path / "none")
    assert undeploy.main([*options, "--json"]) == 3
    told = capfd.readouterr()
    (outcome,) = json.loads(told.out)["boards"]
    assert (
        outcome["state"] == "unreachable"
        and "make board-trust BOARD_IP=127.0.0.1" in outcome["why"]
    )
    assert board.main(["logs", *options]) == 1
    assert "make board-trust" in capfd.readouterr().err


@pytest.mark.parametrize("active", [True, False], ids=["service runs", "no service"])
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGHUP, None], ids=["Ctrl-C", "hang-up", "end"]
)
def test_program_ends_before_the_service_goes_on(
    tmp_path: Path, active: bool, number: int | None
) -> None:
    (tmp_path / "current").mkdir()
    log = tmp_path / "log"
    for name, text in (
        ("systemctl", f'echo "$@" >> {log}; [ "$1" != is-active ] || exit {0 if active else 3}'),
        ("python3", f'trap "echo ended >> {log}; exit 143" TERM\necho ready >> {log}\n'
         + ("exit 7" if number is None else "while :; do sleep 0.02; done")),
    ):  # fmt: skip
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    script = run_script(
        Board("b", NEVER, 22, "root", str(tmp_path), str(tmp_path / "python3")), ["0"]
    )
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    child = subprocess.Popen(["sh", "-c", script], env=path, start_new_session=True)
    if number is not None:
        while not log.exists() or "ready" not in log.read_text():
            time.sleep(0.01)
        os.killpg(child.pid, number)  # as a terminal does: to everybody
    assert child.wait() == {signal.SIGINT: 130, signal.SIGHUP: 129, None: 7}[number]
    told = log.read_text().splitlines()
    if number == signal.SIGINT:
        assert "ended" in told
    assert told[-1] == ("start asl" if active else told[-1]) and ("start asl" in told) == active


def test_make_gives_values_with_blanks_whole() -> None:
    said = "board_input=1  board_options=--mirror --find-hand board_page_port=80"
    done = subprocess.run(
        ["make", "-n", "undeploy", f"BOARD_IP={NEVER}", f"SET={said}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = next(line for line in done.stdout.splitlines() if "host undeploy" in line)
    words = shlex.split(line)
    given = [words[at + 1] for at, word in enumerate(words) if word == "--set"]
    assert given == ["board_input=1", "board_options=--mirror --find-hand", "board_page_port=80"]


def test_locks_are_hashed_and_name_no_address() -> None:
    for name in ("requirements.lock", "wheels.lock"):
        text = (Path(deploy.__file__).parents[1] / "deploy" / name).read_text(encoding="utf-8")
        assert "://" not in text and "--index" not in text and "--find-links" not in text
        pins = [
            block for block in text.replace("\\\n", " ").splitlines() if re.match("[a-z]", block)
        ]
        assert pins and all(re.match(r"\S+==\S+.*--hash=sha256:[0-9a-f]{64}", pin) for pin in pins)
