"""The report as a person opens it: headless Chromium, no network, phone and desktop width, paper."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from target import files
from target.measure.clock import StageClock
from target.measure.percentiles import quantiles_ms
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
    """A report of everything a record can hold, for two models, a CPU, a GPU and a DPU."""
    folder = tmp_path_factory.mktemp("report")
    records = [
        _record(name, runner, kind, device)
        for name in ("signnet", "tutorial")
        for runner, kind, device in (
            ("emulator", "emulated", "this computer emulating the DPU (engine: onnxruntime)"),
            ("litert-int8", "measured", "CPU, LiteRT"),
            ("keras-gpu", "measured", "GPU Tester 9000, Keras on torch"),
            ("dpu", "measured", "DPUCZDX8G through VART"),
        )
    ]
    files.write_json(folder / "records.json", {"records": records})
    models = [str(path) for path in released.values()]
    out = str(folder / "out")
    assert main(["report", str(folder / "records.json"), "--models", *models, "--out", out]) == 0
    return folder / "out" / "report.html"


def _record(model: str, runner: str, kind: str, device: str) -> dict[str, Any]:
    generator = np.random.default_rng(len(model + runner))
    clock = StageClock()
    clock.extend("infer", generator.gamma(9, 1e-5, size=1500).tolist())
    for stage in ("capture", "preprocess", "copy_in", "copy_out", "postprocess"):
        clock.extend(stage, generator.gamma(4, 1e-6, size=1500).tolist())
    clock.extend("inference", [value * 1.1 for value in clock.samples("infer")])
    clock.extend("end_to_end", [value * 1.4 for value in clock.samples("infer")])
    wrong = [{"image": i, "truth": "A", "float": "A", "runner": "S"} for i in range(40)]
    more = {
        "distribution": {
            "stage": "inference",
            "quantiles_ms": quantiles_ms(clock.samples("inference")),
        },
        "throughput": [{"threads": n, "in_flight": 1, "fps": 9000.0 * n} for n in (1, 2, 4)],
        "energy": {"sensor": "board, ina226 through hwmon (1 rail)", "idle_w": 5.1, "busy_w": 6.2},
        "agreement": {"with": "x", "images": 1500, "agree": 1460, "disagreements": wrong},
        "dataset": "photos",
        "images": 1500,
    }
    facts = RunFacts("bench", kind, runner, device, model, "0" * 64, 1500, 9, 1, 1.0, more=more)
    return build_record(
        dataclasses.replace(facts, accuracy=0.97, energy_mj=1.25), clock.summaries()
    )


# Says of every plot and table whether it can be seen; appended to a copy of the page, which stands in a frame
# because Chromium's own window is never narrower than 500 pixels.
_PROBE = """<script>
const boxes = (what) => [...document.querySelectorAll(what)].map((e) => e.getBoundingClientRect());
parent.document.body.dataset.probe = JSON.stringify({
  plots: boxes(".plot svg").map((b) => [b.left, b.right, b.width, b.height]),
  tables: [...document.querySelectorAll(".scroll")].map((e) => [e.scrollWidth, e.clientWidth]),
  width: document.documentElement.clientWidth,
  page: document.documentElement.scrollWidth,
});
</script></body>"""


def _probe(chromium: str, page: Path, folder: Path, width: int, paper: bool = False) -> Any:
    text = page.read_text(encoding="utf-8").replace("</body>", _PROBE)
    text = text.replace("@media print", "@media all") if paper else text
    style = f"border:0;width:{width}px;height:2000px"
    frame = f'<iframe style="{style}" srcdoc="{html.escape(text)}"></iframe>'
    copy = folder / "probe.html"
    copy.write_text(f"<!DOCTYPE html><body>{frame}</body>", encoding="utf-8")
    options = ("--window-size=1600,2200", "--virtual-time-budget=5000", "--dump-dom", copy.as_uri())
    command = [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'data-probe="([^"]*)"', done.stdout)
    assert found, done.stdout[-500:]
    return json.loads(html.unescape(found.group(1)))


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


@pytest.mark.parametrize("width", [390, 1280])
def test_every_plot_is_inside_the_window(
    chromium: str, page: Path, tmp_path: Path, width: int
) -> None:
    found = _probe(chromium, page, tmp_path, width)
    assert found["width"] == width
    assert found["page"] <= width  # nothing scrolls sideways but a table in its frame
    assert len(found["plots"]) >= 12
    for left, right, wide, high in found["plots"]:
        assert left >= 0 and right <= width
        assert wide >= 250 and high >= 100


def test_no_table_is_cut_on_paper(chromium: str, page: Path, tmp_path: Path) -> None:
    found = _probe(chromium, page, tmp_path, 703, paper=True)  # A4 less its margins, at 96 dpi
    assert len(found["tables"]) >= 12
    assert all(inside <= frame + 1 for inside, frame in found["tables"]), found["tables"]
