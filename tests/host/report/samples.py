"""Records and model folders as the program's own commands leave them, with seeded times."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from target.measure.clock import StageClock
from target.measure.percentiles import summarize_ms
from target.measure.record import RunFacts, build_record
from target.text.labels import STATIC_LETTERS

SHA = {"signnet": "5e" * 32, "tutorial": "a7" * 32}
CPU = "Intel(R) Xeon(R) Processor @ 2.90GHz"
ENVIRONMENT = {
    "machine": "x86_64",
    "cpu": CPU,
    "cores": 2,
    "memory_mb": 7936,
    "system": "Linux 6.1.0",
    "python": "3.11.7",
    "governor": None,
    "load_average": 0.84,
    "versions": {"numpy": "2.4.1", "ai-edge-litert": "2.3.0", "tensorflow": "2.21.0"},
}
PREDICTION = {
    "kind": "predicted",
    "board": "zcu104",
    "dpu_ms": 0.3125,
    "latency_1_thread_ms": 0.4125,
    "python_vart_ms": 0.5875,
    "fps_multi_thread": 5000.0,
    "bound_by": "weights",
    "shares": {"weights": 0.75, "overhead": 0.25},
    "weights": 1000,
    "macs": 2000,
    "model_error": {"one_thread": {"rows": 99, "median": 0.0375, "p90": 0.09}},
}
_STAGES = {"capture": 0.8, "preprocess": 0.21, "postprocess": 0.035}


def record(
    runner: str = "litert-int8",
    kind: str = "measured",
    model: str = "signnet",
    infer_ms: float = 0.15,
    frames: int = 1000,
    **changes: Any,
) -> dict[str, Any]:
    """Return a bench record, or a stream record with task="stream"."""
    facts = RunFacts(
        task=changes.pop("task", "bench"),
        kind=kind,
        runner=runner,
        device=changes.pop("device", CPU),
        model_name=model,
        model_sha256=changes.pop("sha256", SHA.get(model, "0" * 64)),
        frames=frames,
        warmup=50,
        threads=changes.pop("threads", 1),
        seconds=frames * infer_ms / 1000 or 1.0,
        dropped=changes.pop("dropped", 0),
        accuracy=changes.pop("accuracy", None),
        text=changes.pop("text", None),
    )
    clock = _clock(infer_ms, frames, facts.task == "stream", random.Random(f"{runner}{model}"))
    if facts.task == "stream":
        ages = [value * 1.3 for value in clock.samples("end_to_end")]
        facts.frame_age_ms = summarize_ms(ages)
    return {**build_record(facts, clock.summaries()), "environment": dict(ENVIRONMENT), **changes}


def _clock(infer_ms: float, frames: int, stream: bool, draw: random.Random) -> StageClock:
    clock = StageClock()
    for _ in range(frames):
        infer = infer_ms * draw.lognormvariate(0, 0.12) / 1000
        others = {
            stage: value * draw.lognormvariate(0, 0.1) / 1000
            for stage, value in _STAGES.items()
            if stream or stage != "capture"
        }
        clock.add("infer", infer)
        for stage, seconds in others.items():
            clock.add(stage, seconds)
        clock.add("end_to_end", infer + others["preprocess"] + others["postprocess"])
    return clock


def metrics(wrong: int = 40, per_letter: int = 298) -> dict[str, Any]:
    """Return what `evaluate` writes; the int8 model makes `wrong` mistakes."""
    draw = random.Random(wrong)
    size = len(STATIC_LETTERS)
    confusion = [[per_letter * (row == column) for column in range(size)] for row in range(size)]
    for _ in range(wrong):
        row = draw.choice([0, 4, 11, 12, 12, 12, 17, 18])
        confusion[row][row] -= 1
        confusion[row][(row + draw.choice([1, 1, 1, 7])) % size] += 1
    letters = {
        letter: {
            "n": per_letter,
            "float_correct": min(confusion[index][index] + 1, per_letter),
            "int8_correct": confusion[index][index],
        }
        for index, letter in enumerate(STATIC_LETTERS)
    }
    return {
        "n": per_letter * size,
        "float_correct": sum(counts["float_correct"] for counts in letters.values()),
        "int8_correct": sum(counts["int8_correct"] for counts in letters.values()),
        "per_letter": letters,
        "confusion": confusion,
        "letters": STATIC_LETTERS,
    }


def history(epochs: int = 30) -> dict[str, Any]:
    """Return what `train` writes."""
    loss = [2.4 * 0.8**epoch + 0.02 for epoch in range(epochs)]
    return {
        "history": {
            "loss": loss,
            "accuracy": [1 - 0.3 * value for value in loss],
            "val_loss": [value * 1.1 + 0.03 for value in loss],
            "val_accuracy": [1 - 0.33 * value for value in loss],
        },
        "best_epoch": epochs - 2,
    }


def manifest(name: str = "signnet", counts: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a manifest as `compile` and `evaluate` leave it."""
    accuracy = counts and {
        "float": counts["float_correct"] / counts["n"],
        "int8": counts["int8_correct"] / counts["n"],
        "dataset": "Sign Language MNIST, test part",
        "n": counts["n"],
    }
    return {
        "schema": 1,
        "name": name,
        "network": name,
        "toolchain": {"name": "builtin", "versions": {"zcu104-asl": "0.1.0", "numpy": "2.4.1"}},
        "target": "DPUCZDX8G_ISA1_B4096",
        "fingerprint": "0x101000056010407",
        "input": {
            "tensor": "input",
            "height": 28,
            "width": 28,
            "channels": 1,
            "colour": "gray",
            "crop": {"rule": "centre-square", "max_trim": 0.1},
            "scale": 1 / 255,
            "fix_point": 7,
        },
        "output": {"tensor": "logits", "classes": list(STATIC_LETTERS), "fix_point": 3},
        "files": {"xmodel": {"path": f"{name}.xmodel", "sha256": SHA.get(name, "0" * 64)}},
        "training": {
            "source": "sign-language-mnist.zip",
            "sha256": "c3" * 32,
            "split": "groups of near-duplicate photos, 15 % for validation",
        },
        "accuracy": accuracy,
        "predicted_latency": None,
        "created": "2025-06-01T10:00:00+00:00",
    }


def write_json(path: Path, value: Any) -> Path:
    """Write a document; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def hashes(content: dict[str, Any] | None = None) -> dict[str, str]:
    """Return what metrics say of the files they were counted with: those of a manifest."""
    named = (content or manifest())["files"]
    return {role: named[role]["sha256"] for role in ("xmodel", "float") if role in named}


def model_folder(folder: Path, name: str = "signnet", wrong: int = 40, **changes: Any) -> Path:
    """Make a model folder with manifest, metrics and history."""
    counts = metrics(wrong)
    content = {**manifest(name, counts), **changes}
    write_json(folder / "model.json", content)
    write_json(folder / "metrics.json", {**counts, "model_sha256": hashes(content)})
    write_json(folder / "history.json", history())
    return folder


def bench_records() -> list[dict[str, Any]]:
    """Return what the demo measures: two models, four runners, one stream."""
    records = []
    for model, factor in (("signnet", 1.0), ("tutorial", 0.45)):
        records += [
            record("litert-float", model=model, infer_ms=0.29 * factor),
            record("litert-int8", model=model, infer_ms=0.15 * factor),
            record("keras-cpu", model=model, infer_ms=31.0 * factor),
            record("emulator", "emulated", model, 2.7 * factor, device=f"emulator on {CPU}"),
        ]
    stream = {"task": "stream", "text": "HELLO WORLD", "dropped": 37, "accuracy": 0.981}
    records.append(
        record(
            "emulator", "emulated", infer_ms=2.9, frames=400, device=f"emulator on {CPU}", **stream
        )
    )
    return records
