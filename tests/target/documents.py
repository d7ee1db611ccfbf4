"""A valid manifest and a valid run record, to be changed by tests."""

from __future__ import annotations

import copy
from typing import Any

from target.text.labels import classes_of_outputs

SUMMARY = dict.fromkeys(("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max"), 1.5)

_MANIFEST: dict[str, Any] = {
    "schema": 1,
    "name": "signnet",
    "network": "signnet",
    "toolchain": {"name": "builtin", "versions": {"numpy": "2.0"}},
    "target": "DPUCZDX8G_ISA1_B4096",
    "fingerprint": "0x101000056010407",
    "input": {
        "tensor": "image_fix",
        "height": 28,
        "width": 28,
        "channels": 1,
        "colour": "gray",
        "crop": {"rule": "centre-square", "max_trim": 0.05},
        "scale": 1 / 255,
        "fix_point": 6,
    },
    "output": {"tensor": "out", "classes": classes_of_outputs(25), "fix_point": 2},
    "files": {"xmodel": {"path": "signnet.xmodel", "sha256": "0" * 64}},
    "training": {"source": "archive.zip", "sha256": "unknown", "split": "photo:0.15"},
    "accuracy": {"float": 0.99, "int8": 0.985, "dataset": "test", "n": 7172},
    "predicted_latency": None,
    "created": "2026-01-01T00:00:00+00:00",
}

_RECORD: dict[str, Any] = {
    "schema": 1,
    "task": "bench",
    "kind": "emulated",
    "runner": "emulator",
    "device": "a computer",
    "model": {"name": "signnet", "sha256": "a" * 64},
    "frames": 1000,
    "warmup": 50,
    "threads": 1,
    "stages": {"infer": SUMMARY, "end_to_end": SUMMARY},
    "throughput_fps": 600.0,
    "dropped": 0,
    "frame_age_ms": SUMMARY,
    "energy_mj_per_frame": None,
    "accuracy": 0.98,
    "text": "HELLO",
    "valid": True,
    "why": [],
    "environment": {"cpu": None},
    "created": "2026-01-01T00:00:00+00:00",
}


def manifest() -> dict[str, Any]:
    """Return a fresh valid manifest."""
    return copy.deepcopy(_MANIFEST)


def record() -> dict[str, Any]:
    """Return a fresh valid run record."""
    return copy.deepcopy(_RECORD)
