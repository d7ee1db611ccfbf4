from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from host.__main__ import main
from host.data.hands import dataset
from host.data.hands.dataset import HELD_OUT, TRAINING, HandsConfig, render_samples
from host.data.hands.signer import FIRST_HELD_OUT
from host.data.load import load_test_samples, load_training_samples
from host.data.mixture import load_mixture
from host.data.samples import Samples
from host.data.split import split_by_rule
from target.errors import DataError
from target.text.labels import STATIC_LABELS

SMALL = HandsConfig(images=96, signers=12)


@pytest.fixture(scope="module")
def small() -> Samples:
    return render_samples(SMALL, None)


def test_letters_are_balanced_and_signers_known(small: Samples) -> None:
    labels, counts = np.unique(small.labels, return_counts=True)
    assert tuple(labels) == STATIC_LABELS
    assert set(counts) == {4}
    assert small.signers is not None
    assert 6 < len(np.unique(small.signers)) <= 12


def test_training_never_has_a_held_out_signer() -> None:
    assert TRAINING.first_signer + TRAINING.signers <= FIRST_HELD_OUT <= HELD_OUT.first_signer
    held_out = render_samples(dataclasses.replace(HELD_OUT, images=48), None)
    assert held_out.signers is not None and held_out.signers.min() >= FIRST_HELD_OUT


def test_the_set_is_the_same_every_time(small: Samples) -> None:
    again = render_samples(SMALL, None)
    np.testing.assert_array_equal(again.images, small.images)
    assert again.sha256 == small.sha256
    other = render_samples(dataclasses.replace(SMALL, seed=2), None)
    assert other.sha256 != small.sha256


def test_it_is_drawn_once(tmp_path: Path, small: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    render_samples(SMALL, tmp_path)
    monkeypatch.setattr(dataset, "_render", lambda config: pytest.fail("drawn again"))
    kept = render_samples(SMALL, tmp_path)
    np.testing.assert_array_equal(kept.images, small.images)
    np.testing.assert_array_equal(kept.signers, small.signers)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"x" * 1000])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, small: Samples, content: bytes) -> None:
    render_samples(SMALL, tmp_path)
    (place,) = tmp_path.iterdir()
    place.write_bytes(content)
    np.testing.assert_array_equal(render_samples(SMALL, tmp_path).images, small.images)
    assert place.stat().st_size > len(content)


def test_other_drawing_code_means_another_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render_samples(SMALL, tmp_path)
    changed = tmp_path / "changed.py"
    changed.write_text("# what draws is different now\n")
    monkeypatch.setattr(dataset, "_sources", lambda: [changed])
    render_samples(SMALL, tmp_path / "cache")
    names = {p.name for p in tmp_path.glob("**/hands-*.npz")}
    assert len(names) == 2


def test_everything_that_draws_crops_counts() -> None:
    names = {source.name for source in dataset._sources()}
    drawing = (
        "backgrounds colours crop flesh hand kinematics letters poses raster scene shade signer"
    )
    assert {f"{name}.py" for name in drawing.split()} | {"skeleton.py", "poses.csv"} <= names


def test_a_cache_that_is_a_file_is_no_error(tmp_path: Path) -> None:
    place = tmp_path / "cache"
    place.write_text("not a folder")
    assert len(render_samples(SMALL, place)) == 96


@pytest.mark.parametrize(("images", "signers"), [(0, 10), (23, 10), (48, 1)])
def test_too_little_is_refused(images: int, signers: int) -> None:
    with pytest.raises(DataError, match=f"got {images} of {signers}"):
        render_samples(HandsConfig(images=images, signers=signers), None)


def test_a_split_keeps_signers_whole(small: Samples) -> None:
    split = split_by_rule(small, "photo:0.25", 1)
    assert small.signers is not None
    sides = small.signers[split.train], small.signers[split.validation]
    assert not set(sides[0]) & set(sides[1])
    assert 0 < len(split.validation) < len(split.train)


def test_hands_is_a_data_set_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Samples
) -> None:
    asked: list[HandsConfig] = []

    def fake(config: HandsConfig, cache: Path | None) -> Samples:
        asked.append(config)
        return small

    monkeypatch.setattr("host.data.load.render_samples", fake)
    monkeypatch.chdir(tmp_path)
    load_training_samples(Path("hands"), None)
    load_test_samples(Path("hands"), None, size=56)
    assert asked[0] == TRAINING
    assert asked[1] == dataclasses.replace(
        HELD_OUT, crop=dataclasses.replace(HELD_OUT.crop, size=56)
    )
    (tmp_path / "hands").mkdir()
    with pytest.raises(DataError, match="folder must hold"):
        load_training_samples(Path("hands"), None)  # what is there goes first


def test_hands_are_mixed_in_with_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    real = Samples(
        generator.integers(0, 255, (300, 28, 28), dtype=np.uint8),
        np.repeat(np.array(STATIC_LABELS[:10], np.uint8), 30),
        "real",
        "1" * 64,
    )
    monkeypatch.setattr("host.data.load.is_photo_folder", lambda path: True)
    monkeypatch.setattr("host.data.load.load_photos", lambda *args: real)
    mixed = load_mixture(Path("photos"), None, {"photos": 300, "hands": 96}).samples
    assert len(mixed) == 396
    assert mixed.source == "photos and hands"
    signers = mixed.known("signers")
    assert (signers[:300] == -1).all() and (signers[300:] >= 0).all()
    np.testing.assert_array_equal(mixed.images[:300], real.images)
    split = split_by_rule(mixed, "photo:0.2", 1)
    signers = mixed.known("signers")
    overlap = set(signers[split.train]) & set(signers[split.validation])
    assert overlap <= {-1}
    assert (split.validation < 300).any() and (split.validation >= 300).any()


@pytest.mark.parametrize("share", ["-0.1", "0.91", "2"])
def test_impossible_shares_of_hands_are_refused(
    share: str, small_archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["train", "--out", str(tmp_path / "m"), "--rendered", share, "--cache", str(tmp_path)]
    assert main([*start, "--data", str(small_archive)]) == 1
    assert "--rendered must be 0 to 0.9" in capsys.readouterr().err
    assert main([*start[:-4], "--rendered", "0.5", "--data", "hands"]) == 1
    assert "--rendered must go with photos" in capsys.readouterr().err
