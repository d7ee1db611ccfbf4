"""Labelled images as arrays: the one form in which every data source hands them on."""

from __future__ import annotations

import dataclasses
import hashlib

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
    """

    images: np.ndarray
    labels: np.ndarray
    source: str
    sha256: str
    signers: np.ndarray | None = None

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
        if self.signers is not None and self.signers.shape != self.labels.shape:
            raise DataError(
                f"signers must be one per image ({len(self.images)}), got {self.signers.shape}"
                f" in {self.source}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: np.ndarray) -> Samples:
        """Return the samples of the given row indices or boolean mask, in that order."""
        signers = None if self.signers is None else self.signers[rows]
        return dataclasses.replace(
            self, images=self.images[rows], labels=self.labels[rows], signers=signers
        )

    def known_signers(self) -> np.ndarray:
        """Return who signs each image, int64 (n,), -1 where nobody knows."""
        if self.signers is None:
            return np.full(len(self), -1, dtype=np.int64)
        return self.signers


def join(first: Samples, second: Samples, source: str) -> Samples:
    """Return the samples of both, one after the other.

    Args:
        first: Images of the same size as the second's.
        second: The other.
        source: Of the result.

    Raises:
        DataError: If the sizes differ.
    """
    if first.images.shape[1:] != second.images.shape[1:]:
        raise DataError(
            f"images must be of one size, got {first.images.shape[1:]} in {first.source}"
            f" and {second.images.shape[1:]} in {second.source}"
        )
    return Samples(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
        source,
        hashlib.sha256((first.sha256 + second.sha256).encode()).hexdigest(),
        np.concatenate([first.known_signers(), second.known_signers()]),
    )
