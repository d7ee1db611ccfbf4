"""The partition table of an image, by sfdisk: what is where, and making the last one larger."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from board_image.errors import ImageError
from board_image.sparse import copy_part
from board_image.tools import run

SECTOR = 512
ALIGN = 1 << 20  # partitions end on whole MiB
_GPT_TAIL = 33 * SECTOR  # the backup table and its header, at the very end


@dataclass(frozen=True)
class Partition:
    """A partition of an image.

    Attributes:
        number: From 1, as the board's kernel counts: mmcblk0p<number>.
        start: First byte.
        size: Bytes.
        kind: `fat`, `ext` or `other`, by its first bytes.
    """

    number: int
    start: int
    size: int
    kind: str


@dataclass(frozen=True)
class Disk:
    """An image's partition table.

    Attributes:
        label: `gpt` or `dos`.
        boot: The FAT partition that the board starts from.
        root: The ext4 partition with the root file system.
        last: Whether `root` is the last on the disk, so that it can grow.
    """

    label: str
    boot: Partition
    root: Partition
    last: bool


def read_disk(image: Path) -> Disk:
    """Read the partition table of an image.

    Raises:
        ImageError: If there is none, or it has not one FAT and one ext partition as AMD's have.
    """
    done = run(["sfdisk", "--json", image.name], image.parent, accepted=(0, 1))
    if done.returncode:
        raise ImageError(
            "image must have a partition table, got none; give the file of the whole card,"
            " such as xilinx-zcu104-dpu-v2022.2-v3.0.0.img.gz"
        )
    table = json.loads(done.stdout)["partitiontable"]
    if table["label"] not in ("gpt", "dos") or table.get("sectorsize", SECTOR) != SECTOR:
        raise ImageError(
            f"partition table must be gpt or dos with sectors of {SECTOR} bytes, got"
            f" {table['label']} with {table.get('sectorsize', SECTOR)}"
        )
    stem = len(table["device"])
    parts = []
    for entry in table.get("partitions", []):
        start, size = entry["start"] * SECTOR, entry["size"] * SECTOR
        number = int(entry["node"][stem:].lstrip("p"))
        parts.append(Partition(number, start, size, _kind(image, start)))
    end = image.stat().st_size
    cut = [part for part in parts if part.start + part.size > end]
    if cut:
        raise ImageError(
            f"image must hold all its partitions, got one that ends at byte"
            f" {cut[0].start + cut[0].size} in an image of {end}; download it again"
        )
    boot, root = _only(parts, "fat"), _only(parts, "ext")
    return Disk(table["label"], boot, root, root.start == max(part.start for part in parts))


def grow(image: Path, disk: Disk, size: int) -> Disk:
    """Make an image longer, and its root partition and file system reach to the end.

    resize2fs cuts a file behind the file system, whatever the offset, so it gets a copy.

    Args:
        image: Is changed; its root file system has just been checked. A copy of that is made beside it.
        disk: Its table now.
        size: Bytes; a multiple of 1 MiB, not below the image's.

    Returns:
        The table as it is then.

    Raises:
        ImageError: If the root partition is not the last one.
    """
    if not disk.last:
        raise ImageError(
            "root partition must be the last to grow, got another behind it;"
            " remove image.size from the configuration"
        )
    copy = image.with_name("root.ext4")
    copy_part(image, disk.root.start, disk.root.size, copy)
    os.truncate(image, disk.root.start)  # the copy is the file system now
    os.truncate(image, size)
    if disk.label == "gpt":
        run(["sfdisk", "--quiet", "--relocate", "gpt-bak-std", image.name], image.parent)
    end = (size - (_GPT_TAIL if disk.label == "gpt" else 0)) // ALIGN * ALIGN
    room = max(disk.root.size, end - disk.root.start)
    if room > disk.root.size:
        command = ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel"]
        command += ["-N", str(disk.root.number), image.name]
        run(command, image.parent, given=f",{room // SECTOR}\n")
    os.truncate(copy, room)
    run(["resize2fs", copy.name, f"{room // 1024}K"], image.parent)
    copy_part(copy, 0, room, image, disk.root.start)
    copy.unlink()
    return read_disk(image)


def check_table(image: Path, disk: Disk) -> None:
    """Check the table that was written; for GPT also the copy at the end.

    Raises:
        ImageError: If sfdisk finds a fault, or the image ends before a partition does.
    """
    run(["sfdisk", "--verify", image.name], image.parent)
    if read_disk(image) != disk:
        raise ImageError("partition table must read back as it was written, got another one")
    if disk.label == "gpt":
        with open(image, "rb") as file:
            file.seek(-SECTOR, 2)
            if file.read(8) != b"EFI PART":
                raise ImageError("backup of the partition table must be at the end, got none there")


def _only(parts: list[Partition], kind: str) -> Partition:
    found = [part for part in parts if part.kind == kind]
    if len(found) != 1:
        kinds = ", ".join(part.kind for part in parts) or "none"
        raise ImageError(
            f"image must have one {kind} partition, got {len(found)} (partitions: {kinds});"
            " give AMD's image for the ZCU104"
        )
    return found[0]


def _kind(image: Path, start: int) -> str:
    """Tell a file system by its first bytes."""
    with open(image, "rb") as file:
        file.seek(start)
        head = file.read(1024 + 1024)
    if head[1024 + 56 : 1024 + 58] == b"\x53\xef":
        return "ext"
    if head[510:512] == b"\x55\xaa" and (head[82:87] == b"FAT32" or head[54:58] == b"FAT1"):
        return "fat"
    return "other"
