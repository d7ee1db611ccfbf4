"""The programs that do the work: sfdisk, mtools, e2fsprogs, dosfstools. None of them needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from board_image.errors import ImageError

PACKAGES = {
    "sfdisk": "fdisk",
    "debugfs": "e2fsprogs",
    "dumpe2fs": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "resize2fs": "e2fsprogs",
    "mcopy": "mtools",
    "mdir": "mtools",
    "fsck.vfat": "dosfstools",
}
# Debian keeps these in sbin, which is not in a user's PATH.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def require_tools() -> None:
    """Check that every program is there.

    Raises:
        ImageError: If not; names the packages and the command that installs them.
    """
    missing = [name for name in PACKAGES if shutil.which(name, path=_PATH) is None]
    if missing:
        named = ", ".join(f"{name} ({PACKAGES[name]})" for name in missing)
        packages = " ".join(dict.fromkeys(PACKAGES.values()))
        raise ImageError(
            f"tools must be installed, got no {named} in PATH; run sudo apt install {packages}"
        )


def run(
    command: Sequence[str], folder: Path, given: str = "", accepted: Sequence[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder`, so that files can be named without their path.

    Args:
        command: Program and arguments.
        folder: Its working directory.
        given: Its standard input.
        accepted: Exit codes that are no error.

    Returns:
        Exit code, standard output and standard error.

    Raises:
        ImageError: If it ends with another code; quotes the last line that it printed.
    """
    environment = {**os.environ, "LC_ALL": "C", "PATH": _PATH}
    environment |= {"MTOOLSRC": os.devnull, "MTOOLS_SKIP_CHECK": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode not in accepted:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        why = lines[-1].strip() if lines else "nothing"
        raise ImageError(f"{command[0]} must succeed, got exit code {done.returncode}: {why}")
    return done
