"""The target's tests under an emulated arm64: Debian's Python 3.9, numpy 1.19 and OpenCV 4.5.

    make test-arm64
    make test-arm64 OPTIONS="-- tests/target/camera -k unplugged"

No root, no binfmt, no container: see sysroot.py. What is left out, and why: excluded.txt.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.arm64.sysroot import OPENCV, PYTHON, SysrootError, add_arguments, build

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WHEELS = HERE / "requirements.txt"


def main(argv: Sequence[str] | None = None) -> int:
    """Build what is missing and run the tests; returns pytest's exit code, 1 after an error of our own."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.arm64.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.add_argument(
        "pytest", nargs="*", help="-- and what pytest shall be told besides; tests/... for some"
    )
    args = parser.parse_args(argv)
    try:
        starter = build(args.folder, args.suite, args.mirror, (*PYTHON, *OPENCV))
        site = install_wheels(args.folder / "site")
    except (SysrootError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    options = [*excluded(), "-m", "not slow", "-p", "no:cacheprovider", "-p", "tests.arm64.plugin"]
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"REQUIRE": "all", "NATIVE_PYTHON": sys.executable}
    chosen = any(word.startswith("tests/") for word in args.pytest)
    command = [str(starter), "-m", "pytest", *([] if chosen else ["tests/target"])]
    command += [*options, *args.pytest]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def excluded() -> list[str]:
    """Return pytest's options that leave out what cannot run there."""
    lines = (HERE / "excluded.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(" # ")[0].strip() for line in lines if line.startswith("--")]


def install_wheels(folder: Path) -> Path:
    """Put pytest and what tests import besides into a folder; pure Python, for 3.9, by their sums."""
    stamp = folder / "ready"
    wanted = WHEELS.read_text(encoding="utf-8")
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--target", str(folder), "--upgrade", "--no-deps", "--no-compile"]
        command += ["--python-version", "3.9", "--implementation", "py", "--abi", "none"]
        command += [
            "--platform",
            "any",
            "--only-binary=:all:",
            "--require-hashes",
            "-r",
            str(WHEELS),
        ]
        subprocess.run(command, check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return folder.resolve()


if __name__ == "__main__":
    sys.exit(main())
