"""Where Ansible is: beside this interpreter, or in the environment that make deploy makes."""

from __future__ import annotations

import sys
from pathlib import Path

from host.deploy.release import ROOT
from target.errors import BackendError

OWN = ROOT / ".venv-deploy"


def find_tool(name: str) -> str:
    """Return the path of one of Ansible's commands.

    Raises:
        BackendError: If it is not installed.
    """
    for folder in (Path(sys.executable).parent, OWN / "bin"):
        if (folder / name).is_file():
            return str(folder / name)
    raise BackendError(f"{name} must be installed, got none in {OWN}; make .venv-deploy/ready")
