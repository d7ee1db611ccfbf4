"""What runners check before the first image: the file's tensors are those of the manifest."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Sequence

from target.errors import ModelError
from target.manifest import Manifest
from target.runners.base import TensorSpec


def check_specs(manifest: Manifest, source: TensorSpec, last: TensorSpec) -> None:
    """Compare a compiled model's input and output with the manifest.

    Args:
        manifest: Of the model.
        source: The model's input.
        last: The model's output.

    Raises:
        ModelError: If a shape, a fix point or the number of outputs is another one.
    """
    where = f"in {manifest.xmodel}; run make compile"
    size = manifest.input_size
    if source.shape != (1, size, size, 1):
        raise ModelError(
            f"input '{source.name}' must have the manifest's shape (1, {size}, {size}, 1),"
            f" got {source.shape} {where}"
        )
    for what, spec, fix_point in (
        ("input", source, manifest.input_fix_point),
        ("output", last, manifest.output_fix_point),
    ):
        got = -round(math.log2(spec.scale))
        if got != fix_point:
            raise ModelError(
                f"{what} '{spec.name}' must have the manifest's fix_point {fix_point}, got {got} {where}"
            )
    outputs = math.prod(last.shape)
    if outputs != len(manifest.classes):
        raise ModelError(
            f"output '{last.name}' must have one value per class of the manifest"
            f" ({len(manifest.classes)}), got {outputs} {where}"
        )


def check_sizes(
    path: Path, manifest: Manifest, source: Sequence[object], last: Sequence[object]
) -> None:
    """Compare a baseline's input and output with the manifest.

    Args:
        path: Of the baseline's file.
        manifest: Of the model.
        source: Dims of the file's input.
        last: Dims of the file's output.

    Raises:
        ModelError: If it is made for another size of image or number of outputs.
    """
    size, outputs = manifest.input_size, len(manifest.classes)
    wanted = ((1, size, size, 1), (1, outputs))
    if (tuple(source), tuple(last)) != wanted:
        raise ModelError(
            f"model must take {wanted[0]} and give {wanted[1]} as '{manifest.name}' does,"
            f" got {tuple(source)} and {tuple(last)} in {path}; run make export"
        )
