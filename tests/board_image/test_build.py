"""The whole way: a synthetic image in, a card image out, read back with other means."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from board_image.__main__ import main
from board_image.build import FINGERPRINTS
from board_image.ext4 import Ext4
from target.runners.releases import RELEASES
from tests.board_image.conftest import FILES, write_release
from tests.board_image.reading import Found, Reading
from tests.board_image.synthetic import MIB, XCLBIN, make_image, write_tree
from tests.board_image.test_config import KEY

WriteConfig = Callable[[str], Path]
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


def _make(image: Path, out: Path, config: Path, *more: str) -> int:
    return main([str(image), str(out), "--config", str(config), "--quiet", *more])


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
    assert _make(images[label], out, config, "--release", str(release), "--json") == 0
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
    assert _make(packed, tmp_path / "sd.img", config) == 0
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
    assert _make(Path("in?.img"), Path("sd.img"), Path("c.toml"), "--release", "release") == 0
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
    assert _make(images["gpt"], tmp_path / "sd.img", config, "--release", str(release)) == 0
    shown = capsys.readouterr().out
    assert "note: DPU and model were not compared: dpu.xclbin is your own" in shown
    # The image's own name and network: neither is known.
    assert "note: BOARD_IP is what ifconfig eth0 on the board's console shows\n" in shown
    assert "live page: http://BOARD_IP:8080/?token=" in shown
    read = Reading(tmp_path / "sd.img", tmp_path / "parts")
    assert read.boot_file("dpu.xclbin") == b"xclbin2\0own"
    assert read.file("/etc/vart.conf").decode() == f"firmware: {firmware}\n"


def _image(tmp_path: Path, files: dict[str, str | None], **more: object) -> Path:
    write_tree(tmp_path / "tree", files)
    return make_image(tmp_path / "xilinx-zcu104-dpu-v2022.2-v3.0.0.img", tmp_path / "tree", **more)  # type: ignore[arg-type]


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
    image = _image(
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
    assert _make(image, tmp_path / "sd.img", config) == 0
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
    image = _image(tmp_path, {"etc/vart.conf": None, "usr/share/vart.conf": FIRMWARE})
    config = write_config("[application]\ninstall = false\n")
    assert _make(image, tmp_path / "sd.img", config) == 0


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
    image = _image(tmp_path, {"lib/systemd/network/10-board.network": "old"})
    config = write_config('[network]\naddress = "dhcp"\n[application]\ninstall = false\n')
    assert _make(image, tmp_path / "sd.img", config) == 0
    read = Reading(tmp_path / "sd.img", tmp_path / "parts")
    read.fsck()
    assert b"DHCP=yes" in read.file("/lib/systemd/network/10-board.network")
    asked = [line.split('"')[1] for line in given if not line.startswith("cd ")]
    assert "10-board.network" in asked and not [path for path in asked if "/" in path]


def test_a_fault_that_the_image_came_with_is_a_note(
    tools: None, write_config: WriteConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = _image(tmp_path, {})
    data = bytearray(image.read_bytes())
    data[MIB + 37] |= 1  # FAT16: not unmounted
    image.write_bytes(data)
    config = write_config("[application]\ninstall = false\n")
    assert _make(image, tmp_path / "sd.img", config) == 0
    assert "note: the image's FAT partition came with a fault, left as it was: Dirty" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("files", "config", "message"),
    [
        ({"etc/passwd": "me:x:1:1::/:/bin/sh\n"}, "", "must have root in /etc/passwd, got none"),
        ({"etc/vart.conf": None}, "", "image must have /etc/vart.conf with a line 'firmware: ...'"),
        (
            {"etc/vart.conf": "firmware: /usr/lib/dpu.xclbin\n"},
            "",
            "got none at /usr/lib/dpu.xclbin",
        ),
        (
            {"etc/vart.conf": "firmware: /run/media/mmcblk0p2/dpu.xclbin\n"},
            "",
            "got /run/media/mmcblk0p2/dpu.xclbin but BOOT.BIN, dpu.xclbin in partition 1",
        ),
        (
            {"etc/vart.conf": "firmware: /run/media/mmcblk0p1/other.xclbin\n"},
            "",
            "but BOOT.BIN, dpu.xclbin in partition 1",
        ),
        ({"lib/systemd/systemd": None}, "", "must start systemd for application.install, got none"),
        (
            {"lib/systemd/systemd": None},
            '[network]\naddress = "dhcp"',
            "must start systemd for network.address, got none",
        ),
        (
            {"etc/systemd/system/multi-user.target.wants/NetworkManager.service": ""},
            '[network]\naddress = "dhcp"',
            "network must be run by systemd-networkd, got NetworkManager.service",
        ),
        ({"opt/asl": "a file"}, "", "image must let /opt/asl be a folder, got a file there"),
        (
            {"etc/hostname/x": ""},
            '[board]\nhostname = "b"',
            "let /etc/hostname be a file, got a folder",
        ),
        (
            {"usr/big": "x" * 9_000_000},
            "",
            r"must have 13 MB left, got 1\d MB; set a larger image.size",
        ),
    ],
)
def test_images_that_will_not_do(
    tools: None,
    files: dict[str, str | None],
    config: str,
    message: str,
    release: Path,
    write_config: WriteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if any(name.startswith("etc/hostname/") for name in files):
        files = {**files, "etc/hostname": None}
    if "usr/big" in files:
        release = write_release(tmp_path / "large", 12_000_000)
    image = _image(tmp_path, files)
    out = tmp_path / "sd.img"
    assert _make(image, out, write_config(config), "--release", str(release)) == 1
    error = capsys.readouterr().err
    assert re.search(message, error) and error.startswith("error: ") and error.count("\n") == 1
    assert not out.exists() and not list(tmp_path.glob(".board-image-*"))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"toolchain": "builtin"},
            "must be compiled by AMD's compiler for a board, got toolchain 'builtin'",
        ),
        (
            {"fingerprint": "0x101000016010407"},
            r"image's DPU 0x101000056010407 .v3.0.0., got 0x101000016010407",
        ),
    ],
)
def test_models_that_will_not_do(
    images: dict[str, Path],
    model: dict[str, str],
    message: str,
    write_config: WriteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_release(tmp_path / "release", **model)
    config = write_config("")
    image = images["gpt"]
    if (
        "toolchain" in model
    ):  # this one's query says that it is a stand-in, and a real one's does not
        assert _make(image, tmp_path / "sd.img", config, "--release", str(folder)) == 0
        (tmp_path / "sd.img").unlink()
        image = _image(tmp_path, {"usr/bin/xdputil": "#!/usr/bin/python3\n"})
    assert _make(image, tmp_path / "sd.img", config, "--release", str(folder)) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "sd.img").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "model/a.xmodel").write_text("y"), "sha256 must be [0-9a-f]{64}, got"),
        (
            lambda f: (f / "model/a.xmodel").unlink(),
            "just the files of release.json, got none at .*a.xmodel",
        ),
        (
            lambda f: (f / "more").write_text(""),
            "just the files of release.json, got one more at .*/more",
        ),
        (lambda f: (f / "release.json").unlink(), "must have a release.json .*, got No such file"),
        (lambda f: (f / "release.json").write_text("{}"), "got KeyError: 'id'"),
        (
            lambda f: (f / "release.json").write_text('{"id": "../../../etc"}'),
            "ValueError: id '../../../etc'",
        ),
        (lambda f: (f / "release.json").write_text("[]"), "got TypeError"),
    ],
)
def test_releases_that_will_not_do(
    images: dict[str, Path],
    spoil: Callable[[Path], object],
    message: str,
    write_config: WriteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_release(tmp_path / "release")
    spoil(folder)
    assert (
        _make(images["gpt"], tmp_path / "sd.img", write_config(""), "--release", str(folder)) == 1
    )
    assert re.search(message, capsys.readouterr().err)


def _with_second_fat(image: Path) -> None:
    data = bytearray(image.read_bytes())
    data[9 * MIB : 10 * MIB] = data[MIB : 2 * MIB]
    image.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "config", "message"),
    [
        (lambda p: p.write_bytes(b"x" * MIB), "", "image must have a partition table, got none"),
        (lambda p: os.truncate(p, 20 * MIB), "", "hold all its partitions, got one that ends at"),
        (_with_second_fat, "", r"must have one fat partition, got 2 .partitions: fat, fat."),
        (lambda p: p.unlink(), "", "image must be a file, got none at .*IMAGE=... names AMD's"),
        (
            lambda p: None,
            '[image]\nsize = "20MiB"',
            "image.size must be at least the image's, 35651584",
        ),
        (lambda p: None, '[network]\naddress = "x"', "network.address must be"),
    ],
)
def test_files_that_are_no_image(
    images: dict[str, Path],
    spoil: Callable[[Path], object],
    config: str,
    message: str,
    release: Path,
    write_config: WriteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image = _image(tmp_path, {})
    spoil(image)
    assert _make(image, tmp_path / "sd.img", write_config(config), "--release", str(release)) == 1
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count("\n") == 1
    assert not (tmp_path / "sd.img").exists()


def test_the_output_is_never_the_input_nor_overwritten_unasked(
    images: dict[str, Path],
    release: Path,
    write_config: WriteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config, more = write_config(""), ("--release", str(release))
    (tmp_path / "link.img").symlink_to(images["gpt"])
    (tmp_path / "there.img").write_text("mine")
    (tmp_path / "file").write_text("")
    for out, message in (
        (tmp_path / "link.img", "output must be another file than the image"),
        (tmp_path / "there.img", "output must not exist, got a file at .*; add FORCE=1"),
        (tmp_path, "output must be a file, got something else"),
        (tmp_path / "none" / "sd.img", "output folder must be writable"),
        (tmp_path / "file" / "sd.img", "output folder must be writable"),
    ):
        assert _make(images["gpt"], out, config, *more) == 1
        assert re.search(message, capsys.readouterr().err)
    assert (tmp_path / "there.img").read_text() == "mine"
    assert _make(images["gpt"], tmp_path / "there.img", config, *more, "--force") == 0
    assert (tmp_path / "there.img").stat().st_size == images["gpt"].stat().st_size
    assert _make(images["gpt"], tmp_path / "sd.img", config) == 1
    assert "release must be given to be installed" in capsys.readouterr().err


def test_missing_tools_are_named_with_what_installs_them(
    images: dict[str, Path],
    release: Path,
    write_config: WriteConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("board_image.tools._PATH", "/nowhere")
    assert (
        _make(images["gpt"], tmp_path / "sd.img", write_config(""), "--release", str(release)) == 1
    )
    error = capsys.readouterr().err
    assert "sfdisk (fdisk), debugfs (e2fsprogs)" in error
    assert error.endswith("run sudo apt install fdisk e2fsprogs mtools dosfstools\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_an_interrupted_run_leaves_nothing(
    number: signal.Signals, images: dict[str, Path], write_config: WriteConfig, tmp_path: Path
) -> None:
    """The image comes through a pipe that stays open: it cannot finish before the signal."""
    pipe = tmp_path / "image.img"
    pipe.write_bytes(b"")
    config = write_config("[application]\ninstall = false\n")
    program = (
        "import sys, board_image.build as b, board_image.__main__ as m\n"
        "def unpack(*args):\n    print('there', flush=True); sys.stdin.read()\n"
        "b.unpack = unpack\nsys.exit(m.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, str(pipe), str(tmp_path / "sd.img")]
    with subprocess.Popen(
        [*command, "--config", str(config), "--quiet"],
        cwd=FILES.parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "there\n"
        assert list(tmp_path.glob(".board-image-*"))
        child.send_signal(number)
        _, error = child.communicate(timeout=60)
    assert child.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert "Traceback" not in error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["board.toml", "image.img"]
