from __future__ import annotations

import contextlib
import importlib
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from target.errors import DataError
from target.opencv import cv2, load, read_image, translated


def test_cv2_is_the_library() -> None:
    import cv2 as library

    assert load() is library
    assert cv2.INTER_AREA == library.INTER_AREA
    assert cv2.resize(np.zeros((4, 4), np.uint8), (2, 2)).shape == (2, 2)


def test_cv2_is_not_imported_before_its_first_use() -> None:
    program = "import sys, target.opencv; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("number", "wanted"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_that_the_loader_swallows_counts_afterwards(
    number: signal.Signals, wanted: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def load_module(name: str) -> str:
        with contextlib.suppress(BaseException):  # as cv2's config-3.py does
            signal.raise_signal(number)
        loaded.append(name)
        return name

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: end}
    before = {each: signal.signal(each, handler) for each, handler in handlers.items()}
    monkeypatch.setattr(importlib, "import_module", load_module)
    try:
        with pytest.raises(wanted):
            load.__wrapped__()
        assert loaded == ["cv2"]
        assert {each: signal.getsignal(each) for each in handlers} == handlers
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_missing_opencv_names_the_remedy() -> None:
    program = (
        "import sys\n"
        "sys.modules['cv2'] = None\n"
        "from target.errors import BackendError\n"
        "from target.opencv import cv2\n"
        "try:\n"
        "    cv2.imread('x.png')\n"
        "except BackendError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("OpenCV must be installed, got '")
    assert "on a workstation run make setup" in done.stdout


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


def test_images_are_read_in_colour_and_gray(tmp_path: Path) -> None:
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 1] = [255, 0, 0]  # blue
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    colour = read_image(tmp_path / "a.png", cv2.IMREAD_COLOR, DataError)
    np.testing.assert_array_equal(colour, picture)
    gray = read_image(tmp_path / "a.png", cv2.IMREAD_GRAYSCALE, DataError)
    assert gray.shape == (2, 3)
    assert gray[0, 1] == 29  # 0.114 * 255


@pytest.mark.parametrize("content", [None, b"", b"text", b"\x89PNG\r\n\x1a\n cut"], ids=str)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png") as caught:
        read_image(path, cv2.IMREAD_COLOR, DataError)
    assert "\n" not in str(caught.value)
