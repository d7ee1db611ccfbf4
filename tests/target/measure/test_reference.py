from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target.errors import DataError
from target.manifest import load_manifest
from target.measure.reference import load_reference
from tests.target.stand_ins import MANIFEST, reference_of


def _arrays(**changes: Any) -> dict[str, Any]:
    reference = reference_of([0, 1, 2])
    arrays: dict[str, Any] = {
        "images": reference.images,
        "labels": reference.labels,
        "codes": reference.codes,
        "float_outputs": reference.float_outputs,
        "source": np.array("photos.zip"),
        "model_sha256": np.array(MANIFEST.sha256),
    }
    return {key: value for key, value in {**arrays, **changes}.items() if value is not None}


def test_load_reference_gives_what_was_stored(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "r.npz", **_arrays())
    found = load_reference(tmp_path / "r.npz", MANIFEST)
    assert len(found) == 3 and found.source == "photos.zip"
    for key, value in _arrays().items():
        if key not in ("source", "model_sha256"):
            assert np.array_equal(getattr(found, key), value)


def test_load_reference_takes_colour_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", **_arrays(images=np.zeros((3, 48, 64, 3), np.uint8)))
    assert load_reference(tmp_path / "r.npz", MANIFEST).images.shape == (3, 48, 64, 3)


@pytest.mark.parametrize("name", ["signnet", "tutorial"])
def test_released_reference(name: str, released: dict[str, Path]) -> None:
    manifest = load_manifest(released[name])
    found = load_reference(manifest.folder / "golden" / "reference.npz", manifest)
    assert len(found) == 1024 and found.images.shape == (1024, 28, 28)
    assert found.source == "sign-language-mnist.zip (1024 of 7172 images)"
    assert set(found.labels.tolist()) == {*range(9), *range(10, 25)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": None}, "reference must have codes, got none in .*r.npz"),
        ({"source": None, "images": None}, "reference must have images, source, got none"),
        (
            {"model_sha256": np.array("f" * 64)},
            r"must belong to model 0{16}\.\.\., got one of f{16}",
        ),
        ({"images": np.zeros((3, 28, 28), np.float32)}, r"images must be uint8 \(3, 28, 28\)"),
        ({"images": np.zeros((3, 784), np.uint8)}, r"images must be uint8 \(n, h, w\) or"),
        (
            {"images": np.zeros((3, 8, 8, 1), np.uint8)},
            r"\(n, h, w, 3\).* got uint8 \(3, 8, 8, 1\)",
        ),
        ({"images": np.zeros((), np.uint8)}, r"images must be .* got uint8 \(\)"),
        ({"images": np.zeros((0, 28, 28), np.uint8)}, "images must be .* and not empty"),
        ({"labels": np.zeros(3, np.int32)}, r"labels must be int64 \(3,\), got int32 \(3,\)"),
        ({"labels": np.zeros(4, np.int64)}, r"labels must be int64 \(3,\), got int64 \(4,\)"),
        (
            {"codes": np.zeros((3, 24), np.int8)},
            r"codes must be int8 \(3, 25\), got int8 \(3, 24\)",
        ),
        ({"float_outputs": np.zeros((3, 25), np.float32)}, r"float_outputs must be int64 \(3,\)"),
        (
            {"source": np.array([{"a": 1}])},
            "reference must be an .npz file of python -m host export",
        ),
    ],
    ids=[
        *("no-codes", "no-two", "foreign", "float-images", "flat-images", "one-channel", "no-dims"),
        *("empty", "int32-labels", "labels-count", "outputs", "float-outputs", "pickled"),
    ],
)
def test_load_reference_refuses(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", **_arrays(**changes))
    with pytest.raises(DataError, match=message):
        load_reference(tmp_path / "r.npz", MANIFEST)


def _write(path: Path, kind: str) -> None:
    if kind == "text":
        path.write_text("not numpy\nat all\n")
    elif kind == "empty":
        path.touch()
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for key in _arrays():
                archive.writestr(f"{key}.npy", MANIFEST.sha256)
    elif kind == "folder":
        path.mkdir()


@pytest.mark.parametrize("kind", ["none", "empty", "text", "npy", "zip", "folder"])
def test_load_reference_refuses_another_file_in_one_line(kind: str, tmp_path: Path) -> None:
    _write(tmp_path / "r.npz", kind)
    with pytest.raises(DataError, match=r"must .* in .*r\.npz; run make export") as error:
        load_reference(tmp_path / "r.npz", MANIFEST)
    assert len(str(error.value).splitlines()) == 1


def test_a_damaged_file_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    path = tmp_path / "r.npz"
    np.savez_compressed(path, **_arrays(images=noise))
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            found = load_reference(path, MANIFEST)
        except DataError:
            refused += 1
        else:  # a date or a flag in the zip: what matters has a checksum
            assert np.array_equal(found.images, noise)
    assert refused > 100
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="reference must"):
            load_reference(path, MANIFEST)
