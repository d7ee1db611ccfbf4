"""COCO annotations as Roboflow exports them: `_annotations.coco.json` in the folder of its pictures.

Source: cocodataset.org/#format-data; datumaro's page of the Roboflow formats for the folders.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from host.data.imports.download import Download
from host.data.imports.hand import Hand, make_hand
from target.errors import DataError

FILE = "_annotations.coco.json"


def files(download: Download) -> list[str]:
    """Return the names of the annotation files."""
    return [name for name in download.sizes if PurePosixPath(name).name == FILE]


def read(download: Download, names: list[str]) -> list[Hand]:
    """Return the hands of the annotation files.

    Raises:
        DataError: If one is not of the format; the message names it.
    """
    return [hand for name in names for hand in _read_file(download, name)]


def _read_file(download: Download, name: str) -> list[Hand]:
    where = download.where(name)
    hands = []
    try:
        content = json.loads(download.text(name))
        pictures = {image["id"]: str(image["file_name"]) for image in content["images"]}
        letters = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
        for entry in content["annotations"]:
            left, top, width, height = map(float, entry["bbox"])
            picture = str(PurePosixPath(name).parent / pictures[entry["image_id"]])
            edges = (left, top, left + width, top + height)
            hands.append(make_hand(picture, letters[entry["category_id"]], edges, where))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(
            "COCO file must have images, categories and annotations with a bbox [x, y, width,"
            f" height], got {type(error).__name__} '{error}' in {where}"
        ) from error
    return hands
