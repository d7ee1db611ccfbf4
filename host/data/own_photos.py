"""A person's own photos, divided into those to train on and those that judge the result.

Photos of one film or of one burst are near-copies. They are grouped before they are divided, so that no
group stands on both sides: by film and source photo where the data names them, and by correlation. Photos
that merely were taken on the same day in the same room are not found so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from host.data.groups import photo_groups
from host.data.samples import Samples
from target.errors import DataError
from target.text.labels import letter_of

SAME_FILM_CORRELATION = 0.9


class OwnSplit(NamedTuple):
    """Row indices of a person's photos.

    Attributes:
        train: To train on, at most the wanted number a letter.
        held_out: That judge the result; of other groups.
        groups: Groups of each letter that there are photos of.
        unjudged: Letters of one group alone: trained on, and nothing is left to judge them.
    """

    train: np.ndarray
    held_out: np.ndarray
    groups: dict[str, int]
    unjudged: list[str]


def split_own_photos(
    samples: Samples, per_letter: int, seed: int, clips: np.ndarray | None = None
) -> OwnSplit:
    """Draw whole groups of photos of each letter to train on; what is left of other groups judges.

    Args:
        samples: The photos, uint8 (n, h, w).
        per_letter: To train on, at most; groups are drawn until there are so many. The rest of a group that
            is only partly needed is on neither side.
        seed: Of the draw.
        clips: int64 (n,), the film each photo is from; None if nobody knows.

    Raises:
        DataError: If no letter has two groups.
    """
    generator = np.random.default_rng(seed)
    groups = group_photos(samples, clips)
    train: list[int] = []
    held_out: list[int] = []
    counts, unjudged = {}, []
    for label in np.unique(samples.labels):
        own = generator.permutation(np.unique(groups[samples.labels == label]))
        letter = letter_of(int(label))
        counts[letter] = len(own)
        taken: list[int] = []
        used = 0
        for group in own[: max(1, len(own) - 1)]:  # one group at least judges
            if len(taken) >= per_letter:
                break
            taken += generator.permutation(np.flatnonzero(groups == group)).tolist()
            used += 1
        train += taken[:per_letter]
        held_out += np.flatnonzero(np.isin(groups, own[used:])).tolist()
        if len(own) < 2:
            unjudged.append(letter)
    if not held_out:
        raise DataError(
            "photos must have two groups that do not look alike (correlation below"
            f" {SAME_FILM_CORRELATION}) of a letter at least, got one of each in {samples.source};"
            " take them in different places and light"
        )
    return OwnSplit(np.array(sorted(train)), np.array(sorted(held_out)), counts, unjudged)


def group_photos(samples: Samples, clips: np.ndarray | None = None) -> np.ndarray:
    """Number the groups of photos of one letter that look alike, or are of one film or one source photo.

    Returns:
        int64 (n,): the group of each photo.
    """
    groups = photo_groups(samples.images, samples.labels, SAME_FILM_CORRELATION)
    known = [ids for ids in (samples.photos, clips) if ids is not None]
    while True:
        before = groups.copy()
        for ids in known:
            for label, index in set(zip(samples.labels.tolist(), ids.tolist())):
                rows = (samples.labels == label) & (ids == index)
                if index >= 0:
                    groups[np.isin(groups, groups[rows])] = groups[rows].min()
        if np.array_equal(groups, before):
            return groups
