"""What a user downloaded: a zip archive, or the folder that it was unpacked to.

Nothing is unpacked: files are read by name, within limits, and no name leads out of the folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from target.errors import DataError

LARGEST_FILE_BYTES = 32 << 20  # a photo of a camera has 10 MB; the sets' own have 30 kB
LARGEST_DOWNLOAD_BYTES = 4 << 30
MOST_FILES = 200_000
PICTURES = (".jpg", ".jpeg", ".png")


@dataclasses.dataclass(frozen=True)
class Download:
    """Files by name.

    Attributes:
        path: The archive or the folder.
        sizes: Bytes of each file by its name, parts divided by `/`, sorted; hidden files are left out.
        open_file: Returns the bytes of a file of that name.
    """

    path: Path
    sizes: dict[str, int]
    open_file: Callable[[str], bytes]

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            DataError: If there is no such file, it is too large, or it is broken.
        """
        if name not in self.sizes:
            raise DataError(f"file must be in the download, got no {self.where(name)}")
        if self.sizes[name] > LARGEST_FILE_BYTES:
            raise DataError(
                f"file must have at most {LARGEST_FILE_BYTES >> 20} MB, got"
                f" {self.sizes[name] >> 20} MB in {self.where(name)}"
            )
        try:
            return self.open_file(name)
        except (
            OSError,
            EOFError,
            RuntimeError,  # a password; NotImplementedError, an unknown compression, is one too
            ValueError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise DataError(
                f"file must be readable, got '{error}' in {self.where(name)}"
            ) from error

    def text(self, name: str) -> str:
        """Return a file's UTF-8 text.

        Raises:
            DataError: As `read`, or if it is not UTF-8.
        """
        try:
            return self.read(name).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"text must be UTF-8, got '{error}' in {self.where(name)}") from error

    def where(self, name: str) -> str:
        """Return what a message calls a file."""
        return f"{name} of {self.path}"


@contextlib.contextmanager
def open_download(path: Path) -> Iterator[Download]:
    """Open a zip archive or a folder.

    Raises:
        DataError: If it is neither, too large, or a name in it leads out of it.
    """
    if path.is_dir():
        yield _checked(_folder(path))
        return
    if not path.is_file():
        raise DataError(f"download must be a zip file or a folder, got nothing at {path}")
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"download must be a complete zip file, got '{error}' in {path}; get it again"
        ) from error
    with archive:
        yield _checked(_archive(path, archive))


def _archive(path: Path, archive: zipfile.ZipFile) -> Download:
    members = {}
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")  # as some programs on Windows divide them
        if not _stays_inside(name):
            raise DataError(f"names must stay inside the folder, got '{name}' in {path}")
        if not name.endswith("/"):
            members[name] = member
    sizes = {name: member.file_size for name, member in sorted(members.items())}
    return Download(path, sizes, lambda name: archive.read(members[name]))


def _folder(path: Path) -> Download:
    root = path.resolve()
    sizes = {}
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            if file.is_file():
                sizes[file.relative_to(root).as_posix()] = file.stat().st_size
    return Download(path, dict(sorted(sizes.items())), lambda name: _read_inside(root, name))


def _read_inside(root: Path, name: str) -> bytes:
    file = (root / name).resolve()
    if not file.is_relative_to(root):
        raise ValueError("a link that leads out of the folder")
    return file.read_bytes()


def _checked(download: Download) -> Download:
    """Check the sizes and leave hidden files out: what macOS adds, and version control."""
    sizes = {name: size for name, size in download.sizes.items() if not _hidden(name)}
    total = sum(sizes.values())
    if len(sizes) > MOST_FILES or total > LARGEST_DOWNLOAD_BYTES:
        raise DataError(
            f"download must have at most {MOST_FILES} files and {LARGEST_DOWNLOAD_BYTES >> 30} GB,"
            f" got {len(sizes)} files and {total >> 20} MB in {download.path}"
        )
    return dataclasses.replace(download, sizes=sizes)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and name[1:2] != ":"


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
