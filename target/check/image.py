"""The board and the image it was booted from: do they belong together, and to the DPU's release."""

from __future__ import annotations

import re
from typing import List, Optional

from target.check.board import Board
from target.check.finding import NOTE, WARNING, Finding, ok
from target.runners.releases import IMAGES, release_of

NAME = "image"
# PetaLinux, by the release of Vitis AI it goes with.
_RELEASES = {
    "2020.2": "1.3",
    "2021.1": "1.4 to 2.0",
    "2021.2": "1.4 to 2.0",
    "2022.1": "2.5",
    "2022.2": "3.0",
    "2023.1": "3.5",
}


def check(board: Board) -> List[Finding]:
    """Compare the device tree, /etc/os-release and the DPU's fingerprint."""
    return [_model(board), *_release(board)]


def _model(board: Board) -> Finding:
    model = board.read("proc/device-tree/model")
    if "ZCU104" in model.upper():
        return ok(NAME, model)
    return Finding(
        NAME,
        NOTE,
        f"board must be a ZCU104, got '{model or 'no device tree'}': nothing here was"
        " made for another one",
    )


def petalinux_of(board: Board) -> Optional[str]:
    """Return the release of PetaLinux, as `2022.2`; None if it is another system."""
    text = board.read("etc/os-release") + "\n" + board.read("etc/issue")
    found = re.search(r"petalinux[^\n]*?\b(20\d\d\.\d)", text, re.IGNORECASE)
    return found[1] if found else None


def _release(board: Board) -> List[Finding]:
    version = petalinux_of(board)
    if version is None:
        names = re.findall(r'^PRETTY_NAME="?([^"\n]*)', board.read("etc/os-release"), re.MULTILINE)
        name = names[0] if names else "an unknown system"
        return [Finding(NAME, NOTE, f"{name}, not AMD's PetaLinux image")]
    expected, actual = _RELEASES.get(version), release_of(board.device.fingerprint)
    if expected is None or actual is None or expected == actual:
        return [ok(NAME, f"PetaLinux {version}" + (f", Vitis AI {expected}" if expected else ""))]
    return [
        Finding(
            NAME,
            WARNING,
            f"PetaLinux {version} must have the DPU of Vitis AI {expected}, got that of"
            f" Vitis AI {actual}",
            "libraries and DPU of two releases were mixed; VART may abort",
            f"boot one whole image, {IMAGES['3.0']} is the last for this board",
        )
    ]
