"""The real data set through the real recipes: minutes, not seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.slow


def _host(folder: Path, *args: object) -> str:
    """Run a command in a folder of its own; returns its last line of stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "host", *map(str, args)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_demo_on_the_real_data_set(kaggle_archive: Path, tmp_path: Path) -> None:
    released = ("--released", ROOT / "models")
    result = json.loads(_host(tmp_path, "demo", "--data", kaggle_archive, "--json", *released))
    assert result["seconds"] < 720
    report = json.loads(Path(tmp_path / result["json"]).read_text(encoding="utf-8"))
    streams = [r for r in report["records"] if r["task"] == "stream"]
    assert {r["model"]["name"] for r in streams} == {"signnet-quick", "signnet", "tutorial"}
    assert all(r["frames"] == 672 and r["accuracy"] > 0.85 for r in streams)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "reports"]


def test_tutorial_recipe_reaches_the_published_accuracy(
    kaggle_archive: Path, tmp_path: Path
) -> None:
    data = ("--data", kaggle_archive)
    _host(tmp_path, "train", "--network", "tutorial", "--out", "m", *data)
    _host(tmp_path, "quantize", "m", *data)
    _host(tmp_path, "compile", "m", *data)
    result = json.loads(_host(tmp_path, "evaluate", "m", *data, "--json"))
    assert 0.90 <= result["float_correct"] / result["n"] <= 0.96
    assert abs(result["float_correct"] - result["int8_correct"]) <= 0.005 * result["n"]
