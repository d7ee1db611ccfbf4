"""Pascal VOC annotations as Roboflow exports them: one .xml beside each picture.

Source: host.robots.ox.ac.uk/pascal/VOC; datumaro's page of the Roboflow formats for the folders.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import PurePosixPath

from host.data.imports.download import PICTURES, Download
from host.data.imports.hand import Hand, make_hand
from target.errors import DataError

_EDGES = ("xmin", "ymin", "xmax", "ymax")


def files(download: Download) -> list[str]:
    """Return the names of the annotation files: every .xml in a folder of pictures."""
    paths = [PurePosixPath(name) for name in download.sizes]
    folders = {path.parent for path in paths if path.suffix.lower() in PICTURES}
    return [str(path) for path in paths if path.suffix.lower() == ".xml" and path.parent in folders]


def read(download: Download, names: list[str]) -> list[Hand]:
    """Return the hands of the annotation files.

    Raises:
        DataError: If one is not of the format; the message names it.
    """
    return [hand for name in names for hand in _read_file(download, name)]


def _read_file(download: Download, name: str) -> list[Hand]:
    where = download.where(name)
    text = download.text(name)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities of entities fill any memory
        raise DataError(f"VOC file must have no document type of its own, got one in {where}")
    hands = []
    try:
        for entry in ET.fromstring(text).iter("object"):
            edges = [float(entry.findtext(f"bndbox/{edge}", "none")) for edge in _EDGES]
            letter = entry.findtext("name", "")
            hands.append(make_hand(_picture(download, name), letter, edges, where))
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise DataError(
            "VOC file must have objects with a name and a bndbox of xmin, ymin, xmax, ymax,"
            f" got '{error}' in {where}"
        ) from error
    return hands


def _picture(download: Download, name: str) -> str:
    """Return the picture beside an .xml file."""
    stem = PurePosixPath(name).with_suffix("")
    names = [f"{stem}{end}" for suffix in PICTURES for end in (suffix, suffix.upper())]
    return next((picture for picture in names if picture in download.sizes), names[0])
