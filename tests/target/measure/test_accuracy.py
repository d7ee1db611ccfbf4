from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from host.runners.emulator import EmulatorRunner
from target.errors import ModelError, UnlikeError
from target.manifest import load_manifest
from target.measure.accuracy import check_accuracy
from target.runners.null import NullRunner
from tests.released import reference_of_released
from tests.target.stand_ins import MANIFEST, StandIn, codes_for, reference_of

ALL = [*range(9), *range(10, 25), 0]  # 25 images: every letter, and A again


def test_check_accuracy_of_the_right_codes() -> None:
    reference = reference_of(ALL, labels=[*ALL[:24], 1])  # the last one is read wrongly
    assert check_accuracy(StandIn(codes_for(ALL)), MANIFEST, reference) == {
        "images": 25,
        "source": "made by a test",
        "accuracy": 0.96,
        "codes_identical": True,
        "agreement": {
            "with": "the float model in Keras",
            "images": 25,
            "agree": 25,
            "disagreements": [],
        },
    }


def test_one_flipped_code_is_refused_though_the_letter_stays() -> None:
    answers = codes_for(ALL)
    answers[3, 20] ^= 1
    message = (
        r"runner 'stand-in' must give the DPU's codes on every image, got others on 1 of 25"
        r" \(first: image 3\).*nothing was measured; run make compile"
    )
    with pytest.raises(ModelError, match=message):
        check_accuracy(StandIn(answers), MANIFEST, reference_of(ALL))


def test_a_runner_that_promises_letters_may_give_other_codes() -> None:
    found = check_accuracy(StandIn(codes_for(ALL) // 2, "letters"), MANIFEST, reference_of(ALL))
    assert found["codes_identical"] is None and found["accuracy"] == 1.0


def test_the_right_codes_are_measured_however_many_letters_int8_costs() -> None:
    reference = reference_of([0] * 25)
    other = dataclasses.replace(reference, codes=codes_for([1] * 25))
    found = check_accuracy(StandIn(codes_for([1] * 25)), MANIFEST, other)
    assert (found["codes_identical"], found["accuracy"]) == (True, 0.0)
    assert found["agreement"]["agree"] == 0


# 40 images, the float model right on all of them: 0.99 * 40 = 39.6.
@pytest.mark.parametrize("wrong", [1, 2], ids=["39-of-40", "38-of-40"])
def test_letters_that_are_right_too_seldom_are_refused(wrong: int) -> None:
    given = [1] * wrong + [0] * (40 - wrong)
    message = (
        r"accuracy of runner 'stand-in' must be at least 0.9900 \(99 % of the float model's"
        rf" 1.0000\) on 40 images, got {1 - wrong / 40:.4f} with model 'signnet'"
    )
    with pytest.raises(UnlikeError, match=message):
        check_accuracy(StandIn(codes_for(given), "letters"), MANIFEST, reference_of([0] * 40))


def test_letters_may_be_right_on_99_percent_of_what_the_float_model_is() -> None:
    # Float 50 of 60; 49 is too few (98 %), 50 by other images is enough.
    reference = reference_of([0] * 60, labels=[1] * 10 + [0] * 50)
    given = [1] + [0] * 58 + [1]
    found = check_accuracy(StandIn(codes_for(given), "letters"), MANIFEST, reference)
    assert found["accuracy"] == round(50 / 60, 6)
    with pytest.raises(UnlikeError, match="at least 0.8250 .* got 0.8167"):
        check_accuracy(StandIn(codes_for([0] * 59 + [1]), "letters"), MANIFEST, reference)


def test_another_models_weights_are_refused_though_they_are_right_more_often() -> None:
    # Float is right on 54 of 60; the other model on all 60, and so disagrees on 6: 90 %.
    reference = reference_of([0] * 60, labels=[1] * 6 + [0] * 54)
    other = StandIn(codes_for([1] * 6 + [0] * 54), "letters")
    message = (
        "runner 'stand-in' must give the float model's letter on at least 95% of 60 images, got 54"
        " with model 'signnet'; nothing was measured; .*run make export"
    )
    with pytest.raises(UnlikeError, match=message):
        check_accuracy(other, MANIFEST, reference)


@pytest.mark.parametrize(("wrong", "refused"), [(2, False), (3, True)], ids=["38", "37"])
def test_without_labels_the_float_model_is_the_measure(wrong: int, refused: bool) -> None:
    reference = reference_of([0] * 40, labels=[-1] * 40)
    runner = StandIn(codes_for([1] * wrong + [0] * (40 - wrong)), "letters")
    if refused:
        with pytest.raises(UnlikeError, match="at least 95% of 40 images, got 37"):
            check_accuracy(runner, MANIFEST, reference)
    else:
        assert check_accuracy(runner, MANIFEST, reference)["accuracy"] is None


def test_every_disagreement_is_listed() -> None:
    reference = reference_of([0] * 60, labels=[-1, 1, *[0] * 56, 24, -1])
    given = [10, 1, *[0] * 56, 24, 0]
    found = check_accuracy(StandIn(codes_for(given), "letters"), MANIFEST, reference)
    assert found["agreement"]["agree"] == 57
    assert found["agreement"]["disagreements"] == [
        {"image": 0, "truth": None, "float": "A", "runner": "K"},
        {"image": 1, "truth": "B", "float": "A", "runner": "B"},
        {"image": 58, "truth": "Y", "float": "A", "runner": "Y"},
    ]


def test_images_without_a_label_do_not_count_in_the_accuracy() -> None:
    reference = reference_of([0, 0, 0, 0], labels=[0, -1, 1, 25])  # Z is no output
    assert check_accuracy(StandIn(codes_for([0] * 4)), MANIFEST, reference)["accuracy"] == 0.5


def test_a_runner_that_does_nothing_has_no_accuracy() -> None:
    found = check_accuracy(NullRunner(MANIFEST), MANIFEST, reference_of(ALL))
    assert (found["accuracy"], found["codes_identical"], found["agreement"]) == (None, None, None)


@pytest.mark.parametrize("name", ["signnet", "tutorial"])
def test_emulator_gives_the_codes_of_all_1024_released_images(
    name: str, released: dict[str, Path]
) -> None:
    manifest = load_manifest(released[name])
    found = check_accuracy(EmulatorRunner(manifest), manifest, reference_of_released(manifest))
    assert (found["images"], found["codes_identical"]) == (1024, True)


def test_another_models_weights_do_not_give_the_codes(released: dict[str, Path]) -> None:
    signnet, tutorial = (load_manifest(released[name]) for name in ("signnet", "tutorial"))
    few = reference_of_released(signnet, 50)
    with pytest.raises(ModelError, match=r"DPU's codes on every image, got others on 50 of 50"):
        check_accuracy(EmulatorRunner(tutorial), signnet, few)
