"""python -m target capture: photos of a person's own hand, from a film, a folder or a camera."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from target.camera.open import open_source
from target.commands import capture
from target.errors import OutputError
from target.opencv import cv2
from tests.target.show.test_capture import hand, stored

ROOT = Path(__file__).resolve().parents[2]
MODEL = str(ROOT / "models" / "signnet")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three seconds, 25 frames a second, no two alike."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (320, 240))
    for number in range(75):
        writer.write(hand(number))
    writer.release()
    return path


def run(*argv: object) -> int:
    return capture.main([*map(str, argv), "--model", MODEL])


def test_a_film_becomes_photos_that_finetuning_takes(clip: Path, tmp_path: Path) -> None:
    # Here: the other tests also run on the board's Python, where there is no host/.
    from host.data.photos import load_photos

    out = tmp_path / "photos"
    command = [sys.executable, "-m", "target", "capture", str(clip), "--out", str(out)]
    options = ["--letter", "A", "--every", "0.2", "--headless", "--model", MODEL, "--json"]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["folder"] == str(out) and result["photos"] == result["A"] == 15 == len(
        stored(out)
    )
    assert "A: 15 of 20" in done.stderr and "rror" not in done.stderr
    samples = load_photos(out, 28, 0.05)
    assert len(samples.labels) == 15 and set(samples.labels.tolist()) == {0}
    # Of frames 0, 5, 10 ... the middle, as the model's manifest says.
    first = open_source(str(clip)).read()
    assert first is not None
    assert np.array_equal(cv2.imread(str(stored(out)[0])), first.image[:, 40:280])


def test_it_stops_when_there_are_enough_and_goes_on_where_it_stopped(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "photos"
    assert run(clip, "--out", out, "--letter", "k", "--every", 0.04, "--wanted", 4) == 0
    assert len(stored(out)) == 4
    text = capsys.readouterr().out
    assert text == f"4 photos in {out}; fewer than 4 of {' '.join('ABCDEFGHILMNOPQRSTUVWXY')}\n"
    assert run(clip, "--out", out, "--letter", "K", "--wanted", 4) == 0
    assert len(stored(out)) == 4
    assert run(clip, "--out", out, "--letter", "K", "--every", 0.04, "--wanted", 6) == 0
    assert len(stored(out)) == 6


def test_every_picture_of_a_folder_counts(tmp_path: Path) -> None:
    """They have no time between them."""
    given = tmp_path / "given"
    given.mkdir()
    for number in range(6):
        cv2.imwrite(str(given / f"{number}.png"), hand(number))
    cv2.imwrite(str(given / "again.png"), hand(3))
    out = tmp_path / "photos"
    assert run(given, "--out", out, "--letter", "A", "--every", 60) == 0
    assert len(stored(out)) == 6


def test_the_region_is_what_is_stored(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "photos"
    region = ["--region", "0.25,0.5,0.5", "--left-handed", "--frames", 1]
    assert run(clip, "--out", out, "--letter", "A", *region) == 0
    (path,) = stored(out)
    frame = open_source(str(clip)).read()
    assert frame is not None
    assert np.array_equal(cv2.imread(str(path)), frame.image[60:180, 20:140][:, ::-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--letter", "J"], "--letter must be one of ABC.*got 'J'; J and Z are movements"),
        (["--letter", "A", "--every", "0"], "--wanted must be at least 1 and --every more than 0"),
        (["--letter", "A", "--every", "nan"], "--every more than 0, got 20, nan"),
        (["--letter", "A", "--wanted", "0"], "--wanted must be at least 1"),
        (["--letter", "A", "--frames", "0"], "--frames must be at least 1, got 0"),
        (["--headless"], "capture must have a window, a page or --letter, got none of them"),
        ([], "display must be there for a window"),
    ],
    ids=["J", "every", "nan", "wanted", "frames", "headless", "no display"],
)
def test_what_it_refuses(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    out = tmp_path / "photos"
    assert run(clip, "--out", out, *options) == 1
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert not out.exists() or stored(out) == []


def test_a_full_disk_ends_it_with_one_line(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*arguments: object) -> None:
        raise OutputError("disk must have 32 MB left for photos, got 0 MB; choose another one")

    monkeypatch.setattr("target.files.check_room", full)
    out = tmp_path / "photos"
    assert run(clip, "--out", out, "--letter", "A", "--loop") == 1  # an endless source
    assert "error: disk must have 32 MB left for photos" in capsys.readouterr().err
    assert stored(out) == []


def test_its_input_is_not_overwritten(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = clip.read_bytes()
    assert run(clip, clip, "--out", tmp_path / "photos", "--letter", "A") == 1
    assert "capture must show a window or a page, got" in capsys.readouterr().err
    assert clip.read_bytes() == before


def test_an_output_may_follow_an_option(clip: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    assert run(clip, "--out", photos, "--letter", "A", "--frames", "9", "none") == 0
    assert len(stored(photos)) == 1


def test_without_a_display_the_remedy_is_one_that_works(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    out = tmp_path / "photos"
    assert run(clip, "--out", out) == 1
    error = capsys.readouterr().err
    assert "use http://:8080, or --letter and --headless" in error and "term://" not in error


def test_an_xmodel_without_a_manifest_has_no_crop(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare.xmodel"
    bare.write_bytes((Path(MODEL) / "signnet.xmodel").read_bytes())
    options = [str(clip), "--out", str(tmp_path / "photos"), "--letter", "A"]
    assert capture.main([*options, "--model", str(bare)]) == 1
    assert "capture must know the crop from a model's manifest" in capsys.readouterr().err
    assert capture.main([*options, "--model", f"{MODEL}/signnet.xmodel", "--frames", "9"]) == 0
