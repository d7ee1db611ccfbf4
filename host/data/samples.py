"""Labelled images as arrays: the one form in which every data source hands them on."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from target.errors import DataError


@dataclasses.dataclass(frozen=True)
class Samples:
    """Labelled gray images.

    Attributes:
        images: uint8 (n, h, w), 0-255.
        labels: uint8 (n,), label values 0-25 = A-Z.
        source: Where they come from, for messages and the manifest.
        sha256: Of the source's bytes, 64 hexadecimal digits.
        signers: int64 (n,), who signs each image, -1 where nobody knows; None if nobody knows of any.
        photos: int64 (n,), the photo each image was made from, -1 where nobody knows; None as above.
        parts: str (n,), the data set each image is of, where several are joined; None for one.
        masks: uint8 (n, h, w), 255 where the hand is; all 0 where nobody knows; None if nobody knows of any.
    """

    images: np.ndarray
    labels: np.ndarray
    source: str
    sha256: str
    signers: np.ndarray | None = None
    photos: np.ndarray | None = None
    parts: np.ndarray | None = None
    masks: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.dtype != np.uint8:
            raise DataError(
                f"images must be uint8 (n, h, w), got {self.images.dtype} {self.images.shape}"
                f" in {self.source}"
            )
        if self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"labels must be one per image ({len(self.images)}), got {self.labels.shape}"
                f" in {self.source}"
            )
        for name in ("signers", "photos", "parts"):
            values = getattr(self, name)
            if values is not None and values.shape != self.labels.shape:
                raise DataError(
                    f"{name} must be one per image ({len(self.images)}), got {values.shape}"
                    f" in {self.source}"
                )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: np.ndarray) -> Samples:
        """Return the samples of the given row indices or boolean mask, in that order."""
        kept: dict[str, Any] = {
            name: None if values is None else values[rows]
            for name in ("signers", "photos", "parts", "masks")
            for values in [getattr(self, name)]
        }
        return dataclasses.replace(self, images=self.images[rows], labels=self.labels[rows], **kept)

    def only(self, parts: Iterable[str]) -> Samples:
        """Return the samples of some of the data sets that were joined."""
        wanted = np.isin(self.part_names(), list(parts))
        return self if wanted.all() else self.take(wanted)

    def with_masks(self, masks: np.ndarray) -> Samples:
        """Return the same samples with masks of the hands."""
        if masks.shape != self.images.shape:
            raise DataError(
                f"masks must be of the images' shape {self.images.shape}, got {masks.shape}"
                f" in {self.source}"
            )
        return dataclasses.replace(self, masks=masks)

    def known(self, name: str) -> np.ndarray:
        """Return `signers` or `photos`, int64 (n,), -1 where nobody knows."""
        values = getattr(self, name)
        return np.full(len(self), -1, dtype=np.int64) if values is None else np.asarray(values)

    def part_names(self) -> np.ndarray:
        """Return the data set of each image, str (n,); the source where there is one."""
        return np.full(len(self), self.source) if self.parts is None else self.parts


def join(parts: dict[str, Samples], source: str) -> Samples:
    """Return the samples of several data sets, one after the other.

    Args:
        parts: By name; images of one size.
        source: Of the result.

    Raises:
        DataError: If the sizes differ.
    """
    sizes = {samples.source: samples.images.shape[1:] for samples in parts.values()}
    if len(set(sizes.values())) != 1:
        raise DataError(f"images must be of one size, got {sizes}")
    every = list(parts.values())
    return Samples(
        np.concatenate([samples.images for samples in every]),
        np.concatenate([samples.labels for samples in every]),
        source,
        hashlib.sha256("".join(samples.sha256 for samples in every).encode()).hexdigest(),
        np.concatenate([samples.known("signers") for samples in every]),
        np.concatenate([samples.known("photos") for samples in every]),
        np.concatenate([np.full(len(samples), name) for name, samples in parts.items()]),
        _joined_masks(every),
    )


def _joined_masks(every: list[Samples]) -> np.ndarray | None:
    if all(samples.masks is None for samples in every):
        return None
    return np.concatenate([np.zeros_like(s.images) if s.masks is None else s.masks for s in every])
