"""The command's files against what AMD's quantizer left for the same networks and images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from host.__main__ import main


@pytest.mark.parametrize("case", ["cnn_a", "cnn_c", "cnn_e"])
def test_files_are_those_of_the_reference(case: str, shared: Path, tmp_path: Path) -> None:
    given = shared / "given" / "quantizer"
    options = [str(given / case / "float.keras"), "--images", str(given / "calib_images.npz")]
    options += ["--outputs-for", str(given / "test_images.npz"), "--out", str(tmp_path)]
    assert main(["quantize", *options, "--name", case]) == 0
    assert (tmp_path / f"{case}_int.xmodel").is_file()
    positions = (tmp_path / "positions.json").read_text(encoding="utf-8")
    assert json.loads(positions) == json.loads((given / case / "positions.json").read_text())
    for name in ("weights_int8.npz", "outputs_int8.npz"):
        with np.load(tmp_path / name) as ours, np.load(given / case / name) as theirs:
            assert sorted(ours.files) == sorted(theirs.files)
            for key in theirs.files:
                if key in ("final_float", "float_model"):
                    np.testing.assert_allclose(ours[key], theirs[key], atol=1e-5, rtol=1e-5)
                else:
                    assert np.array_equal(ours[key], theirs[key]), key


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros((4, 28, 28, 1), np.uint8)}, "images must be in an array 'x'"),
        ({"x": np.zeros((4, 28, 28, 1), np.int64)}, "must be uint8 or float32"),
        ({"x": np.zeros((4, 14, 14, 1), np.uint8)}, "must be float32"),
        ({"x": np.zeros((4, 28, 28, 1), np.uint8)}, "must be at least 500, got 4"),
    ],
    ids=["name", "dtype", "shape", "count"],
)
def test_wrong_images(
    released: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arrays: dict[str, np.ndarray],
    message: str,
) -> None:
    np.savez(tmp_path / "i.npz", **arrays)  # type: ignore[arg-type]
    count = ["--count", "4"] if "at least" not in message else []
    options = ["--images", str(tmp_path / "i.npz"), "--out", str(tmp_path / "out"), *count]
    assert main(["quantize", str(released["signnet"]), *options]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
