from __future__ import annotations

import numpy as np
import pytest

from target.errors import ModelError
from target.runners.base import TensorSpec
from target.text.labels import classes_of_outputs
from target.vision.postprocess import Postprocessor, Prediction, softmax

ABC: list[str | None] = ["A", "B", "C"]


def _spec(
    outputs: int, dtype: str = "float32", scale: float = 1.0, zero_point: int = 0
) -> TensorSpec:
    return TensorSpec("out", (1, outputs), dtype, scale, zero_point)


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([0.0, 0.0], [0.5, 0.5]),
        ([np.log(3.0), 0.0], [0.75, 0.25]),
        ([1000.0, 0.0], [1.0, 0.0]),
        ([-1000.0, -1000.0 - np.log(4.0)], [0.8, 0.2]),
    ],
    ids=["even", "three-to-one", "large", "very-negative"],
)
def test_softmax(logits: list[float], expected: list[float]) -> None:
    got = softmax(np.float32(logits))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_softmax_works_along_the_last_axis() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    np.testing.assert_allclose(softmax(rows).sum(axis=-1), np.ones((2, 3)), rtol=1e-6)


def test_prediction_of_logits() -> None:
    logits = np.float32([[0, np.log(6), np.log(3)]])
    prediction = Postprocessor(ABC, _spec(3), False)(logits)
    assert (prediction.letter, prediction.runner_up) == ("B", "C")
    assert prediction.confidence == pytest.approx(0.6)
    assert prediction.runner_up_confidence == pytest.approx(0.3)


def test_prediction_of_codes_uses_scale() -> None:
    # codes 8 and 0 at fix point 3 are 1.0 and 0.0
    prediction = Postprocessor(ABC[:2], _spec(2, "int8", 2.0**-3), False)(np.int8([[0, 8]]))
    assert prediction.letter == "B"
    assert prediction.confidence == pytest.approx(np.e / (1 + np.e), rel=1e-5)


def test_prediction_of_quantized_probabilities_uses_the_zero_point() -> None:
    # a LiteRT softmax: (code + 128) / 256; -128 is 0, 64 is 0.75, 0 is 0.5 of a sum of 1.25
    spec = _spec(3, "int8", 1 / 256, -128)
    prediction = Postprocessor(ABC, spec, True)(np.int8([[-128, 64, 0]]))
    assert prediction == Prediction("B", pytest.approx(0.6), "C", pytest.approx(0.4))


def test_outputs_without_a_letter_never_win() -> None:
    classes = classes_of_outputs(25)
    logits = np.zeros((1, 25), np.float32)
    logits[0, 9] = 50  # J
    logits[0, 10] = 3
    prediction = Postprocessor(classes, _spec(25), False)(logits)
    assert prediction.letter == "K"
    assert prediction.confidence == pytest.approx(np.exp(3) / (np.exp(3) + 23), rel=1e-5)


def test_masked_probabilities_are_shares_of_the_rest() -> None:
    prediction = Postprocessor(["A", None, "C"], _spec(3), True)(np.float32([[0.1, 0.6, 0.3]]))
    assert (prediction.letter, prediction.confidence) == ("C", pytest.approx(0.75))


def test_first_of_equals_wins() -> None:
    prediction = Postprocessor(ABC, _spec(3), False)(np.zeros((1, 3), np.float32))
    assert (prediction.letter, prediction.runner_up) == ("A", "B")


def test_a_single_letter_has_no_runner_up() -> None:
    prediction = Postprocessor([None, "B"], _spec(2), False)(np.float32([[5, 1]]))
    assert prediction == Prediction("B", 1.0, None, 0.0)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_divides_the_scores(temperature: float) -> None:
    scores = np.array([[0.5, 2.0, -1.0]], np.float32)
    expected = softmax(scores[0] / temperature)
    cooled = Postprocessor(ABC, _spec(3), False, temperature)(scores)
    assert (cooled.letter, cooled.runner_up) == ("B", "A")
    assert cooled.confidence == pytest.approx(expected[1], rel=1e-5)
    given = Postprocessor(ABC, _spec(3), True, temperature)(softmax(scores))
    assert given.confidence == pytest.approx(cooled.confidence, rel=1e-4)


def test_probabilities_of_zero_do_not_divide_by_zero() -> None:
    prediction = Postprocessor(ABC, _spec(3), True)(np.zeros((1, 3), np.float32))
    assert prediction.confidence == 0.0


def test_output_of_the_runner_is_not_changed() -> None:
    output = np.float32([[1, 2, 3]])
    Postprocessor(ABC, _spec(3), True)(output)
    np.testing.assert_array_equal(output, [[1, 2, 3]])


def test_number_of_classes_must_be_that_of_the_outputs() -> None:
    message = "manifest must have one class per output, got 3 classes for 25 outputs of 'out'"
    with pytest.raises(ModelError, match=message):
        Postprocessor(ABC, _spec(25), False)
