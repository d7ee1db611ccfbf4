"""What may be set for a board, by --set or in an inventory, and what its values must be.

Values come to the board's shell, its unit and ssh's command line: whatever is a path, a user or a number is
checked before anything is copied.
"""

from __future__ import annotations

import re
from typing import Any

from host.deploy.known_hosts import check_host
from target.errors import DataError

# boards.ini.example explains each.
SETTINGS = (
    *("board_input", "board_options", "board_page_host", "board_page_port", "board_python"),
    *("board_prefix", "board_service_user", "board_become", "board_trial_s", "board_units"),
    *("board_journald", "board_run", "board_states"),
)
USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
_PATHS = ("board_prefix", "board_python", "board_units", "board_journald", "board_run")
_LISTS = ("board_states",)
_NUMBERS = {
    "ansible_port": (1, 65535),
    "board_trial_s": (20, 170),
}  # the unit's TimeoutStartSec is 180
# Ansible takes these before the names that are read here.
_OLD = {
    "ansible_ssh_host": "ansible_host",
    "ansible_ssh_port": "ansible_port",
    "ansible_ssh_user": "ansible_user",
}


def parse_setting(text: str) -> tuple[str, Any]:
    """Return name and value of NAME=VALUE.

    Raises:
        DataError: If it is none, the name is not one of SETTINGS, or another setting follows.
    """
    name, separator, value = text.partition("=")
    if name not in SETTINGS or not separator:
        raise DataError(f"--set must be NAME=VALUE with one of {', '.join(SETTINGS)}, got '{text}'")
    for word in value.split()[1:]:
        if re.match(r"[a-z_]+=", word):
            raise DataError(f"--set must be one NAME=VALUE, got '{word}' in '{text}'")
    return name, value.split(",") if name in _LISTS else value


def check_facts(board: str, given: dict[str, Any]) -> None:
    """Check what is set for a board.

    Args:
        board: Its name in the inventory.
        given: Of the inventory and of --set, by name.

    Raises:
        DataError: If a value is not one.
    """
    for old, new in _OLD.items():
        if old in given:
            raise DataError(f"inventory must say {new}, got {old} for board '{board}'")
    check_host(str(given.get("ansible_host", board)))
    for name, (least, most) in _NUMBERS.items():
        text = str(given.get(name, least))
        if not re.fullmatch(r"[0-9]{1,5}", text) or not least <= int(text) <= most:
            raise _fault(name, f"{least} to {most}", text, board)
    for name in ("ansible_user", "board_service_user"):
        text = str(given.get(name) or "root")
        if not USER.fullmatch(text):
            raise _fault(name, "the name of a user", text, board)
    for name in (*_PATHS, *_LISTS):
        value = given.get(name, [])
        paths = (
            value
            if isinstance(value, list)
            else str(value).split(",")
            if name in _LISTS
            else [value]
        )
        for path in paths:
            if not _PATH.fullmatch(str(path)) or ".." in str(path).split("/"):
                rule = "an absolute path of letters, digits, '.', '_', '-'"
                raise _fault(name, rule, str(path), board)


def _fault(name: str, rule: str, got: str, board: str) -> DataError:
    return DataError(
        f"{name} must be {rule}, got '{' '.join(got.split())[:80]}' for board '{board}'"
    )
