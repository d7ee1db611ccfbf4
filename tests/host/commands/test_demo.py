"""What the demo does with a baseline that is not fit to be compared; the whole of it is in tests/e2e."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.commands import demo
from host.data.samples import Samples
from host.runners.table import RunnerNeeds
from target.errors import ModelError, UnlikeError
from target.manifest import load_manifest
from target.measure.single_stream import BenchConfig


@pytest.mark.parametrize("error", [UnlikeError, ModelError])
def test_only_a_baseline_unlike_its_model_is_left_out(
    error: type[ModelError],
    released: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def measure(manifest: object, test: object, names: list[str], *_: object) -> Iterator[Any]:
        if names == ["litert-int8"]:
            raise error("letters must be those of the float model, got others")
        yield {"runner": names[0]}

    monkeypatch.setattr(demo, "run_bench", measure)
    monkeypatch.setattr(demo, "_runners", lambda: ["emulator", "litert-int8", "null"])
    images = np.zeros((1, 28, 28), np.uint8)
    samples = Samples(images, np.zeros(1, np.int64), "a test", "0" * 64)
    manifest, needs = load_manifest(released["signnet"]), RunnerNeeds(1, images[..., None], None)
    if error is ModelError:
        with pytest.raises(ModelError):
            demo._measure(manifest, samples, BenchConfig(), needs)
        return
    with caplog.at_level(logging.WARNING):
        records = demo._measure(manifest, samples, BenchConfig(), needs)
    assert [record["runner"] for record in records] == ["emulator", "null"]
    assert "left out: letters must be" in caplog.text
