"""One file per command of the board: parse, call, print."""
