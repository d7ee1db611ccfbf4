"""Splitting training samples into training and validation rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from host.data.groups import photo_groups
from host.data.mixture import RENDERED
from host.data.samples import Samples
from target.errors import DataError
from target.text.labels import NOTHING


class Split(NamedTuple):
    """Row indices, int64; disjoint, together all rows.

    Attributes:
        train: Trained on.
        validation: Letters kept back.
        no_letter: Pictures without a letter that are kept back.
    """

    train: np.ndarray
    validation: np.ndarray
    no_letter: np.ndarray = np.empty(0, dtype=np.int64)


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
    """Keep about `share` of the signers, or where they are not known of each letter's photos, for validation.

    All images of one signer, all rows of one photo (host/data/groups.py) fall on the same side; signers of
    rendered hands are the same people in every set of them.

    Args:
        samples: The training part.
        share: 0-1, of the signers, and of the photos of each letter; at least one of each. Of data that
            several sets were joined to, of each set.
        seed: Of the draw.

    Raises:
        DataError: If there is nothing to divide.
    """
    generator = np.random.default_rng(seed)
    held = np.zeros(len(samples), dtype=bool)
    parts, signers = samples.part_names(), samples.known("signers")
    rendered = np.zeros(len(samples), dtype=bool)  # rows of rendered sets before
    for part in dict.fromkeys(parts):
        rows = np.flatnonzero(parts == part)
        before = rendered if part in RENDERED else np.zeros_like(rendered)
        known = signers[before], signers[before & held]
        held[rows] = _hold_back(samples.take(rows), share, generator, known)
        rendered[rows] = part in RENDERED
    return Split(np.flatnonzero(~held), np.flatnonzero(held))


def _hold_back(
    samples: Samples,
    share: float,
    generator: np.random.Generator,
    known: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Return whether each row of one data set is held back.

    Args:
        samples: Of the set.
        share: Of its signers and photos; of the signers, of those not met before.
        generator: Of the draw.
        known: Signers met in sets before, and those of them who were held back.
    """
    signers = samples.known("signers")
    held = np.zeros(len(samples), dtype=bool)
    unknown = np.flatnonzero(signers < 0)
    if len(unknown):
        held[unknown] = _hold_photos(samples.take(unknown), share, generator)
    met, held_before = known
    people = np.setdiff1d(signers[signers >= 0], met)
    if len(people) > 1 or (len(people) and not len(met)):
        held |= np.isin(signers, _choose(people, share, generator, "signers", samples.source))
    return np.asarray(held | ((signers >= 0) & np.isin(signers, held_before)))


def _hold_photos(samples: Samples, share: float, generator: np.random.Generator) -> np.ndarray:
    """Return whether each row's photo is held back."""
    groups = samples.known("photos")
    if (groups < 0).any():
        groups = photo_groups(samples.images, samples.labels)
    chosen = []
    for label in np.unique(samples.labels):
        own = np.unique(groups[samples.labels == label])
        what = f"photos of label {label}"
        chosen.append(_choose(own, share, generator, what, samples.source))
    return np.isin(groups, np.concatenate(chosen))


def _choose(
    of: np.ndarray, share: float, generator: np.random.Generator, what: str, source: str
) -> np.ndarray:
    count = max(1, round(share * len(of)))
    if count >= len(of):
        raise DataError(f"{what} must be at least 2 to split, got {len(of)} in {source}")
    return generator.choice(of, size=count, replace=False)


def split_randomly(samples: Samples, share: float, seed: int) -> Split:
    """Keep a share of the rows, drawn one by one: rows of one photo fall on both sides (see count_leaked)."""
    count = round(share * len(samples))
    if not 0 < count < len(samples):
        raise DataError(
            f"validation rows must be 1-{len(samples) - 1}, got {count} in {samples.source}"
        )
    rows = np.random.default_rng(seed).permutation(len(samples))
    return Split(np.sort(rows[count:]), np.sort(rows[:count]))


def count_leaked(samples: Samples, split: Split) -> int:
    """Return how many validation rows have a row of the same photo, or signer, among the training rows."""
    parts = np.where(
        np.isin(samples.part_names(), RENDERED), "/".join(RENDERED), samples.part_names()
    )
    leaked = 0
    for part in dict.fromkeys(parts):
        rows = np.flatnonzero(parts == part)
        own = samples.take(rows)
        groups = own.known("signers")
        if (groups < 0).any():
            groups = own.known("photos")
        if (groups < 0).any():
            groups = photo_groups(own.images, own.labels)
        trained = np.isin(rows, split.train)
        leaked += int(np.isin(groups[~trained], groups[trained]).sum())
    return leaked


def parse_rule(rule: str) -> tuple[str, float]:
    """Return kind and value of a rule: `tail:N`, `photo:SHARE` or `random:SHARE`.

    Raises:
        DataError: If the rule is another one.
    """
    kind, _, value = rule.partition(":")
    try:
        if kind == "tail":
            return kind, int(value)
        if kind in ("photo", "random") and 0 < float(value) < 1:
            return kind, float(value)
    except ValueError:
        pass
    raise DataError(f"validation must be 'tail:N', 'photo:SHARE' or 'random:SHARE', got '{rule}'")


def split_by_rule(samples: Samples, rule: str, seed: int) -> Split:
    """Split as a rule says: see parse_rule.

    Raises:
        DataError: If the rule is another one or the split is impossible.
    """
    kind, value = parse_rule(rule)
    if kind == "tail":
        split = split_tail(samples, int(value))
    elif kind == "photo":
        split = split_by_photo(samples, value, seed)
    else:
        split = split_randomly(samples, value, seed)
    empty = samples.labels[split.validation] == NOTHING
    return Split(split.train, split.validation[~empty], split.validation[empty])
