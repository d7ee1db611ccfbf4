"""What all tests share: reference data, a read-only folder, and the rule that CI skips nothing.

With REQUIRE=all a skipped test fails, unless it is marked `board` or `gpu` and listed in
tests/allowed_skips.txt. A person without the reference data sees skips with their reasons.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target.opencv import cv2
from target.text.labels import STATIC_LABELS
from tests.board_stand_ins.install import StandInBoard

ROOT = Path(__file__).resolve().parent.parent
_ALLOWED = {
    line.split("#")[0].strip()
    for line in (ROOT / "tests" / "allowed_skips.txt").read_text(encoding="utf-8").splitlines()
    if line.split("#")[0].strip()
}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the checkout; a user's clone has none."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no reference data beside this checkout")
    return folder


@pytest.fixture(scope="session")
def kaggle_archive(shared: Path) -> Path:
    """Sign Language MNIST as Kaggle ships it."""
    return shared / "data" / "sign-language-mnist.zip"


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nothing can be written into, also not by root."""
    folder = tmp_path / "read-only"
    folder.write_text("a file where a folder is expected")
    yield folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    """Turn a skip into a failure where REQUIRE=all does not allow it."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        marked = any(item.get_closest_marker(name) for name in ("board", "gpu"))
        allowed = marked and item.nodeid in _ALLOWED
        if not allowed and os.environ.get("REQUIRE") == "all":
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped under REQUIRE=all: {reason}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many skips were allowed; every process of the tests reports to this one."""
    skipped = {report.nodeid for report in terminalreporter.stats.get("skipped", [])}
    terminalreporter.write_line(f"allowed skips (board, gpu): {len(skipped & _ALLOWED)}")


def _pattern(generator: np.random.Generator) -> np.ndarray:
    """Return a smooth random picture, float (28, 28), 0-255."""
    small = generator.uniform(30, 225, size=(5, 5)).astype(np.float32)
    return np.asarray(cv2.resize(small, (28, 28), interpolation=cv2.INTER_CUBIC))


def _csv(rows: list[tuple[int, np.ndarray]]) -> str:
    header = ",".join(["label", *(f"pixel{i}" for i in range(1, 785))])
    lines = [",".join([str(label), *map(str, image.reshape(-1))]) for label, image in rows]
    return "\r\n".join([header, *lines]) + "\r\n"


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the Kaggle form that trains in seconds: three photos a letter, noisy variants."""
    generator = np.random.default_rng(7)
    parts: dict[str, list[tuple[int, np.ndarray]]] = {"train": [], "test": []}
    for label in STATIC_LABELS:
        for photo in [_pattern(generator) for _ in range(3)]:
            for part, count in (("train", 8), ("test", 2)):
                for _ in range(count):
                    noisy = photo + generator.normal(0, 4, size=photo.shape)
                    parts[part].append((label, np.clip(noisy, 0, 255).astype(np.uint8)))
    path = tmp_path_factory.mktemp("kaggle") / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, rows in parts.items():
            order = generator.permutation(len(rows))
            archive.writestr(f"sign_mnist_{part}.csv", _csv([rows[i] for i in order]))
    return path


@pytest.fixture(scope="session")
def released() -> dict[str, Path]:
    """The folders of the released models, by name."""
    return {path.parent.name: path.parent for path in (ROOT / "models").glob("*/model.json")}


@pytest.fixture
def stand_in_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInBoard]:
    """A prefix with AMD's runtime over the emulator; this process and its children find it there."""
    board = StandInBoard(tmp_path / "board")
    with board.entered(monkeypatch):
        yield board
