"""The README's table of ops says what the tests show."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.dpu.assumed import assumption_of
from host.dpu.ops.table import OPS
from tests.evidence import ROOT, SAMPLES, confirmed, readme_with, sample, table, variant


@pytest.fixture(scope="module")
def found(shared: Path) -> set[tuple[str, str]]:
    return confirmed(shared)


def test_table_in_the_readme_is_up_to_date(found: set[tuple[str, str]]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == readme_with(text, table(found)), "run .venv/bin/python -m tests.evidence"


def test_table_has_every_op_on_codes() -> None:
    codes = {kind for kind in OPS if kind.endswith("-fix")} | {"upload", "download"}
    assert {kind for kind, _ in SAMPLES} == codes


def test_table_has_every_variant_that_is_confirmed(found: set[tuple[str, str]]) -> None:
    assert found <= {variant(*sample(kind, made)) for kind, made in SAMPLES}


def test_samples_are_all_different() -> None:
    assert len({variant(*sample(kind, made)) for kind, made in SAMPLES}) == len(SAMPLES)


def test_what_is_confirmed_is_not_assumed_and_the_other_way_round(
    found: set[tuple[str, str]],
) -> None:
    for kind, made in SAMPLES:
        graph, op = sample(kind, made)
        assert (assumption_of(graph, op) is None) == (variant(graph, op) in found), (kind, made)
