"""The report as a person opens it: headless Chromium, no network, phone and desktop width, paper."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from host.__main__ import main
from target import files
from target.measure.clock import StageClock
from target.measure.record import RunFacts, build_record
from target.opencv import cv2

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--v=0",
]


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium; run sudo make apt")
    return found


@pytest.fixture(scope="module")
def page(released: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    generator = np.random.default_rng(1)
    records = []
    for runner, kind, scale in (("emulator", "emulated", 9e-4), ("litert-int8", "measured", 5e-5)):
        clock = StageClock()
        for sample in generator.gamma(9, scale / 9, size=700):
            clock.add("infer", sample)
            clock.add("end_to_end", sample * 1.3)
        facts = RunFacts("bench", kind, runner, "a test", "signnet", "0" * 64, 700, 9, 1, 1.0)
        records.append(build_record(facts, clock))
    files.write_json(folder / "records.json", {"records": records})
    models = [str(path) for path in released.values()]
    out = str(folder / "out")
    assert main(["report", str(folder / "records.json"), "--models", *models, "--out", out]) == 0
    return folder / "out" / "report.html"


def _run(chromium: str, profile: Path, *options: str) -> str:
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stderr


@pytest.mark.parametrize("width", [390, 1280])
def test_page_renders_without_errors(chromium: str, page: Path, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"
    log = _run(
        chromium,
        tmp_path / "profile",
        f"--window-size={width},3000",
        f"--screenshot={picture}",
        page.as_uri(),
    )
    assert "CONSOLE" not in log, log
    image = cv2.imread(str(picture))
    assert image.shape[:2] == (3000, width)
    # Text and plots, not a blank page: every 500 rows hold something.
    assert all(image[top : top + 500].std() > 5 for top in range(0, 3000, 500))
    # Nothing is pushed beyond the right edge: the last columns are background.
    assert image[:, -3:].std() < 3


def test_page_prints(chromium: str, page: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "page.pdf"
    _run(chromium, tmp_path / "profile", f"--print-to-pdf={pdf}", page.as_uri())
    assert pdf.read_bytes().startswith(b"%PDF") and pdf.stat().st_size > 20_000
