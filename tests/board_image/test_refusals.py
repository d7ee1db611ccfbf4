"""Images, releases, tools and moments with which no card image comes about, and what is said of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.board_image.building import WriteConfig, build, small_image
from tests.board_image.conftest import FILES, write_release
from tests.board_image.synthetic import MIB


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
    image = small_image(tmp_path, files)
    out = tmp_path / "sd.img"
    assert build(image, out, write_config(config), "--release", str(release)) == 1
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
        assert build(image, tmp_path / "sd.img", config, "--release", str(folder)) == 0
        (tmp_path / "sd.img").unlink()
        image = small_image(tmp_path, {"usr/bin/xdputil": "#!/usr/bin/python3\n"})
    assert build(image, tmp_path / "sd.img", config, "--release", str(folder)) == 1
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
        build(images["gpt"], tmp_path / "sd.img", write_config(""), "--release", str(folder)) == 1
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
    image = small_image(tmp_path, {})
    spoil(image)
    assert build(image, tmp_path / "sd.img", write_config(config), "--release", str(release)) == 1
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
        assert build(images["gpt"], out, config, *more) == 1
        assert re.search(message, capsys.readouterr().err)
    assert (tmp_path / "there.img").read_text() == "mine"
    assert build(images["gpt"], tmp_path / "there.img", config, *more, "--force") == 0
    assert (tmp_path / "there.img").stat().st_size == images["gpt"].stat().st_size
    assert build(images["gpt"], tmp_path / "sd.img", config) == 1
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
        build(images["gpt"], tmp_path / "sd.img", write_config(""), "--release", str(release)) == 1
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
