"""What is checked of a model and the DPU before VART meets them, because VART would abort the process."""

from __future__ import annotations

from target.errors import BackendError, ModelError
from target.manifest import Manifest
from target.runners.device import Device
from target.runners.releases import (
    describe_fingerprint,
    parse_fingerprint,
    recompile_command,
    release_of,
)
from target.runners.xir_file import DpuStep, Plan

MODES = ("run", "ref")  # VART aborts on one that the file does not name


def check_plan(plan: Plan, manifest: Manifest, mode: str, device: Device) -> None:
    """Check that VART can execute every DPU subgraph of a file.

    Args:
        plan: Of the file.
        manifest: Of the model.
        mode: `run` or `ref`.
        device: What the machine's tools say; only asked in mode `run`.

    Raises:
        ModelError: If a subgraph lacks what VART needs, or has a batch.
        BackendError: If it is not for this DPU, or holds no instructions for a real one.
    """
    if plan.source.dims[:1] != (1,):
        raise ModelError(
            f"batch of input '{plan.source.name}' must be 1, as the DPUCZDX8G's is, got"
            f" {plan.source.dims} in {plan.path}; compile it with batch 1"
        )
    for step in plan.dpu_steps:
        where = f"subgraph '{step.name}' of {plan.path}"
        if mode not in step.libraries:
            raise ModelError(
                f"{where} must name a runner for mode '{mode}', got"
                f" {sorted(step.libraries) or 'no attribute runner'}; compile it again"
            )
        if mode == "run":
            _check_for_dpu(step, where, manifest, device)


def _check_for_dpu(step: DpuStep, where: str, manifest: Manifest, device: Device) -> None:
    if not step.has_instructions and not device.is_stand_in:
        raise BackendError(
            f"model must hold DPU instructions to run on a DPU, got toolchain '{manifest.toolchain}'"
            f" in {manifest.xmodel}; compile it with AMD's vai_c_tensorflow2 (make quantize compile"
            " TOOLCHAIN=vitis), run it on the emulator (python -m host simulate), or on AMD's CPU runner"
            " with --vart-mode ref"
        )
    if step.missing:
        raise ModelError(f"{where} must have {step.missing[0]}, got none; compile it again")
    wanted = step.fingerprint
    if wanted is None:
        wanted = parse_fingerprint(manifest.content.get("fingerprint"))
    actual = device.fingerprint
    if wanted and actual and wanted != actual:
        raise BackendError(
            f"model must be compiled for this DPU, {describe_fingerprint(actual)}, got"
            f" {describe_fingerprint(wanted)} in {where}; {mismatch_remedy(wanted, actual)}"
        )


def mismatch_remedy(wanted: int, actual: int) -> str:
    """Return what makes model and DPU fit: another compilation, or another board image."""
    remedy = recompile_command(actual)
    if release_of(wanted) is not None and release_of(wanted) != release_of(actual):
        remedy += f", or boot the board image of Vitis AI {release_of(wanted)}"
    return remedy
