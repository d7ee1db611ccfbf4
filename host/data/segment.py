"""Where the hand is in a photo before a fairly even wall, so that another background can be put behind it.

The wall is a smooth surface of gray levels fitted to the picture's upper edges; what differs from it is
probably hand, and GrabCut (Rother et al., 2004; OpenCV's) decides pixel by pixel. It fails on busy rooms: a
mask that covers hardly anything or nearly everything is no mask.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np

from host.data.samples import Samples
from target import files
from target.opencv import cv2

_FITS = 5  # of the surface, each time with less weight on what does not lie on it
_LEAST_SPREAD = 3.0  # gray levels
_ROUNDS = 2  # of GrabCut
_LEAST, _MOST = 0.06, 0.75  # share of the picture that a hand covers
_VERSION = 1  # of everything above, for the cache
_log = logging.getLogger(__name__)


def find_hand(image: np.ndarray) -> np.ndarray:
    """Return the mask of the hand.

    Args:
        image: uint8 (h, w) gray.

    Returns:
        uint8 (h, w), 255 for hand and 0 for wall; all 0 where no hand is found.
    """
    height, width = image.shape
    away, edge = _distance_from_wall(image)
    labels = np.full(image.shape, cv2.GC_PR_FGD, np.uint8)
    labels[away < 2] = cv2.GC_PR_BGD
    labels[edge & (away < 2)] = cv2.GC_BGD
    middle = np.s_[
        round(0.28 * height) : round(0.79 * height), round(0.32 * width) : round(0.68 * width)
    ]
    labels[middle][away[middle] > 3] = cv2.GC_FGD
    look = np.dstack([image, np.clip(away * 20, 0, 255).astype(np.uint8), cv2.blur(image, (3, 3))])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.setRNGSeed(0)  # GrabCut starts from random clusters
        cv2.grabCut(look, labels, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # all hand or all wall
        return np.zeros(image.shape, np.uint8)
    hand = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if not _LEAST <= hand.mean() <= _MOST:
        return np.zeros(image.shape, np.uint8)
    return np.where(hand, np.uint8(255), np.uint8(0))


def _distance_from_wall(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each level is from the wall's, in spreads of the wall, and which pixels are its edge."""
    height, width = image.shape
    down, across = np.mgrid[-1 : 1 : complex(height), -1 : 1 : complex(width)]
    terms = np.stack([np.ones_like(down), across, down, across * down, across**2, down**2], axis=-1)
    edge = np.zeros(image.shape, dtype=bool)
    edge[:2] = True
    edge[: 2 * height // 3, :2] = True
    edge[: 2 * height // 3, -2:] = True
    levels, at_edge = image[edge].astype(np.float64), terms[edge]
    weights, spread = np.ones(len(levels)), _LEAST_SPREAD
    surface = np.zeros(terms.shape[-1])
    for _ in range(_FITS):
        weighted = at_edge.T * weights**2
        surface = np.linalg.solve(weighted @ at_edge + 1e-6 * np.eye(6), weighted @ levels)
        off = np.abs(levels - at_edge @ surface)
        spread = max(float(np.median(off)) * 1.5, _LEAST_SPREAD)
        weights = 1 / (1 + (off / spread) ** 2)
    return np.abs(image - terms @ surface) / spread, edge


def with_masks(samples: Samples, most: int, cache: Path | None) -> Samples:
    """Return the samples with the masks of some of their images.

    Args:
        samples: Photos.
        most: Images that are looked at, evenly chosen; the others get no mask.
        cache: Folder that keeps the masks; None for not at all.
    """
    rows = np.unique(np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int))
    key = hashlib.sha256(
        f"{_VERSION} {most} {samples.sha256} {cv2.__version__}".encode()
    ).hexdigest()
    place = None if cache is None else cache / f"masks-{key[:16]}.npz"
    masks = None if place is None else _load(place, (len(rows), *samples.images.shape[1:]))
    if masks is None:
        _log.info("finding the hand in %d photos", len(rows))
        masks = np.stack([find_hand(samples.images[row]) for row in rows])
        if place is not None:
            _keep(place, masks)
    every = np.zeros_like(samples.images)
    every[rows] = masks
    return samples.with_masks(every)


def _load(place: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        with place.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            masks = np.asarray(stored["masks"])
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged cache is made anew, whatever numpy says of it
        _log.warning("made anew: cache %s (%s)", place, " ".join(str(error).split())[:80])
        return None
    return masks if masks.shape == shape and masks.dtype == np.uint8 else None


def _keep(place: Path, masks: np.ndarray) -> None:
    """Write the cache; without room or permission the masks are found again next time."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(place) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, masks=masks)
    except Exception as error:
        _log.warning("not kept: cache %s (%s)", place, " ".join(str(error).split())[:80])
