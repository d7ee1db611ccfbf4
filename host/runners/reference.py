"""Makes the reference of a benchmark: test images, the emulator's codes, the float model's answers."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from pathlib import Path

import numpy as np

from host.data.samples import Samples
from host.runners.answers import Answers
from target import files
from target.errors import DataError
from target.manifest import Manifest
from target.measure.reference import Reference, load_reference
from target.text.labels import letter_of
from target.vision.postprocess import best_outputs

_BATCH = 512


def make_reference(samples: Samples, manifest: Manifest, cache: Path | None) -> Reference:
    """Return images with everything that is known of them; computed once, then kept in the cache.

    Args:
        samples: With labels.
        manifest: Of the model; the codes are those of the numpy engine, which is the definition.
        cache: Folder; None to compute anew.

    Raises:
        DataError: If there is no image.
    """
    if not len(samples):
        raise DataError(f"benchmark must have at least one image, got none in {samples.source}")
    floats = str(manifest.content["files"].get("float", {}).get("sha256", "none"))
    source = json.dumps(manifest.content["input"], sort_keys=True)
    key = f"{manifest.sha256[:12]}-{floats[:8]}-{samples.sha256[:12]}-{len(samples)}"
    key += f"-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
    path = cache and cache / f"reference-{key}.npz"
    if path and path.is_file():
        with contextlib.suppress(DataError):  # a damaged cache is made anew
            return load_reference(path, manifest)
    found = _compute(samples, manifest)
    if path:
        save_reference(found, manifest, path)
    return found


def save_reference(reference: Reference, manifest: Manifest, path: Path) -> None:
    """Write a complete reference as target.measure.reference reads it."""
    assert reference.codes is not None and reference.float_outputs is not None
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        images=reference.images,
        labels=reference.labels,
        codes=reference.codes,
        float_outputs=reference.float_outputs,
        source=np.array(reference.source),
        model_sha256=np.array(manifest.sha256),
    )
    files.write_bytes(path, buffer.getvalue())


def take(reference: Reference, count: int) -> Reference:
    """Return `count` images of a reference, spread evenly over it."""
    if count >= len(reference):
        return reference
    rows = np.arange(count) * len(reference) // count
    assert reference.codes is not None and reference.float_outputs is not None
    return Reference(
        reference.images[rows],
        reference.labels[rows],
        reference.codes[rows],
        reference.float_outputs[rows],
        f"{reference.source} ({count} of {len(reference)} images)",
    )


def _compute(samples: Samples, manifest: Manifest) -> Reference:
    answers = Answers(manifest, "reference")
    codes, scores = answers.codes(samples.images), answers.probabilities(samples.images)
    classes = manifest.classes
    labels = [letter_of(int(label)) for label in samples.labels]
    return Reference(
        samples.images,
        np.array([classes.index(x) if x in classes else -1 for x in labels], np.int64),
        codes,
        best_outputs(scores, classes),
        Path(samples.source).name,
    )
