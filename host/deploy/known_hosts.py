"""Host keys of boards: accepted only by a fingerprint that a person read off the board itself."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from pathlib import Path

from host.deploy.ssh import CONNECT_S
from target import files
from target.errors import BackendError, DataError

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_LINE = re.compile(r"(?P<host>\S+) (?P<kind>\S+) (?P<key>[A-Za-z0-9+/=]+)")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")


def check_host(address: str) -> None:
    """Check that a board's address is one: it becomes an argument of ssh.

    Raises:
        DataError: If not.
    """
    if not _HOST.fullmatch(address):
        raise DataError(f"address of a board must be a name or an IP address, got '{address[:80]}'")


def offered(address: str, port: int) -> dict[str, str]:
    """Return the host keys that a board offers now, by fingerprint: `type base64`.

    Raises:
        BackendError: If it offers none.
    """
    check_host(address)
    try:
        done = subprocess.run(
            ["ssh-keyscan", "-T", str(CONNECT_S), "-p", str(port), address],
            capture_output=True,
            text=True,
            timeout=6 * CONNECT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise BackendError(
            "ssh-keyscan must be installed, got none; apt-get install openssh-client"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BackendError(
            f"board must answer in time, got nothing from {address}:{port}"
        ) from error
    found = [_LINE.fullmatch(line.strip()) for line in done.stdout.splitlines()]
    keys = {fingerprint(one["key"]): f"{one['kind']} {one['key']}" for one in found if one}
    if not keys:
        why = next(
            (line for line in done.stderr.splitlines() if not line.startswith("#")), "nothing"
        )
        raise BackendError(
            f"board must offer a host key, got '{why}' from {address}:{port}; see that it is on and that"
            f" ping {address} answers"
        )
    return keys


def fingerprint(key: str) -> str:
    """Return the fingerprint of a key in base64, as ssh-keygen -l writes it."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def trust(address: str, port: int, wanted: str, path: Path) -> str:
    """Accept a board's host key if it is the one with a fingerprint; replaces the board's earlier ones.

    Args:
        address: Of the board.
        port: Of its sshd.
        wanted: SHA256:... as a person read it off the board.
        path: Of the file with accepted keys.

    Returns:
        The key's type.

    Raises:
        DataError: If the fingerprint is none, or the board offers other keys; nothing is accepted then.
        BackendError: If it offers none.
    """
    if not _FINGERPRINT.fullmatch(wanted):
        raise DataError(
            f"FINGERPRINT must be SHA256: and 43 characters, got '{wanted[:80]}'; on the board's serial"
            " console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
        )
    keys = offered(address, port)
    key = keys.get(wanted.rstrip("="))
    if key is None:
        raise DataError(
            f"board must offer the host key {wanted}, got {', '.join(sorted(keys))} from {address}:{port};"
            " nothing was accepted: either that is another machine, or the fingerprint was misread"
        )
    name = address if port == 22 else f"[{address}]:{port}"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    kept = [line for line in lines if line.split(" ", 1)[0] != name]
    files.write_text(path, "\n".join([*kept, f"{name} {key}"]) + "\n")
    return key.split(" ", 1)[0]
