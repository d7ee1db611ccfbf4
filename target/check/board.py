"""What the checks look at: files below a root, the environment, the tools' answers, the model."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import os
import sys
from pathlib import Path
from typing import Mapping, Optional

from target.errors import AppError, ModelError, one_line
from target.manifest import Manifest, load_manifest
from target.runners.device import Device, find_device
from target.runners.probe import Probe, probe_file


@dataclasses.dataclass(frozen=True)
class Board:
    """One machine and one model.

    Attributes:
        device: What xdputil or show_dpu say.
        manifest: Of the model; None if it cannot be read.
        model_trouble: Why; empty if it can.
        root: Where /proc, /sys, /etc and /dev are; another one in tests.
        environment: Variables.
        threads: VART runners that are to work at a time, for the memory they need.
    """

    device: Device
    manifest: Optional[Manifest]
    model_trouble: str = ""
    root: Path = Path("/")
    environment: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(os.environ))
    threads: int = 8

    @functools.cached_property
    def probe(self) -> Optional[Probe]:
        """What AMD's xir finds in the model's file; None if it cannot be read."""
        if self.manifest is None or importlib.util.find_spec("xir") is None:
            return None
        try:
            return probe_file(self.manifest.xmodel)
        except AppError:  # the checks of libraries, model and golden say why
            return None

    def read(self, path: str) -> str:
        """Return a small file's text without the space around it; empty if there is none."""
        try:
            with open(self.root / path, "rb") as file:
                return file.read(1 << 20).decode("utf-8", "replace").strip().rstrip("\0")
        except OSError:
            return ""

    def number(self, path: str) -> Optional[int]:
        """Return a file's integer; None if there is none."""
        try:
            return int(self.read(path))
        except ValueError:
            return None

    @property
    def is_stand_in(self) -> bool:
        """Whether the query itself says that there is no real DPU."""
        return self.device.is_stand_in

    @property
    def python(self) -> str:
        """The interpreter that runs this."""
        return sys.executable or "python3"


def this_board(folder: Path, root: Path = Path("/"), threads: int = 8) -> Board:
    """Return the machine this runs on with a model; a model that cannot be read is a finding later."""
    manifest, trouble = None, ""
    try:
        manifest = load_manifest(folder)
    except ModelError as error:
        trouble = one_line(error)
    return Board(find_device(), manifest, trouble, root, dict(os.environ), threads)
