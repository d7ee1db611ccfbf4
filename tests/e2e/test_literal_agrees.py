"""The emulator against the literal interpreter: the written files, every tensor, a few images.

The literal side (tests/literal) is scalar Python, reads the file itself and shares no code with
host/dpu.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.dpu.ops import conv2d_fix, convolution, nonlinear
from host.dpu.ops.windows import Window
from host.xmodel.reader import read_xmodel
from target.manifest import load_manifest
from tests.literal import interpreter

NAMES = ("signnet", "tutorial")


def _differences(xmodel: Path, codes: np.ndarray) -> list[str]:
    """Return the names of the tensors on which emulator and literal interpreter differ."""
    emulator = Emulator(read_xmodel(xmodel))
    emulated = emulator.run({emulator.inputs[0].name: codes[None]})
    model = interpreter.load(xmodel)
    literal = interpreter.run(model, codes.reshape(-1).tolist())
    compared = [name for name in literal if name in emulated]
    assert len(compared) >= 10
    return [
        name
        for name in compared
        if not np.array_equal(emulated[name].reshape(-1), np.array(literal[name].values, np.int8))
    ]


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest, released: dict[str, Path]) -> Path:
    return released[request.param]


@pytest.mark.parametrize("row", [0, 15, 16, 31])
def test_every_tensor_is_identical(model: Path, row: int) -> None:
    manifest = load_manifest(model)
    with np.load(manifest.file("golden")) as golden:
        codes = golden["input"][row]
    assert _differences(manifest.xmodel, codes) == []


def test_literal_gives_the_golden_outputs(model: Path) -> None:
    manifest = load_manifest(model)
    loaded = interpreter.load(manifest.xmodel)
    with np.load(manifest.file("golden")) as golden:
        for row in (3, 20):
            values = interpreter.run(loaded, golden["input"][row].reshape(-1).tolist())
            (name,) = interpreter.output_names(loaded)
            assert values[name].values == golden["output"][row].tolist()


def _half_to_even(y: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(y), -128, 127).astype(np.int8)


def _padded_with_ones(x: np.ndarray, window: Window, fill: float) -> np.ndarray:
    top, bottom, left, right = window.pad
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=1)


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        (nonlinear, "to_codes", _half_to_even),
        (conv2d_fix, "padded", _padded_with_ones),
        (convolution, "check_shift", lambda bits, what, op: bits + 1),
    ],
    ids=["rounding", "padding", "shift"],
)
def test_a_mutation_of_the_emulator_is_noticed(
    released: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    wrong: object,
) -> None:
    manifest = load_manifest(released["signnet"])
    with np.load(manifest.file("golden")) as golden:
        codes = golden["input"][16]
    monkeypatch.setattr(module, name, wrong)
    assert _differences(manifest.xmodel, codes)
