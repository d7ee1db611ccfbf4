"""What the checks of a workstation look at: folders, variables, and the answers of programs."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 20


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a program said.

    Attributes:
        code: Its exit code; None if it is not installed or did not end in time.
        out: Its standard output.
        err: Its standard error, or why it was not started.
    """

    code: int | None
    out: str
    err: str


@dataclasses.dataclass(frozen=True)
class Workstation:
    """One machine.

    Attributes:
        root: Where /proc, /sys and /opt are; another one in tests.
        project: The checkout.
        models: Folders with models.
        data: Folder or archive with data sets.
        docker: Command that runs containers.
        arch: An arch.json to be checked; None for the container's own.
        environment: Variables.
    """

    root: Path = Path("/")
    project: Path = ROOT
    models: tuple[Path, ...] = ()
    data: Path = Path("data")
    docker: str = "docker"
    arch: Path | None = None
    environment: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(os.environ))

    def ask(self, *command: str) -> Answer:
        """Run a program that changes nothing."""
        path = shutil.which(command[0], path=self.environment.get("PATH"))
        if path is None:
            return Answer(None, "", f"{command[0]} is not installed")
        try:
            done = subprocess.run(
                [path, *command[1:]],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(None, "", f"{command[0]} did not answer within {_TIMEOUT_S} s")
        except OSError as error:
            return Answer(None, "", f"{command[0]} cannot be started: {error.strerror}")
        return Answer(done.returncode, done.stdout, done.stderr)
