"""What cameras this computer has; the same as python3 -m target cameras on the board."""

from __future__ import annotations

from target.commands import cameras


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    return cameras.main(argv)
