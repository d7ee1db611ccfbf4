"""Photos whose hand has been taken out: what a camera sees while nobody signs."""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.groups import photo_groups
from host.data.samples import Samples
from target.opencv import cv2
from target.text.labels import NOTHING

_MARGIN = 5  # pixels about the mask that go too: a hand's edge and shadow
_RADIUS = 4.0  # pixels that a hole is filled from


def take_hands_out(samples: Samples, most: int) -> Samples:
    """Return photos with the wall carried on over the hand; label NOTHING, signers unknown.

    Their `photos` number what they were taken from, so that near-copies can be kept together.

    Args:
        samples: Photos; those with a mask of their hand are used.
        most: How many, evenly chosen.
    """
    masks = np.zeros_like(samples.images) if samples.masks is None else samples.masks
    known = np.flatnonzero(masks.any(axis=(1, 2)))
    places = np.linspace(0, len(known) - 1, min(most, len(known))).round().astype(int)
    rows = known[np.unique(places)]
    taken = samples.take(rows)
    photos = taken.known("photos")
    if (photos < 0).any():
        photos = photo_groups(taken.images, taken.labels)
    images = taken.images.copy()
    grow = np.ones((_MARGIN, _MARGIN), np.uint8)
    for index, row in enumerate(rows):
        hole = cv2.dilate(masks[row], grow)
        images[index] = cv2.inpaint(images[index], hole, _RADIUS, cv2.INPAINT_TELEA)
    return dataclasses.replace(
        taken,
        images=images,
        labels=np.full(len(rows), NOTHING, dtype=np.uint8),
        signers=None,
        photos=photos,
        masks=None,
    )
