"""What is done to the gray levels of the crop before the network sees them; the model's manifest says which.

`normalize` brings every image to the same mean and standard deviation, so that dim and bright rooms,
pale and dark hands look alike to the network:

    level -> mean + deviation * (level - image mean) / max(image deviation, least_deviation)

rounded half to even and kept within 0-255. An even image stays even: its noise is not blown up.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, Dict, Mapping, Optional, Tuple

import numpy as np

from target.errors import ModelError

RULES = ("none", "normalize")
_SAME = np.arange(256, dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class Treatment:
    """How gray levels are treated; the numbers are gray levels and belong to `normalize`.

    Attributes:
        rule: `none` or `normalize`.
        mean: Of every treated image.
        deviation: Standard deviation of every treated image.
        least_deviation: An image that varies less is treated as if it varied so much.
    """

    rule: str = "none"
    mean: float = 128.0
    deviation: float = 48.0
    least_deviation: float = 8.0

    def __post_init__(self) -> None:
        numbers = (self.mean, self.deviation, self.least_deviation)
        if self.rule not in RULES:
            raise ModelError(f"treatment must be one of {', '.join(RULES)}, got '{self.rule}'")
        if not all(math.isfinite(number) for number in numbers) or min(numbers[1:]) <= 0:
            raise ModelError(
                "treatment must have finite numbers and deviations above 0, got mean, deviation, least"
                f" deviation {numbers}"
            )

    def describe(self) -> Dict[str, Any]:
        """Return what stands in a manifest."""
        return dataclasses.asdict(self) if self.rule != "none" else {"rule": "none"}


NO_TREATMENT = Treatment()
NORMALIZE = Treatment("normalize")


def treatment_of(described: Optional[Mapping[str, Any]]) -> Treatment:
    """Return the treatment that a manifest or train.json describes; none where it says nothing.

    Raises:
        ModelError: If it is none that there is.
    """
    if not described:
        return NO_TREATMENT
    try:
        return Treatment(**described)
    except TypeError as error:
        raise ModelError(
            f"treatment must have rule, mean, deviation, least_deviation, got {dict(described)}"
        ) from error


def treat(gray: np.ndarray, treatment: Treatment) -> np.ndarray:
    """Return the treated image.

    Args:
        gray: uint8 (h, w).
        treatment: Of the model.

    Returns:
        uint8 (h, w); the same array where there is nothing to do.
    """
    if treatment.rule == "none":
        return gray
    return np.asarray(treated_table(gray, treatment, _SAME).take(gray))


def treated_table(gray: np.ndarray, treatment: Treatment, table: np.ndarray) -> np.ndarray:
    """Return what each gray level of an image becomes once it is treated and looked up.

    numpy alone: OpenCV lets go of the interpreter at every call, and in a program of several threads
    getting it back costs more than such a small sum.

    Args:
        gray: uint8 (h, w).
        treatment: Of the model.
        table: (256,), what each treated level becomes.

    Returns:
        (256,) of the table's dtype; the table itself where there is nothing to treat.
    """
    if treatment.rule == "none":
        return table
    # Sums are whole numbers and every step after them is one rounding of a double: the same on every machine.
    pixels = gray.size
    values = gray.ravel().astype(np.float64)
    ones, levels = _counted(pixels)
    total, squares = int(values.dot(ones)), int(values.dot(values))
    deviation = math.sqrt(pixels * squares - total * total) / pixels
    gain = treatment.deviation / max(deviation, treatment.least_deviation)
    treated = levels - total
    treated *= gain / pixels
    treated += treatment.mean
    np.rint(treated, out=treated)
    return table.take(treated.astype(np.intp), mode="clip")


@functools.lru_cache(maxsize=8)
def _counted(pixels: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return a one for each pixel, and what each gray level is in all pixels together."""
    return np.ones(pixels), pixels * np.arange(256, dtype=np.float64)
