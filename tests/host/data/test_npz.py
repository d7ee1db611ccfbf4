from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.data.npz import load_images
from target.errors import DataError


def test_bytes_become_shares_of_255(tmp_path: Path) -> None:
    x = np.array([0, 51, 255], np.uint8).reshape(1, 1, 3, 1)
    np.savez(tmp_path / "x.npz", x=x)
    images = load_images(tmp_path / "x.npz")
    assert images.dtype == np.float32
    assert images.reshape(-1).tolist() == [0, float(np.float32(51) / np.float32(255)), 1]


def test_floats_are_used_as_they_are(tmp_path: Path) -> None:
    x = np.float32([[[[0.25], [-3]]]])
    np.savez_compressed(tmp_path / "x.npz", x=x)
    np.testing.assert_array_equal(load_images(tmp_path / "x.npz"), x)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros(1)}, r"images must be in an array 'x', got \['y'\] in .*x\.npz"),
        ({"x": np.zeros((2, 3, 3), np.uint8)}, r"got uint8 \(2, 3, 3\) in"),
        ({"x": np.zeros((2, 3, 3, 1))}, r"must be uint8 or float32 .*, got float64 \(2, 3, 3, 1\)"),
        ({"x": np.zeros((0, 3, 3, 1), np.uint8)}, r"with n > 0, got uint8 \(0, 3, 3, 1\)"),
        ({"x": np.array([{}], object)}, "images must be an .npz file, got '.*pickle.*'"),
    ],
    ids=["name", "rank", "dtype", "none", "pickle"],
)
def test_other_arrays_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        load_images(tmp_path / "x.npz")


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "half", "npy", "flipped"])
def test_other_files_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.npz"
    x = np.random.default_rng(0).integers(0, 256, (5, 9, 9, 1)).astype(np.uint8)
    np.savez_compressed(path, x=x)
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[80:90] = b"\xff" * 10
    if kind == "npy":
        with path.open("wb") as file:
            np.save(file, x)
    elif kind == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {"empty": b"", "text": b"hi", "half": content[:200], "flipped": bytes(flipped)}[kind]
        )
    with pytest.raises(DataError, match="images must be an .npz file, got '.*' in") as caught:
        load_images(path)
    assert "\n" not in str(caught.value)
