"""What shall be in the root file system: a list of entries, written by debugfs and read back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from board_image.errors import ImageError
from board_image.ext4 import Ext4, Node

_KINDS = {"file": 0o100000, "folder": 0o040000, "link": 0o120000}
_PATH = re.compile(r"/[A-Za-z0-9._+@=/-]+")  # what debugfs takes without a question of quoting
_LONGEST_LINK = 59  # bytes; a longer one does not lie in its inode
_BLOCK = 4096


@dataclass(frozen=True)
class Entry:
    """A file, folder or link of the root file system.

    Attributes:
        path: Absolute, in the image.
        kind: `file`, `folder` or `link`.
        content: Of a file: bytes, or the file they are in; of a link: where it points.
        mode: Permission bits.
        uid: Owner.
        gid: Group.
    """

    path: str
    kind: str
    content: bytes | Path | str = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0

    def __post_init__(self) -> None:
        assert _PATH.fullmatch(self.path) and "//" not in self.path, self.path
        assert self.kind != "link" or len(str(self.content)) <= _LONGEST_LINK, self.content

    @property
    def size(self) -> int:
        """Bytes that it takes on the disk, roughly: whole blocks and an inode's share."""
        given = self.content
        size = given.stat().st_size if isinstance(given, Path) else len(given)
        return -(-size // _BLOCK) * _BLOCK + (_BLOCK if self.kind == "folder" else 512)

    def data(self) -> bytes:
        """Return a file's content."""
        return self.content.read_bytes() if isinstance(self.content, Path) else _bytes(self.content)


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content


def folder(path: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> Entry:
    """Return a folder; one that is there gets this owner and mode."""
    return Entry(path, "folder", b"", mode, uid, gid)


def file(path: str, content: bytes | Path | str, mode: int = 0o644) -> Entry:
    """Return a file of root's."""
    return Entry(path, "file", content, mode)


def link(path: str, target: str) -> Entry:
    """Return a symbolic link."""
    return Entry(path, "link", target, 0o777)


def write(root: Ext4, entries: Sequence[Entry], staging: Path) -> None:
    """Put entries into the root file system, over files and links of the same name.

    Args:
        root: The file system.
        entries: Parents first, or already in the image.
        staging: An empty folder, for copies.

    Raises:
        ImageError: If there is no room, or a folder is where a file shall be.
    """
    needed, free = sum(entry.size for entry in entries), root.free_bytes()
    if needed > free:
        raise ImageError(
            f"root file system must have {_mb(needed)} left, got {_mb(free)};"
            " set a larger image.size in the configuration"
        )
    there = root.look([entry.path for entry in entries])
    commands = []
    for i, entry in enumerate(entries):
        commands += _commands(entry, there.get(entry.path), f"new-{i}")
        if entry.kind == "file":
            (staging / f"new-{i}").write_bytes(entry.data())
    root.change(commands, staging)
    shutil.rmtree(staging)
    staging.mkdir()


def check(root: Ext4, entries: Sequence[Entry], staging: Path) -> None:
    """Read everything back and compare kind, owner, mode and content.

    Raises:
        ImageError: If something is not as it was to be.
    """
    there = root.look([entry.path for entry in entries])
    content = root.read([entry.path for entry in entries if entry.kind == "file"], staging)
    for entry in entries:
        wanted = Node(entry.kind, entry.mode, entry.uid, entry.gid)
        node = there.get(entry.path)
        got = node and Node(node.kind, node.mode, node.uid, node.gid)
        same = got == wanted
        if entry.kind == "file":
            same = same and content.get(entry.path) == entry.data()
        elif entry.kind == "link":
            same = same and node is not None and node.target == entry.content
        if not same:
            raise ImageError(
                f"{entry.kind} must read back as it was written, got {got or 'nothing'} at"
                f" {entry.path} in the root file system"
            )


def with_parents(entries: Iterable[Entry], root: Ext4) -> list[Entry]:
    """Return entries with the folders above them that the image lacks, root's and 755."""
    given = list(entries)
    named = {entry.path for entry in given}
    above: dict[str, None] = {}
    for entry in given:
        for parent in reversed(PurePosixPath(entry.path).parents[:-1]):
            above.setdefault(str(parent))
    missing = above.keys() - root.look(list(above)).keys() - named
    made = [folder(path) for path in above if path in missing]
    return sorted([*made, *given], key=lambda entry: entry.path)


def _commands(entry: Entry, there: Node | None, staged: str) -> list[str]:
    """Return what debugfs must do for one entry, given what is at its path.

    All of it happens inside the entry's folder: debugfs before 1.46 takes the path that it shall write
    for a name. The dot is for a folder that is a link to one.
    """
    if there is not None and (there.kind == "folder") != (entry.kind == "folder"):
        raise ImageError(
            f"image must let {entry.path} be a {entry.kind}, got a {there.kind} there;"
            " give AMD's image for the ZCU104"
        )
    above, _, name = entry.path.rpartition("/")
    commands = [f'cd "{above}/."']
    if there is not None and entry.kind != "folder":
        commands.append(f'rm "{name}"')
    if entry.kind == "file":
        commands.append(f'write {staged} "{name}"')
    elif entry.kind == "link":
        return [*commands, f'symlink "{name}" "{entry.content!s}"']
    elif there is None:
        commands.append(f'mkdir "{name}"')
    mode = f"0{_KINDS[entry.kind] | entry.mode:o}"
    fields = {"mode": mode, "uid": str(entry.uid), "gid": str(entry.gid)}
    return [*commands, *(f'sif "{name}" {k} {v}' for k, v in fields.items())]


def _mb(size: int) -> str:
    return f"{-(-size // 1_000_000)} MB"
