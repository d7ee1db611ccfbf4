"""Where things lie by default, relative to where the program is started."""

from __future__ import annotations

from pathlib import Path

DATA = Path("data")
BUILD = Path("build")
CACHE = BUILD / "cache"
RELEASED = Path("models")
REPORTS = Path("reports")


def build_folder(network: str) -> Path:
    """Return the folder in which a network's model is built."""
    return BUILD / "models" / network
