"""Reading an image with other means than the code under test: mtools and debugfs on a copied-out part."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.board_image.synthetic import PATH

ENVIRONMENT = {**os.environ, "PATH": PATH, "MTOOLSRC": os.devnull, "LC_ALL": "C"}


@dataclass(frozen=True)
class Found:
    """A path of the root file system: type and mode in octal, owner, content or link."""

    mode: str
    owner: tuple[int, int]


class Reading:
    """A card image's partitions, copied out into files of their own.

    Args:
        image: The card image.
        folder: For the copies.
    """

    def __init__(self, image: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.image = image
        self.table = json.loads(_run("sfdisk", "--json", str(image)))["partitiontable"]
        self.root, self.boot = folder / "root.ext4", folder / "boot.fat"
        for path, part in zip((self.boot, self.root), self.table["partitions"], strict=True):
            with open(image, "rb") as file:
                file.seek(part["start"] * 512)
                path.write_bytes(file.read(part["size"] * 512))
            assert path.stat().st_size == part["size"] * 512

    def fsck(self) -> None:
        """Both file systems must be clean."""
        _run("e2fsck", "-fn", str(self.root))
        _run("fsck.vfat", "-n", str(self.boot))

    def file(self, path: str) -> bytes:
        """Content of a file of the root file system."""
        return _bytes("debugfs", "-R", f"cat {path}", str(self.root))

    def boot_file(self, name: str) -> bytes:
        """Content of a file of the FAT partition."""
        return _bytes("mcopy", "-n", "-i", str(self.boot), f"::{name}", "-")

    def link(self, path: str) -> str:
        """Where a link points."""
        text = _run("debugfs", "-R", f"stat {path}", str(self.root))
        return text.split('link dest: "')[1].split('"')[0]

    def folder(self, path: str) -> dict[str, Found]:
        """What lies in a folder."""
        rows = [
            line.split("/")
            for line in _run("debugfs", "-R", f"ls -p {path}", str(self.root)).split("\n")
        ]
        return {r[5]: Found(r[2], (int(r[3]), int(r[4]))) for r in rows if len(r) > 5}

    def size(self) -> int:
        """Bytes of the root file system."""
        text = _run("dumpe2fs", "-h", str(self.root))
        facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return int(facts["Block count"]) * int(facts["Block size"])


def _bytes(*command: str) -> bytes:
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout!r} {done.stderr!r}"
    return done.stdout


def _run(*command: str) -> str:
    return _bytes(*command).decode()
