"""The whole way: a synthetic image in, a card image out, read back with other means."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from board_image.build import FINGERPRINTS
from board_image.ext4 import Ext4
from target.runners.releases import RELEASES
from tests.board_image.building import WriteConfig, build, small_image
from tests.board_image.conftest import FILES
from tests.board_image.reading import Found, Reading
from tests.board_image.synthetic import MIB, XCLBIN
from tests.board_image.test_config import KEY

FULL = """
[image]
size = "72MiB"
[board]
hostname = "asl-7"
[network]
address = "192.168.1.20/24"
gateway = "192.168.1.1"
dns = ["192.168.1.1"]
[ssh]
authorized_keys = ["me.pub"]
[application]
input = "/dev/video0"
"""
HOME = "/home/root"
FIRMWARE = "firmware: /run/media/mmcblk0p1/dpu.xclbin\n"
TOP = "/opt/asl/releases/0123456789ab"


@pytest.mark.parametrize("label", ["dos", "gpt"])
def test_everything_is_where_it_belongs(
    label: str,
    images: dict[str, Path],
    release: Path,
    write_config: WriteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "me.pub").write_text(KEY, encoding="utf-8")
    before = hashlib.sha256(images[label].read_bytes()).hexdigest()
    out = tmp_path / "sd.img"
    config = write_config(FULL.replace("72MiB", "96MiB" if label == "dos" else "72MiB"))
    assert build(images[label], out, config, "--release", str(release), "--json") == 0
    made = json.loads(capsys.readouterr().out)

    assert hashlib.sha256(images[label].read_bytes()).hexdigest() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["board.toml", "me.pub", "sd.img"]
    assert made["bytes"] == out.stat().st_size == (96 if label == "dos" else 72) * MIB
    assert made["notes"] == [] and made["release"] == "0123456789ab" and made["table"] == label
    read = Reading(out, tmp_path / "parts")
    read.fsck()
    assert read.table["label"] == label
    # To the last whole MiB; GPT keeps its copy behind that.
    room = made["bytes"] - (41 if label == "dos" else 9) * MIB - (0 if label == "dos" else MIB)
    assert read.size() == made["root_bytes"] == room
    if label == "gpt":
        assert out.read_bytes()[-512:].startswith(b"EFI PART")

    assert read.file("/etc/hostname") == b"asl-7\n"
    assert read.file("/etc/hosts").decode().splitlines() == [
        "127.0.0.1\tlocalhost.localdomain\t\tlocalhost",
        "::1\tlocalhost",
        "127.0.1.1\tasl-7",
    ]
    assert read.file("/etc/systemd/network/10-board.network").decode().splitlines() == [
        *("[Match]", "Name=eth0", "", "[Network]"),
        *("Address=192.168.1.20/24", "Gateway=192.168.1.1", "DNS=192.168.1.1"),
    ]
    assert read.file(f"{HOME}/.ssh/authorized_keys").decode() == KEY + "\n"
    assert read.folder(HOME)[".ssh"] == Found("040700", (0, 0))
    assert read.folder(f"{HOME}/.ssh")["authorized_keys"] == Found("100600", (0, 0))

    assert read.link("/opt/asl/current") == "releases/0123456789ab"
    assert read.folder("/opt/asl/etc")["token.env"] == Found("100600", (0, 0))
    assert read.folder("/opt/asl")["launch.py"] == Found("100755", (0, 0))
    assert read.file("/opt/asl/launch.py") == (FILES / "launch.py").read_bytes()
    for name in ("release.json", "target/__main__.py", "model/a.xmodel"):
        assert read.file(f"{TOP}/{name}") == (release / name).read_bytes()
    assert read.folder(TOP)["target"] == Found("040755", (0, 0))
    assert read.folder(f"{TOP}/target")["__main__.py"] == Found("100644", (0, 0))
    token = read.file("/opt/asl/etc/token.env").decode()
    assert re.fullmatch(r"ASL_PAGE_TOKEN=[\w-]{22}\n", token)
    assert made["page"] == f"http://192.168.1.20:8080/?token={token.strip().split('=')[1]}"
    settings = read.file("/opt/asl/etc/settings.env").decode()
    assert settings == (FILES / "settings.env").read_text(encoding="utf-8").replace(
        "ASL_INPUT=0", "ASL_INPUT=/dev/video0"
    )

    assert read.file("/etc/systemd/system/asl.service") == (FILES / "asl.service").read_bytes()
    wants = "/etc/systemd/system/multi-user.target.wants"
    assert read.link(f"{wants}/asl.service") == "/etc/systemd/system/asl.service"
    assert read.link(f"{wants}/systemd-networkd.service").endswith("systemd-networkd.service")
    journal = read.file("/etc/systemd/journald.conf.d/asl.conf")
    assert journal == (FILES / "journald.conf").read_bytes()

    assert read.boot_file("dpu.xclbin") == XCLBIN and read.boot_file("BOOT.BIN") == b"boot"
    note = json.loads(read.boot_file("board-image.json"))
    assert note["release"] == "0123456789ab" and note["address"] == "192.168.1.20/24"
    assert KEY not in json.dumps(note) and token.strip().split("=")[1] not in json.dumps(note)
    # What is AMD's stays.
    assert read.file("/etc/vart.conf") == b"firmware: /run/media/mmcblk0p1/dpu.xclbin\n"
    assert read.file("/etc/os-release").startswith(b"ID=petalinux")


def test_without_a_release_and_growth_only_the_rest_is_done(
    images: dict[str, Path],
    write_config: WriteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    packed = tmp_path / "image.img.gz"
    packed.write_bytes(gzip.compress(images["gpt"].read_bytes(), 1))
    config = write_config('[board]\nhostname = "b"\n[application]\ninstall = false\n')
    assert build(packed, tmp_path / "sd.img", config) == 0
    shown = capsys.readouterr().out
    assert "note: no ssh key" in shown and "live page" not in shown and "sudo dd if=" in shown
    assert (tmp_path / "sd.img").stat().st_size == images["gpt"].stat().st_size
    read = Reading(tmp_path / "sd.img", tmp_path / "parts")
    read.fsck()
    assert read.file("/etc/hostname") == b"b\n"
    assert "asl" not in read.folder("/opt")


def test_paths_may_be_relative_and_odd(
    images: dict[str, Path],
    release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "a ?b@@c;'d"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shutil.copytree(release, folder / "release")
    shutil.copyfile(images["gpt"], folder / "in?.img")
    text = '[image]\nsize = "50MiB"\n[board]\nhostname = "b"\n[network]\naddress = "dhcp"\n'
    (folder / "c.toml").write_text(text, encoding="utf-8")
    assert build(Path("in?.img"), Path("sd.img"), Path("c.toml"), "--release", "release") == 0
    read = Reading(folder / "sd.img", tmp_path / "parts")
    read.fsck()
    assert read.link("/opt/asl/current") == "releases/0123456789ab"
    shown = capsys.readouterr().out
    assert "live page: http://BOARD_IP:8080/?token=" in shown
    assert "console shows; b may do in its place, where the network knows its names\n" in shown


def test_an_own_dpu_goes_into_the_fat_partition(
    images: dict[str, Path],
    release: Path,
    write_config: WriteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "own.xclbin").write_bytes(b"xclbin2\0own")
    firmware = "/run/media/BOOT-mmcblk0p1/dpu.xclbin"
    config = write_config(f'[dpu]\nxclbin = "own.xclbin"\nfirmware = "{firmware}"\n')
    assert build(images["gpt"], tmp_path / "sd.img", config, "--release", str(release)) == 0
    shown = capsys.readouterr().out
    assert "note: DPU and model were not compared: dpu.xclbin is your own" in shown
    # The image's own name and network: neither is known.
    assert "note: BOARD_IP is what ifconfig eth0 on the board's console shows\n" in shown
    assert "live page: http://BOARD_IP:8080/?token=" in shown
    read = Reading(tmp_path / "sd.img", tmp_path / "parts")
    assert read.boot_file("dpu.xclbin") == b"xclbin2\0own"
    assert read.file("/etc/vart.conf").decode() == f"firmware: {firmware}\n"


def test_keys_and_network_of_another_image(
    tools: None, write_config: WriteConfig, tmp_path: Path
) -> None:
    """Root elsewhere with a key already, networkd off, no resolved, no host table."""
    tree, home = tmp_path / "tree", "/root"
    (tree / "root/.ssh").mkdir(parents=True)
    (tree / "root/.ssh/authorized_keys").write_text("ssh-rsa old\n")
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "systemd-networkd.service").symlink_to("/elsewhere")
    image = small_image(
        tmp_path,
        {
            "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
            "etc/hosts": None,
            "etc/hostname": None,
            "lib/systemd/system/systemd-resolved.service": None,
        },
    )
    (tmp_path / "me.pub").write_text(KEY, encoding="utf-8")
    config = write_config(FULL.split("[application]")[0] + "[application]\ninstall = false\n")
    assert build(image, tmp_path / "sd.img", config) == 0
    read = Reading(tmp_path / "sd.img", tmp_path / "parts")
    read.fsck()
    assert read.file(f"{home}/.ssh/authorized_keys").decode() == f"ssh-rsa old\n{KEY}\n"
    assert read.file("/etc/resolv.conf") == b"nameserver 192.168.1.1\n"
    assert read.file("/etc/hosts").decode() == "127.0.0.1\tlocalhost\n127.0.1.1\tasl-7\n"


def test_amds_releases_are_those_of_the_application() -> None:
    known = {f"{fingerprint:#x}" for fingerprint in RELEASES}
    assert set(FINGERPRINTS.values()) == known


def test_links_are_followed_to_what_is_read(
    tools: None, write_config: WriteConfig, tmp_path: Path
) -> None:
    etc = tmp_path / "tree" / "etc"
    etc.mkdir(parents=True)
    (etc / "vart.conf").symlink_to("vart/../vart.d/one")
    (etc / "vart.d").mkdir()
    (etc / "vart.d" / "one").symlink_to("/usr/share/vart.conf")
    image = small_image(tmp_path, {"etc/vart.conf": None, "usr/share/vart.conf": FIRMWARE})
    config = write_config("[application]\ninstall = false\n")
    assert build(image, tmp_path / "sd.img", config) == 0


def test_folders_may_be_links_and_debugfs_old(
    tools: None, write_config: WriteConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 1.46 debugfs writes a path as a name into the current folder: only `cd` may get one."""
    given: list[str] = []
    change = Ext4.change

    def noted(self: Ext4, commands: Sequence[str], folder: Path) -> None:
        given.extend(commands)
        change(self, commands, folder)

    monkeypatch.setattr(Ext4, "change", noted)
    network = tmp_path / "tree/etc/systemd/network"
    network.parent.mkdir(parents=True)
    network.symlink_to("/lib/systemd/network")
    image = small_image(tmp_path, {"lib/systemd/network/10-board.network": "old"})
    config = write_config('[network]\naddress = "dhcp"\n[application]\ninstall = false\n')
    assert build(image, tmp_path / "sd.img", config) == 0
    read = Reading(tmp_path / "sd.img", tmp_path / "parts")
    read.fsck()
    assert b"DHCP=yes" in read.file("/lib/systemd/network/10-board.network")
    asked = [line.split('"')[1] for line in given if not line.startswith("cd ")]
    assert "10-board.network" in asked and not [path for path in asked if "/" in path]


def test_a_fault_that_the_image_came_with_is_a_note(
    tools: None, write_config: WriteConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = small_image(tmp_path, {})
    data = bytearray(image.read_bytes())
    data[MIB + 37] |= 1  # FAT16: not unmounted
    image.write_bytes(data)
    config = write_config("[application]\ninstall = false\n")
    assert build(image, tmp_path / "sd.img", config) == 0
    assert "note: the image's FAT partition came with a fault, left as it was: Dirty" in (
        capsys.readouterr().out
    )
