"""How boards are reached: ssh with strictly checked host keys from a file of the project's own.

What stands here goes before whatever the user's ssh configuration or an inventory says: ssh takes the first
value of an option.
"""

from __future__ import annotations

import os
from pathlib import Path

from host.deploy.release import ROOT

KNOWN_HOSTS = ROOT / ".boards" / "known_hosts"
CONNECT_S = 10


# A connection that somebody else opened was perhaps never checked: each command opens its own.
OWN_CONNECTION = ["-o", "ControlMaster=no", "-o", "ControlPath=none"]


def options(known_hosts: Path = KNOWN_HOSTS, key: Path | None = None) -> list[str]:
    """Return ssh's options: no unknown host key, no question, no key taken up in passing.

    Args:
        known_hosts: File with the host keys that were accepted.
        key: File of the private key to log in with; None for those that ssh finds itself.
    """
    values = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": quoted(known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "KnownHostsCommand": "none",
        "VerifyHostKeyDNS": "no",
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
        "NoHostAuthenticationForLocalhost": "no",
        "ConnectTimeout": str(CONNECT_S),
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "6",
        "LogLevel": "ERROR",
    }
    if key is not None:
        values |= {"IdentityFile": quoted(key), "IdentitiesOnly": "yes"}
    return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


def quoted(path: Path) -> str:
    """Return a path as ssh's configuration takes it, blanks and all."""
    whole = os.path.abspath(path)
    return f'"{whole}"' if " " in whole else whole


def remedy(text: str, address: str, port: int, user: str, known_hosts: Path) -> str:
    """Return what to do about ssh's complaint; empty if nothing is known.

    Args:
        text: ssh's.
        address: Of the board.
        port: Of its sshd.
        user: On the board.
        known_hosts: File with the host keys that were accepted.
    """
    at = f"BOARD_IP={address}" + (f" BOARD_PORT={port}" if port != 22 else "")
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in text or "Host key verification failed" in text:
        return (
            "its host key is not the one that was accepted, or none was; compare with what the board's"
            " serial console says (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then"
            f" make board-trust {at} FINGERPRINT=SHA256:..."
        )
    if "Permission denied" in text:
        return (
            f"ssh-copy-id -o UserKnownHostsFile={known_hosts} -p {port} {user}@{address}"
            " (the password of AMD's image is root)"
        )
    if any(words in text.lower() for words in ("timed out", "refused", "no route", "unreachable")):
        return f"see that the board is on and that ping {address} answers; BOARD_PORT is {port}"
    return ""
