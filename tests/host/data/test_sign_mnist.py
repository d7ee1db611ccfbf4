"""The Kaggle loader: every way to hand it the data, and one clear line for everything wrong."""

from __future__ import annotations

import io
import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from host.data.sign_mnist import NAMES, load_sign_mnist, parse_csv
from target.errors import DataError
from target.files import sha256_of
from target.text.labels import STATIC_LABELS

HEADER = ",".join(["label", *(f"pixel{i}" for i in range(1, 785))])
LABELS = {"train": [0, 3, 24], "test": [10, 8]}


def _row(label: object = 3, fill: object = 7, **cells: object) -> str:
    """Return a CSV row; `c5="x"` puts x into column 5 (column 1 is the label)."""
    row = [str(label), *[str(fill)] * 784]
    for column, value in cells.items():
        row[int(column[1:]) - 1] = str(value)
    return ",".join(row)


def _csv(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return (end.join([header, *rows]) + end).encode()


def _content(part: str) -> bytes:
    return _csv(*(_row(label, 10 + label, c2=0, c785=255) for label in LABELS[part]))


def _write_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part, name in NAMES.items():
        (folder / name).write_bytes(_content(part))
    return folder


def _write_archive(path: Path, prefix: str = "", **contents: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, name in NAMES.items():
            inner = prefix.format(stem=name[:-4])
            archive.writestr(f"{inner}{name}", contents.get(part, _content(part)))
    return path


def _nested(tmp_path: Path) -> Path:
    for part, name in NAMES.items():
        folder = tmp_path / "deep" / name[:-4]
        folder.mkdir(parents=True)
        (folder / name).write_bytes(_content(part))
    return tmp_path / "deep"


SOURCES: dict[str, Callable[[Path], Path]] = {
    "archive": lambda folder: _write_archive(folder / "archive.zip"),
    "archive-with-folders": lambda folder: _write_archive(folder / "archive.zip", "{stem}/"),
    "archive-of-any-name": lambda folder: _write_archive(folder / "download"),
    "folder": lambda folder: _write_folder(folder / "data"),
    "nested-folders": _nested,
    "train-csv": lambda folder: _write_folder(folder) / NAMES["train"],
    "test-csv": lambda folder: _write_folder(folder) / NAMES["test"],
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_load_reads_every_form_of_the_data(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    source = make(tmp_path)
    data = load_sign_mnist(source)
    for part, samples in (("train", data.train), ("test", data.test)):
        assert samples.labels.tolist() == LABELS[part]
        assert samples.labels.dtype == samples.images.dtype == np.uint8
        assert samples.images.shape == (len(LABELS[part]), 28, 28)
        assert samples.images[:, 0, 0].tolist() == [0] * len(samples)
        assert samples.images[:, 27, 27].tolist() == [255] * len(samples)
        assert samples.images[0, 5, 5] == 10 + LABELS[part][0]
        assert samples.source == str(source)
        assert len(samples.sha256) == 64
    if source.is_file() and source.suffix == ".zip":
        assert data.train.sha256 == sha256_of(source)


def test_pixels_are_rows_of_28() -> None:
    cells = {f"c{i + 2}": i % 256 for i in range(784)}
    _, images = parse_csv(_csv(_row(0, **cells)), "x.csv")
    assert images[0, 1, 0] == 28
    assert images[0, 9, 3] == (9 * 28 + 3) % 256


def test_shallow_files_win_over_copies(tmp_path: Path) -> None:
    folder = _write_folder(tmp_path / "data")
    (folder / "old").mkdir()
    (folder / "old" / NAMES["train"]).write_bytes(b"not this one")
    assert load_sign_mnist(folder).train.labels.tolist() == LABELS["train"]


def test_folders_that_a_mac_adds_are_ignored(tmp_path: Path) -> None:
    path = _write_archive(tmp_path / "archive.zip", "deep/{stem}/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"__MACOSX/{NAMES['train']}", b"\x00resource fork")
    assert load_sign_mnist(path).train.labels.tolist() == LABELS["train"]


@pytest.mark.parametrize(
    "content",
    [
        _csv(_row(), end="\r\n"),
        _csv(_row()).rstrip(b"\n"),
        b"\xef\xbb\xbf" + _csv(_row()),
        _csv(_row(), "", header=",".join(f'"{name}"' for name in HEADER.split(","))),
        _csv(_row(c5=" 7 ")),
        _csv(_row(c5="007")),
    ],
    ids=["crlf", "no-last-newline", "bom", "quoted-header", "spaces", "zeros"],
)
def test_harmless_variants_are_read(content: bytes) -> None:
    labels, images = parse_csv(content, "x.csv")
    assert labels.tolist() == [3]
    assert (images == 7).all()


@pytest.mark.parametrize("label", STATIC_LABELS)
def test_every_still_label_is_accepted(label: int) -> None:
    assert parse_csv(_csv(_row(label)), "x.csv")[0].tolist() == [label]


NOT_A_BYTE = "must be an integer 0-255, got"
FAULTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "CSV file must have a header and rows, got an empty file in x.csv"),
    "blank": (b" \n\n", "CSV file must have a header and rows, got an empty file in x.csv"),
    "header-only": (_csv(), "CSV file must have at least one row, got only a header in x.csv"),
    "header-short": (
        _csv(_row(), header=HEADER.rpartition(",")[0]),
        "header must have 785 columns label,pixel1..pixel784, got 784 in x.csv",
    ),
    "header-missing": (_csv(_row(), header=_row()), "header must name column 1 'label', got '3'"),
    "header-wrong": (
        _csv(_row(), header=HEADER.replace("pixel2,", "pixe12,")),
        "header must name column 3 'pixel2', got 'pixe12' in x.csv",
    ),
    "short-row": (
        _csv(_row(), _row().rpartition(",")[0]),
        "row must have 785 columns, got 784 in x.csv row 2",
    ),
    "long-row": (_csv(_row() + ",1"), "row must have 785 columns, got 786 in x.csv row 1"),
    "all-rows-short": (
        _csv(*[_row().rpartition(",")[0]] * 2),
        "row must have 785 columns, got 784 in x.csv row 1",
    ),
    "semicolons": (_csv(_row().replace(",", ";")), "row must have 785 columns, got 1"),
    "256": (_csv(_row(), _row(c785=256)), f"pixel784 {NOT_A_BYTE} 256 in x.csv row 2 column 785"),
    "negative": (_csv(_row(c2=-1)), f"pixel1 {NOT_A_BYTE} -1 in x.csv row 1 column 2"),
    "fraction": (_csv(_row(c3="1.5")), f"pixel2 {NOT_A_BYTE} '1.5' in x.csv row 1 column 3"),
    "whole-fraction": (_csv(_row(c3="2.0")), f"pixel2 {NOT_A_BYTE} '2.0'"),
    "text": (
        _csv(_row(), _row(), _row(c4="abc")),
        f"pixel3 {NOT_A_BYTE} 'abc' in x.csv row 3 column 4",
    ),
    "empty-cell": (_csv(_row(c4="")), f"pixel3 {NOT_A_BYTE} '' in x.csv row 1 column 4"),
    "nan": (_csv(_row(c4="nan")), f"pixel3 {NOT_A_BYTE} 'nan'"),
    "comment": (_csv(_row(c4="#1")), f"pixel3 {NOT_A_BYTE} '#1'"),
    "quoted": (_csv(_row(c4='"1"')), f"pixel3 {NOT_A_BYTE} '\"1\"'"),
    "other-digits": (_csv(_row(c4="٣")), f"pixel3 {NOT_A_BYTE} '٣'"),
    "nul": (_csv(_row(c4="\0")), f"pixel3 {NOT_A_BYTE} '.x00'"),
    "beyond-int32": (_csv(_row(c4=10**11)), f"pixel3 {NOT_A_BYTE} '100000000000'"),
    "endless-number": (_csv(_row(c4="9" * 5000)), f"pixel3 {NOT_A_BYTE} '99999999999999999999'"),
    "endless-text": (_csv(_row(c4="x" * 200_000)), f"pixel3 {NOT_A_BYTE} 'xxxxxxxxxxxxxxxxxxxx'"),
    "binary": (_csv(_row()) + b"\xff\xfe\x00\n", "row must have 785 columns, got 1 in x.csv row 2"),
    "carriage-returns": (_csv(_row(), _row(), end="\r"), "header must have 785 columns"),
    "label-9": (
        _csv(_row(), _row(9)),
        r"label must be a label 0-24 other than 9 \(J\), got 9 in x.csv row 2 column 1",
    ),
    "label-25": (
        _csv(_row(25)),
        r"label must be a label 0-24 other than 9 \(J\), got 25 in x.csv row 1 column 1",
    ),
    "label-300": (_csv(_row(300)), f"label {NOT_A_BYTE} 300 in x.csv row 1 column 1"),
}


@pytest.mark.parametrize(("content", "message"), FAULTS.values(), ids=FAULTS)
def test_parse_names_the_fault(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parse_csv(content, "x.csv")
    assert "\n" not in str(caught.value)


def test_fault_in_an_archive_names_the_member(tmp_path: Path) -> None:
    path = _write_archive(tmp_path / "a.zip", "{stem}/", test=_csv(_row(), _row(c3="?")))
    place = r"a\.zip:sign_mnist_test/sign_mnist_test\.csv row 2 column 3$"
    with pytest.raises(DataError, match=place):
        load_sign_mnist(path)


def _truncated(tmp_path: Path) -> Path:
    path = _write_archive(tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[:-200])
    return path


def _flipped(tmp_path: Path) -> Path:
    path = _write_archive(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    return path


def _encrypted(tmp_path: Path) -> Path:
    path = _write_archive(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    for at in (data.find(b"PK\x03\x04") + 6, data.find(b"PK\x01\x02") + 8):
        data[at] |= 1  # says that the first member is encrypted
    path.write_bytes(data)
    return path


def _file(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(tmp_path: Path) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make


def _half(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(NAMES["train"], _content("train"))
    return path


def _half_folder(tmp_path: Path) -> Path:
    _write_folder(tmp_path)
    (tmp_path / NAMES["test"]).unlink()
    return tmp_path


BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "no.zip", r"got no file at .*no\.zip; get archive\.zip"),
    "truncated": (_truncated, r"archive must be a complete zip file, got '.*' in .*a\.zip; get"),
    "flipped-bit": (_flipped, "archive must be a complete zip file, got"),
    "encrypted": (_encrypted, "archive must be a complete zip file, got '.*encrypted.*' in"),
    "no-zip": (
        _file("a.zip", b"<html>please log in</html>"),
        "archive must be a complete zip file",
    ),
    "empty-zip": (_file("a.zip", b""), "archive must be a complete zip file"),
    "no-csv-in-zip": (_half, r"archive must hold sign_mnist_test\.csv, got none in .*; get"),
    "empty-folder": (lambda folder: folder, r"folder must hold sign_mnist_train\.csv, got none in"),
    "half-folder": (_half_folder, r"folder must hold sign_mnist_test\.csv, got none in"),
    "lone-csv": (
        _file("sign_mnist_train.csv", _content("train")),
        r"folder must hold sign_mnist_test\.csv, got none in",
    ),
}


@pytest.mark.parametrize(("make", "message"), BROKEN.values(), ids=BROKEN)
def test_load_names_what_is_wrong(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_sign_mnist(make(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = _write_archive(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02") + 24  # the uncompressed size in the directory
    data[at : at + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(DataError, match="CSV file must be under 1 GiB, got 2147483648 bytes in"):
        load_sign_mnist(path)


def test_cache_is_written_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, cache = _write_archive(tmp_path / "a.zip"), tmp_path / "cache"
    first = load_sign_mnist(source, cache)
    (stored,) = cache.iterdir()
    assert stored.name == f"sign-mnist-{first.train.sha256[:16]}.npz"

    def never(data: bytes, name: str) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr("host.data.sign_mnist.parse_csv", never)
    again = load_sign_mnist(source, cache)
    np.testing.assert_array_equal(again.train.images, first.train.images)
    np.testing.assert_array_equal(again.test.labels, first.test.labels)
    assert again.train.sha256 == first.train.sha256


def test_cache_of_other_data_is_not_used(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load_sign_mnist(_write_archive(tmp_path / "a.zip"), cache)
    other = _write_archive(tmp_path / "b.zip", test=_csv(_row(1)))
    assert load_sign_mnist(other, cache).test.labels.tolist() == [1]
    assert len(os.listdir(cache)) == 2


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize("damage", ["half", "empty", "text", "flipped", "other-arrays", "npy"])
def test_damaged_cache_is_read_anew(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    source, cache = _write_archive(tmp_path / "a.zip"), tmp_path / "cache"
    load_sign_mnist(source, cache)
    (stored,) = cache.iterdir()
    content = stored.read_bytes()
    flipped = bytearray(content)
    flipped[-3000] ^= 0x10
    npy = io.BytesIO()
    np.save(npy, np.zeros(3))
    stored.write_bytes(
        {
            "half": content[: len(content) // 2],
            "empty": b"",
            "text": b"hello",
            "flipped": bytes(flipped),
            "other-arrays": _npz(x=np.zeros(3)),
            "npy": npy.getvalue(),
        }[damage]
    )
    with caplog.at_level(logging.WARNING):
        data = load_sign_mnist(source, cache)
    assert data.train.labels.tolist() == LABELS["train"]
    assert "is damaged; reading the source again" in caplog.text
    caplog.clear()
    load_sign_mnist(source, cache)
    assert caplog.text == ""  # the cache is mended


def test_cache_that_cannot_be_written_only_warns(
    tmp_path: Path, read_only: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = load_sign_mnist(_write_archive(tmp_path / "a.zip"), read_only)
    assert data.test.labels.tolist() == LABELS["test"]
    assert "no cache written: output folder must be writable" in caplog.text


def test_kaggles_own_archive(kaggle_archive: Path, tmp_path: Path) -> None:
    data = load_sign_mnist(kaggle_archive, tmp_path)
    assert (len(data.train), len(data.test)) == (27455, 7172)
    for samples in (data.train, data.test):
        assert set(samples.labels.tolist()) == set(STATIC_LABELS)
    assert data.train.images[0, 0, :3].tolist() == [107, 118, 127]
    assert data.train.labels[:4].tolist() == [3, 6, 2, 2]
