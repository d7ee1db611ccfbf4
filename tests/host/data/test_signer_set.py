from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.data.signer_set import load_signer_set
from target.errors import DataError
from target.text.labels import STATIC_LABELS


def _save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def _images(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, *shape)).astype(np.uint8)


def test_gray_images_of_the_wanted_size_are_used_as_they_are(tmp_path: Path) -> None:
    images, labels = _images(3, 28, 28), np.array([0, 24, 8])
    given = load_signer_set(_save(tmp_path / "a.npz", images=images, labels=labels), 28, 0.05)
    assert np.array_equal(given.samples.images, images)
    assert given.samples.labels.tolist() == [0, 24, 8] and given.samples.labels.dtype == np.uint8
    assert given.samples.signers is None and given.samples.photos is None
    assert given.signers == () and given.clips is None
    assert given.samples.source == str(tmp_path / "a.npz") and len(given.samples.sha256) == 64


def test_colours_are_weighed_as_the_eye_does(tmp_path: Path) -> None:
    images = np.zeros((3, 28, 28, 3), np.uint8)
    for channel in range(3):
        images[channel, :, :, channel] = 255
    given = load_signer_set(_save(tmp_path / "a.npz", images=images, labels=np.arange(3)), 28, 0.05)
    # 0.299 R + 0.587 G + 0.114 B of 255
    assert given.samples.images[:, 5, 5].tolist() == [76, 150, 29]


def test_the_middle_square_is_shrunk_by_averages(tmp_path: Path) -> None:
    images = np.zeros((1, 4, 8), np.uint8)
    images[0, :, 2:4], images[0, ::2, 4:6] = 100, 200
    given = load_signer_set(_save(tmp_path / "a.npz", images=images, labels=np.array([1])), 2, 0.05)
    assert given.samples.images[0].tolist() == [[100, 100], [100, 100]]


def test_movement_letters_are_left_out_of_every_array(tmp_path: Path) -> None:
    path = _save(
        tmp_path / "a.npz",
        images=_images(26, 28, 28),
        labels=np.arange(26),
        signer=np.array([f"s{n}" for n in range(26)]),
        clip=np.arange(26),
        source_photo=np.arange(26),
    )
    given = load_signer_set(path, 28, 0.05)
    assert given.samples.labels.tolist() == list(STATIC_LABELS)
    assert len(given.signers) == 24 and "s9" not in given.signers and "s25" not in given.signers
    assert given.clips is not None
    assert [len(v) for v in (given.clips, given.samples.known("photos"))] == [24, 24]


def test_people_films_and_photos_become_indices(tmp_path: Path) -> None:
    path = _save(
        tmp_path / "a.npz",
        images=_images(4, 28, 28, 3),
        labels=np.array([0, 1, 2, 3], np.uint8),
        signer=np.array(["eve", "bob", "eve", "ann"]),
        clip=np.array([40, 40, 7, 7]),
        source_photo=np.array(["A1", "A1", "B2", "B3"]),
        split=np.array(["train"] * 2),  # other arrays do not matter
    )
    given = load_signer_set(path, 28, 0.05)
    assert given.signers == ("ann", "bob", "eve")
    assert given.samples.known("signers").tolist() == [2, 1, 2, 0]
    assert given.clips is not None and given.clips.tolist() == [1, 1, 0, 0]
    assert given.samples.known("photos").tolist() == [0, 0, 1, 2]


def test_signers_may_be_numbers(tmp_path: Path) -> None:
    path = _save(
        tmp_path / "a.npz",
        images=_images(3, 28, 28),
        labels=np.arange(3),
        signer=np.array([7, 3, 7]),
    )
    given = load_signer_set(path, 28, 0.05)
    assert given.signers == ("3", "7") and given.samples.known("signers").tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": None}, "must have arrays 'images' and 'labels', got no images in .*a.npz"),
        ({"labels": None}, "must have arrays 'images' and 'labels', got no labels in"),
        ({"images": np.zeros((3, 28), np.uint8)}, r"uint8 \(n, h, w, 3\) .*got uint8 \(3, 28\)"),
        ({"images": np.zeros((3, 9, 9, 1), np.uint8)}, r"got uint8 \(3, 9, 9, 1\)"),
        ({"images": np.zeros((3, 9, 9))}, r"got float64 \(3, 9, 9\)"),
        ({"images": np.zeros((3, 0, 9), np.uint8)}, r"got uint8 \(3, 0, 9\)"),
        ({"images": np.zeros((0, 9, 9), np.uint8)}, r"with n > 0, got uint8 \(0, 9, 9\)"),
        (
            {"labels": np.arange(4)},
            r"'labels' must have one value for each of 3 images, got \(4,\)",
        ),
        ({"labels": np.zeros((3, 1), int)}, r"'labels' must have one value .* got \(3, 1\)"),
        ({"labels": np.array([0, 1, 26])}, "whole numbers 0-25, got 0 to 26 in"),
        ({"labels": np.array([0, -1, 2])}, "whole numbers 0-25, got -1 to 2 in"),
        ({"labels": np.array([0, 1, 2.0])}, "whole numbers 0-25, got float64 in"),
        ({"labels": np.array(["A", "B", "C"])}, "whole numbers 0-25, got <U1 in"),
        ({"labels": np.array([9, 25, 9])}, "labels must name still letters .*got none in"),
        (
            {"signer": np.arange(2)},
            r"'signer' must have one value for each of 3 images, got \(2,\)",
        ),
        ({"clip": np.zeros((3, 2))}, r"'clip' must have one value for each of 3 .*got \(3, 2\)"),
        ({"source_photo": np.array(1)}, r"'source_photo' must have one value .*got \(\) in"),
        ({"signer": np.array([{}, 1, 2], object)}, "signers must be an .npz file, got '.*pickle"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_wrong_arrays_are_refused(
    tmp_path: Path, changed: dict[str, np.ndarray | None], message: str
) -> None:
    arrays = {"images": _images(3, 28, 28), "labels": np.arange(3)} | changed
    path = _save(tmp_path / "a.npz", **{n: v for n, v in arrays.items() if v is not None})
    with pytest.raises(DataError, match=message):
        load_signer_set(path, 28, 0.05)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "half", "npy", "folder"])
def test_other_files_are_refused(tmp_path: Path, kind: str) -> None:
    path = _save(tmp_path / "a.npz", images=_images(3, 28, 28), labels=np.arange(3))
    content = path.read_bytes()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, np.arange(3))
    elif kind != "missing":
        path.write_bytes({"empty": b"", "text": b"hi", "half": content[:200]}[kind])
    with pytest.raises(DataError, match="signers must be an .npz file, got '.*' in") as caught:
        load_signer_set(path, 28, 0.05)
    assert "\n" not in str(caught.value)


def test_an_archive_is_its_test_part(small_archive: Path) -> None:
    given = load_signer_set(small_archive, 28, 0.05)
    assert len(given.samples) == 24 * 3 * 2
    assert given.signers == () and given.clips is None
