"""What the page may ask for: one JSON object, one entry a command, each with its check.

region    {"x": 0.5, "y": 0.5, "side": 1}    edit       "space" "delete" "clear" "word" (and "word": "HELLO")
settings  {"dwell_s": 0.5}                   capture    "A"    take_back  true: the crop stored last
find_hand left_handed mirrored  true, false
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, Optional

from target.errors import DataError
from target.pipeline.controls import Controls
from target.show.capture import Collector
from target.text.speller import SpellConfig
from target.vision.region import parse_region

_WORD = re.compile(r"[A-Z]{1,64}")
_SWITCHES = ("find_hand", "left_handed", "mirrored")

_Command = Callable[[Any, Dict[str, Any]], Dict[str, Any]]


class Commands:
    """Carries out what the page asks for.

    Args:
        controls: What the page changes.
        collector: Where crops are stored; None where nothing is.
    """

    def __init__(self, controls: Controls, collector: Optional[Collector]) -> None:
        self._controls = controls
        self._collector = collector
        self._known: Dict[str, _Command] = {
            "region": self._region,
            "edit": self._edit,
            "settings": self._settings,
            "capture": self._capture,
            "take_back": self._take_back,
            **{name: self._switch(name) for name in _SWITCHES},
        }

    def __call__(self, command: Any) -> Dict[str, Any]:
        """Carry out a command and return what the page is told.

        Raises:
            AppError: If it is none, or it fails.
        """
        if not isinstance(command, dict):
            raise DataError(f"command must be an object, got {type(command).__name__}")
        names = [name for name in command if name != "word"]
        unknown = [name for name in names if name not in self._known]
        if unknown or not names:
            got = unknown[0][:40] if unknown else "none"
            raise DataError(f"command must be one of {', '.join(self._known)}, got '{got}'")
        done: Dict[str, Any] = {"ok": True}
        for name in names:
            done.update(self._known[name](command[name], command))
        return done

    def _region(self, value: Any, command: Dict[str, Any]) -> Dict[str, Any]:
        self._controls.move_region(parse_region(value, "region"))
        return {}

    def _edit(self, value: Any, command: Dict[str, Any]) -> Dict[str, Any]:
        word = ""
        if value == "word":
            word = str(command.get("word", "")).upper()
            # Terminals and files get the text too: nothing but letters may come in here.
            if not _WORD.fullmatch(word):
                raise DataError(f"word must be 1 to 64 letters A to Z, got '{word[:40]}'")
        self._controls.edit(str(value), word)
        return {}

    def _settings(self, value: Any, command: Dict[str, Any]) -> Dict[str, Any]:
        if not isinstance(value, dict):
            raise DataError(f"settings must be an object, got {type(value).__name__}")
        for name, setting in value.items():
            is_switch = isinstance(getattr(SpellConfig, name, None), bool)
            if is_switch and not isinstance(setting, bool):
                raise DataError(f"{name} must be true or false, got '{str(setting)[:40]}'")
        self._controls.configure(value)
        return {}

    def _switch(self, name: str) -> _Command:
        def turn(value: Any, command: Dict[str, Any]) -> Dict[str, Any]:
            if not isinstance(value, bool):
                raise DataError(f"{name} must be true or false, got '{str(value)[:40]}'")
            setattr(self._controls, name, value)
            return {}

        return turn

    def _capture(self, value: Any, command: Dict[str, Any]) -> Dict[str, Any]:
        done = self._storing().capture(str(value))
        # Not where on this machine: viewers need not know its folders.
        return {**done, "stored": Path(done["stored"]).name}

    def _take_back(self, value: Any, command: Dict[str, Any]) -> Dict[str, Any]:
        if value is not True:
            raise DataError(f"take_back must be true, got '{str(value)[:40]}'")
        return {"letter": self._storing().take_back()}

    def _storing(self) -> Collector:
        if self._collector is None:
            raise DataError("nothing is stored; start with --capture FOLDER to store crops")
        return self._collector
