"""A Debian arm64 sysroot and a python3 in it that runs here, with neither root nor binfmt.

    python3 -m tests.arm64.sysroot

apt resolves and downloads with a configuration of its own (the system's stays as it is and needs no
foreign architecture), dpkg-deb unpacks, qemu-aarch64-static runs. Debian bullseye has Python 3.9,
numpy 1.19 and OpenCV 4.5: what the board's PetaLinux 2022.2 has, or a little older.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PYTHON = ("python3", "python3-numpy")
OPENCV = ("python3-opencv",)
LIBRARIES = Path("usr/lib/aarch64-linux-gnu")
# What maintainer scripts would have linked: packages are unpacked here, not installed.
ALTERNATIVES = {"libblas.so.3": "blas/libblas.so.3", "liblapack.so.3": "lapack/liblapack.so.3"}
FOLDER = Path(__file__).resolve().parents[2] / "build" / "arm64"
SUITE, MIRROR = "bullseye", "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NEEDED = ("apt-get", "dpkg-deb", "qemu-aarch64-static")


class SysrootError(Exception):
    """A tool or a download is missing; one line with its remedy."""


def build(folder: Path, suite: str, mirror: str, packages: Sequence[str]) -> Path:
    """Make `folder`/root and `folder`/python3, or leave them where they are up to date.

    Args:
        folder: Is made; holds downloads, the sysroot and the interpreter's starter.
        suite: A Debian release, `bullseye`.
        mirror: Where it is downloaded from.
        packages: With everything that they depend on.

    Returns:
        The starter: a program that is python3 for arm64.

    Raises:
        SysrootError: If a tool is missing or a download fails.
    """
    for tool in NEEDED:
        if shutil.which(tool) is None:
            raise SysrootError(f"{tool} must be installed, got none in PATH; run sudo make apt")
    folder = folder.resolve()
    wanted = f"{suite} {mirror} {' '.join(packages)}\n"
    stamp = folder / "ready"
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        stamp.unlink(missing_ok=True)
        unpack(download(folder / "apt", suite, mirror, packages), folder / "root")
        write_starter(folder / "python3", folder / "root")
        stamp.write_text(wanted, encoding="utf-8")
    return folder / "python3"


def download(folder: Path, suite: str, mirror: str, packages: Sequence[str]) -> list[Path]:
    """Download `packages` and their dependencies for arm64; returns the .deb files."""
    if not KEYRING.is_file():
        raise SysrootError(f"Debian's keys must be in {KEYRING}, got none; run sudo make apt")
    archives = folder / "archives"
    shutil.rmtree(archives, ignore_errors=True)
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(
        f"deb [arch=arm64 signed-by={KEYRING}] {mirror} {suite} main\n", encoding="utf-8"
    )
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Dir::State": str(folder),
        "Dir::State::Lists": str(folder / "lists"),
        "Dir::State::status": "/dev/null",
        "Dir::Cache": str(folder),
        "Dir::Cache::Archives": str(archives),
        "Dir::Etc::SourceList": str(folder / "sources.list"),
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
    }
    config = folder / "apt.conf"
    config.write_text("".join(f'{k} "{v}";\n' for k, v in settings.items()), encoding="utf-8")
    remedy = f"is there a network, and does {mirror} have {suite}? --mirror takes another one"
    for command in (["update"], ["install", "--yes", "--download-only", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command],
            env={**os.environ, "APT_CONFIG": str(config)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        # `update` only warns where a list cannot be had.
        complaints = [x for x in done.stderr.splitlines() if x.startswith(("E:", "W:", "Err"))]
        if done.returncode or (command == ["update"] and complaints):
            why = complaints[-1] if complaints else f"exit code {done.returncode}"
            raise SysrootError(f"apt-get {command[0]} must succeed, got '{why}'; {remedy}")
    return sorted(archives.glob("*.deb"))


def unpack(archives: Sequence[Path], root: Path) -> None:
    """Unpack packages into `root`, afresh; their scripts are not run."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for archive in archives:
        subprocess.run(["dpkg-deb", "--extract", str(archive), str(root)], check=True)
    for name, to in ALTERNATIVES.items():
        if (root / LIBRARIES / to).exists() and not (root / LIBRARIES / name).exists():
            (root / LIBRARIES / name).symlink_to(to)


def write_starter(path: Path, root: Path, interpreter: str = "usr/bin/python3") -> None:
    """Write a program that runs the python3 in `root`, and that sys.executable will name.

    That Python starts itself again by sys.executable, so children are emulated too; programs of
    this machine (git, sh) it starts as they are.
    """
    program = f'exec qemu-aarch64-static -L {shlex.quote(str(root))} -0 "$0"'
    path.write_text(
        f'#!/bin/sh\n{program} {shlex.quote(str(root / interpreter))} "$@"\n', encoding="utf-8"
    )
    path.chmod(0o755)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what says which sysroot: --folder, --suite, --mirror."""
    parser.add_argument("--folder", type=Path, default=FOLDER, help="(default: build/arm64)")
    parser.add_argument("--suite", default=SUITE, help="Debian release (default: %(default)s)")
    parser.add_argument("--mirror", default=MIRROR, help="of Debian (default: %(default)s)")


def main(argv: Sequence[str] | None = None) -> int:
    """Build the sysroot and print the starter's path."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.arm64.sysroot",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    args = parser.parse_args(argv)
    try:
        print(build(args.folder, args.suite, args.mirror, (*PYTHON, *OPENCV)))
    except (SysrootError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
