"""Collecting labelled crops: what is stored, what is refused, and what finetuning makes of it."""

from __future__ import annotations

import shutil
import threading
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target import files
from target.camera.base import Frame
from target.errors import DataError, OutputError
from target.opencv import cv2
from target.pipeline.controls import Controls
from target.show import capture
from target.show.base import View
from target.show.capture import Collector
from target.text.labels import STATIC_LETTERS
from target.text.speller import Spelling

SQUARE = (20, 60, 200)


def hand(number: int, size: tuple[int, int] = (240, 320)) -> np.ndarray:
    """Return a picture that looks like no other number's."""
    blocks = np.random.default_rng(number).uniform(30, 225, (6, 8, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(blocks, size[::-1], interpolation=cv2.INTER_CUBIC))


def view_of(image: np.ndarray | None, square: tuple[int, int, int] = SQUARE, **other: Any) -> View:
    frame = None if image is None else Frame(image, 0, 0.0, "x")
    return View(frame, None, Spelling(), square=square, **other)


def store(collector: Collector, letter: str, number: int) -> Path:
    collector.look(view_of(hand(number)))
    return Path(collector.capture(letter)["stored"])


def stored(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_crop_is_stored_as_the_network_sees_it(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    collector.look(view_of(hand(1)))
    done = collector.capture("b")
    path = Path(done["stored"])
    assert done == {"stored": str(path), "letter": "B", "count": 1} and path.parent.name == "B"
    image = cv2.imread(str(path))
    assert np.array_equal(image, hand(1)[20:220, 60:260])  # lossless
    assert stored(tmp_path) == [path]  # nothing half-written beside it


def test_a_large_crop_is_shrunk_and_a_gray_one_stays_gray(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    collector.look(view_of(hand(1, (480, 640)), (0, 80, 480)))
    assert cv2.imread(collector.capture("A")["stored"]).shape == (256, 256, 3)
    collector.look(view_of(hand(2)[:, :, 0], SQUARE))
    image = cv2.imread(collector.capture("A")["stored"], cv2.IMREAD_UNCHANGED)
    assert np.array_equal(image, hand(2)[20:220, 60:260, 0])


def test_crops_of_a_left_hand_are_the_mirror_images_that_the_network_sees(tmp_path: Path) -> None:
    controls = Controls(left_handed=True)
    collector = Collector(tmp_path, controls=controls)
    path = store(collector, "A", 1)
    assert np.array_equal(cv2.imread(str(path)), hand(1)[20:220, 60:260][:, ::-1])
    controls.left_handed = False
    path = store(collector, "A", 1)
    assert np.array_equal(cv2.imread(str(path)), hand(1)[20:220, 60:260])


def test_near_duplicates_are_refused_under_their_letter(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    store(collector, "A", 1)
    noise = np.random.default_rng(3).normal(0, 4, hand(1).shape)
    brighter = np.clip(hand(1) * 0.8 + 20 + noise, 0, 255).astype(np.uint8)
    message = "crop of A must differ from those that are there, got one like another; move the hand"
    for image in (hand(1), brighter):
        collector.look(view_of(image))
        with pytest.raises(DataError, match=message):
            collector.capture("A")
    assert len(stored(tmp_path)) == 1 and collector.counts()["A"] == 1
    store(collector, "A", 2)
    store(collector, "B", 1)
    assert [collector.counts()[letter] for letter in "ABC"] == [2, 1, 0]


@pytest.mark.parametrize("level", [0, 90, 255], ids=["black", "gray", "white"])
def test_a_covered_lens_is_no_hand(tmp_path: Path, level: int) -> None:
    noise = np.random.default_rng(1).normal(0, 3, (240, 320, 3))
    collector = Collector(tmp_path)
    for image in (np.full((240, 320, 3), level, np.uint8), level + noise):
        collector.look(view_of(np.clip(image, 0, 255).astype(np.uint8)))
        with pytest.raises(DataError, match="crop must show a hand, got a picture of one gray"):
            collector.capture("A")
    assert stored(tmp_path) == []


@pytest.mark.parametrize(
    ("letter", "message"),
    [
        ("J", "letter must be one of ABCDEFGHIKLMNOPQRSTUVWXY, got 'J'; J and Z are movements"),
        ("z", "got 'z'; J and Z are movements"),
        ("", "got ''"),
        ("ı", "got 'ı'"),  # its capital is an I
        ("AB", "got 'AB'"),
        ("1", "got '1'"),
        ("../A", "got '../A'"),
        ("x" * 500, f"got '{'x' * 20}'$"),
    ],
)
def test_what_is_no_still_letter(tmp_path: Path, letter: str, message: str) -> None:
    collector = Collector(tmp_path)
    collector.look(view_of(hand(1)))
    with pytest.raises(DataError, match=message):
        collector.capture(letter)
    assert stored(tmp_path) == []


def test_nothing_is_stored_without_a_frame(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    views = [
        (None, "none has come yet"),
        (view_of(None), "none has come yet"),
        (view_of(hand(1), (0, 0, 0)), "none has come yet"),
        (
            view_of(hand(1), fresh=False, trouble="camera: no frame for 3 s"),
            "camera: no frame for 3 s",
        ),
    ]
    for view, why in views:
        if view is not None:
            collector.look(view)
        with pytest.raises(DataError, match=f"capture must have a frame, got none: {why}"):
            collector.capture("A")
    assert stored(tmp_path) == [] and sum(collector.counts().values()) == 0


def test_the_next_letter_is_the_one_with_the_fewest(tmp_path: Path) -> None:
    collector = Collector(tmp_path, wanted=2)
    asked = []
    for number in range(48):
        letter = collector.next_letter()
        assert letter is not None
        asked.append(letter)
        store(collector, letter, number)
    assert "".join(asked) == STATIC_LETTERS * 2
    assert collector.next_letter() is None
    assert set(collector.counts().values()) == {2}


def test_what_is_there_counts_and_is_compared(tmp_path: Path, caplog: Any) -> None:
    first = Collector(tmp_path)
    for number in range(3):
        store(first, "A", number)
    own = tmp_path / "a"  # a person's own photos, in a folder of another case, and deeper
    (own / "kitchen").mkdir(parents=True)
    cv2.imwrite(str(own / "kitchen/photo.jpg"), hand(9)[20:220, 60:260])
    (tmp_path / "x").mkdir()
    (tmp_path / "J").mkdir()
    cv2.imwrite(str(tmp_path / "J/no_still_letter.png"), hand(5))
    (tmp_path / "A/.A-half.png").write_bytes(b"half")
    (tmp_path / "A/broken.png").write_bytes(b"broken")
    again = Collector(tmp_path)
    assert again.counts()["A"] == 4 and sum(again.counts().values()) == 4
    assert len(caplog.messages) == 1 and "broken.png; finetuning will refuse it" in caplog.text
    for number in (0, 2, 9):
        with pytest.raises(DataError, match="crop of A must differ"):
            store(again, "A", number)
    store(again, "A", 10)
    assert again.counts()["A"] == 5 and again.next_letter() == "B"


def test_names_are_new_even_if_the_clock_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board without a battery begins every day at the same time."""
    monkeypatch.setattr(capture.time, "strftime", lambda form: "19700101-000000")
    paths = {store(Collector(tmp_path), "A", number) for number in range(4)}
    paths |= {store(Collector(tmp_path), "B", 0)}
    assert len(paths) == 5 == len(stored(tmp_path))


def test_a_full_disk_is_an_error_that_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector(tmp_path)
    store(collector, "A", 1)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 5 << 20))
    before = stored(tmp_path)
    with pytest.raises(OutputError, match="disk must have 32 MB left for photos, got 5 MB in"):
        store(collector, "A", 2)
    assert stored(tmp_path) == before and collector.counts()["A"] == 1
    monkeypatch.undo()
    store(collector, "A", 2)  # room again: it was not counted as there
    assert collector.counts()["A"] == 2


def test_a_write_that_fails_stores_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector(tmp_path)

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OutputError, match="file must be writable, got 'No space left on device'"):
        store(collector, "A", 1)
    assert stored(tmp_path) == [] and collector.counts()["A"] == 0


def test_a_folder_that_cannot_be(read_only: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="output folder must be writable"):
        Collector(read_only / "photos")
    with pytest.raises(OutputError, match="output folder must be writable"):
        Collector(read_only)
    (tmp_path / "x").mkdir()  # of the letter X
    Collector(tmp_path)


def test_the_last_crop_can_be_taken_back(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    kept = store(collector, "A", 1)
    store(collector, "A", 2)
    gone = store(collector, "B", 3)
    gone.unlink()  # by somebody else
    assert [collector.take_back(), collector.take_back()] == ["B", "A"]
    assert stored(tmp_path) == [kept] and collector.counts()["A"] == 1
    store(collector, "A", 2)  # no longer like another
    again = Collector(tmp_path)
    with pytest.raises(DataError, match="crop to take back must be of this run, got none"):
        again.take_back()


def test_a_crop_that_cannot_be_deleted_stays_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector(tmp_path)
    store(collector, "A", 1)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match="crop must be deletable, got 'Permission denied' in"):
        collector.take_back()
    assert collector.counts()["A"] == 1


def test_two_people_press_at_once(tmp_path: Path) -> None:
    """The window and the page may both store: one photo becomes one file."""
    collector = Collector(tmp_path)
    collector.look(view_of(hand(1)))
    results: list[str] = []

    def press() -> None:
        try:
            collector.capture("A")
            results.append("stored")
        except DataError:
            results.append("refused")

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused"] * 5 + ["stored"] and len(stored(tmp_path)) == 1


def test_finetuning_takes_the_folder(tmp_path: Path) -> None:
    # Here: the other tests also run on the board's Python, where there is no host/.
    from host.data.own_photos import split_own_photos
    from host.data.photos import is_photo_folder, load_photos
    from host.data.signer_set import load_signer_set

    collector = Collector(tmp_path, wanted=4)
    for number in range(12):
        store(collector, "AKY"[number % 3], number)
    (tmp_path / "A/.A-half.png").write_bytes(b"half")  # of a run that lost its power
    assert is_photo_folder(tmp_path)
    samples = load_photos(tmp_path, 28, 0.05)
    assert samples.images.shape == (12, 28, 28) and np.bincount(samples.labels)[0] == 4
    assert set(samples.labels.tolist()) == {0, 10, 24}
    assert len(load_signer_set(tmp_path, 28, 0.05).samples.labels) == 12
    split = split_own_photos(samples, per_letter=2, seed=1)
    assert split.groups == {"A": 4, "K": 4, "Y": 4} and split.unjudged == []
    assert len(split.train) == 6 and len(split.held_out) == 6
