from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from host.data import mixture
from host.data.hands.signer import FIRST_HELD_OUT
from host.data.mixture import (
    NAMES,
    NO_SIGN,
    PHOTO_SETS,
    check_mix,
    find_photo_set,
    how_to_get,
    load_mixture,
)
from target.errors import DataError
from target.text.labels import NOTHING, STATIC_LABELS


def _write_set(folder: Path, name: str, count: int, **arrays: np.ndarray) -> Path:
    images = np.random.default_rng(count).integers(0, 256, (count, 40, 40, 3)).astype(np.uint8)
    labels = np.resize(STATIC_LABELS, count)
    path = folder / PHOTO_SETS[name].file
    np.savez(path, images=images, labels=labels, **arrays)  # type: ignore[arg-type]
    return path


@pytest.fixture
def archive(tmp_path: Path, small_archive: Path) -> Path:
    """The small data set, in a folder that other sets may be put into."""
    path = tmp_path / "archive.zip"
    path.write_bytes(small_archive.read_bytes())
    return path


@pytest.fixture(autouse=True)
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for data/, so that what a developer keeps there does not matter."""
    folder = tmp_path / "default"
    folder.mkdir()
    monkeypatch.setattr(mixture, "DATA", folder)
    return folder


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (
            {"massey": 5},
            "must be one of photos, hands, davidlee, students, nothing, clear, got 'massey'",
        ),
        ({"photos": 0}, "images of 'photos' an epoch must be at least 1, got 0"),
        ({"photos": 5, "davidlee": -1}, "images of 'davidlee' an epoch must be at least 1, got -1"),
        ({"hands": 23}, "images of 'hands' an epoch must be at least 24, got 23"),
        ({"davidlee": 5}, "mixture must have photos, hands or clear, got davidlee"),
        ({"davidlee": 5, "students": 5}, "photos, hands or clear, got davidlee, students"),
        ({}, "mixture must have photos, hands or clear, got nothing"),
    ],
    ids=["name", "none", "negative", "few-hands", "one-set", "two-sets", "nothing"],
)
def test_wrong_mixtures_are_refused(archive: Path, mix: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_mix(mix)
    with pytest.raises(DataError, match=message):
        load_mixture(archive, None, mix)


def test_every_set_can_be_mixed() -> None:
    check_mix(dict.fromkeys(NAMES, 24))
    check_mix({"photos": 1, "students": 1})


def test_the_parts_of_a_mixture_are_named(archive: Path, tmp_path: Path) -> None:
    _write_set(tmp_path, "davidlee", 50, source_photo=np.arange(50) // 2)
    _write_set(tmp_path, "students", 30, signer=np.arange(30) % 6)
    mix = {"photos": 100, "hands": 48, "davidlee": 10, "students": 10}
    mixed = load_mixture(archive, tmp_path / "cache", mix, pool=96)
    samples = mixed.samples
    names, counts = np.unique(samples.part_names(), return_counts=True)
    # every photo that there is: 24 letters x 3 x 8 and 50 less J and Z; 96 hands to draw 48 from
    found = dict(zip(names.tolist(), counts.tolist()))
    assert found == {"photos": 576, "hands": 96, "davidlee": 50, "students": 30}
    assert mixed.missing == ()
    assert samples.source == "photos and hands and davidlee and students"
    assert samples.images.shape == (576 + 96 + 50 + 30, 28, 28)
    parts = samples.part_names()
    assert (samples.known("signers")[parts == "photos"] == -1).all()
    assert np.unique(samples.known("signers")[parts == "hands"]).tolist() == list(range(4))
    assert np.unique(samples.known("photos")[parts == "davidlee"]).size == 25
    assert np.unique(samples.known("signers")[parts == "students"]).tolist() == list(range(6))


def test_clear_hands_are_several_times_those_of_an_epoch(archive: Path, tmp_path: Path) -> None:
    samples = load_mixture(archive, tmp_path, {"photos": 5, "clear": 24}).samples.only(["clear"])
    signers = samples.known("signers")
    assert len(samples) == 72 and set(np.bincount(samples.labels)[np.unique(samples.labels)]) == {3}
    assert signers.min() >= 0 and signers.max() < FIRST_HELD_OUT and len(np.unique(signers)) > 3


@pytest.mark.parametrize(("pool", "hands"), [(0, 24), (12, 24), (30, 30)])
def test_hands_are_those_of_an_epoch_at_least(
    archive: Path, tmp_path: Path, pool: int, hands: int
) -> None:
    samples = load_mixture(archive, tmp_path / "cache", {"hands": 24}, pool).samples
    assert samples.part_names().tolist() == ["hands"] * hands


def test_missing_sets_are_left_out_and_named(
    archive: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _write_set(tmp_path, "students", 24)
    with caplog.at_level(logging.WARNING):
        mixed = load_mixture(archive, None, {"photos": 9, "davidlee": 9, "students": 9})
    assert mixed.missing == ("davidlee",)
    assert set(mixed.samples.part_names()) == {"photos", "students"}
    assert mixed.samples.source == "photos and students"
    assert f"left out: {how_to_get('davidlee')}" in caplog.text
    assert "Sign Language Digits" not in caplog.text


def test_photos_of_several_sets_give_pictures_without_a_letter(
    archive: Path, tmp_path: Path
) -> None:
    _write_set(tmp_path, "students", 48, source_photo=np.arange(48) // 2)
    mix = {"photos": 100, "students": 48, "nothing": 30}
    alone = load_mixture(archive, tmp_path / "cache", mix).samples
    assert (alone.labels[alone.part_names() == NO_SIGN] == NOTHING).all()
    masked = load_mixture(archive, tmp_path / "cache", mix, masked=10_000).samples
    empty = masked.take(masked.part_names() == NO_SIGN)
    taken = {name: masked.take(masked.part_names() == name) for name in ("photos", "students")}
    seen = {name: photos.masks.any(axis=(1, 2)) for name, photos in taken.items()}
    rendered = (alone.part_names() == NO_SIGN).sum()
    assert len(empty) == rendered + seen["photos"].sum() + seen["students"].sum()
    # signers of rendered ones are known, photos of the others; no number stands for two sets' photos
    groups = empty.known("photos")
    np.testing.assert_array_equal(groups < 0, empty.known("signers") >= 0)
    first = groups[rendered : rendered + seen["photos"].sum()]
    second = groups[rendered + seen["photos"].sum() :]
    assert np.intersect1d(first, second).size == 0


def test_what_is_mixed_changes_the_digest(archive: Path, tmp_path: Path) -> None:
    alone = load_mixture(archive, None, {"photos": 9}).samples
    _write_set(tmp_path, "students", 24)
    joined = load_mixture(archive, None, {"photos": 9, "students": 9}).samples
    assert len({alone.sha256, joined.sha256}) == 2


def test_a_faulty_set_is_refused(archive: Path, tmp_path: Path) -> None:
    (tmp_path / PHOTO_SETS["students"].file).write_text("hi")
    with pytest.raises(DataError, match="signers must be an .npz file"):
        load_mixture(archive, None, {"photos": 9, "students": 9})


def test_sets_are_found_beside_the_archive_in_its_folder_and_in_data(
    archive: Path, tmp_path: Path, no_data: Path
) -> None:
    assert find_photo_set("students", archive) is None
    kept = _write_set(no_data, "students", 24)
    assert find_photo_set("students", archive) == kept
    assert find_photo_set("students", Path("hands")) == kept
    beside = _write_set(tmp_path, "students", 24)
    assert find_photo_set("students", archive) == beside
    assert find_photo_set("students", tmp_path) == beside


@pytest.mark.parametrize("name", PHOTO_SETS)
def test_how_to_get_a_set_names_title_licence_source_and_command(name: str) -> None:
    known, text = PHOTO_SETS[name], how_to_get(name)
    for part in (known.title, known.licence, known.source, known.file):
        assert part in text
    assert f"python -m host data --import {name} FILE.zip" in text
