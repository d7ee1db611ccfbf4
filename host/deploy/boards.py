"""Which boards are meant, and what is set for them: one by its address, or an inventory of many."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from host.deploy import ssh
from host.deploy.environment import ansible_environment, find_tool
from host.deploy.known_hosts import check_host
from host.deploy.settings import SETTINGS, USER, check_facts, parse_setting
from target.errors import BackendError, DataError, one_line


@dataclasses.dataclass(frozen=True)
class Boards:
    """Which boards a command is for.

    Attributes:
        address: Of one board; None if there is an inventory.
        port: Of its sshd.
        user: On it.
        inventory: Ansible's, of many boards; None if there is an address.
        settings: By the names of SETTINGS; go before the inventory's.
        known_hosts: File with the host keys that were accepted.
        key: File of the private key to log in with; None for those that ssh finds itself.
    """

    address: str | None
    port: int
    user: str
    inventory: Path | None
    settings: dict[str, Any]
    known_hosts: Path
    key: Path | None = None

    def ssh_options(self) -> list[str]:
        """Return the options that every ssh gets."""
        return ssh.options(self.known_hosts, self.key)

    def describe(self) -> dict[str, Any]:
        """Return an inventory, in Ansible's JSON form, with the one board."""
        assert self.address is not None
        facts = {"ansible_port": self.port, "ansible_user": self.user}
        return {"all": {"hosts": {self.address: facts}}}


@dataclasses.dataclass(frozen=True)
class Board:
    """One board as ssh reaches it.

    Attributes:
        name: In the inventory.
        address: Its name or IP address.
        port: Of its sshd.
        user: On it.
        prefix: Where the application lies.
        python: Its interpreter.
        become: Whether commands are run by sudo.
        key: The inventory's, to log in with; None for that of the command, or those that ssh finds itself.
    """

    name: str
    address: str
    port: int
    user: str
    prefix: str = "/opt/asl"
    python: str = "/usr/bin/python3"
    become: bool = False
    key: Path | None = None

    def command(self, script: str, boards: Boards, terminal: bool = False) -> list[str]:
        """Return the ssh command line that runs a shell script on the board."""
        remote = f"sudo -n sh -c {shlex.quote(script)}" if self.become else script
        key = [] if self.key is None else ["-o", f"IdentityFile={ssh.quoted(self.key)}"]
        way = ["ssh", *boards.ssh_options(), *ssh.OWN_CONNECTION, *key, "-p", str(self.port)]
        return [*way, *(["-t"] if terminal else []), f"{self.user}@{self.address}", "--", remote]

    def fail(self, what: str, text: str, boards: Boards) -> BackendError:
        """Return the error for an ssh command that did not do its work."""
        lines = [line for line in text.strip().splitlines() if line.strip()] or ["no message"]
        errors = [line[len("error: ") :] for line in lines if line.startswith("error: ")]
        words = one_line(errors[-1] if errors else lines[-1])[:500]
        remedy = ssh.remedy(text, self.address, self.port, self.user, boards.known_hosts)
        tail = f"; {remedy}" if remedy else ""
        return BackendError(f"{what} on board '{self.name}' must succeed, got '{words}'{tail}")


def add_board_options(parser: argparse.ArgumentParser) -> None:
    """Add which boards a command is for."""
    group = parser.add_argument_group("boards")
    group.add_argument("--board-ip", metavar="ADDRESS", help="of one board")
    group.add_argument("--board-port", type=int, help="of its sshd (default: 22)")
    group.add_argument("--board-user", help="on it (default: root)")
    group.add_argument(
        "--inventory", type=Path, help="of many boards; see host/deploy/boards.ini.example"
    )
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"goes before the inventory: {', '.join(SETTINGS)}",
    )
    group.add_argument(
        "--board-key", type=Path, help="private key to log in with; default: those of ssh"
    )
    group.add_argument(
        "--known-hosts",
        type=Path,
        default=ssh.KNOWN_HOSTS,
        help="accepted host keys; python -m host board trust adds to it",
    )


def boards_of(args: argparse.Namespace) -> Boards:
    """Return which boards are meant.

    Raises:
        DataError: If none is, or an address, a port or a setting is not one.
    """
    if (args.board_ip is None) == (args.inventory is None):
        raise DataError(
            "either --board-ip or --inventory must be given, got"
            f" {'neither' if args.board_ip is None else 'both'}; make deploy BOARD_IP=192.168.1.50"
        )
    port = 22 if args.board_port is None else args.board_port
    user = "root" if args.board_user is None else args.board_user
    if args.board_ip is not None:
        check_host(args.board_ip)
    elif args.board_port is not None or args.board_user is not None:
        raise DataError(
            "--board-port and --board-user must come with --board-ip, got an inventory; set ansible_port and"
            f" ansible_user in {args.inventory}"
        )
    elif not args.inventory.is_file():
        raise DataError(
            f"inventory must be a file, got none at {args.inventory}; copy host/deploy/boards.ini.example"
        )
    if not 1 <= port <= 65535:
        raise DataError(f"--board-port must be 1 to 65535, got {port}")
    if args.board_key is not None and not args.board_key.is_file():
        raise DataError(f"--board-key must be a file, got none at {args.board_key}")
    if not USER.fullmatch(user):
        raise DataError(f"--board-user must be the name of a user, got '{user[:64]}'")
    settings = dict(parse_setting(text) for text in args.set)
    return Boards(
        args.board_ip,
        port,
        user,
        args.inventory,
        settings,
        args.known_hosts,
        args.board_key,
    )


def list_boards(boards: Boards) -> list[Board]:
    """Return every board that is meant, as the playbooks see it.

    Raises:
        DataError: If the inventory cannot be read or has none, or what is set for a board is not right.
    """
    if boards.inventory is None:
        assert boards.address is not None
        return [_board(boards.address, boards.describe()["all"]["hosts"][boards.address], boards)]
    with tempfile.TemporaryDirectory(prefix="asl-") as made:
        done = subprocess.run(
            [find_tool("ansible-inventory"), "-i", str(boards.inventory), "--list"],
            env=ansible_environment(Path(made)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        told = json.loads(done.stdout)
        facts = told.pop("_meta")["hostvars"]  # lacks boards of which nothing is said
        names = [name for group in told.values() for name in group.get("hosts", [])]
        found = {name: facts.get(name, {}) for name in names}
    except (ValueError, KeyError, TypeError, AttributeError):
        found = {}
    if not found:
        why = one_line(done.stderr)[:200] or "no board"
        raise DataError(f"inventory must name boards, got '{why}' in {boards.inventory}")
    return [_board(name, facts, boards) for name, facts in found.items()]


def _board(name: str, facts: dict[str, Any], boards: Boards) -> Board:
    given = {**facts, **boards.settings}
    check_facts(name, given)
    key = given.get("ansible_ssh_private_key_file", given.get("ansible_private_key_file"))
    return Board(
        name,
        str(given.get("ansible_host", name)),
        int(given.get("ansible_port", 22)),
        str(given.get("ansible_user", boards.user)),
        str(given.get("board_prefix", Board.prefix)),
        str(given.get("board_python", Board.python)),
        str(given.get("board_become", "false")).lower() in ("true", "yes", "on", "1"),
        None if key is None else Path(str(key)).expanduser(),
    )
