"""The configuration: what is taken, and what is said of what is not."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from board_image.config import Application, Config, load_config
from board_image.errors import ImageError
from board_image.values import CHECKS

ROOT = Path(__file__).resolve().parents[2]
_BLOB = base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"\0\0\0\x20" + bytes(range(32))).decode()
KEY = f"ssh-ed25519 {_BLOB} me@here"


def test_an_empty_file_changes_nothing(write_config: Callable[[str], Path]) -> None:
    assert load_config(write_config("")) == Config()


def test_the_example_is_valid_and_names_every_key() -> None:
    path = ROOT / "board_image" / "board.toml"
    config = load_config(path)
    assert (config.board.hostname, config.network.address) == ("asl-board", "dhcp")
    text = re.sub(r"^# (?=\w+ = )", "", path.read_text(encoding="utf-8"), flags=re.M)
    for section, keys in CHECKS.items():
        part = text.split(f"[{section}]\n")[1].split("\n[")[0]
        named = re.findall(r"^(\w+) = ", part, re.M)
        assert set(named) == set(keys), section


def test_commented_values_of_the_example_are_valid(write_config: Callable[[str], Path]) -> None:
    text = (ROOT / "board_image" / "board.toml").read_text(encoding="utf-8")
    for line in re.findall(r"^# (\w+ = .+)$", text, re.M):
        key = line.split(" = ")[0]
        if key in ("xclbin", "authorized_keys"):
            continue  # files of somebody else's
        section = next(name for name, keys in CHECKS.items() if key in keys)
        extra = 'address = "192.168.1.20/24"\n' if key in ("gateway", "dns") else ""
        load_config(write_config(f"[{section}]\n{extra}{line}\n"))


def test_the_example_takes_the_users_key_when_its_line_is_uncommented(
    write_config: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text(f"{KEY}\n", encoding="utf-8")
    text = (ROOT / "board_image" / "board.toml").read_text(encoding="utf-8")
    taken = text.replace("# authorized_keys", "authorized_keys")
    assert load_config(write_config(taken)).ssh.keys == (KEY,)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("15GB", 15 * 10**9 // 2**20 * 2**20),
        ("8GiB", 8 << 30),
        ("1.5 GiB", 3 << 29),
        ("700MB", 667 << 20),
    ],
)
def test_sizes(write_config: Callable[[str], Path], text: str, size: int) -> None:
    assert load_config(write_config(f'[image]\nsize = "{text}"')).image.size == size


def test_every_key_arrives(write_config: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "me.pub").write_text(f"{KEY}\n\n", encoding="utf-8")
    (tmp_path / "own.xclbin").write_bytes(b"xclbin2\0...")
    config = load_config(
        write_config(
            '[image]\nsize = "1GiB"\n[board]\nhostname = "b-1"\n[network]\naddress = "10.0.0.2/8"\n'
            'gateway = "10.0.0.1"\ndns = ["10.0.0.1", "fd00::1"]\ninterface = "end0"\n'
            '[ssh]\nauthorized_keys = ["me.pub", "me.pub"]\n[application]\ninstall = true\nservice = false\n'
            'input = "/dev/video2"\nhost = "127.0.0.1"\nport = 9000\noptions = "--mirror --title \\"a b\\""\n'
            '[dpu]\nxclbin = "own.xclbin"\nfirmware = "/usr/lib/dpu.xclbin"\n'
        )
    )
    assert config.ssh.keys == (KEY,)
    assert config.network.dns == ("10.0.0.1", "fd00::1") and config.network.interface == "end0"
    assert config.dpu.xclbin == tmp_path / "own.xclbin"
    assert config.application.settings() == {
        "ASL_INPUT": "/dev/video2",
        "ASL_HOST": "127.0.0.1",
        "ASL_PORT": "9000",
        "ASL_OPTIONS": '"--mirror --title \\"a b\\""',
    }
    assert Application().settings() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[image", "configuration must be TOML, got 'Expected ']'"),
        (
            "size = 1",
            "section must be one of image, board, network, ssh, application, dpu, got 'size'",
        ),
        ("image = 1", r"\[image\] must be a section, got 1"),
        ('[image]\nsise = "1GB"', r"key of \[image\] must be one of size, got 'sise'"),
        (
            '[image]\nsize = "15G"',
            'image.size must be a size such as "15GB" or "8GiB", got \'15G\'',
        ),
        ("[image]\nsize = 15", "image.size must be a size such as"),
        ('[image]\nsize = "0MB"', "image.size must be more than 1 MiB and at most 2 TiB"),
        ('[board]\nhostname = "a_b"', "board.hostname must be 1 to 63 of a-z"),
        ('[board]\nhostname = "-a"', "board.hostname must be"),
        (
            '[network]\naddress = "10.0.0.1"',
            'network.address must be "dhcp", or address and prefix',
        ),
        ('[network]\naddress = "10.0.0.300/8"', "network.address must be"),
        (
            '[network]\naddress = "10.0.0.0/8"',
            "network.address must be an address of one board in 10.0.0.0/8",
        ),
        (
            '[network]\naddress = "10.0.0.2/24"\ngateway = "10.1.0.1"',
            "gateway must be in 10.0.0.0/24",
        ),
        (
            '[network]\naddress = "dhcp"\ngateway = "10.1.0.1"',
            "must come with a fixed network.address",
        ),
        ('[network]\ndns = ["10.1.0.1"]', "must come with a fixed network.address"),
        ('[network]\ndns = "10.1.0.1"', "network.dns must be a list of addresses"),
        ('[network]\ninterface = "eth 0"', "network.interface must be the name"),
        ('[ssh]\nauthorized_keys = ["none.pub"]', "files that can be read .No such file"),
        ('[ssh]\nauthorized_keys = "none.pub"', "ssh.authorized_keys must be a list of files"),
        ('[application]\ninstall = "yes"', "application.install must be true or false, got 'yes'"),
        ("[application]\nport = 80", "application.port must be 1024 to 65535"),
        ("[application]\nport = true", "application.port must be"),
        ('[application]\ninput = "a\\nb"', "application.input must be one line of text"),
        ('[application]\noptions = "\\"a"', "application.options must be options such as"),
        ('[dpu]\nxclbin = "none"', "dpu.xclbin must be a file that can be read .No such file"),
        ('[dpu]\nxclbin = "board.toml"', "dpu.xclbin must be a DPU as v.. packs it"),
        ('[dpu]\nfirmware = "dpu.xclbin"', "dpu.firmware must be a path on the board"),
    ],
)
def test_what_is_refused(write_config: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        load_config(write_config(text))
    assert "board.toml" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello\n",
        "ssh-ed25519 AAAA me\n",
        "ssh-ed25519 !!!! me\n",
        'command="x" ' + KEY,
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    ],
    ids=["empty", "text", "other-type", "no-base64", "options", "private"],
)
def test_what_is_no_public_key(
    write_config: Callable[[str], Path], tmp_path: Path, text: str
) -> None:
    (tmp_path / "me.pub").write_text(text, encoding="utf-8")
    with pytest.raises(ImageError, match="must be files of public keys, one a line"):
        load_config(write_config('[ssh]\nauthorized_keys = ["me.pub"]'))


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        ImageError, match="must be readable, got 'No such file or directory' .* CONFIG=..."
    ):
        load_config(tmp_path / "none.toml")
