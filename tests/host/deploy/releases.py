"""Models that tests deploy: another release of the same, and one with a wrong weight."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from host.xmodel.reader import read_xmodel
from target import files

SIGNNET = Path(__file__).resolve().parents[3] / "models/signnet"


def another(folder: Path, year: int = 1999) -> Path:
    """Copy the model with another date: the same answers, another release."""
    shutil.copytree(SIGNNET, folder)
    _edit(folder, created=f"{year}-01-01T00:00:00+00:00")
    return folder


def spoilt(folder: Path) -> Path:
    """Copy the model with one byte of a weight changed, and a manifest that fits."""
    shutil.copytree(SIGNNET, folder)
    path = folder / "signnet.xmodel"
    weights = read_xmodel(path).op("fc/kernel").data
    assert weights is not None
    data = path.read_bytes()
    assert data.count(weights.tobytes()) == 1
    changed = bytearray(data)
    changed[data.index(weights.tobytes()) + 5] ^= 0x40
    path.write_bytes(changed)
    (folder / "golden/reference.npz").unlink()  # it belongs to the model before
    _edit(folder)
    return folder


def _edit(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content.update(changes)
    content["files"]["xmodel"]["sha256"] = files.sha256_of(folder / "signnet.xmodel")
    path.write_text(json.dumps(content), encoding="utf-8")
