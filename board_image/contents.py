"""What is put into the root file system: name, network, keys, vart.conf, release and service.

Assumed of AMD's image, since none is at hand: systemd and systemd-networkd, as PetaLinux has them from
2022.1 on. An image without them is refused where they are needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from board_image.config import Application, Config, Network
from board_image.errors import ImageError
from board_image.ext4 import Ext4
from board_image.plan import Entry, file, folder, link
from board_image.release import Release

# As host/deploy/LAYOUT.md has it: the image is as the first deployment would leave the board.
PREFIX = "/opt/asl"
UNIT = "asl.service"
_JOURNAL = "/etc/systemd/journald.conf.d/asl.conf"
VART_CONF = "/etc/vart.conf"
_WANTS = "/etc/systemd/system/multi-user.target.wants"
_SYSTEMD = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")
_UNITS = ("/lib/systemd/system", "/usr/lib/systemd/system")
_NETWORKD = "systemd-networkd.service"
_OTHERS = ("NetworkManager.service", "connman.service")
_READ = ("/etc/passwd", "/etc/hostname", "/etc/hosts", VART_CONF, "/usr/bin/xdputil")
_FIRMWARE = re.compile(r"^\s*firmware\s*:\s*(\S+)", re.M)


@dataclass(frozen=True)
class Facts:
    """What the image's root file system says of itself.

    Attributes:
        texts: Content of files that are changed or asked, by path.
        home: Root's home.
        units: Folder of the system's own units, or None if there is no systemd.
        wants: What multi-user.target starts.
        resolved: Whether systemd-resolved is there.
        keys: Lines of root's authorized_keys.
    """

    texts: dict[str, str]
    home: str
    units: str | None
    wants: tuple[str, ...]
    resolved: bool
    keys: tuple[str, ...]

    @property
    def firmware(self) -> str | None:
        """The path that vart.conf names."""
        found = _FIRMWARE.search(self.texts.get(VART_CONF, ""))
        return found[1] if found else None

    @property
    def stand_in(self) -> bool:
        """Whether the image's own query says that its DPU is a stand-in."""
        return '"stand-in"' in self.texts.get("/usr/bin/xdputil", "")


def read_facts(root: Ext4, staging: Path) -> Facts:
    """Ask the root file system.

    Raises:
        ImageError: If it is no Linux with root in /etc/passwd.
    """
    content = root.read(_READ, staging)
    texts = {path: data.decode("utf-8", "replace") for path, data in content.items()}
    homes = re.findall(r"^root:(?:[^:]*:){4}(/[^:]*):", texts.get("/etc/passwd", ""), re.M)
    if not homes:
        raise ImageError(
            "root file system must have root in /etc/passwd, got none; give AMD's image for the ZCU104"
        )
    home = homes[0].rstrip("/")
    keys = f"{home}/.ssh/authorized_keys"
    there = root.look([*_SYSTEMD, *(f"{units}/systemd-resolved.service" for units in _UNITS)])
    units = [where for path, where in zip(_SYSTEMD, _UNITS, strict=True) if path in there]
    lines = root.read([keys], staging).get(keys, b"").decode("utf-8", "replace").splitlines()
    return Facts(
        texts,
        home,
        units[0] if units else None,
        tuple(root.names(_WANTS)),
        any(path.endswith("systemd-resolved.service") for path in there),
        tuple(line for line in lines if line.strip()),
    )


def entries(
    config: Config, facts: Facts, release: Release | None, files: Path, token: str
) -> list[Entry]:
    """Return everything that the configuration asks for.

    Args:
        config: The configuration.
        facts: Of the image.
        release: What is installed, or None.
        files: The folder with the service's files (host/deploy/files).
        token: Whoever has it may see the live page.

    Raises:
        ImageError: If the image lacks what a key needs.
    """
    made = _name(config.board.hostname, facts) + _network(config.network, facts)
    made += _keys(config.ssh.keys, facts)
    if config.dpu.firmware:
        made.append(file(VART_CONF, f"firmware: {config.dpu.firmware}\n"))
    elif facts.firmware is None:
        raise ImageError(
            f"image must have {VART_CONF} with a line 'firmware: ...', got none;"
            ' set dpu.firmware = "/run/media/mmcblk0p1/dpu.xclbin" in the configuration'
        )
    if release is not None:
        made += _release(release)
        made += _service(config.application, token, facts, files)
    return made


def _name(hostname: str | None, facts: Facts) -> list[Entry]:
    if hostname is None:
        return []
    old = facts.texts.get("/etc/hostname", "").strip()
    lines = [
        x for x in facts.texts.get("/etc/hosts", "").splitlines() if x.split()[:1] != ["127.0.1.1"]
    ]
    if not any(line.split()[:1] == ["127.0.0.1"] for line in lines):
        lines.insert(0, "127.0.0.1\tlocalhost")
    kept = [line for line in lines if not old or old not in line.split()[1:] or "localhost" in line]
    hosts = "\n".join([*kept, f"127.0.1.1\t{hostname}"]) + "\n"
    return [file("/etc/hostname", f"{hostname}\n"), file("/etc/hosts", hosts)]


def _network(network: Network, facts: Facts) -> list[Entry]:
    if network.address is None:
        return []
    units = _systemd(facts, "network.address")
    others = [name for name in _OTHERS if name in facts.wants]
    if others:
        raise ImageError(
            f"network must be run by systemd-networkd, got {others[0]} in the image;"
            " leave network.address out and set the address there"
        )
    lines = ["[Match]", f"Name={network.interface}", "", "[Network]"]
    if network.address == "dhcp":
        lines.append("DHCP=yes")
    else:
        lines.append(f"Address={network.address}")
        lines += [f"Gateway={network.gateway}"] if network.gateway else []
        lines += [f"DNS={server}" for server in network.dns]
    # Sorts before 80-wired.network, which asks for DHCP on any port.
    made = [file("/etc/systemd/network/10-board.network", "\n".join(lines) + "\n")]
    if network.dns and not facts.resolved:
        servers = "".join(f"nameserver {server}\n" for server in network.dns)
        made.append(file("/etc/resolv.conf", servers))
    if _NETWORKD not in facts.wants:
        made.append(link(f"{_WANTS}/{_NETWORKD}", f"{units}/{_NETWORKD}"))
    return made


def _systemd(facts: Facts, key: str) -> str:
    if facts.units is None:
        raise ImageError(
            f"image must start systemd for {key}, got none (PetaLinux before 2022.1 has another init);"
            f" give the image v2022.2-v3.0.0 or leave {key} out"
        )
    return facts.units


def _keys(keys: Sequence[str], facts: Facts) -> list[Entry]:
    if not keys:
        return []
    lines = list(dict.fromkeys([*facts.keys, *keys]))
    home = f"{facts.home}/.ssh"
    authorized = file(f"{home}/authorized_keys", "\n".join(lines) + "\n", 0o600)
    return [folder(home, 0o700), authorized]


def _release(release: Release) -> list[Entry]:
    """Return the release as the first deployment would leave it."""
    top = f"{PREFIX}/releases/{release.id}"
    folders = {str(p) for name in release.files for p in PurePosixPath(name).parents[:-1]}
    made = [folder(PREFIX), folder(f"{PREFIX}/releases"), folder(top)]
    made += [folder(f"{top}/{name}") for name in sorted(folders)]
    made += [file(f"{top}/{name}", release.folder / name) for name in release.files]
    return [*made, link(f"{PREFIX}/current", f"releases/{release.id}")]


def _service(application: Application, token: str, facts: Facts, files: Path) -> list[Entry]:
    """Return what starts a release, and the link that does so at boot."""
    _systemd(facts, "application.install")
    try:
        unit, journal = (files / UNIT).read_bytes(), (files / "journald.conf").read_bytes()
        launch, settings = (files / "launch.py").read_bytes(), (files / "settings.env").read_text()
    except OSError as error:
        raise ImageError(
            f"service's files must be readable, got '{error.strerror}' in {error.filename}"
        ) from error
    given = application.settings()
    lines = [
        f"{key}={given.pop(key, value)}" if sign else line
        for line in settings.splitlines()
        for key, sign, value in [line.partition("=")]
    ]
    if given:
        raise ImageError(f"{files / 'settings.env'} must have a line {min(given)}=, got none")
    made = [
        folder(f"{PREFIX}/etc"),
        file(f"{PREFIX}/etc/settings.env", "\n".join(lines) + "\n"),
        file(f"{PREFIX}/etc/token.env", f"ASL_PAGE_TOKEN={token}\n", 0o600),
        file(f"{PREFIX}/launch.py", launch, 0o755),
        file(f"/etc/systemd/system/{UNIT}", unit),
        file(_JOURNAL, journal),
    ]
    at_boot = link(f"{_WANTS}/{UNIT}", f"/etc/systemd/system/{UNIT}")
    return [*made, at_boot] if application.service else made
