from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.report.reliability import plot_reliability
from host.training.confidence import confidences_of, find_temperature, labels_of, reliability
from target.errors import DataError
from target.opencv import cv2

CLASSES: list[str | None] = ["A", "B", None, "C"]


def _draws(count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose softmax is the truth's own distribution; the masked output is always the highest."""
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 2, (count, 4)).astype(np.float32)
    letters = np.exp(logits[:, [0, 1, 3]])
    shares = (letters / letters.sum(axis=1, keepdims=True)).cumsum(axis=1)
    labels = (generator.random((count, 1)) > shares).sum(axis=1)
    logits[:, 2] = 50.0
    return logits, labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_too_much_and_too_little_confidence(sharpness: float) -> None:
    logits, labels = _draws()
    found = find_temperature(logits * sharpness, labels, np.ones(len(labels)), CLASSES)
    assert found == pytest.approx(sharpness, rel=0.05)


def test_weights_count() -> None:
    logits, labels = _draws(4000)
    both, truth = np.concatenate([logits, logits * 3]), np.concatenate([labels, labels])
    weights = np.repeat([1e-6, 1.0], 4000)
    assert find_temperature(both, truth, weights, CLASSES) == pytest.approx(3, rel=0.08)


def test_a_calibrated_model_has_no_calibration_error_and_an_overconfident_one_has() -> None:
    logits, labels = _draws()
    good = reliability(logits, labels, CLASSES, 1.0)
    assert good["expected_calibration_error"] < 0.015
    bad = reliability(logits * 3, labels, CLASSES, 1.0)
    assert bad["expected_calibration_error"] > 0.1
    cooled = reliability(logits * 3, labels, CLASSES, 3.0)
    assert cooled["expected_calibration_error"] == pytest.approx(
        good["expected_calibration_error"], abs=1e-3
    )
    assert sum(entry["n"] for entry in bad["bins"]) == len(labels)


def test_bins_by_hand() -> None:
    logits = np.log(np.array([[0.95, 0.05, 1, 1e-9], [0.55, 0.45, 1, 1e-9], [0.94, 0.06, 1, 1e-9]]))
    found = reliability(logits.astype(np.float32), np.array([0, 1, 1]), CLASSES, 1.0)
    by_start = {entry["from"]: entry for entry in found["bins"] if entry["n"]}
    assert sorted(by_start) == [0.5, 0.9]
    assert by_start[0.9]["accuracy"] == 0.5 and by_start[0.5]["accuracy"] == 0.0
    assert by_start[0.9]["confidence"] == pytest.approx(0.945, abs=1e-3)
    # 2/3 * |0.945 - 0.5| + 1/3 * |0.55 - 0|
    assert found["expected_calibration_error"] == pytest.approx(0.48, abs=1e-3)


def test_masked_outputs_neither_win_nor_count() -> None:
    logits = np.array([[0.0, 1.0, 9.0, 0.5]], np.float32)
    assert labels_of(logits, CLASSES).tolist() == [1]
    share = np.exp(1.0) / (1 + np.exp(1.0) + np.exp(0.5))
    assert confidences_of(logits, CLASSES, 1.0) == pytest.approx([share], rel=1e-5)


def test_no_images_is_an_error() -> None:
    with pytest.raises(DataError, match="calibration must have images"):
        find_temperature(np.zeros((0, 4)), np.zeros(0), np.zeros(0), CLASSES)


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    logits, labels = _draws(500)
    plot_reliability(reliability(logits, labels, CLASSES, 1.0), "model", tmp_path / "r.png")
    picture = cv2.imread(str(tmp_path / "r.png"))
    assert picture is not None and picture.shape[0] > 500 and picture.std() > 10
