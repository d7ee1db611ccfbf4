"""Rendered hands as labelled samples: balanced over letters, many signers, kept on disk once drawn."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from host.data.hands.crop import CropConfig, Crops
from host.data.hands.letters import STATIC
from host.data.hands.scene import CLEARLY
from host.data.hands.signer import FIRST_HELD_OUT, make_signer
from host.data.samples import Samples
from target import files
from target.errors import DataError
from target.text.labels import NOTHING, label_of

NAME = "hands"
NOTHING_NAME = "nothing"
CLEAR_NAME = "clear"
_LOG_EVERY = 5000
_NOT_CROPS = ("camera", "judge", "motion", "sheet", "timecode", "uri")  # draw no crop
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class HandsConfig:
    """A set of rendered crops.

    Attributes:
        images: How many; letters take turns.
        first_signer: Seed of the first signer.
        signers: How many, each as often as chance has it.
        seed: Of everything else.
        crop: How they are drawn.
        letters: Whether they sign letters; else they show none, and their label is NOTHING.
    """

    images: int = 96_000
    first_signer: int = 0
    signers: int = 4000
    seed: int = 1
    crop: CropConfig = dataclasses.field(default_factory=CropConfig)
    letters: bool = True


TRAINING = HandsConfig()
HELD_OUT = HandsConfig(images=4800, first_signer=FIRST_HELD_OUT, signers=400, seed=2)
NO_LETTER = HandsConfig(images=12_000, signers=2000, seed=3, letters=False)
CLEAR = HandsConfig(  # as a camera shows letters that are held for it
    images=72_000,
    signers=9000,
    seed=5,
    crop=CropConfig(tightest=0.9, loosest=1.75, variety=CLEARLY),
)


def render_samples(config: HandsConfig, cache: Path | None) -> Samples:
    """Return a set of rendered crops, drawn now or read from the cache.

    Args:
        config: Which.
        cache: Folder that keeps it; None for not at all.

    Returns:
        Gray samples with each image's signer.

    Raises:
        DataError: If the configuration asks for nothing.
    """
    if config.images < len(STATIC) or config.signers < 2:
        raise DataError(
            f"rendered hands must be at least {len(STATIC)} images of 2 signers,"
            f" got {config.images} of {config.signers}"
        )
    place = None if cache is None else cache / f"hands-{_identity(config)}.npz"
    arrays = _load(place, config) if place is not None else None
    if arrays is None:
        arrays = _render(config)
        if place is not None:
            _keep(place, arrays)
    images, labels, signers = arrays
    digest = hashlib.sha256(images.tobytes() + labels.tobytes() + signers.tobytes())
    name = NAME if config.letters else NOTHING_NAME
    return Samples(images, labels, name, digest.hexdigest(), signers)


def _render(config: HandsConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    what = "hands" if config.letters else "pictures without a letter"
    _log.info("rendering %d %s of %d signers", config.images, what, config.signers)
    generator = np.random.default_rng([config.seed, 4])
    who = config.first_signer + generator.integers(0, config.signers, config.images)
    people = {int(seed): make_signer(int(seed)) for seed in np.unique(who)}
    crops = Crops(config.crop, config.seed)
    images = np.empty((config.images, config.crop.size, config.crop.size), dtype=np.uint8)
    letters = [STATIC[index % len(STATIC)] if config.letters else None for index in range(len(who))]
    for index, (seed, letter) in enumerate(zip(who, letters)):
        images[index] = crops.gray(index, letter, people[int(seed)])
        if (index + 1) % _LOG_EVERY == 0:
            _log.info("  %d of %d", index + 1, config.images)
    labels = np.array([label_of(one) if one else NOTHING for one in letters], dtype=np.uint8)
    return images, labels, who.astype(np.int64)


def _identity(config: HandsConfig) -> str:
    """Return a name that changes with the configuration and with what draws it."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(config), sort_keys=True).encode())
    for source in _sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterable[Path]:
    folder = Path(__file__).parent
    return sorted(
        [*(f for f in folder.glob("*.py") if f.stem not in _NOT_CROPS), *folder.glob("*.csv")]
    )


def _load(place: Path, config: HandsConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    try:
        with place.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = stored["images"], stored["labels"], stored["signers"]
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged cache is made anew, whatever numpy says of it
        _log.warning("made anew: cache %s (%s)", place, " ".join(str(error).split())[:80])
        return None
    shape = (config.images, config.crop.size, config.crop.size)
    good = arrays[0].shape == shape and arrays[0].dtype == np.uint8
    return arrays if good and all(len(a) == config.images for a in arrays) else None


def _keep(place: Path, arrays: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Write the cache; without room or permission the set is drawn again next time."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(place) as temporary, temporary.open("wb") as stream:
            np.savez(stream, images=arrays[0], labels=arrays[1], signers=arrays[2])
    except Exception as error:
        _log.warning("not kept: cache %s (%s)", place, " ".join(str(error).split())[:80])
