"""The model's folder: manifest, sums, and whether its compiled file is one for a DPU."""

from __future__ import annotations

from typing import List

from target.check.board import Board
from target.check.finding import ERROR, NOTE, Finding, ok
from target.errors import ModelError, one_line
from target.manifest import Manifest
from target.runners.releases import describe_fingerprint, parse_fingerprint

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
    inside = _inside(board, manifest)
    if manifest.toolchain != "builtin":
        return [ok(NAME, what), *inside]
    if board.is_stand_in:
        return [Finding(NAME, NOTE, f"{what}: only this stand-in for a DPU can run it"), *inside]
    return [
        *inside,
        Finding(
            NAME,
            ERROR,
            f"model must hold DPU instructions, got toolchain 'builtin' in {manifest.xmodel}",
            "the built-in compiler writes for the emulator; only AMD's writes DPU instructions",
            "on the workstation: make quantize compile TOOLCHAIN=vitis (with MODEL=models/signnet if it is"
            " the released one), then make deploy",
        ),
    ]


def _inside(board: Board, manifest: Manifest) -> List[Finding]:
    """Look at the file's own DPU subgraphs, as far as xir can read them."""
    if board.probe is None:
        return []
    findings = []
    told = parse_fingerprint(manifest.content.get("fingerprint"))
    for part in board.probe.parts:
        if part.fingerprint and told and part.fingerprint != told:
            findings.append(
                Finding(
                    NAME,
                    ERROR,
                    f"subgraph '{part.name}' must be for the manifest's {describe_fingerprint(told)},"
                    f" got {describe_fingerprint(part.fingerprint)} in {manifest.xmodel}",
                    "manifest and file were made for two DPUs; VART looks at the file",
                    "make compile, then make deploy",
                )
            )
    if len(board.probe.parts) > 1:
        findings.append(
            Finding(
                NAME,
                NOTE,
                f"{len(board.probe.parts)} DPU subgraphs: the CPU works between them, at each frame;"
                " python -m host compile says which layer the DPU cannot do",
            )
        )
    return findings
