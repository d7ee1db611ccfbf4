from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from target.errors import BackendError, DataError
from target.opencv import cv2, load, translated


def test_cv2_is_the_library() -> None:
    import cv2 as library

    assert load() is library
    assert cv2.INTER_AREA == library.INTER_AREA
    assert cv2.resize(np.zeros((4, 4), np.uint8), (2, 2)).shape == (2, 2)


def test_cv2_is_not_imported_before_its_first_use() -> None:
    program = "import sys, target.opencv; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_missing_opencv_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        BackendError,
        match=r"OpenCV must be installed, got '.*cv2.*'; on a workstation run make setup",
    ):
        cv2.imread("x.png")


def test_opencv_errors_become_ours_in_one_line() -> None:
    with (
        pytest.raises(
            DataError, match="^photo must be decodable, got OpenCV error '.*'$"
        ) as caught,
        translated("photo must be decodable", DataError),
    ):
        cv2.cvtColor(np.zeros((0, 0, 3), np.uint8), cv2.COLOR_BGR2GRAY)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, cv2.error)


def test_other_errors_pass_through() -> None:
    with pytest.raises(ValueError, match="mine"), translated("x", DataError):
        raise ValueError("mine")
