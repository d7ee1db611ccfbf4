"""Unpacking: every packing, nothing but whole images, holes where there are zeros."""

from __future__ import annotations

import gzip
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from board_image.errors import ImageError
from board_image.sparse import copy_part
from board_image.unpack import kind_of, unpack

# Zeros at the start, in the middle and at the end; not a whole number of blocks.
PLAIN = bytes(3 << 20) + os.urandom(70_001) + bytes(2 << 20) + b"end" + bytes((1 << 20) + 13)


def _zip(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)


PACK: dict[str, Callable[[Path], object]] = {
    "image": lambda path: path.write_bytes(PLAIN),
    "gzip": lambda path: path.write_bytes(gzip.compress(PLAIN, 1)),
    "xz": lambda path: path.write_bytes(lzma.compress(PLAIN, preset=0)),
    "zip": lambda path: _zip(path, README_txt=b"x", sd_img=PLAIN),
}


@pytest.mark.parametrize("kind", PACK)
def test_every_packing_by_its_first_bytes(tmp_path: Path, kind: str) -> None:
    PACK[kind](tmp_path / "any name")
    assert kind_of(tmp_path / "any name") == kind
    shares: list[float] = []
    assert unpack(tmp_path / "any name", tmp_path / "out", shares.append) == len(PLAIN)
    assert (tmp_path / "out").read_bytes() == PLAIN
    assert shares == sorted(shares) and 0.99 < shares[-1] <= 1.0  # a zip ends with its index
    assert (tmp_path / "out").stat().st_blocks * 512 < 1 << 20  # of 6 MiB: zeros take no room


@pytest.mark.parametrize(
    ("kind", "spoil", "message"),
    [
        (
            "gzip",
            lambda data: data[:-5000],
            "must be whole, got a damaged gzip file .Compressed file ended",
        ),
        ("gzip", lambda data: data[:4000] + b"\xff" * 99 + data[4099:], "got a damaged gzip file"),
        ("gzip", lambda data: data + b"rubbish", "got a damaged gzip file .Not a gzipped file"),
        ("xz", lambda data: data[:-5000], "got a damaged xz file"),
        ("xz", lambda data: data[:4000] + b"\xff" * 99 + data[4099:], "got a damaged xz file"),
        ("zip", lambda data: data[:-5000], "got a damaged zip file"),
        ("zip", lambda data: data[:8000] + b"\xff" * 99 + data[8099:], "got a damaged zip file"),
        ("image", lambda data: b"", "image must hold data, got an empty one"),
    ],
)
def test_damaged_files(
    tmp_path: Path, kind: str, spoil: Callable[[bytes], bytes], message: str
) -> None:
    path = tmp_path / "image"
    PACK[kind](path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ImageError, match=message):
        unpack(path, tmp_path / "out", lambda _: None)


@pytest.mark.parametrize(
    ("members", "named"),
    [({"a_txt": b""}, "a.txt"), ({"a_img": b"", "b_img": b""}, "a.img, b.img"), ({}, "nothing")],
)
def test_an_archive_must_hold_one_image(
    tmp_path: Path, members: dict[str, bytes], named: str
) -> None:
    _zip(tmp_path / "a.zip", **members)
    if not members:
        (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + (tmp_path / "a.zip").read_bytes())
    with pytest.raises(ImageError, match=f"got {named} in|damaged zip"):
        unpack(tmp_path / "a.zip", tmp_path / "out", lambda _: None)


def test_a_full_disk_is_said_with_what_was_written(tmp_path: Path) -> None:
    PACK["gzip"](tmp_path / "image")
    with pytest.raises(
        ImageError, match="disk must have room for the unpacked image, got 'No space left"
    ):
        unpack(tmp_path / "image", Path("/dev/full"), lambda _: None)


def test_part_of_a_file_with_holes(tmp_path: Path) -> None:
    PACK["image"](tmp_path / "in")
    unpack(tmp_path / "in", tmp_path / "sparse", lambda _: None)
    (tmp_path / "out").write_bytes(b"before")
    copy_part(tmp_path / "sparse", 1 << 20, len(PLAIN), tmp_path / "out", 4096)
    wanted = b"before".ljust(4096, b"\0") + PLAIN[1 << 20 :] + bytes(1 << 20)
    assert (tmp_path / "out").read_bytes() == wanted
