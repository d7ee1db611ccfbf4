"""python -m host simulate: what is refused before it begins, and what is kept when something fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from host.__main__ import main
from host.data.hands import camera as hands_camera
from host.data.hands import judge as hands_judge
from host.data.hands.camera import HandsCamera
from target import files
from target.errors import OutputError
from target.show.video_file import open_writer

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = open_writer(path, 30.0, (320, 240))
    for index in range(12):
        writer.write(np.full((240, 320, 3), 20 * index, np.uint8))
    writer.release()
    return path


def test_two_files_of_one_name_are_refused(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, video = clip.read_bytes(), str(tmp_path / "out.avi")
    (tmp_path / "link.avi").symlink_to(clip)
    for options in (
        ["none", "--record", str(clip)],
        ["none", "--record", str(tmp_path / "link.avi")],
        [str(clip), "--force"],
        [str(tmp_path / "link.avi"), "--force"],
        [video, video],
        [video, "--record", video],
        [video, "--record", str(tmp_path / "." / "out.avi")],
    ):
        assert main(["simulate", str(clip), *options]) == 1, options
        assert "output must not be the input, nor two outputs one file" in capsys.readouterr().err
    truth = ["--truth", str(tmp_path / "a.json"), "--record", str(tmp_path / "a.json")]
    assert main(["simulate", "hands://A", "none", *truth]) == 1
    assert "for a file of results and a file of results" in capsys.readouterr().err
    assert clip.read_bytes() == before and not Path(video).exists()


def test_a_file_is_not_taken_for_a_socket(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes").write_text("mine")
    assert main(["simulate", str(clip), "none", "--health", str(tmp_path / "notes")]) == 1
    assert "--health must name a socket, got another file" in capsys.readouterr().err
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_record_may_go_to_a_device(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(clip), "none", "--record", os.devnull]) == 0
    assert not os.path.isfile(os.devnull)


def test_an_output_may_follow_an_option(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(clip), "--frames", "5", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 5


def test_what_cannot_be_written_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = files.write_bytes

    def full(path: Path, data: bytes) -> None:
        if Path(path).name == "truth.json":
            raise OutputError("disk must have room, got none")
        write(path, data)

    monkeypatch.setattr(files, "write_bytes", full)
    places = ["--truth", str(tmp_path / "truth.json"), "--record", str(tmp_path / "record.json")]
    assert main(["simulate", "hands://A", "none", "--frames", "5", "--json", *places]) == 1
    captured = capsys.readouterr()
    record = json.loads(captured.out)
    assert record == json.loads((tmp_path / "record.json").read_text()) and record["frames"] == 5
    assert captured.err.endswith("error: disk must have room, got none\n")


def test_of_a_run_without_an_end_the_last_truth_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cameras = []

    class Seen(HandsCamera):
        def forget_truth(self) -> None:
            super().forget_truth()
            cameras.append(self)

    monkeypatch.setattr(hands_camera, "KEPT", 20)
    monkeypatch.setattr(hands_judge, "KEPT", 20)
    monkeypatch.setattr(hands_camera, "HandsCamera", Seen)
    endless = ["simulate", "hands://A?repeat=0", "none", "--frames", "60", "--json"]
    assert main(endless) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["frames"] == 60 and len(cameras[0].truth) == 20
    assert record["camera"]["judged_frames"] == 20 and record["truth"]["frames"] <= 20
    assert main(["simulate", "hands://A", "none", "--frames", "60", "--json"]) == 0
    assert "judged_frames" not in json.loads(capsys.readouterr().out)["camera"]
    assert len(cameras) == 1


@pytest.mark.parametrize("reader", ["true", "cat > /dev/full", "head -1"])
def test_without_a_reader_of_stdout_files_are_written(
    reader: str, clip: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    run = f"'{sys.executable}' -m host simulate '{clip}' json://every --json --record '{record}'"
    subprocess.run(["bash", "-c", f"{run} | {reader}"], cwd=ROOT, capture_output=True, check=False)
    assert json.loads(record.read_text())["frames"] > 0


def test_an_input_may_begin_with_a_hyphen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--json", "--", "-x.avi", "none"]) == 1
    assert "-x.avi" in capsys.readouterr().err
