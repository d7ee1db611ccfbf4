"""Makes folders that look like an environment with AMD's tools, and like a container with them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ARCH = "compiler/arch/DPUCZDX8G/ZCU104/arch.json"
CONDA = """conda() {{
    test "$1 $2" = "activate vitis-ai-tensorflow2" || return 1
    PATH={bin}:$PATH
}}
"""


def make_environment(folder: Path, python: Path, arch: dict[str, str]) -> Path:
    """Make an environment with the stand-ins; returns its interpreter.

    Args:
        folder: Of the environment.
        python: The real interpreter behind it.
        arch: Content of its arch.json.
    """
    settings = {
        "STAND_IN_PYTHON": sys.executable,
        "STAND_IN_ROOT": ROOT,
        "PYTHONPATH": HERE / "packages",
        "VAI_ROOT": folder / "vitis_ai",
    }
    lines = [f'export {name}="{value}"' for name, value in settings.items()]
    interpreter = folder / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text("\n".join(["#!/bin/sh", *lines, f'exec "{python}" "$@"', ""]))
    interpreter.chmod(0o755)
    shutil.copy(HERE / "bin" / "vai_c_tensorflow2", interpreter.parent)
    place = folder / "vitis_ai" / ARCH
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(arch))
    return interpreter


def make_docker(folder: Path, environment: Path, images: list[str], daemon: bool = True) -> Path:
    """Make a docker that has some images, all with one environment; returns the command.

    Args:
        folder: Of the stand-in.
        environment: Interpreter of make_environment.
        images: Names with tags.
        daemon: Whether it answers.
    """
    profile = folder / "root/opt/vitis_ai/conda/etc/profile.d/conda.sh"
    profile.parent.mkdir(parents=True)
    profile.write_text(CONDA.format(bin=environment.parent))
    (folder / "docker.json").write_text(json.dumps({"images": images, "daemon": daemon}))
    command = folder / "docker"
    command.write_text(
        f'#!/bin/sh\nexport STAND_IN_DOCKER="{folder}"\nexec "{sys.executable}" "{HERE}/bin/docker" "$@"\n'
    )
    os.chmod(command, 0o755)
    return command
