"""Which Python on this machine has a module that the running one lacks.

AMD's modules are built for one version of Python and lie in its own folder; another python3 earlier
on the PATH does not see them.
"""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

from target.errors import BackendError

_PATTERNS = (
    "usr/bin/python3*",
    "usr/local/bin/python3*",
    "opt/*/bin/python3*",
    "opt/vitis_ai/conda/envs/*/bin/python3",
    "usr/local/share/*/bin/python3",
)
_MODULES = ("usr/lib/python3*/site-packages", "usr/local/lib/python3*/site-packages")
_ASK = "import importlib.util,sys;sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
_TIMEOUT_S = 10


def find_interpreters(root: Path = Path("/")) -> List[Path]:
    """Return the Pythons of this machine but the running one, each file once.

    Args:
        root: Where /usr and /opt are.
    """
    places = [path for pattern in _PATTERNS for path in sorted(glob.glob(str(root / pattern)))]
    if root == Path("/"):
        folders = os.environ.get("PATH", "").split(os.pathsep)
        places += [os.path.join(folder, "python3") for folder in folders if folder]
    own = os.path.realpath(sys.executable)
    found: List[Path] = []
    seen = {own}
    for place in places:
        real = os.path.realpath(place)
        if "config" in place or real in seen or not os.access(real, os.X_OK):
            continue
        seen.add(real)
        found.append(Path(place))
    return found


def interpreter_with(module: str, root: Path = Path("/")) -> Optional[Path]:
    """Return a Python that finds a module, None if none does; nothing is imported to find out."""
    for path in find_interpreters(root):
        try:
            done = subprocess.run(
                [str(path), "-c", _ASK, module],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return path
    return None


def folder_with(module: str, root: Path = Path("/")) -> Optional[Path]:
    """Return a folder that holds a module but that this Python does not look into."""
    for pattern in _MODULES:
        for folder in sorted(glob.glob(str(root / pattern))):
            if folder not in sys.path and glob.glob(os.path.join(folder, f"{module}*")):
                return Path(folder)
    return None


def where_it_is(module: str, root: Path = Path("/")) -> str:
    """Return what to do about a module that this Python lacks, as the end of an error's line."""
    found = interpreter_with(module, root)
    if found is not None:
        return f"{found} has it: run {found} -m target ..."
    folder = folder_with(module, root)
    if folder is not None:
        return f"it lies in {folder}, made for another Python: run that version's python3 -m target ..."
    return (
        "no Python of this machine has it; on the board install AMD's runtime"
        " (board image xilinx-zcu104-dpu-v2022.2-v3.0.0, or dnf install packagegroup-petalinux-vitisai),"
        " without a board run python -m host simulate"
    )


def missing_module(name: str, error: ImportError) -> BackendError:
    """Return the error for one of AMD's modules that cannot be imported here."""
    return BackendError(
        f"{name} must be installed for {sys.executable}, got '{error}'; {where_it_is(name)}"
    )
