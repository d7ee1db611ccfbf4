"""An image as AMD's is laid out, made here without root: FAT with dpu.xclbin, ext4 with a small PetaLinux.

Nothing of AMD's is in it. What it assumes of theirs: see board_image/README.md.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
MIB = 1 << 20
XCLBIN = b"xclbin2\0" + b"a DPU\n" * 1000
STAND_IN = '#!/bin/sh\necho \'{"device": "stand-in"}\'\n'
FILES = {
    "etc/passwd": "root:x:0:0:root:/home/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "etc/group": "root:x:0:\nvideo:x:44:\n",
    "etc/hostname": "xilinx-zcu104-20222\n",
    "etc/hosts": "127.0.0.1\tlocalhost.localdomain\t\tlocalhost\n::1\tlocalhost\n"
    "127.0.1.1 xilinx-zcu104-20222\n",
    "etc/os-release": 'ID=petalinux\nNAME="PetaLinux"\nVERSION="2022.2"\n',
    "etc/vart.conf": "firmware: /run/media/mmcblk0p1/dpu.xclbin\n",
    "lib/systemd/systemd": "\x7fELF",
    "lib/systemd/system/systemd-networkd.service": "[Unit]\n",
    "lib/systemd/system/systemd-resolved.service": "[Unit]\n",
    "lib/systemd/network/80-wired.network": "[Match]\nType=ether\n\n[Network]\nDHCP=yes\n",
    "usr/bin/xdputil": STAND_IN,
    "usr/lib/python3.9/os.py": "",
    "usr/lib/python3.9/site-packages/vart.py": "",
}
FOLDERS = ("home/root", "etc/systemd/system/multi-user.target.wants", "opt", "run", "tmp")


def write_tree(folder: Path, files: dict[str, str | None]) -> None:
    """Write a root file system's tree: `files`, and of FILES what is not there; None leaves one out."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, text in {**FILES, **files}.items():
        if text is not None and (name in files or not (folder / name).exists()):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755 if "/bin/" in name else 0o644)
    wants = folder / "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    if not wants.is_symlink():
        wants.symlink_to("/lib/systemd/system/systemd-networkd.service")


def make_image(
    path: Path,
    tree: Path,
    label: str = "dos",
    boot_mib: int = 8,
    root_mib: int = 24,
    boot_files: dict[str, bytes] | None = None,
) -> Path:
    """Make an image with a FAT and an ext4 partition.

    Args:
        path: Of the image.
        tree: The root file system.
        label: `dos` or `gpt`.
        boot_mib: Size of the FAT partition; from 40 on it is FAT32.
        root_mib: Size of the ext4 partition.
        boot_files: In the FAT partition; dpu.xclbin and BOOT.BIN if None.
    """
    start = 1 + boot_mib
    path.write_bytes(b"")
    os.truncate(path, (start + root_mib + 1) * MIB)
    kinds = ("uefi", "linux") if label == "gpt" else ("c", "83")
    table = f"label: {label}\nstart=1MiB, size={boot_mib}MiB, type={kinds[0]}\n"
    _run("sfdisk", "--quiet", path, given=table + f"size={root_mib}MiB, type={kinds[1]}\n")
    width = ["-F", "32" if boot_mib >= 40 else "16", "-s", "1"]
    _run("mkfs.vfat", *width, "-n", "BOOT", "--offset", 2048, path, boot_mib * 1024)
    for name, data in (boot_files or {"dpu.xclbin": XCLBIN, "BOOT.BIN": b"boot"}).items():
        local = path.with_name(f"{path.name}.part")
        local.write_bytes(data)
        _run("mcopy", "-i", f"{path}@@{MIB}", local, f"::{name}")
        local.unlink()
    options = ["-q", "-t", "ext4", "-b", "4096", "-L", "ROOTFS", "-d", tree]
    _run("mke2fs", *options, "-E", f"offset={start * MIB},root_owner=0:0", path, f"{root_mib}M")
    return path


def _run(*command: object, given: str = "") -> None:
    """Run a tool; its complaint is in the exception."""
    environment = {**os.environ, "PATH": PATH, "MTOOLSRC": os.devnull}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, input=given, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stderr}"
