"""Rows of Sign Language MNIST that come from one photo.

The set is some 1,600 photos blown up to about 21 variants each, so a random split leaks completely.
Rows of one photo are the connected components of "same letter and correlation above 0.98".
"""

from __future__ import annotations

import numpy as np

SAME_PHOTO_CORRELATION = 0.98


def photo_groups(
    images: np.ndarray, labels: np.ndarray, correlation: float = SAME_PHOTO_CORRELATION
) -> np.ndarray:
    """Number the source photos.

    Args:
        images: uint8 (n, h, w).
        labels: (n,); rows of different labels are never grouped.
        correlation: Above which two images are of one photo; frames of one film want a lower one.

    Returns:
        int64 (n,): the group of each row, 0..groups-1, numbered by first row within each label.
    """
    groups = np.empty(len(images), dtype=np.int64)
    count = 0
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        component = _components(_unit_rows(images[rows]), correlation)
        groups[rows] = component + count
        count += int(component.max()) + 1
    return groups


def _unit_rows(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(norms, np.float32(1e-6)))


def _components(unit: np.ndarray, correlation: float) -> np.ndarray:
    """Label connected components by passing the smallest row number along the edges."""
    near = unit @ unit.T > correlation
    np.fill_diagonal(near, True)
    label = np.arange(len(unit))
    while True:
        smallest = np.where(near, label[None, :], len(unit)).min(axis=1)
        smallest = np.minimum(smallest, smallest[smallest])
        if np.array_equal(smallest, label):
            return np.asarray(np.unique(label, return_inverse=True)[1])
        label = smallest
