"""The accuracy run before a benchmark: the same code on every image; a wrong model is refused.

A runner of the DPU must give the DPU's codes on every image. Any other must be right on at least 99
% of what the float model is right on, as MLPerf asks of a reduced precision, and give its letter on
95 %: the weights of another model may be right more often.
"""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

from target.errors import ModelError, UnlikeError
from target.manifest import Manifest
from target.measure.reference import Reference
from target.runners.base import Runner
from target.vision.postprocess import make_postprocessor
from target.vision.preprocess import Preprocessor

LEAST_SHARE = 0.99  # of the float model's accuracy
LEAST_AGREEMENT = 0.95  # of the images, with the float model


def check_accuracy(runner: Runner, manifest: Manifest, reference: Reference) -> Dict[str, Any]:
    """Run every image once and compare with what is known of it.

    Args:
        runner: To be measured.
        manifest: Of the model.
        reference: Images and answers.

    Returns:
        images, source, accuracy (None if no image has a label), codes_identical (None if not
        promised), agreement with the float model: agree, disagreements [{image, truth, float,
        runner}] (None if unknown).

    Raises:
        ModelError: If the codes are not those of the model.
        UnlikeError: If a baseline's letters are too often not those of the float model.
    """
    letters, different = _run(runner, manifest, reference)
    found: Dict[str, Any] = {
        "images": len(reference),
        "source": reference.source,
        "accuracy": None
        if runner.promise == "nothing"
        else _accuracy(letters, _letters(reference.labels, manifest)),
        "codes_identical": None,
        "agreement": None,
    }
    if runner.promise == "codes" and reference.codes is not None:
        found["codes_identical"] = not different
        if different:
            raise ModelError(
                f"runner '{runner.name}' must give the DPU's codes on every image, got others on"
                f" {len(different)} of {len(reference)} (first: image {different[0]}) with"
                f" {manifest.xmodel}; nothing was measured; run make compile, or copy the model again"
            )
    if reference.float_outputs is not None and runner.promise != "nothing":
        float_letters = _letters(reference.float_outputs, manifest)
        found["agreement"] = _agreement(letters, float_letters, reference, manifest)
        if found["codes_identical"] is None:
            _check_agreement(runner, manifest, found["agreement"])
            _check_share(runner, manifest, found["accuracy"], (float_letters, reference))
    return found


def _run(runner: Runner, manifest: Manifest, reference: Reference) -> tuple[List[str], List[int]]:
    """Return the letter of every image, and the images whose codes are not the expected ones."""
    preprocess = Preprocessor(manifest, runner.input)
    postprocess = make_postprocessor(manifest, runner)
    codes = reference.codes if runner.promise == "codes" else None
    letters, different = [], []
    for index, image in enumerate(reference.images):
        output = runner.infer(preprocess(image))
        if codes is not None and not np.array_equal(output.reshape(-1), codes[index]):
            different.append(index)
        letters.append(postprocess(output).letter)
    return letters, different


def _letters(outputs: np.ndarray, manifest: Manifest) -> List[str | None]:
    classes = manifest.classes
    return [classes[index] if 0 <= index < len(classes) else None for index in outputs.tolist()]


def _accuracy(letters: List[str], truth: List[str | None]) -> float | None:
    known = [(given, wanted) for given, wanted in zip(letters, truth) if wanted is not None]
    if not known:
        return None
    return round(sum(given == wanted for given, wanted in known) / len(known), 6)


def _agreement(
    letters: List[str], wanted: List[str | None], reference: Reference, manifest: Manifest
) -> Dict[str, Any]:
    truth = _letters(reference.labels, manifest)
    disagreements = [
        {"image": index, "truth": truth[index], "float": wanted[index], "runner": letter}
        for index, letter in enumerate(letters)
        if letter != wanted[index]
    ]
    return {
        "with": "the float model in Keras",
        "images": len(letters),
        "agree": len(letters) - len(disagreements),
        "disagreements": disagreements,
    }


def _check_agreement(runner: Runner, manifest: Manifest, agreement: Dict[str, Any]) -> None:
    agree, images = agreement["agree"], agreement["images"]
    if agree < LEAST_AGREEMENT * images:
        raise UnlikeError(
            f"runner '{runner.name}' must give the float model's letter on at least"
            f" {LEAST_AGREEMENT:.0%} of {images} images, got {agree} with model '{manifest.name}';"
            " nothing was measured; its file is that of another model (run make export), or the model"
            " has learnt so little that rounding decides (run make train with more epochs)"
        )


def _check_share(
    runner: Runner,
    manifest: Manifest,
    accuracy: float | None,
    known: tuple[List[str | None], Reference],
) -> None:
    float_letters, reference = known
    best = _accuracy(
        [letter or "" for letter in float_letters], _letters(reference.labels, manifest)
    )
    if accuracy is None or best is None or accuracy >= LEAST_SHARE * best:
        return
    raise UnlikeError(
        f"accuracy of runner '{runner.name}' must be at least {LEAST_SHARE * best:.4f} (99 % of the float"
        f" model's {best:.4f}) on {len(reference)} images, got {accuracy:.4f} with model"
        f" '{manifest.name}'; nothing was measured; run make export"
    )
