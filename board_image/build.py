"""From AMD's image to the card's: unpack, grow, write, check, rename."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from board_image import contents, plan
from board_image.config import Config
from board_image.disk import Disk, check_table, grow, read_disk
from board_image.errors import ImageError
from board_image.ext4 import Ext4
from board_image.fat import Fat
from board_image.release import Release
from board_image.tools import require_tools
from board_image.unpack import unpack

XCLBIN = "dpu.xclbin"
NOTE = "board-image.json"  # in the FAT partition, so that a card tells what is on it
# AMD's images by the release in their name; see README.md.
FINGERPRINTS = {
    "v3.0.0": "0x101000056010407",
    "v2.5.0": "0x101000016010407",
    "v2.0.0": "0x1000020f6014407",
    "v1.4.1": "0x1000020f6014407",
    "v1.4.0": "0x1000020f6014407",
}
_CARD = re.compile(r"/run/media/(?:[^/]*-)?mmcblk0p(\d+)/(.+)")


@dataclass(frozen=True)
class Order:
    """What shall be made of what.

    Attributes:
        image: AMD's image; is only read.
        out: The card image; is there whole or not at all.
        config: What shall be in it.
        release: The application with its model, or None.
        files: The folder with the service's files.
        force: Whether `out` may be overwritten.
    """

    image: Path
    out: Path
    config: Config
    release: Release | None
    files: Path
    force: bool = False


def make_image(order: Order, say: Callable[[str], None]) -> dict[str, Any]:
    """Make the card image.

    Args:
        order: What of what.
        say: Takes a line of progress.

    Returns:
        What was made, for JSON.

    Raises:
        ImageError: If an input is wrong, a tool or room is missing, or a check fails; `out` is then
            what it was before.
    """
    require_tools()
    _check_paths(order)
    with tempfile.TemporaryDirectory(prefix=".board-image-", dir=order.out.parent) as name:
        work = Path(name).resolve()  # the tools run in it
        try:
            made = _make(order, work, say)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise ImageError(
                f"disk must have room for the image, got '{error.strerror}' in {order.out.parent};"
                " free some or give another OUT"
            ) from error
        os.replace(work / "image.img", order.out)
    return made


def _check_paths(order: Order) -> None:
    if not order.image.is_file():
        raise ImageError(
            f"image must be a file, got none at {order.image}; IMAGE=... names AMD's image for the"
            " ZCU104, from their Vitis AI 3.0 quick start"
        )
    if order.out.exists():
        if not order.out.is_file():
            raise ImageError(f"output must be a file, got something else at {order.out}")
        if order.out.samefile(order.image):
            raise ImageError(
                f"output must be another file than the image, got {order.out} for both"
            )
        if not order.force:
            raise ImageError(f"output must not exist, got a file at {order.out}; add FORCE=1")
    if not order.out.parent.is_dir() or not os.access(order.out.parent, os.W_OK):
        raise ImageError(f"output folder must be writable, got {order.out.parent}")


def _make(order: Order, work: Path, say: Callable[[str], None]) -> dict[str, Any]:
    image, staging = work / "image.img", work / "staging"
    staging.mkdir()
    say(f"unpacking {order.image.name}")
    size = unpack(order.image, image, _percents(say))
    disk = read_disk(image)
    Ext4(image, disk.root).repair()
    disk = _grown(image, disk, size, order.config.image.size, say)
    boot, root = Fat(image, disk.boot), Ext4(image, disk.root)
    old_fault = boot.fault(staging)

    facts = contents.read_facts(root, staging)
    notes = _check_dpu(order, disk, boot, root, facts)
    token = secrets.token_urlsafe(16)
    wanted = contents.entries(order.config, facts, order.release, order.files, token)
    entries = plan.with_parents(wanted, root)
    say(f"writing {len(entries)} files, folders and links")
    plan.write(root, entries, staging)
    note = _note(order)
    _write_boot(boot, order.config.dpu.xclbin, note, staging)

    say("checking what was written")
    check_table(image, disk)
    root.check()
    plan.check(root, entries, staging)
    notes += _check_boot(boot, note, old_fault, staging)
    with open(image, "rb") as written:
        os.fsync(written.fileno())
    os.chmod(image, 0o666 & ~_umask())
    if order.release:
        notes += _unknown_address(order.config)
    return {
        "out": str(order.out),
        "bytes": image.stat().st_size,
        "table": disk.label,
        "root_bytes": disk.root.size,
        "root_free_bytes": root.free_bytes(),
        "entries": len(entries),
        "release": order.release.id if order.release else None,
        "page": _page(order.config, token) if order.release else None,
        "notes": notes,
    }


def _grown(
    image: Path, disk: Disk, size: int, wanted: int | None, say: Callable[[str], None]
) -> Disk:
    if wanted is None:
        return disk
    if wanted < size:
        raise ImageError(
            f"image.size must be at least the image's, {size} bytes, got {wanted}; a card smaller than"
            " that cannot take it"
        )
    say(f"growing the root partition: image of {wanted // 10**6} MB")
    return grow(image, disk, wanted)


def _check_dpu(order: Order, disk: Disk, boot: Fat, root: Ext4, facts: contents.Facts) -> list[str]:
    """Check that the DPU, vart.conf and the model belong together; returns what the user should know."""
    notes: list[str] = []
    own = order.config.dpu.xclbin is not None
    names = {*boot.names(), *([XCLBIN] if own else [])}
    firmware = order.config.dpu.firmware or facts.firmware
    on_card = _CARD.fullmatch(firmware or "")
    if on_card and (int(on_card[1]) != disk.boot.number or on_card[2] not in names):
        raise ImageError(
            f"firmware in vart.conf must be in the image, got {firmware} but {', '.join(sorted(names))}"
            f" in partition {disk.boot.number}; give AMD's image with the DPU, or set dpu.xclbin"
        )
    if firmware and not on_card and firmware not in root.look([firmware]):
        raise ImageError(
            f"firmware in vart.conf must be in the image, got none at {firmware}; set dpu.firmware"
        )
    if not order.config.ssh.keys and not facts.keys:
        notes.append("no ssh key: only the image's password opens it; set ssh.authorized_keys")
    release = order.release
    if release is None:
        return notes
    if release.toolchain == "builtin" and not facts.stand_in:
        raise ImageError(
            "model must be compiled by AMD's compiler for a board, got toolchain 'builtin' in release"
            f" {release.id}; run make quantize compile TOOLCHAIN=vitis, or set application.install ="
            " false and make deploy later"
        )
    found = re.search(r"-(v\d+\.\d+\.\d+)(?=[.-])", order.image.name)
    version = found[1] if found else None
    if own or version not in FINGERPRINTS:
        why = "dpu.xclbin is your own" if own else "the image's name tells no release that is known"
        notes.append(f"DPU and model were not compared: {why}; make doctor does it on the board")
    elif FINGERPRINTS[version] != release.fingerprint:
        raise ImageError(
            f"model must be compiled for the image's DPU {FINGERPRINTS[version]} ({version}), got"
            f" {release.fingerprint}; compile it with that release's arch.json, or give the image"
            " v2022.2-v3.0.0"
        )
    return notes


def _write_boot(boot: Fat, xclbin: Path | None, note: bytes, staging: Path) -> None:
    (staging / NOTE).write_bytes(note)
    boot.write(NOTE, staging / NOTE)
    if xclbin is not None:
        boot.write(XCLBIN, xclbin)
        if boot.read(XCLBIN, staging) != xclbin.read_bytes():
            raise ImageError(f"{XCLBIN} must read back as it was written, got another")


def _check_boot(boot: Fat, note: bytes, old_fault: str, staging: Path) -> list[str]:
    """Check the FAT partition; a fault that it came with is returned, a new one raised."""
    fault = boot.fault(staging)
    if fault and not old_fault:
        raise ImageError(f"FAT partition must be whole after writing, got '{fault}' from fsck.vfat")
    if boot.read(NOTE, staging) != note:
        raise ImageError(f"{NOTE} must read back as it was written, got another")
    if not old_fault:
        return []
    return [f"the image's FAT partition came with a fault, left as it was: {old_fault}"]


def _page(config: Config, token: str) -> str:
    """Return where the live page will be, as far as it is known now."""
    address = config.network.address
    host = "BOARD_IP" if address in (None, "dhcp") else str(address).split("/")[0]
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{config.application.port or 8080}/?token={token}"


def _unknown_address(config: Config) -> list[str]:
    """Return what stands for BOARD_IP in the page's address, where DHCP is going to say it."""
    network, name = config.network, config.board.hostname
    if network.address not in (None, "dhcp"):
        return []
    hint = f"; {name} may do in its place, where the network knows its names" if name else ""
    return [f"BOARD_IP is what ifconfig {network.interface} on the board's console shows{hint}"]


def _note(order: Order) -> bytes:
    """Return what a card tells of itself: nothing secret."""
    release, config = order.release, order.config
    content = {
        "image": order.image.name,
        "release": release.id if release else None,
        "model": release.model if release else None,
        "fingerprint": release.fingerprint if release else None,
        "hostname": config.board.hostname,
        "address": config.network.address,
    }
    return (json.dumps(content, indent=2) + "\n").encode()


def _percents(say: Callable[[str], None]) -> Callable[[float], None]:
    """Return a function that says every tenth of the way."""
    said = [0]

    def progress(share: float) -> None:
        tenth = int(share * 10)
        if tenth > said[0]:
            said[0] = tenth
            say(f"  {tenth * 10} %")

    return progress


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
