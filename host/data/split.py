"""Splitting training samples into training and validation rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from host.data.groups import photo_groups
from host.data.samples import Samples
from target.errors import DataError


class Split(NamedTuple):
    """Row indices, int64, of the two parts; disjoint, together all rows."""

    train: np.ndarray
    validation: np.ndarray


def split_tail(samples: Samples, count: int) -> Split:
    """Keep the last `count` rows for validation, as the tutorial does.

    Raises:
        DataError: If there are not more rows than that.
    """
    if not 0 < count < len(samples):
        raise DataError(
            f"validation rows must be 1-{len(samples) - 1}, got {count} in {samples.source}"
        )
    rows = np.arange(len(samples))
    return Split(rows[:-count], rows[-count:])


def split_by_photo(samples: Samples, share: float, seed: int) -> Split:
    """Keep about `share` of the source photos of each letter for validation.

    All rows of one photo fall on the same side (host/data/groups.py).

    Args:
        samples: The training part.
        share: 0-1, of the photos of each letter; at least one photo a letter.
        seed: Of the draw.
    """
    groups = photo_groups(samples.images, samples.labels)
    chosen = []
    generator = np.random.default_rng(seed)
    for label in np.unique(samples.labels):
        own = np.unique(groups[samples.labels == label])
        count = max(1, round(share * len(own)))
        if count >= len(own):
            raise DataError(
                f"photos of label {label} must be at least 2 to split, got {len(own)} in {samples.source}"
            )
        chosen.append(generator.choice(own, size=count, replace=False))
    held = np.isin(groups, np.concatenate(chosen))
    return Split(np.flatnonzero(~held), np.flatnonzero(held))


def split_by_rule(samples: Samples, rule: str, seed: int) -> Split:
    """Split as a rule says: `tail:N` or `photo:SHARE`.

    Raises:
        DataError: If the rule is another one or the split is impossible.
    """
    kind, _, value = rule.partition(":")
    try:
        if kind == "tail":
            return split_tail(samples, int(value))
        if kind == "photo" and 0 < float(value) < 1:
            return split_by_photo(samples, float(value), seed)
    except ValueError:
        pass
    raise DataError(f"validation must be 'tail:N' or 'photo:SHARE', got '{rule}'")
