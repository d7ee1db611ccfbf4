"""Sign Language MNIST as Kaggle ships it: an archive, a folder, or the bare CSV files.

Two CSV files, sign_mnist_train.csv and sign_mnist_test.csv, at the top level or in folders of their
own name, with the columns label, pixel1 to pixel784. Labels are 0-24 without 9 (J); 25 (Z) is absent.
Source: kaggle.com/datasets/datamunge/sign-language-mnist (CC0).
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from host.data.samples import Samples
from target import files
from target.errors import AppError, DataError
from target.text.labels import STATIC_LABELS

SIDE = 28
COLUMNS = 1 + SIDE * SIDE
NAMES = {"train": "sign_mnist_train.csv", "test": "sign_mnist_test.csv"}
HOW_TO_GET = (
    "get archive.zip from kaggle.com/datasets/datamunge/sign-language-mnist"
    " and put it into data/, or pass DATA=path/to/archive.zip; DATA=hands needs no archive"
)
_LARGEST_CSV_BYTES = 1 << 30  # Kaggle's own is 83 MB; a bomb in a zip stops here.
_BYTE = re.compile(r"[+]?0*(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[0-9]{1,2})|-0+", re.ASCII)
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SignMnist:
    """The two parts of the data set and where they came from."""

    train: Samples
    test: Samples


class _CsvFile(NamedTuple):
    name: str
    data: bytes


def load_sign_mnist(path: Path, cache: Path | None = None) -> SignMnist:
    """Read and validate Sign Language MNIST.

    Args:
        path: archive.zip, a folder that holds the CSV files (nested folders are searched), or
            either CSV file with the other one beside it.
        cache: Folder for a parsed copy named by the source's sha256; None for no cache.

    Returns:
        Training and test samples, images uint8 (n, 28, 28).

    Raises:
        DataError: If something is missing or wrong; the message names file, row and column.
    """
    digest = _digest(path)
    cached = cache / f"sign-mnist-{digest[:16]}.npz" if cache else None
    if cached is not None and cached.is_file():
        arrays = _read_cache(cached)
        if arrays is not None:
            return _assemble(arrays, str(path), digest)
    arrays = {}
    for part, csv_file in _read_csv_files(path).items():
        arrays[f"{part}_labels"], arrays[f"{part}_images"] = parse_csv(csv_file.data, csv_file.name)
    if cached is not None:
        _write_cache(cached, arrays)
    return _assemble(arrays, str(path), digest)


def parse_csv(data: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Parse and validate one CSV file.

    Args:
        data: The file's bytes: a header line, then label and 784 pixels in each row.
        name: For messages.

    Returns:
        labels uint8 (n,) and images uint8 (n, 28, 28).

    Raises:
        DataError: With row (1 = first after the header) and column where a fault can be placed.
    """
    if not data.strip():
        raise DataError(f"CSV file must have a header and rows, got an empty file in {name}")
    header, _, body = data.partition(b"\n")
    _check_header(header, name)
    if not body.strip():
        raise DataError(f"CSV file must have at least one row, got only a header in {name}")
    try:
        table = np.loadtxt(io.BytesIO(body), delimiter=",", dtype=np.int32, ndmin=2, comments=None)
    except (ValueError, OverflowError, UnicodeDecodeError) as error:
        raise _locate_fault(body, name) from error
    if table.shape[1] != COLUMNS:
        raise _locate_fault(body, name)
    wrong = np.argwhere((table < 0) | (table > 255))
    if len(wrong):
        row, column = wrong[0]
        raise _cell_fault(row, column, "an integer 0-255", table[row, column], name)
    bad_labels = np.flatnonzero(~np.isin(table[:, 0], STATIC_LABELS))
    if len(bad_labels):
        row = bad_labels[0]
        raise _cell_fault(row, 0, "a label 0-24 other than 9 (J)", table[row, 0], name)
    return table[:, 0].astype(np.uint8), table[:, 1:].astype(np.uint8).reshape(-1, SIDE, SIDE)


def _check_header(header: bytes, name: str) -> None:
    got = [field.strip().strip('"') for field in header.decode("utf-8-sig", "replace").split(",")]
    expected = ["label"] + [f"pixel{i}" for i in range(1, COLUMNS)]
    if got == expected:
        return
    if len(got) != COLUMNS:
        raise DataError(
            f"header must have {COLUMNS} columns label,pixel1..pixel784, got {len(got)} in {name}"
        )
    column = next(i for i, (have, want) in enumerate(zip(got, expected)) if have != want)
    raise DataError(
        f"header must name column {column + 1} '{expected[column]}',"
        f" got '{got[column][:40]}' in {name}"
    )


def _cell_fault(row: int, column: int, rule: str, value: object, name: str) -> DataError:
    field = "label" if column == 0 else f"pixel{column}"
    return DataError(
        f"{field} must be {rule}, got {value} in {name} row {row + 1} column {column + 1}"
    )


def _locate_fault(body: bytes, name: str) -> DataError:
    """Find the first faulty row and column; slow, used only once a fault is known."""
    lines = [line for line in body.decode("utf-8", "replace").splitlines() if line]
    for row, line in enumerate(lines):
        cells = line.split(",")
        if len(cells) != COLUMNS:
            return DataError(
                f"row must have {COLUMNS} columns, got {len(cells)} in {name} row {row + 1}"
            )
        for column, cell in enumerate(cells):
            if not _BYTE.fullmatch(cell.strip()):
                return _cell_fault(row, column, "an integer 0-255", repr(cell[:20]), name)
    return DataError(f"CSV file must hold {COLUMNS} integers a row, got something else in {name}")


def _digest(path: Path) -> str:
    """Return the sha256 of the archive, or of both CSV files one after the other."""
    if not path.exists():
        raise DataError(
            f"data must be an archive, a folder or a CSV file, got no file at {path}; {HOW_TO_GET}"
        )
    if path.is_file() and path.suffix.lower() != ".csv":
        return files.sha256_of(path)
    digest = hashlib.sha256()
    for part in NAMES:
        digest.update(files.sha256_of(_find_csv(path, part)).encode())
    return digest.hexdigest()


def _find_csv(path: Path, part: str) -> Path:
    folder = path if path.is_dir() else path.parent
    found = [item for item in folder.rglob(NAMES[part]) if item.is_file()]
    if not found:
        raise DataError(f"folder must hold {NAMES[part]}, got none in {folder}; {HOW_TO_GET}")
    return min(found, key=lambda item: (len(item.parts), str(item)))


def _read_csv_files(path: Path) -> dict[str, _CsvFile]:
    if path.is_dir() or path.suffix.lower() == ".csv":
        places = {part: _find_csv(path, part) for part in NAMES}
        return {part: _CsvFile(str(place), place.read_bytes()) for part, place in places.items()}
    try:
        with zipfile.ZipFile(path) as archive:
            return {part: _read_member(archive, path, part) for part in NAMES}
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        NotImplementedError,
        OSError,
    ) as error:
        raise DataError(
            f"archive must be a complete zip file, got '{error}' in {path}; {HOW_TO_GET}"
        ) from error
    except Exception as error:
        if isinstance(error, AppError):
            raise
        # zlib.error, RuntimeError (encrypted) and struct.error all mean a damaged archive.
        raise DataError(
            f"archive must be a complete zip file, got '{error}' in {path}; {HOW_TO_GET}"
        ) from error


def _read_member(archive: zipfile.ZipFile, path: Path, part: str) -> _CsvFile:
    members = [
        info
        for info in archive.infolist()
        if Path(info.filename).name == NAMES[part]
        and not info.is_dir()
        and not info.filename.startswith("__MACOSX")
    ]
    if not members:
        raise DataError(f"archive must hold {NAMES[part]}, got none in {path}; {HOW_TO_GET}")
    member = min(members, key=lambda info: info.filename.count("/"))
    if member.file_size > _LARGEST_CSV_BYTES:
        raise DataError(f"CSV file must be under 1 GiB, got {member.file_size} bytes in {path}")
    return _CsvFile(f"{path}:{member.filename}", archive.read(member))


def _assemble(arrays: dict[str, np.ndarray], source: str, digest: str) -> SignMnist:
    parts = {
        part: Samples(arrays[f"{part}_images"], arrays[f"{part}_labels"], source, digest)
        for part in NAMES
    }
    return SignMnist(**parts)


def _read_cache(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a parsed copy, or None if it is not a sound one."""
    names = [f"{part}_{kind}" for part in NAMES for kind in ("labels", "images")]
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in names}
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError):
        arrays = {}
    if arrays and all(_is_sound(arrays, part) for part in NAMES):
        return arrays
    _log.warning("cache %s is damaged; reading the source again", path)
    return None


def _is_sound(arrays: dict[str, np.ndarray], part: str) -> bool:
    labels, images = arrays[f"{part}_labels"], arrays[f"{part}_images"]
    return bool(
        labels.dtype == images.dtype == np.uint8
        and images.shape == (len(labels), SIDE, SIDE)
        and np.isin(labels, STATIC_LABELS).all()
    )


def _write_cache(path: Path, arrays: dict[str, np.ndarray]) -> None:
    try:
        with files.replacing(path) as temporary:
            np.savez(temporary, allow_pickle=False, **arrays)
    except AppError as error:
        _log.warning("no cache written: %s", error)  # slower next time, nothing lost
