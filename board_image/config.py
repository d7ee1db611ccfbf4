"""The one configuration file, a TOML: every key is documented in board.toml and checked here."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from board_image.errors import ImageError

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


@dataclass(frozen=True)
class Image:
    """Section [image].

    Attributes:
        size: Bytes of the finished image, a multiple of 1 MiB; None leaves it as it is.
    """

    size: int | None = None


@dataclass(frozen=True)
class Board:
    """Section [board].

    Attributes:
        hostname: The board's name; None leaves the image's.
    """

    hostname: str | None = None


@dataclass(frozen=True)
class Network:
    """Section [network].

    Attributes:
        address: `dhcp`, or address and prefix, "192.168.1.20/24"; None leaves the image's.
        gateway: Of a fixed address, or None.
        dns: Name servers of a fixed address.
        interface: The Ethernet port's name.
    """

    address: str | None = None
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    interface: str = "eth0"


@dataclass(frozen=True)
class Ssh:
    """Section [ssh].

    Attributes:
        keys: Lines of public keys that may log in as root.
    """

    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Application:
    """Section [application].

    Attributes:
        install: Whether the release is put into the image; without it only the rest is done.
        service: Whether it starts at boot.
        input: What the live page shows: a camera's index, /dev/videoN, rtsp://..., a file.
        host: Address that the page is served at; 127.0.0.1 for the board alone.
        port: Of the page.
        options: More options of `python3 -m target run`, one string.
    """

    install: bool = True
    service: bool = True
    input: str | None = None
    host: str | None = None
    port: int | None = None
    options: str | None = None

    def settings(self) -> dict[str, str]:
        """Return the settings of settings.env that are given, quoted as systemd reads them."""
        given = {name: getattr(self, name) for name in ("input", "host", "port", "options")}
        return {f"ASL_{k.upper()}": _quoted(str(v)) for k, v in given.items() if v is not None}


@dataclass(frozen=True)
class Dpu:
    """Section [dpu].

    Attributes:
        xclbin: A DPU of your own, put into the FAT partition as dpu.xclbin; None leaves AMD's.
        firmware: The path that /etc/vart.conf names; None leaves the image's.
    """

    xclbin: Path | None = None
    firmware: str | None = None


@dataclass(frozen=True)
class Config:
    """The whole file; each attribute is a section."""

    image: Image = Image()
    board: Board = Board()
    network: Network = Network()
    ssh: Ssh = Ssh()
    application: Application = Application()
    dpu: Dpu = Dpu()


def load_config(path: Path) -> Config:
    """Read a configuration.

    Args:
        path: The TOML; paths in it are relative to its folder.

    Raises:
        ImageError: If it cannot be read, or a key is unknown or has a wrong value.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImageError(
            f"configuration must be readable, got '{error.strerror}' in {path}; copy"
            " board_image/board.toml, change it and give it as CONFIG=..."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ImageError(f"configuration must be TOML, got '{error}' in {path}") from error
    known = {field.name: field.type for field in fields(Config)}
    _check_names(content, known, "section", str(path))
    sections = {}
    for section, make in _SECTIONS.items():
        given = content.get(section, {})
        if not isinstance(given, dict):
            raise ImageError(f"[{section}] must be a section, got {given!r} in {path}")
        checks = _CHECKS[section]
        _check_names(given, checks, f"key of [{section}]", str(path))
        values = {}
        for key, value in given.items():
            try:
                values[key] = checks[key](value, path.parent)
            except ValueError as error:
                raise ImageError(
                    f"{section}.{key} must be {error}, got {value!r} in {path}"
                ) from error
        sections[section] = make(values)
    config = Config(**sections)
    _check_network(config.network, path)
    return config


def _check_names(given: Mapping[str, Any], known: Mapping[str, Any], what: str, where: str) -> None:
    for name in given:
        if name not in known:
            raise ImageError(f"{what} must be one of {', '.join(known)}, got '{name}' in {where}")


def _check_network(network: Network, path: Path) -> None:
    """Check what no key alone can say."""
    fixed = network.address not in (None, "dhcp")
    if not fixed and (network.gateway or network.dns):
        raise ImageError(
            f"network.gateway and network.dns must come with a fixed network.address, got"
            f" {network.address!r} in {path}; DHCP brings its own"
        )
    if fixed and network.gateway:
        inside = ipaddress.ip_interface(str(network.address)).network
        if ipaddress.ip_address(network.gateway) not in inside:
            raise ImageError(
                f"network.gateway must be in {inside}, got '{network.gateway}' in {path}"
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


def _quoted(text: str) -> str:
    """Return a value as an EnvironmentFile of systemd has it."""
    if re.fullmatch(r"[A-Za-z0-9_./:@=-]*", text):
        return text
    return '"' + re.sub(r'(["\\$`])', r"\\\1", text) + '"'


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


_Check = Callable[[Any, Path], Any]
_CHECKS: dict[str, dict[str, _Check]] = {
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
_SECTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "image": lambda values: Image(**values),
    "board": lambda values: Board(**values),
    "network": lambda values: Network(**values),
    "ssh": lambda values: Ssh(tuple(values.get("authorized_keys", ()))),
    "application": lambda values: Application(**values),
    "dpu": lambda values: Dpu(**values),
}
