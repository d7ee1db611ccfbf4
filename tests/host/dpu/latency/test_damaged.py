"""Damaged compiled files: a prediction of one is an answer or an AppError, as for every other command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host.dpu.latency.boards import find_board, find_release
from host.dpu.latency.describe import describe_prediction
from host.dpu.latency.layers import workload_of
from host.dpu.latency.parameters import load_parameters
from host.dpu.latency.predict import predict
from host.dpu.ops.table import OPS
from host.xmodel.reader import read_xmodel
from target.errors import AppError
from tests.host.xmodel.damage import change_often
from tests.host.xmodel.sound_models import parsed, sound_model

KINDS = [kind for kind in OPS if kind.endswith("-fix")]
RELEASES = ("3.0", "1.4")


def _predict(content: bytes, folder: Path) -> str:
    """Return how far a file goes on both generations of the DPU."""
    path = folder / "damaged.xmodel"
    path.write_bytes(content)
    try:
        graph = read_xmodel(path)
    except AppError:
        return "refused"
    parameters, error = load_parameters()
    for name in RELEASES:
        release = find_release(name)
        try:
            workload = workload_of(graph, release)
        except AppError as fault:
            assert str(fault).isprintable()
            return "read"
        prediction = predict(workload, find_board("zcu104"), release, parameters)
        json.dumps(describe_prediction(prediction, error), allow_nan=False)
    return "predicted"


@pytest.mark.parametrize("kind", KINDS)
def test_sound_models_are_predicted(kind: str, tmp_path: Path) -> None:
    expected = "read" if kind in ("reshape-fix", "concat-fix") else "predicted"
    assert _predict(sound_model(kind).SerializeToString(), tmp_path) == expected


def _change_often(messages: list[Any], times: int, folder: Path) -> None:
    ends = change_often(messages, times, lambda content: _predict(content, folder))
    assert min(ends["refused"], ends["read"], ends["predicted"]) > times / 100, ends


@pytest.mark.parametrize(
    "times", [300, pytest.param(8000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_changed_fields_of_every_type_of_op(times: int, tmp_path: Path) -> None:
    _change_often([sound_model(kind) for kind in KINDS], times, tmp_path)


@pytest.mark.parametrize(
    "times", [300, pytest.param(4000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_changed_fields_of_real_files(
    released: dict[str, Path], times: int, tmp_path: Path
) -> None:
    paths = [folder / f"{name}.xmodel" for name, folder in released.items()]
    _change_often([parsed(path.read_bytes()) for path in paths], times, tmp_path)
