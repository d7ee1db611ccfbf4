"""Where Ansible is, and what it is told: beside this interpreter, or in the environment of make deploy."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from host.deploy.release import ROOT
from target.errors import BackendError

OWN = ROOT / ".venv-deploy"
CONFIG = Path(__file__).resolve().parent / "ansible.cfg"


def find_tool(name: str) -> str:
    """Return the path of one of Ansible's commands.

    Raises:
        BackendError: If it is not installed.
    """
    for folder in (Path(sys.executable).parent, OWN / "bin"):
        if (folder / name).is_file():
            return str(folder / name)
    raise BackendError(f"{name} must be installed, got none in {OWN}; make .venv-deploy/ready")


def ansible_environment(folder: Path) -> dict[str, str]:
    """Return the environment of Ansible: this project's configuration, nothing of the user's.

    Args:
        folder: For what Ansible keeps.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
    own = {"ANSIBLE_CONFIG": str(CONFIG), "ANSIBLE_HOME": str(folder), "LC_ALL": "C.UTF-8"}
    return {**kept, **own}
