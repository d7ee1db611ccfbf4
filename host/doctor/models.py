"""Models of the checkout and those built here: whole, and for which DPU."""

from __future__ import annotations

from host.doctor.workstation import Workstation
from target.check.finding import ERROR, NOTE, Finding, ok
from target.errors import ModelError, one_line
from target.manifest import NAME as MANIFEST
from target.manifest import load_manifest

NAME = "models"


def check(machine: Workstation) -> list[Finding]:
    """Verify every file that every model's manifest names."""
    folders = machine.models or tuple(
        path.parent
        for place in ("models", "build/models")
        for path in sorted((machine.project / place).glob(f"*/{MANIFEST}"))
    )
    if not folders:
        return [
            Finding(
                NAME,
                ERROR,
                f"a model must be there, got none in {machine.project / 'models'}",
                "nothing can be streamed, measured or deployed",
                "git checkout models, or make compile",
            )
        ]
    findings, builtin = [], []
    for folder in folders:
        try:
            manifest = load_manifest(folder)
            manifest.verify()
        except ModelError as error:
            findings.append(
                Finding(
                    NAME,
                    ERROR,
                    one_line(error),
                    "a changed file gives other letters",
                    "git checkout models, or make compile",
                )
            )
            continue
        findings.append(ok(NAME, f"{folder}: {manifest.name}, toolchain {manifest.toolchain}"))
        builtin += [manifest.name] if manifest.toolchain == "builtin" else []
    if builtin:
        findings.append(
            Finding(
                NAME,
                NOTE,
                f"{', '.join(builtin)} hold no DPU instructions: they run on the emulator",
                "only AMD's compiler writes what a DPU executes",
                "for a board, with AMD's container: make quantize compile TOOLCHAIN=vitis"
                " MODEL=models/signnet (without MODEL= it trains a network of your own first)",
            )
        )
    return findings
