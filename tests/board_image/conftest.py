"""Images to work on, made once; without the tools the tests say so."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.board_image.synthetic import PATH, make_image, write_tree

TOOLS = ("sfdisk", "debugfs", "e2fsck", "resize2fs", "mke2fs", "mkfs.vfat", "fsck.vfat", "mcopy")
FILES = Path(__file__).resolve().parents[2] / "host" / "deploy" / "files"


@pytest.fixture(scope="session")
def tools() -> None:
    """What makes and changes images must be installed."""
    missing = [name for name in TOOLS if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; run sudo make apt")


@pytest.fixture(scope="session")
def images(tools: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Images as AMD's are laid out, by partition table; only to be read."""
    folder = tmp_path_factory.mktemp("images")
    write_tree(folder / "tree", {})
    name = "xilinx-zcu104-dpu-v2022.2-v3.0.0-{}.img"
    made = {}
    for label, boot_mib in (("dos", 40), ("gpt", 8)):
        made[label] = make_image(folder / name.format(label), folder / "tree", label, boot_mib)
        made[label].chmod(0o444)
    return made


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of three files."""
    return write_release(tmp_path_factory.mktemp("release") / "r")


def write_release(folder: Path, size: int = 1, **model: Any) -> Path:
    """Write a folder as host.deploy.release does, with next to nothing in it but `size` bytes."""
    texts = {
        "target/__main__.py": "print('here')\n",
        "model/model.json": "{}",
        "model/a.xmodel": "x" * size,
    }
    entries = {}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        entries[name] = {"sha256": digest, "bytes": len(text)}
    facts = {"name": "signnet", "toolchain": "vitis", "fingerprint": "0x101000056010407"}
    content = {
        "id": "0123456789ab",
        "model": {**facts, "sha256": "0" * 64, **model},
        "files": entries,
    }
    (folder / "release.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "board.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
