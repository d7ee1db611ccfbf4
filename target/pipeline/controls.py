"""What a person may change while frames run: from the window, the page or the terminal, at any time."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any, Callable, Dict, List, Mapping, Optional

from target.errors import DataError
from target.text.speller import SpellConfig, Speller
from target.vision.region import WHOLE, Region

_SETTINGS = [field.name for field in dataclasses.fields(SpellConfig)]
_MOST_WAITING = 1000  # commands that nobody has carried out yet


class Controls:
    """Wishes of whoever watches; the pipeline looks at them between frames.

    Attributes:
        region: What the network shall see.
        find_hand: Whether the region follows the hand by itself.
        left_handed: Whether the network sees the mirror image.
        mirrored: Whether people see the mirror image; the network does not.
    """

    def __init__(
        self,
        region: Region = WHOLE,
        find_hand: bool = False,
        left_handed: bool = False,
        mirrored: bool = False,
        spell: Optional[SpellConfig] = None,
    ) -> None:
        self.region = region
        self.find_hand = find_hand
        self.left_handed = left_handed
        self.mirrored = mirrored
        self.spell = spell or SpellConfig()
        self._lock = threading.Lock()
        self._waiting: List[Callable[[Speller], None]] = []
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the run."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether somebody wants the run to end."""
        return self._stop.is_set()

    def move_region(self, region: Region) -> None:
        """Move the region by hand; it no longer follows the hand by itself."""
        self.find_hand = False
        self.region = region

    def edit(self, what: str, argument: str = "") -> None:
        """Change the text: `space`, `delete`, `clear`, or `word` with what the last word shall be.

        Raises:
            DataError: If it is another word.
        """
        commands: Dict[str, Callable[[Speller], None]] = {
            "space": Speller.space,
            "delete": Speller.backspace,
            "clear": Speller.clear,
            "word": lambda speller: speller.replace_word(argument),
        }
        if what not in commands:
            raise DataError(f"edit must be one of {', '.join(commands)}, got '{what[:40]}'")
        self._later(commands[what])

    def configure(self, changes: Mapping[str, Any]) -> SpellConfig:
        """Change when a letter counts.

        Args:
            changes: New values by the names of SpellConfig.

        Raises:
            DataError: If a name is unknown or a value out of range; nothing is changed then.
        """
        unknown = sorted(set(changes) - set(_SETTINGS))
        if unknown:
            known = ", ".join(_SETTINGS)
            raise DataError(f"setting must be one of {known}, got '{unknown[0][:40]}'")
        with self._lock:
            config = dataclasses.replace(self.spell, **changes)
            config.check()
            self.spell = config
        self._later(lambda speller: speller.configure(config))
        return config

    def apply(self, speller: Speller) -> None:
        """Carry out what was asked for since the last time; called between frames."""
        if not self._waiting:
            return
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for command in waiting:
            command(speller)

    def _later(self, command: Callable[[Speller], None]) -> None:
        with self._lock:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.append(command)

    def describe(self) -> Dict[str, Any]:
        """Return the settings for JSON."""
        return {
            "region": self.region.describe(),
            "find_hand": self.find_hand,
            "left_handed": self.left_handed,
            "mirrored": self.mirrored,
            **dataclasses.asdict(self.spell),
        }
