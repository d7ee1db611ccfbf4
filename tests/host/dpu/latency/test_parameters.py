from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from host.dpu.latency.parameters import PRIORS, Parameters, load_parameters
from target.errors import ModelError


def test_shipped_parameters_state_small_errors_of_networks_left_out() -> None:
    parameters, error = load_parameters()
    left_out = error["one_thread"]["left_out"]
    assert left_out["median"] <= 0.06 and left_out["p90"] <= 0.18
    assert left_out["rows"] == 99 and len(error["networks"]) == 6
    assert all(value > 0 for value in dataclasses.astuple(parameters))


def test_shipped_parameters_stay_near_what_was_known_before() -> None:
    parameters, error = load_parameters()
    assert error["priors"] == {name: prior.source for name, prior in PRIORS.items()}
    for name, prior in PRIORS.items():
        assert abs(math.log(getattr(parameters, name)) - prior.log) < 3 * prior.spread, name


def test_every_parameter_but_the_memorys_has_a_prior() -> None:
    names = [field.name for field in dataclasses.fields(Parameters)]
    assert [*PRIORS, "memory_gb_s"] == names


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"error": {}}',
        '{"parameters": {"layer_ms": 1}, "error": {}}',
        json.dumps({"parameters": {**dict.fromkeys(PRIORS, 1), "memory_gb_s": 1}}),
    ],
    ids=["empty", "list", "no parameters", "one parameter", "no error"],
)
def test_load_parameters_of_another_file_names_the_command(content: str, tmp_path: Path) -> None:
    path = tmp_path / "parameters.json"
    path.write_text(content)
    with pytest.raises(ModelError, match="must be a file of python -m host refit, got '.*' in "):
        load_parameters(path)


def test_load_parameters_of_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must be a file of python -m host refit, got '.*No such"):
        load_parameters(tmp_path / "none.json")
