"""The DPU: is there one, is the model made for it, does its clock have the published value."""

from __future__ import annotations

from typing import List

from target.check.board import Board
from target.check.finding import ERROR, NOTE, WARNING, Finding, ok
from target.runners.preflight import mismatch_remedy
from target.runners.releases import (
    describe_fingerprint,
    parse_fingerprint,
    recompile_command,
    release_of,
)

NAME = "device"
CLOCK_MHZ, CORES = 300, 2  # of AMD's images for the ZCU104


def check(board: Board) -> List[Finding]:
    """Compare what xdputil says with the model and with the published board image."""
    device = board.device
    if device.fingerprint is None:
        return [_nothing(board)]
    findings = [ok(NAME, device.describe())]
    if device.is_stand_in:
        findings = [
            Finding(NAME, NOTE, f"{device.describe()}: times measured here are not a DPU's")
        ]
    findings += _fingerprints(board)
    if len(set(device.fingerprints)) > 1:
        findings.append(
            Finding(
                NAME,
                WARNING,
                f"all cores must have one fingerprint, got {len(set(device.fingerprints))}",
                "a model runs on the cores of its own fingerprint only",
                "choose cores with XLNX_DPU_DEVICE_CORES, or boot AMD's image",
            )
        )
    if device.clock_mhz is not None and device.clock_mhz < CLOCK_MHZ:
        findings.append(
            Finding(
                NAME,
                WARNING,
                f"DPU clock must be {CLOCK_MHZ} MHz, got {device.clock_mhz}",
                "latencies grow in proportion; published figures are for 300 MHz",
                "boot the board image of AMD, or build its platform with a 300 MHz DPU clock",
            )
        )
    if len(device.fingerprints) < CORES and not device.is_stand_in:
        findings.append(
            Finding(
                NAME,
                NOTE,
                f"the ZCU104 image has {CORES} DPU cores, this one"
                f" {len(device.fingerprints)}: throughput with several threads is lower",
            )
        )
    return findings + _runtime(board) + _tuning(board)


def _nothing(board: Board) -> Finding:
    trouble = board.device.trouble or "no DPU"
    if not board.device.source:
        remedy = (
            "boot the board image xilinx-zcu104-dpu-v2022.2-v3.0.0, or dnf install vitis-ai-library"
        )
        return Finding(
            NAME,
            ERROR,
            f"xdputil must be there to ask for the DPU, got {trouble}",
            "without it nobody knows whether the model fits the DPU",
            remedy,
        )
    return Finding(
        NAME,
        ERROR,
        f"DPU must answer, got {trouble}",
        "the model cannot run; another program may hold the DPU, or its firmware is not loaded",
        "see the findings on firmware and holders, and dmesg | grep -i -e zocl -e dpu; then switch the board"
        " off and on",
    )


def _fingerprints(board: Board) -> List[Finding]:
    actual = board.device.fingerprint
    assert actual is not None
    if board.manifest is None:
        return []
    wanted = parse_fingerprint(board.manifest.content.get("fingerprint"))
    if wanted and wanted != actual:
        return [
            Finding(
                NAME,
                ERROR,
                f"model must be compiled for {describe_fingerprint(actual)},"
                f" got {describe_fingerprint(wanted)}",
                "VART aborts the program when they differ; switching the check off"
                " (XLNX_ENABLE_FINGERPRINT_CHECK=0) does not make the instructions fit",
                mismatch_remedy(wanted, actual),
            )
        ]
    if release_of(actual) is None:
        return [
            Finding(
                NAME,
                WARNING,
                f"fingerprint {actual:#x} is of no ZCU104 image of AMD",
                "the model must be compiled for exactly this DPU",
                recompile_command(actual),
            )
        ]
    return [ok(NAME, f"the model is compiled for this DPU, {describe_fingerprint(actual)}")]


def _runtime(board: Board) -> List[Finding]:
    runtime, fingerprint = board.device.runtime, board.device.fingerprint
    release = release_of(fingerprint)
    if not runtime or release is None or board.is_stand_in:
        return []
    first, last = release.split(" to ")[0], release.split(" to ")[-1]
    version = tuple(int(part) for part in runtime.split(".")[:2])
    low, high = (tuple(int(part) for part in text.split(".")) for text in (first, last))
    if low <= version <= high:
        return [ok(NAME, f"VART {runtime} is of the DPU's release")]
    return [
        Finding(
            NAME,
            WARNING,
            f"VART must be of the DPU's release, Vitis AI {release}, got {runtime}",
            "a runtime of another release may not know this DPU's instructions",
            f"boot the board image of Vitis AI {release}, or install its runtime packages",
        )
    ]


def _tuning(board: Board) -> List[Finding]:
    """AMD's images bring a script that nothing runs."""
    scripts = sorted(board.root.glob("home/*/dpu_sw_optimize/zynqmp/zynqmp_dpu_optimize.sh"))
    if board.is_stand_in or not scripts:
        return []
    script = f"/{scripts[0].relative_to(board.root)}"
    what = f"sh {script} after each boot gives the DPU precedence at the memory; nothing tells if it ran"
    return [Finding(NAME, NOTE, what)]
