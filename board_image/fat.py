"""The FAT partition that the board starts from, by mtools and fsck.vfat."""

from __future__ import annotations

from pathlib import Path

from board_image.disk import Partition
from board_image.errors import ImageError
from board_image.sparse import copy_part
from board_image.tools import run


class Fat:
    """A FAT file system inside an image.

    Args:
        image: The image.
        partition: Where it lies.
    """

    def __init__(self, image: Path, partition: Partition) -> None:
        self._image = image
        self._partition = partition
        self._name = f"{image.name}@@{partition.start}"

    def names(self) -> list[str]:
        """Return the names of the files at the top, as they are written."""
        command = ["mdir", "-b", "-i", self._name, "::"]
        listing = run(command, self._image.parent).stdout.splitlines()
        return [line.removeprefix("::/") for line in listing if not line.endswith("/")]

    def read(self, name: str, folder: Path) -> bytes:
        """Return a file's content; `folder` is for a copy that is removed again."""
        copy = folder / "from-fat"
        command = ["mcopy", "-n", "-o", "-i", self._name, f"::{name}", str(copy)]
        run(command, self._image.parent)
        content = copy.read_bytes()
        copy.unlink()
        return content

    def write(self, name: str, source: Path) -> None:
        """Write a file at the top, over one of the same name.

        Raises:
            ImageError: If there is no room for it.
        """
        command = ["mcopy", "-n", "-o", "-i", self._name, str(source.resolve()), f"::{name}"]
        try:
            run(command, self._image.parent)
        except ImageError as error:
            raise ImageError(
                f"file '{name}' of {source.stat().st_size} bytes must fit into the FAT partition,"
                f" got '{error}'"
            ) from error

    def fault(self, folder: Path) -> str:
        """Let fsck.vfat look at a copy of the partition, since it knows no offset.

        Args:
            folder: For the copy, which is removed again.

        Returns:
            What it complains of; empty if nothing.
        """
        copy = folder / "boot.fat"
        copy_part(self._image, self._partition.start, self._partition.size, copy)
        done = run(["fsck.vfat", "-n", copy.name], folder, accepted=(0, 1))
        copy.unlink()
        lines = [line for line in done.stdout.splitlines()[1:] if line.strip()]
        return lines[0].strip() if done.returncode and lines else ""
