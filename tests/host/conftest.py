"""The reference cases of AMD's quantizer, each quantized, run and compiled once a session."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.compiler.compile import Compiled, compile_graph
from host.dpu.emulator import Emulator
from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.graph.keras_file import load_keras_model
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import Quantized, optimize, quantize_graph


@dataclasses.dataclass(frozen=True)
class ReferenceCase:
    """One case and what we make of it.

    Attributes:
        folder: Holds AMD's results.
        config: Of the case.
        optimized: Our float graph before quantization.
        quantized: Our result.
        images: The 32 test images, float32 (32, 28, 28, 1).
        values: Of our quantized graph on them, by tensor name.
        compiled: Our compiled graph.
    """

    folder: Path
    config: QuantConfig
    optimized: Graph
    quantized: Quantized
    images: np.ndarray
    values: dict[str, np.ndarray]
    compiled: Compiled

    def json(self, name: str) -> Any:
        """Return a JSON file of the case."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Return an .npz file of the case."""
        with np.load(self.folder / name) as stored:
            return {key: stored[key] for key in stored}


def _images(path: Path) -> np.ndarray:
    with np.load(path) as stored:
        return np.asarray(stored["x"].astype(np.float32) / np.float32(255))


@pytest.fixture(scope="session", params=["cnn_a", "cnn_c", "cnn_e"])
def case(request: pytest.FixtureRequest, shared: Path) -> ReferenceCase:
    """A reference case."""
    root = shared / "given" / "quantizer"
    folder = root / request.param
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    assert meta["options"] == {}
    config = QuantConfig(meta["calibration_images"], meta["calibration_batch_size"])
    graph = from_keras(load_keras_model(folder / "float.keras"))
    quantized = quantize_graph(graph, _images(root / "calib_images.npz"), config)
    images = _images(root / "test_images.npz")
    return ReferenceCase(
        folder,
        config,
        optimize(graph, config),
        quantized,
        images,
        Emulator(quantized.graph).run({"image": images}),
        compile_graph(quantized.graph),
    )
