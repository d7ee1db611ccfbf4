"""Which DPU a job compiles for: that of the release's board image, or that of an arch.json."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from host.dpu.arch import ARCHS, DpuArch
from host.vitis.config import VitisConfig, arch_of_release
from target.errors import DataError, ModelError, one_line


def wanted_dpu(config: VitisConfig) -> DpuArch:
    """Return the DPU that the command line asks for.

    Args:
        config: Names the release, perhaps an arch.json; that one counts.

    Raises:
        DataError: If the arch.json cannot be read or does not say which DPU it is for.
    """
    arch = arch_of_release(config.release)
    return _of_file(config.arch, arch) if config.arch else arch


def dpu_of_job(target: dict[str, Any], config: VitisConfig) -> DpuArch:
    """Return the DPU that a job compiles for.

    Args:
        target: `compile` of job.json.
        config: Of the command line; its arch.json or another release count more.

    Raises:
        DataError: As wanted_dpu.
        ModelError: If job.json does not say which.
    """
    arch = wanted_dpu(config)
    if config.arch or config.release != target.get("release"):
        return arch
    try:
        name, fingerprint = str(target["target"]), int(target["fingerprint"], 0)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"job.json must name the DPU, got '{one_line(error)}'; run make quantize TOOLCHAIN=vitis"
        ) from error
    return dataclasses.replace(arch, name=name, fingerprint=fingerprint)


def _of_file(path: Path, arch: DpuArch) -> DpuArch:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name = content.get("target")
        if "fingerprint" in content:
            fingerprint = int(str(content["fingerprint"]), 0)
            return dataclasses.replace(arch, name=str(name or arch.name), fingerprint=fingerprint)
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(
            f"--arch must be a readable arch.json, got '{one_line(error)}' in {path}"
        ) from error
    for known in (arch, *ARCHS):
        if known.name == name:
            return known
    raise DataError(
        f"--arch must name the fingerprint of the DPU (xdputil query says it), got target {name} alone in"
        f" {path}"
    )
