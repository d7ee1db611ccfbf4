"""Builds model.json: everything that somebody who uses the model must know."""

from __future__ import annotations

import datetime
import platform
from importlib import metadata
from typing import Any

from host.compiler.compile import TOOLCHAIN
from host.dpu.arch import DpuArch
from host.graph.graph import Op
from target.manifest import NAME, SCHEMA_VERSION, check_manifest
from target.text.labels import classes_of_outputs
from target.vision.crop import MAX_TRIM
from target.vision.treatment import treatment_of

_VERSIONS = ("numpy", "keras", "tensorflow", "protobuf")


def build_manifest(
    name: str,
    doors: tuple[Op, Op],
    arch: DpuArch,
    training: dict[str, Any],
    hashes: dict[str, tuple[str, str]],
    toolchain: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the manifest of a compiled model.

    Args:
        name: Of the model.
        doors: The data-fix op and the download op of the compiled graph.
        arch: What it was compiled for.
        training: The content of train.json; may be empty.
        hashes: By role, each file's path inside the model's folder and its sha256.
        toolchain: Name and versions of what compiled it; this program if None.

    Raises:
        ModelError: If the result would not be valid.
    """
    source, last = doors
    _, height, width, channels = source.tensor.dims
    content = {
        "schema": SCHEMA_VERSION,
        "name": name,
        "network": training.get("network", name),
        "toolchain": toolchain or {"name": TOOLCHAIN, "versions": _versions()},
        "target": arch.name,
        "fingerprint": f"{arch.fingerprint:#x}",
        "input": {
            "tensor": source.tensor.name,
            "height": height,
            "width": width,
            "channels": channels,
            "colour": training.get("input", {}).get("colour", "gray"),
            "crop": {"rule": "centre-square", "max_trim": MAX_TRIM},
            "treatment": treatment_of(training.get("input", {}).get("treatment")).describe(),
            "scale": training.get("input", {}).get("scale", 1 / 255),
            "fix_point": source.tensor.fix_point,
        },
        "output": {
            "tensor": last.tensor.name,
            "classes": classes_of_outputs(last.tensor.dims[-1]),
            "fix_point": last.tensor.fix_point,
            "temperature": training.get("temperature", 1.0),
        },
        "files": {
            role: {"path": path, "sha256": sha256} for role, (path, sha256) in hashes.items()
        },
        "training": _training(training),
        "accuracy": None,
        "predicted_latency": None,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    empty = training.get("no_letter")
    if empty:
        content["output"]["nothing"] = empty["output"]
    check_manifest(content, NAME)
    return content


def _training(facts: dict[str, Any]) -> dict[str, Any]:
    data, config = facts.get("data", {}), facts.get("config", {})
    return {
        "source": data.get("source", "unknown"),
        "sha256": data.get("sha256", "unknown"),
        "split": config.get("validation", "unknown"),
        "epochs": config.get("epochs"),
        "seed": config.get("seed"),
        "weights": facts.get("weights"),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _VERSIONS:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
