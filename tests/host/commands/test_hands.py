from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from host.commands.hands import main
from host.commands.simulate import main as simulate
from host.data.hands.timecode import TimeCode, draw_timecode
from target.show.video_file import open_writer

ROOT = Path(__file__).resolve().parents[3]
SIGNNET = str(ROOT / "models/signnet")


def test_the_sheet_shows_26_letters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "letters.png"
    assert main(["--sheet", str(path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    sheet = cv2.imread(str(path))
    assert sheet.shape == (result["height"], result["width"], 3)
    rows = np.split(sheet, 4)
    tiles = [tile for row in rows for tile in np.split(row, 7, axis=1)]
    drawn = [tile[34:].std() > 10 for tile in tiles]
    assert drawn == [True] * 26 + [False] * 2
    for i, tile in enumerate(tiles[:26]):
        for other in tiles[:i]:
            assert (tile != other).mean() > 0.05


def test_a_varied_sheet_is_another_one(tmp_path: Path) -> None:
    for name, extra in (("a.png", []), ("b.png", ["--varied"]), ("c.png", ["--signer", "10042"])):
        assert main(["--sheet", str(tmp_path / name), *extra]) == 0
    plain, varied, other = (cv2.imread(str(tmp_path / f"{n}.png")) for n in "abc")
    assert (plain != varied).mean() > 0.5 and (plain != other).mean() > 0.2


def test_a_sheet_does_not_replace_a_file_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.png"
    path.write_text("mine")
    assert main(["--sheet", str(path)]) == 1
    assert "sheet must be new" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert main(["--sheet", str(path), "--force"]) == 0


def test_a_sheet_is_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sheet", str(tmp_path / "letters.txt")]) == 1
    assert "sheet must be a .png or .jpg file, got 'letters.txt'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--judge", SIGNNET, "--holds", "24", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["signers"] == 1 and result["holds"] == 24 and result["kind"] == "emulated"
    assert result["share"] == round(result["right"] / 24, 4)
    assert result["lost"] == 0


def test_time_codes_of_a_video_tell_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.avi"
    writer = open_writer(path, 30.0, (640, 480))
    for index in (3, 4, 4, 7, 8):
        frame = np.full((480, 640, 3), 90, dtype=np.uint8)
        draw_timecode(frame, TimeCode(index, 33 * index))
        writer.write(frame)
    writer.write(np.zeros((480, 640, 3), dtype=np.uint8))
    writer.release()
    assert main(["--timecodes", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "frames": 6,
        "with_code": 5,
        "first": 3,
        "last": 8,
        "missing": 2,
        "repeated": 1,
        "camera_seconds": 0.165,
    }


def test_a_video_without_time_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plain.avi"
    writer = open_writer(path, 30.0, (640, 480))
    writer.write(np.zeros((480, 640, 3), dtype=np.uint8))
    writer.release()
    assert main(["--timecodes", str(path)]) == 1
    assert "video must show time codes of hands://, got none" in capsys.readouterr().err


def test_the_application_reads_a_rendered_camera(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pixels and time stamps in, letters out; what was signed is joined afterwards."""
    truth, video, record = tmp_path / "truth.jsonl", tmp_path / "letters.avi", tmp_path / "run.json"
    uri = "hands://AB?fps=10&hold=0.5&signer=10001"
    arguments = [uri, str(video), "--model", SIGNNET, "--truth", str(truth), "--json"]
    assert simulate([*arguments, "--record", str(record)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert json.loads(record.read_text()) == result
    assert result["camera"] == {
        "uri": uri, "rendered": True, "clock": "virtual", "signer": 10001, "missed": 0,
    }  # fmt: skip
    assert result["truth"]["holds"] == 2 and result["truth"]["lost"] == 0
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    assert [line["index"] for line in lines] == list(range(result["frames"]))
    assert {line["letter"] for line in lines} == {None, "A", "B"}
    assert main(["--timecodes", str(video), "--json"]) == 0  # legible under the overlay
    codes = json.loads(capsys.readouterr().out)
    assert codes["with_code"] == codes["frames"] == result["frames"] and codes["missing"] == 0


def test_a_real_clock_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    uri = "hands://A?size=96x96&fps=20&hold=0.3&clock=real"
    assert simulate([uri, "--headless", "--model", SIGNNET, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["camera"]["clock"] == "real"
    assert result["frame_age_ms"] is not None


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["HANDS://A1", "--headless"], "text must be 1 to 10000 letters A-Z"),
        (["photo.png", "--headless", "--truth", "t.jsonl"], "--truth needs an input of hands://"),
        (["hands://A?fps=many", "--headless"], "fps must be a number"),
    ],
)
def test_faults_are_one_line(
    arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate([*arguments, "--model", SIGNNET]) == 1
    error = capsys.readouterr().err
    assert fault in error and "Traceback" not in error
