"""YOLO annotations (v5 and later) as Roboflow exports them: images/, labels/*.txt, and data.yaml.

A line is `class cx cy width height` in shares of the picture; data.yaml has the classes' names. Of YAML
only the three ways to write that list are read, so that no letter is taken for a truth value (N, Y).
Source: docs.ultralytics.com/datasets/detect; datumaro's page of the Roboflow formats for the folders.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from host.data.imports.download import PICTURES, Download
from host.data.imports.hand import Hand, make_hand
from target.errors import DataError

_NAMES = re.compile(r"^names[ \t]*:[ \t]*(?:\[([^\]]*)\])?", re.MULTILINE)
_ITEM = re.compile(r"\s*-\s*(?P<text>\S+)\s*|\s+(?P<number>\d{1,6})\s*:\s*(?P<named>\S+)\s*")


def files(download: Download) -> list[str]:
    """Return the names of the label files; none if there is no data.yaml."""
    if not _yaml_files(download):
        return []
    paths = map(PurePosixPath, download.sizes)
    return [str(path) for path in paths if path.suffix == ".txt" and "labels" in path.parts[:-1]]


def read(download: Download, names: list[str]) -> list[Hand]:
    """Return the hands of the label files.

    Raises:
        DataError: If one is not of the format; the message names it.
    """
    yaml = _yaml_files(download)[0]
    letters = class_names(download.text(yaml))
    if not letters:
        raise DataError(f"data.yaml must have a list of names, got none in {download.where(yaml)}")
    return [hand for name in names for hand in _read_file(download, name, letters)]


def class_names(text: str) -> dict[int, str]:
    r"""Return the names of the classes in a data.yaml, by number.

    >>> class_names("nc: 2\nnames: ['A', 'B']\n")
    {0: 'A', 1: 'B'}
    >>> class_names("names:\n- A\n- B\n")
    {0: 'A', 1: 'B'}
    >>> class_names("names:\n  0: A\n  7: N\nnc: 2\n")
    {0: 'A', 7: 'N'}
    """
    start = _NAMES.search(text)
    if start is None:
        return {}
    if start[1] is not None:
        return {number: _bare(name) for number, name in enumerate(start[1].split(","))}
    found: dict[int, str] = {}
    for line in filter(str.strip, text[start.end() :].splitlines()):
        item = _ITEM.fullmatch(line)
        if item is None:
            break
        number = len(found) if item["number"] is None else int(item["number"])
        found[number] = _bare(item["text"] or item["named"])
    return found


def _bare(name: str) -> str:
    return name.strip().strip("'\"")


def _yaml_files(download: Download) -> list[str]:
    """Return every data.yaml, the one nearest to the top first."""
    names = (name for name in download.sizes if PurePosixPath(name).name == "data.yaml")
    return sorted(names, key=lambda name: name.count("/"))


def _read_file(download: Download, name: str, letters: dict[int, str]) -> list[Hand]:
    where = download.where(name)
    hands = []
    for number, line in enumerate(download.text(name).splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry, *numbers = line.split()
            x, y, width, height = map(float, numbers)
            letter = letters[int(entry)]
        except (KeyError, ValueError) as error:
            raise DataError(
                "line must be a class of data.yaml and four numbers cx cy width height,"
                f" got '{line[:60]}' in line {number} of {where}"
            ) from error
        edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        hands.append(make_hand(_picture(download, name), letter, edges, where, relative=True))
    return hands


def _picture(download: Download, name: str) -> str:
    """Return the picture of a label file: the same name, under images/ in place of labels/."""
    parts = list(PurePosixPath(name).with_suffix("").parts)
    last = max(index for index, part in enumerate(parts[:-1]) if part == "labels")
    parts[last] = "images"
    stem = "/".join(parts)
    names = [f"{stem}{end}" for suffix in PICTURES for end in (suffix, suffix.upper())]
    return next((picture for picture in names if picture in download.sizes), names[0])
