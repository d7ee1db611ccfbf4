"""The one configuration file, a TOML: every key is documented in board.toml and checked here."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from board_image.errors import ImageError
from board_image.values import CHECKS


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
        checks = CHECKS[section]
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


_SECTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "image": lambda values: Image(**values),
    "board": lambda values: Board(**values),
    "network": lambda values: Network(**values),
    "ssh": lambda values: Ssh(tuple(values.get("authorized_keys", ()))),
    "application": lambda values: Application(**values),
    "dpu": lambda values: Dpu(**values),
}


def _quoted(text: str) -> str:
    """Return a value as an EnvironmentFile of systemd has it."""
    if re.fullmatch(r"[A-Za-z0-9_./:@=-]*", text):
        return text
    return '"' + re.sub(r'(["\\$`])', r"\\\1", text) + '"'
