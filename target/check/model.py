"""The model's folder: manifest, sums, and whether its compiled file is one for a DPU."""

from __future__ import annotations

from typing import List

from target.check.board import Board
from target.check.finding import ERROR, NOTE, Finding, ok
from target.errors import ModelError, one_line

NAME = "model"


def check(board: Board) -> List[Finding]:
    """Verify what the board needs of a model; what only the workstation needs may be missing."""
    manifest = board.manifest
    if manifest is None:
        return [
            Finding(
                NAME,
                ERROR,
                board.model_trouble,
                "without a manifest nothing says how to use it",
                "copy the model's folder again: make deploy",
            )
        ]
    try:
        manifest.verify("xmodel", "golden")
        others = [role for role in manifest.content["files"] if manifest.file(role).is_file()]
        manifest.verify(*others)
    except ModelError as error:
        return [
            Finding(
                NAME,
                ERROR,
                one_line(error),
                "a changed or missing file gives other letters",
                "copy the model's folder again: make deploy",
            )
        ]
    what = f"{manifest.name}, toolchain {manifest.toolchain}, fingerprint {manifest.content['fingerprint']}"
    if manifest.toolchain != "builtin":
        return [ok(NAME, what)]
    if board.is_stand_in:
        return [Finding(NAME, NOTE, f"{what}: only this stand-in for a DPU can run it")]
    return [
        Finding(
            NAME,
            ERROR,
            f"model must hold DPU instructions, got toolchain 'builtin' in {manifest.xmodel}",
            "the built-in compiler writes for the emulator; only AMD's writes DPU instructions",
            "on the workstation: make quantize compile TOOLCHAIN=vitis, then make deploy",
        )
    ]
