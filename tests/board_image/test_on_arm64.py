"""From an image's root file system, under an emulated arm64: the application checks itself there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from board_image.__main__ import main
from host.deploy.release import write_release
from target.manifest import load_manifest
from tests.arm64.sysroot import FOLDER, MIRROR, NEEDED, OPENCV, PYTHON, SUITE, build, write_starter
from tests.board_image.reading import ENVIRONMENT, Reading
from tests.board_image.synthetic import make_image, write_tree
from tests.board_stand_ins.install import DEFAULTS, ROOT_FILES

STAND_INS = Path(__file__).resolve().parents[1] / "board_stand_ins" / "site"
