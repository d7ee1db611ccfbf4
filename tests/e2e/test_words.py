"""Words from rendered signers through the whole application: spelled right, and nothing from nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from host.data.hands.backgrounds import KINDS
from host.data.hands.camera import HandsCamera, open_hands
from host.data.hands.timecode import read_timecode
from host.data.hands.uri import REAL, VIRTUAL, HandsUri, parse_uri
from host.runners.emulator import EmulatorRunner
from target.app import App, StreamConfig
from target.camera.base import Frame
from target.manifest import Manifest, load_manifest
from target.measure.clock import STREAM_STAGES
from target.show.base import View
from target.show.overlay import overlaid
from tests.target.streams import KeepingSink

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load_manifest(ROOT / "models/signnet")


def _simulate(*arguments: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "host", "simulate", *arguments, "--headless", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    record: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return record


def test_hello_world() -> None:
    record = _simulate("hands://HELLO WORLD")
    assert record["text"] == "HELLO WORLD" and record["frames"] == 492


def test_json_lines_end_with_the_record() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "host",
            "simulate",
            "hands://HI?clock=virtual",
            "json://",
            "--headless",
            "--json",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["letter"] for line in lines[:-1] if line["event"] == "letter"] == ["H", "I"]
    assert lines[-1]["text"] == "HI" and lines[-1]["schema"] == 1
    assert lines[-1]["sweep"] is True


def _read(manifest: Manifest, wanted: HandsUri, config: StreamConfig | None = None) -> str:
    runner = EmulatorRunner(manifest)
    camera = HandsCamera(wanted, f"hands://{wanted.text}")
    result = App(camera, runner, manifest, [], config or StreamConfig(warmup=1, sweep=True)).run()
    runner.close()
    assert result.error is None
    return str(result.record["text"])


@pytest.mark.parametrize("signer", [10_000, pytest.param(10_003, marks=pytest.mark.slow)])
def test_j_and_z_are_read_from_their_movement(manifest: Manifest, signer: int) -> None:
    assert _read(manifest, HandsUri("JAZZ", signer=signer, background="wall")) == "JAZZ"


class _Empty:
    """The picture of a rendered camera before anybody comes, for as long as asked."""

    live = False
    fps: float | None = 30.0

    def __init__(self, background: str, seconds: float) -> None:
        self.uri = f"an empty {background}"
        self._camera = HandsCamera(HandsUri("A", background=background, timecode=False), self.uri)
        self._frames = round(30 * seconds)
        self._index = 0
        self._empty = self._camera.draw(0)[0].astype(np.int16)

    def read(self) -> Frame | None:
        if self._index == self._frames:
            return None
        noise = np.random.default_rng(self._index).normal(0, 2.5, self._empty.shape[:2])
        image = np.clip(self._empty + noise[:, :, None], 0, 255).astype(np.uint8)
        self._index += 1
        return Frame(image, self._index - 1, 0.0, self.uri)

    def close(self) -> None:
        pass


def test_ten_seconds_without_a_hand_give_no_letter(manifest: Manifest) -> None:
    runner = EmulatorRunner(manifest)
    result = App(_Empty("room", 10), runner, manifest, [], StreamConfig(warmup=0, sweep=True)).run()
    runner.close()
    assert result.record["text"] == ""


@pytest.mark.slow
@pytest.mark.parametrize("background", KINDS)
def test_a_minute_without_a_hand_gives_no_letter(manifest: Manifest, background: str) -> None:
    runner = EmulatorRunner(manifest)
    result = App(
        _Empty(background, 60), runner, manifest, [], StreamConfig(warmup=0, sweep=True)
    ).run()
    runner.close()
    assert result.record["text"] == ""


class _TimeCodes(KeepingSink):
    """Reads the time code off the picture that people see."""

    def __init__(self) -> None:
        super().__init__(wants_all=False)
        self.pairs: list[tuple[int, int]] = []

    def show(self, view: View) -> bool:
        code = read_timecode(overlaid(view))
        if code is not None and view.frame is not None:
            self.pairs.append((view.frame.index, code.frame))
        return True


def test_stages_add_up_to_glass_to_glass(manifest: Manifest) -> None:
    """With a camera in real time: within a frame, and what is shown is what was captured."""
    camera, source = open_hands("hands://HI?clock=real", REAL)
    runner, sink = EmulatorRunner(manifest), _TimeCodes()
    record = App(source, runner, manifest, [sink], StreamConfig()).run().record
    runner.close()
    glass = record["glass_to_glass_ms"]["p50"]
    names = [*STREAM_STAGES, "draw"]
    total = sum(record["stages"][name]["p50"] for name in names)
    assert abs(glass - total) < 1000 / 30
    assert len(sink.pairs) > 20 and all(index == code for index, code in sink.pairs)
    assert camera.facts()["clock"] == REAL


TEXT = (
    "THE QUICK BROWN FOX JUMPS OVER A LAZY DOG BOOKKEEPER BALLOON AZZA JAZZ PIZZA"
    " COFFEE MISSISSIPPI HELLO WORLD XYLOPHONE QUIVER VACUUM JUDGE ZEBRA GLASS TOMMORROW"
    " SKIING WITHHOLD RAJJ MAXX UNITTEST PUPPY CAFFEINE YUMMY DEER FIJI BUZZ LLAMA"
)


# Nothing was chosen with these signers, and nobody says which of them are left-handed.
SIGNERS = (*range(10_040, 10_050), *range(10_300, 10_340))


@pytest.mark.slow
def test_a_thousand_letters_of_signers_never_trained_on(manifest: Manifest) -> None:
    words = TEXT.split()
    assert len("".join(words)) == 200
    assert set("".join(words)) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    texts = [" ".join(words[start : start + 4]) for start in range(0, len(words), 4)]
    letters = wrong = 0
    for index, signer in enumerate(SIGNERS):
        text = texts[index % len(texts)]
        found = _read(manifest, parse_uri(f"hands://{text}?signer={signer}", VIRTUAL))
        apart = Levenshtein.distance(found, text)
        print(f"signer {signer}: {text} -> {found} ({apart})")
        letters += len(text.replace(" ", ""))
        wrong += apart
    print(f"{wrong} errors in {letters} letters")
    assert letters == 1000 and wrong <= 0.02 * letters
