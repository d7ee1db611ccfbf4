"""From letters over time to text: a letter counts when it has been held long enough."""

from __future__ import annotations

import dataclasses
from typing import Optional

from target.vision.postprocess import Prediction


@dataclasses.dataclass(frozen=True)
class SpellConfig:
    """When a letter counts.

    Attributes:
        min_confidence: Below this a frame says nothing, 0-1.
        dwell_s: How long the same letter must be seen, seconds of capture time.
    """

    min_confidence: float = 0.6
    dwell_s: float = 0.3


class Speller:
    """Collects predictions into text; a letter is added once per hold.

    Args:
        config: When a letter counts.
    """

    def __init__(self, config: SpellConfig) -> None:
        self.text = ""
        self._config = config
        self._letter: Optional[str] = None
        self._since_s = 0.0
        self._counted = False

    def add(self, prediction: Prediction, captured_s: float) -> Optional[str]:
        """Take in the prediction of a frame.

        Args:
            prediction: Of the frame.
            captured_s: Its capture time; time, not frames, decides.

        Returns:
            The letter if it has just been added to the text, else None.
        """
        sure = prediction.confidence >= self._config.min_confidence
        letter = prediction.letter if sure else None
        if letter != self._letter:
            self._letter, self._since_s, self._counted = letter, captured_s, False
            return None
        if letter is None or self._counted or captured_s - self._since_s < self._config.dwell_s:
            return None
        self._counted = True
        self.text += letter
        return letter
