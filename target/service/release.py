"""The release this program runs from, as the board knows it: where it lies, its id, whether it is on trial.

    PREFIX/current -> releases/ID       the release in service
    PREFIX/releases/ID/release.json     id and sha256 of every file; beside it target/ and model/

Beside release.json may lie settings.json, and settings.json.new while other settings are tried. A release
on trial was started with an alarm set, whose signal ends the process, crashed or hung as it may
be; it takes the alarm away once `current` names it and no settings wait. See host/deploy/LAYOUT.md.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Optional

NAME = "release.json"
CURRENT = "current"
NEW_SETTINGS = "settings.json.new"
CHECKOUT = "checkout"


@dataclasses.dataclass(frozen=True)
class Release:
    """Where a program runs from.

    Attributes:
        folder: Holds target/.
        id: Of the release; `checkout` where the program was not deployed.
    """

    folder: Path
    id: str

    def is_current(self) -> bool:
        """Whether PREFIX/current names it and its settings are settled; always of a checkout."""
        if self.id == CHECKOUT:
            return True
        if (self.folder / NEW_SETTINGS).exists():
            return False
        try:
            return os.path.samefile(self.folder.parent.parent / CURRENT, self.folder)
        except OSError:
            return False


def own_release(folder: Optional[Path] = None) -> Release:
    """Return the release that a folder is; the running program's own if None."""
    folder = folder or Path(__file__).resolve().parents[2]
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return Release(folder, str(content["id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Release(folder, CHECKOUT)


def is_on_trial() -> bool:
    """Whether an alarm will end this process."""
    return signal.getitimer(signal.ITIMER_REAL)[0] > 0


def end_trial() -> None:
    """Take the alarm away."""
    signal.setitimer(signal.ITIMER_REAL, 0)
