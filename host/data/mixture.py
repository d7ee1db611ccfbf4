"""Training data joined from several sets: Sign Language MNIST, rendered hands, and free sets of photos.

A mixture says how many images of each set an epoch draws. A set of photos is looked for as an .npz file (see
host/data/signer_set.py) beside the archive and in data/; one that is not there is left out and named.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from host.data.emptied import take_hands_out
from host.data.hands.dataset import (
    CLEAR,
    CLEAR_NAME,
    NAME,
    NO_LETTER,
    NOTHING_NAME,
    TRAINING,
    render_samples,
)
from host.data.load import load_training_samples
from host.data.samples import Samples, join
from host.data.segment import with_masks
from host.data.sign_mnist import SIDE
from host.data.signer_set import load_signer_set
from host.paths import DATA
from target.errors import DataError
from target.text.labels import STATIC_LABELS
from target.vision.crop import MAX_TRIM

PHOTOS = "photos"  # what the user names with --data: the archive, or a folder of photos by letter
HANDS = NAME
CLEAR_HANDS = CLEAR_NAME  # rendered hands of signers who hold each letter as in the book
RENDERED = (HANDS, CLEAR_HANDS)
NO_SIGN = NOTHING_NAME  # pictures without a letter: rendered ones, photos whose hand was taken out
_EVEN_WALLS = (PHOTOS, "students")  # the hand is found before them, and not in busy rooms
_EMPTIED = 3000  # photos of each set whose hand is taken out
HANDS_PER_SIGNER = TRAINING.images // TRAINING.signers
HANDS_PER_CLEAR_SIGNER = CLEAR.images // CLEAR.signers
_log = logging.getLogger(__name__)


class PhotoSet(NamedTuple):
    """A set of photos of signers that anybody may train on.

    Attributes:
        title: What it is called, and by whom.
        licence: As its source states it.
        source: Where to get it.
        file: Name of the .npz file that `python -m host data --import` makes of it.
        both_hands: Right and left hands, nobody knows which: half of its images are mirrored in training.
    """

    title: str
    licence: str
    source: str
    file: str
    both_hands: bool = False


PHOTO_SETS = {
    "davidlee": PhotoSet(
        "American Sign Language Letters by David Lee",
        "Public Domain",
        "public.roboflow.com/object-detection/american-sign-language-letters",
        "clean_davidlee.npz",
        both_hands=True,
    ),
    "students": PhotoSet(
        "Sign Language Digits by students of Ayranci Anadolu High School, Ankara (0 2 6 9 = O V W F)",
        "Apache-2.0",
        "github.com/ardamavi/Sign-Language-Digits-Dataset",
        "clean_students_OVWF.npz",
    ),
}
NAMES = (PHOTOS, HANDS, *PHOTO_SETS, NO_SIGN, CLEAR_HANDS)


@dataclasses.dataclass(frozen=True)
class Mixed:
    """Joined samples.

    Attributes:
        samples: Of all sets that were found; `parts` names each image's set.
        missing: Sets of the mixture that were not found.
    """

    samples: Samples
    missing: tuple[str, ...]


def load_mixture(
    path: Path, cache: Path | None, mix: Mapping[str, int], pool: int = 0, masked: int = 0
) -> Mixed:
    """Load every set of a mixture.

    Args:
        path: Archive, CSV file, or folder with the photos; its folder may hold the other sets.
        cache: Folder for the parsed and rendered copies.
        mix: Images an epoch, by a name of NAMES.
        pool: Rendered hands to draw from, at least those of an epoch.
        masked: Photos of a set in which the hand is looked for, at most.

    Raises:
        DataError: If a name is unknown, a count is not positive, or the photos are missing or faulty.
    """
    check_mix(mix)
    parts: dict[str, Samples] = {}
    missing = []
    for name, count in mix.items():
        if name == PHOTOS:
            parts[name] = load_training_samples(path, cache)
        elif name == HANDS:
            many = max(count, pool)
            signers = max(2, many // HANDS_PER_SIGNER)
            hands = dataclasses.replace(TRAINING, images=many, signers=signers)
            parts[name] = render_samples(hands, cache)
        elif name == CLEAR_HANDS:
            many = min(3 * count, CLEAR.images)
            signers = max(2, many // HANDS_PER_CLEAR_SIGNER)
            parts[name] = render_samples(
                dataclasses.replace(CLEAR, images=many, signers=signers), cache
            )
        elif name == NO_SIGN:
            many = min(max(2 * count, 2 * HANDS_PER_SIGNER), NO_LETTER.images)
            empty = dataclasses.replace(
                NO_LETTER, images=many, signers=max(2, many // HANDS_PER_SIGNER)
            )
            parts[name] = render_samples(empty, cache)
        else:
            place = find_photo_set(name, path)
            if place is None:
                missing.append(name)
                _log.warning("left out: %s", how_to_get(name))
            else:
                parts[name] = load_signer_set(place, SIDE, MAX_TRIM).samples
        if name in _EVEN_WALLS and name in parts and masked:
            parts[name] = with_masks(parts[name], masked, cache)
    if NO_SIGN in parts:
        parts[NO_SIGN] = _with_emptied(parts)
    return Mixed(join(parts, " and ".join(parts)), tuple(missing))


def _with_emptied(parts: Mapping[str, Samples]) -> Samples:
    """Return the pictures without a letter and the photos of every other set, their hands taken out."""
    emptied = {name: take_hands_out(photos, _EMPTIED) for name, photos in parts.items()}
    every = {name: photos for name, photos in emptied.items() if len(photos)}
    first = 0
    for name, photos in every.items():
        groups = photos.known("photos") + first
        every[name] = dataclasses.replace(photos, photos=groups)
        first = int(groups.max()) + 1
    return dataclasses.replace(join({NO_SIGN: parts[NO_SIGN], **every}, NO_SIGN), parts=None)


def check_mix(mix: Mapping[str, int]) -> None:
    """Check the names and the counts of a mixture.

    Raises:
        DataError: With the first fault.
    """
    for name, count in mix.items():
        if name not in NAMES:
            raise DataError(f"set of a mixture must be one of {', '.join(NAMES)}, got '{name}'")
        least = len(STATIC_LABELS) if name in RENDERED else 1
        if count < least:
            raise DataError(f"images of '{name}' an epoch must be at least {least}, got {count}")
    if not {PHOTOS, *RENDERED} & set(mix):
        one = f"{PHOTOS}, {HANDS} or {CLEAR_HANDS}"
        raise DataError(f"mixture must have {one}, got {', '.join(mix) or 'nothing'}")


def shows_both_hands(parts: np.ndarray) -> np.ndarray:
    """Return whether each image is of a set of right and left hands, bool (n,), of its set's name."""
    mixed = [name for name, known in PHOTO_SETS.items() if known.both_hands]
    return np.isin(parts, mixed)


def find_photo_set(name: str, data: Path) -> Path | None:
    """Return the file of a set of photos: beside the archive or in its folder, else in data/."""
    folders = (data if data.is_dir() else data.parent, DATA)
    places = (folder / PHOTO_SETS[name].file for folder in folders)
    return next((place for place in places if place.is_file()), None)


def how_to_get(name: str) -> str:
    """Say what a set of photos is and how to get it."""
    known = PHOTO_SETS[name]
    return (
        f"{known.title} ({known.licence}): get it from {known.source}, then"
        f" python -m host data --import {name} FILE.zip makes data/{known.file}"
    )
