"""Runs the stand-in compiler with this project on the path, in the folder it was called from."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.vitis_tools.compiler import main

sys.exit(main(sys.argv[1:]))
