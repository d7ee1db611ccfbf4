"""Runners of this machine: the emulator, LiteRT, Keras; found by name, imported on first use."""
