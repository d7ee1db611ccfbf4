"""The application before a rendered camera: what it reads comes from the hand's pixels and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from host.data.hands.camera import HandsCamera, Truth
from host.data.hands.judge import Readings, Verdict, join_all, judge
from host.data.hands.letters import STATIC
from host.data.hands.signer import FIRST_HELD_OUT
from host.data.hands.timecode import blank_timecode
from host.data.hands.uri import HandsUri
from host.runners.emulator import EmulatorRunner
from target.app import StreamConfig
from target.camera.base import Frame
from target.manifest import Manifest, load_manifest
from target.stream import run_stream

ROOT = Path(__file__).resolve().parents[2]
Change = Callable[[np.ndarray, Truth], None]


class _Changed:
    """A camera whose pictures are changed before the application sees them."""

    live = False

    def __init__(self, camera: HandsCamera, change: Change) -> None:
        self.uri, self.fps = camera.uri, camera.fps
        self._camera, self._change = camera, change

    def read(self) -> Frame | None:
        frame = self._camera.read()
        if frame is not None:
            self._change(frame.image, self._camera.truth[-1])
        return frame

    def close(self) -> None:
        self._camera.close()


def _run(
    manifest: Manifest, signer: int, letters: str, change: Change
) -> tuple[Verdict, list[tuple[int, str]]]:
    camera = HandsCamera(HandsUri(letters, hold=0.3, signer=signer), f"hands://{letters}")
    runner = EmulatorRunner(manifest)
    source = _Changed(camera, change)
    readings = Readings()
    run_stream(source, runner, manifest, [], StreamConfig(), readings)
    runner.close()
    return judge(camera.truth, readings.letters), readings.letters


def _as_it_is(image: np.ndarray, truth: Truth) -> None:
    pass


def _scramble(image: np.ndarray, truth: Truth) -> None:
    """Shuffle the pixels of the crop: colours stay, and no box tells how the hand is held."""
    if truth.box is not None:
        height, width = image.shape[:2]
        crop = image[:, (width - height) // 2 :][:, :height]
        pixels = crop.reshape(-1, 3)
        order = np.random.default_rng(truth.index).permutation(len(pixels))
        crop[:] = pixels[order].reshape(crop.shape)


@pytest.mark.slow
def test_blanking_the_time_code_changes_no_letter() -> None:
    manifest = load_manifest(ROOT / "models/signnet")
    plain = _run(manifest, 10_001, "LOVE", _as_it_is)
    blanked = _run(manifest, 10_001, "LOVE", lambda image, truth: blank_timecode(image))
    assert plain == blanked


@pytest.mark.slow
def test_a_network_trained_on_rendered_hands_reads_signers_it_has_never_seen(
    tmp_path: Path,
) -> None:
    for arguments in (
        ("train", "--data", "hands", "--out", "m"),
        ("quantize", "m", "--data", "hands"),
        ("compile", "m", "--data", "hands"),
    ):
        subprocess.run(
            [sys.executable, "-m", "host", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
    manifest = load_manifest(tmp_path / "m")
    signers = range(FIRST_HELD_OUT, FIRST_HELD_OUT + 9)
    letters = "".join(STATIC)
    total = join_all([_run(manifest, signer, letters, _as_it_is)[0] for signer in signers])
    assert total.holds >= 200 and total.right >= 0.95 * total.holds, total
    scrambled = join_all([_run(manifest, signer, letters, _scramble)[0] for signer in signers])
    assert scrambled.right <= 0.12 * scrambled.holds, scrambled
