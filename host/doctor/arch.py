"""arch.json: the DPU that AMD's compiler will compile for."""

from __future__ import annotations

import json
from pathlib import Path

from host.doctor.workstation import Workstation
from host.dpu.arch import ARCHS, ZCU104
from target.check.finding import ERROR, NOTE, WARNING, Finding, ok
from target.runners.releases import describe_fingerprint, parse_fingerprint

NAME = "arch"
_CONTAINERS = "opt/vitis_ai/compiler/arch/DPUCZDX8G/ZCU104/arch.json"
_WHY = (
    "a model for another DPU is refused by the board; the fingerprint is checked when it first runs"
)


def check(machine: Workstation) -> list[Finding]:
    """Read the given arch.json, or the container's own."""
    path = machine.arch or machine.root / _CONTAINERS
    if not path.is_file():
        if machine.arch is None:
            return []  # not in the container, and none was given
        return [
            Finding(
                NAME,
                ERROR,
                f"arch.json must be a file, got none at {path}",
                _WHY,
                f"look for it in the container: /{_CONTAINERS}",
            )
        ]
    return [_judge(path)]


def _judge(path: Path) -> Finding:
    remedy = f'write {{"fingerprint":"{ZCU104.fingerprint:#x}"}} for the image of Vitis AI 3.0; xdputil query'
    remedy += " on the board says which DPU it has"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return Finding(
            NAME, ERROR, f"arch.json must be JSON, got '{error}' in {path}", _WHY, remedy
        )
    if not isinstance(content, dict) or not content.keys() & {"fingerprint", "target"}:
        return Finding(
            NAME,
            ERROR,
            f"arch.json must name fingerprint or target, got neither in {path}",
            _WHY,
            remedy,
        )
    if "fingerprint" in content:
        return _fingerprint(path, content["fingerprint"], remedy)
    names = {arch.name for arch in ARCHS}
    if content["target"] not in names:
        return Finding(
            NAME,
            ERROR,
            f"target must be one of {', '.join(sorted(names))}, got"
            f" '{content['target']}' in {path}",
            _WHY,
            remedy,
        )
    if content["target"] != ZCU104.name:
        return Finding(
            NAME,
            WARNING,
            f"target must be {ZCU104.name} for Vitis AI 3.0, got '{content['target']}' in {path}",
            _WHY,
            remedy,
        )
    return Finding(
        NAME,
        NOTE,
        f"{path}: {ZCU104.name}; the name alone does not tell Vitis AI 2.5 from 3.0,"
        " the container's release does",
    )


def _fingerprint(path: Path, value: object, remedy: str) -> Finding:
    found = parse_fingerprint(value)
    if found is None:
        return Finding(
            NAME,
            ERROR,
            f"fingerprint must be a number such as {ZCU104.fingerprint:#x}, got"
            f" '{value}' in {path}",
            _WHY,
            remedy,
        )
    if found == ZCU104.fingerprint:
        return ok(NAME, f"{path}: {describe_fingerprint(found)}")
    return Finding(
        NAME,
        WARNING,
        f"arch.json should be for {describe_fingerprint(ZCU104.fingerprint)}, got"
        f" {describe_fingerprint(found)} in {path}",
        _WHY,
        remedy,
    )
