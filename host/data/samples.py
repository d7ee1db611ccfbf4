"""Labelled images as arrays: the one form in which every data source hands them on."""

from __future__ import annotations

import dataclasses

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
    """

    images: np.ndarray
    labels: np.ndarray
    source: str
    sha256: str

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

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: np.ndarray) -> Samples:
        """Return the samples of the given row indices or boolean mask, in that order."""
        return dataclasses.replace(self, images=self.images[rows], labels=self.labels[rows])
