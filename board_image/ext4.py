"""The ext4 file system inside an image, by debugfs, e2fsck and resize2fs; nothing is mounted.

All of them take `FILE?offset=N`. debugfs reports faults in its text only, so each is looked for
there, and what was written is read back by whoever wrote it.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from board_image.disk import Partition
from board_image.errors import ImageError
from board_image.tools import run

_TYPES = {"regular": "file", "directory": "folder", "symlink": "link"}
_INODE = re.compile(r"Type: ([\w ]+?)\s+Mode:\s+(\d+)")
_OWNER = re.compile(r"User:\s+(\d+)\s+Group:\s+(\d+).*?Size: (\d+)")
_FAST_LINK = re.compile(r'Fast link dest: "(.*)"')
_MOST_LINKS = 8  # one behind the other
_ABSENT = re.compile("File not found|is not a directory")  # also where a file is above the path


@dataclass(frozen=True)
class Node:
    """What is at a path.

    Attributes:
        kind: `file`, `folder`, `link` or another type in debugfs's words.
        mode: Permission bits.
        uid: Owner.
        gid: Group.
        size: Bytes.
        target: Of a link, else empty.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    target: str = ""


class Ext4:
    """An ext4 file system inside an image.

    Args:
        image: The image; its name has no `?`.
        partition: Where it lies.
    """

    def __init__(self, image: Path, partition: Partition) -> None:
        self._folder = image.parent
        self._name = f"{image.name}?offset={partition.start}"
        self._partition = partition

    def repair(self) -> None:
        """Replay the journal and mend what can be mended without a question, as at boot.

        Raises:
            ImageError: If the file system is broken.
        """
        run(["e2fsck", "-f", "-p", self._name], self._folder, accepted=(0, 1))

    def check(self) -> None:
        """Let e2fsck look at it without changing it.

        Raises:
            ImageError: If it finds a fault.
        """
        run(["e2fsck", "-f", "-n", self._name], self._folder)

    def free_bytes(self) -> int:
        """Return the bytes that root can still write."""
        text = run(["dumpe2fs", "-h", self._name], self._folder).stdout
        facts = dict(re.findall(r"^(Free blocks|Block size):\s+(\d+)$", text, re.M))
        return int(facts["Free blocks"]) * int(facts["Block size"])

    def look(self, paths: Sequence[str]) -> dict[str, Node]:
        """Return what is at each path; a path with nothing is left out, a link is not followed."""
        text = self._ask([f'stat "{path}"' for path in paths])
        found = {}
        for path, section in zip(paths, text.split("debugfs: stat ")[1:], strict=True):
            inode, owner = _INODE.search(section), _OWNER.search(section)
            if inode is None or owner is None:
                continue
            link = _FAST_LINK.search(section)
            uid, gid, size = map(int, owner.groups())
            kind = _TYPES.get(inode[1], inode[1])
            mode = int(inode[2], 8) & 0o7777
            found[path] = Node(kind, mode, uid, gid, size, link[1] if link else "")
        return found

    def names(self, folder: str) -> list[str]:
        """Return what lies in a folder, or nothing where there is none."""
        rows = [line.split("/") for line in self._ask([f'ls -p "{folder}"']).splitlines()]
        names = [row[5] for row in rows if len(row) > 5 and not row[0]]
        return [name for name in names if name not in (".", "..")]

    def read(self, paths: Sequence[str], folder: Path) -> dict[str, bytes]:
        """Return the content of files; links are followed, what is not there is left out.

        Args:
            paths: Absolute, in the image.
            folder: For copies, which are removed again.
        """
        copies = {path: folder / f"read-{i}" for i, path in enumerate(paths)}
        sources = self._followed(paths)
        # Names without a folder: debugfs runs beside them.
        dumps = [f'dump "{sources[path]}" {copy.name}' for path, copy in copies.items()]
        self._ask(dumps, folder)
        content = {}
        for path, copy in copies.items():
            if copy.exists():
                content[path] = copy.read_bytes()
                copy.unlink()
        return content

    def _followed(self, paths: Sequence[str]) -> dict[str, str]:
        """Return where each path leads, links followed; those in the folders above debugfs follows."""
        ends = {path: path for path in paths}
        for _ in range(_MOST_LINKS):
            nodes = self.look(list(ends.values()))
            links = {path: end for path, end in ends.items() if end in nodes and nodes[end].target}
            if not links:
                break
            for path, end in links.items():
                beside = posixpath.join(posixpath.dirname(end), nodes[end].target)
                ends[path] = posixpath.normpath(beside)
        return ends

    def change(self, commands: Sequence[str], folder: Path) -> None:
        """Have debugfs change the file system.

        Args:
            commands: In debugfs's words; local files are named relative to `folder`.
            folder: Where debugfs runs.

        Raises:
            ImageError: If one command fails.
        """
        command = ["debugfs", "-w", "-f", "-", self._seen_from(folder)]
        done = run(command, folder, given=_lines(commands))
        faults = [x for x in done.stderr.splitlines() if x and not x.startswith("debugfs 1.")]
        if faults:
            raise ImageError(f"debugfs must write the root file system, got '{faults[0].strip()}'")

    def _seen_from(self, folder: Path) -> str:
        """Return the name from another folder; a `?` in the whole path would end it."""
        return os.path.join(os.path.relpath(self._folder, folder), self._name)

    def _ask(self, commands: Sequence[str], folder: Path | None = None) -> str:
        """Return what debugfs prints; a path that is not there is no fault."""
        folder = folder or self._folder
        command = ["debugfs", "-f", "-", self._seen_from(folder)]
        done = run(command, folder, given=_lines(commands))
        for line in done.stderr.splitlines():
            if line and not line.startswith("debugfs 1.") and not _ABSENT.search(line):
                raise ImageError(f"debugfs must read the root file system, got '{line.strip()}'")
        return done.stdout


def _lines(commands: Sequence[str]) -> str:
    return "".join(f"{command}\n" for command in commands)
