"""Checks of the board, one concern a file: what is wrong, why it matters, the command that mends it."""
