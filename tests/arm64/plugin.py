"""A plugin of pytest for the emulated run: the stand-in for a DPU is this machine's own."""

from __future__ import annotations

import os

import pytest

from tests.board_stand_ins import install

NATIVE_PYTHON = "NATIVE_PYTHON"  # the variable with its path, set by run.py


def pytest_configure(config: pytest.Config) -> None:
    """Name the interpreter that has what host/ needs."""
    install.EMULATOR_PYTHON = os.environ[NATIVE_PYTHON]
