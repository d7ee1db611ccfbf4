"""The values of the configuration's keys: each function returns what is meant, or says what it must be."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 1 << 20, "GiB": 1 << 30}
_ALIGN = 1 << 20
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_INTERFACE = re.compile(r"[a-zA-Z0-9._-]{1,15}")
_FIRMWARE = re.compile(r"/[A-Za-z0-9._/-]+")
_KEY_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
)


def _size(value: Any, folder: Path) -> int:
    match = re.fullmatch(
        r"(\d+(?:\.\d+)?) ?(MB|GB|MiB|GiB)", value if isinstance(value, str) else ""
    )
    if match is None:
        raise ValueError('a size such as "15GB" or "8GiB"')
    size = int(float(match[1]) * _UNITS[match[2]]) // _ALIGN * _ALIGN
    if not 0 < size <= 1 << 41:
        raise ValueError("more than 1 MiB and at most 2 TiB")
    return size


def _hostname(value: Any, folder: Path) -> str:
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise ValueError("1 to 63 of a-z, 0-9 and -, with no - at either end")
    return value


def _address(value: Any, folder: Path) -> str:
    if value == "dhcp":
        return "dhcp"
    try:
        if not isinstance(value, str) or "/" not in value:
            raise ValueError
        interface = ipaddress.ip_interface(value)
    except ValueError:
        raise ValueError('"dhcp", or address and prefix such as "192.168.1.20/24"') from None
    edges = (interface.network.network_address, interface.network.broadcast_address)
    if interface.network.num_addresses > 2 and interface.ip in edges:
        raise ValueError(
            f"an address of one board in {interface.network}, neither its first nor last"
        )
    return str(interface)


def _ip(value: Any, folder: Path) -> str:
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError('an address such as "192.168.1.1"') from None


def _ips(value: Any, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError('a list of addresses such as ["192.168.1.1"]')
    return tuple(_ip(item, folder) for item in value)


def _interface(value: Any, folder: Path) -> str:
    if not isinstance(value, str) or not _INTERFACE.fullmatch(value):
        raise ValueError('the name of a network interface such as "eth0"')
    return value


def _flag(value: Any, folder: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _port(value: Any, folder: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1024 <= value <= 65535:
        raise ValueError("1024 to 65535, since the service is not root's")
    return value


def _line(value: Any, folder: Path) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("one line of text")
    return value


def _options(value: Any, folder: Path) -> str:
    try:
        shlex.split(_line(value, folder))
    except ValueError as error:
        raise ValueError(f'options such as "--mirror --find-hand" ({error})') from error
    return str(value)


def _xclbin(value: Any, folder: Path) -> Path:
    path = _path(value, folder)
    try:
        with open(path, "rb") as file:
            start = file.read(7)
    except OSError as error:
        raise ValueError(f"a file that can be read ({error.strerror})") from error
    if start != b"xclbin2":
        raise ValueError("a DPU as v++ packs it, which starts with 'xclbin2'")
    return path


def _firmware(value: Any, folder: Path) -> str:
    if not isinstance(value, str) or not _FIRMWARE.fullmatch(value):
        raise ValueError('a path on the board such as "/run/media/mmcblk0p1/dpu.xclbin"')
    return value


def _keys(value: Any, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError('a list of files such as ["~/.ssh/id_ed25519.pub"]')
    lines = []
    for name in value:
        path = _path(name, folder)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ValueError(f"files that can be read ({why}: {path})") from error
        found = [line.strip() for line in text.splitlines() if line.strip()]
        if not found or not all(_is_public_key(line) for line in found):
            raise ValueError(
                f"files of public keys, one a line, as ssh-keygen writes .pub ({path})"
            )
        lines += found
    return tuple(dict.fromkeys(lines))


def _is_public_key(line: str) -> bool:
    """Whether a line is `type base64 [comment]`; options and private keys are refused."""
    parts = line.split(None, 2)
    if len(parts) < 2 or parts[0] not in _KEY_TYPES:
        return False
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except binascii.Error:
        return False
    name = parts[0].encode()
    return blob.startswith(len(name).to_bytes(4, "big") + name)


def _path(value: Any, folder: Path) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError("a path")
    return folder / os.path.expanduser(value)


Check = Callable[[Any, Path], Any]
# Of each section its keys, and the function that takes a value and the folder that paths start from; it
# raises ValueError with what the value must be.
CHECKS: dict[str, dict[str, Check]] = {
    "image": {"size": _size},
    "board": {"hostname": _hostname},
    "network": {"address": _address, "gateway": _ip, "dns": _ips, "interface": _interface},
    "ssh": {"authorized_keys": _keys},
    "application": {
        "install": _flag,
        "service": _flag,
        "input": _line,
        "host": _ip,
        "port": _port,
        "options": _options,
    },
    "dpu": {"xclbin": _xclbin, "firmware": _firmware},
}
