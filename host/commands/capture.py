"""Collect photos of your own hand on this computer; the same as python3 -m target capture on the board."""

from __future__ import annotations

from target.commands import capture


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    return capture.main(argv)
