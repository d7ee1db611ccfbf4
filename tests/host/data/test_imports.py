from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from host.data.imports import download as download_module
from host.data.imports.davidlee import source_photo
from host.data.imports.download import open_download
from host.data.imports.make import make_photo_set
from host.data.imports.picture import Box, cut_around
from host.data.imports.yolo import class_names
from host.data.mixture import PHOTO_SETS, load_mixture
from host.data.signer_set import load_signer_set
from target.errors import DataError, OutputError

Files = dict[str, "bytes | str"]
WIDTH, HEIGHT = 120, 90
# Picture (without `.jpg`), letter, left, top, right, bottom: J is left out; two hands in one picture.
HANDS = (
    ("train/A1_jpg.rf.0a", "A", (20, 10, 60, 50)),
    ("train/A1_jpg.rf.0b", "A", (30, 10, 70, 50)),
    ("train/B7_jpg.rf.1c", "B", (0, 0, 30, 60)),
    ("train/B7_jpg.rf.1c", "Y", (70, 40, 110, 80)),
    ("train/J3_jpg.rf.2d", "J", (20, 10, 60, 50)),
    ("valid/N4_jpg.rf.3e", "N", (80, 50, 120, 90)),
    ("test/Y5_jpg.rf.4f", "Y", (10, 0, 110, 90)),
)
LETTERS = "ABJNY"


def _jpg(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return cv2.imencode(".jpg", cv2.resize(small, (width, height)))[1].tobytes()


def _decoded(content: bytes | str) -> np.ndarray:
    """Return a coded picture, uint8 (h, w, 3) RGB."""
    assert isinstance(content, bytes)
    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.ascontiguousarray(bgr[:, :, ::-1])


def _pictures(place: Callable[[str], str] = lambda name: f"{name}.jpg") -> Files:
    return {place(name): _jpg(seed) for seed, name in enumerate(sorted({h[0] for h in HANDS}))}


def _coco(hands: tuple[tuple[str, str, tuple[float, ...]], ...] = HANDS) -> Files:
    made = _pictures()
    for part in ("train", "valid", "test"):
        own = [hand for hand in hands if hand[0].startswith(part)]
        names = list(dict.fromkeys(hand[0].split("/")[1] + ".jpg" for hand in own))
        content = {
            "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
            "categories": [{"id": 0, "name": "Letters", "supercategory": "none"}]
            + [{"id": 1 + i, "name": letter} for i, letter in enumerate(LETTERS)],
            "annotations": [
                {
                    "image_id": names.index(name.split("/")[1] + ".jpg"),
                    "category_id": 1 + LETTERS.index(letter),
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                }
                for name, letter, box in own
            ],
        }
        made[f"{part}/_annotations.coco.json"] = json.dumps(content)
    return made | {"README.roboflow.txt": "Letters"}


def _voc() -> Files:
    made = _pictures()
    for name in {hand[0] for hand in HANDS}:
        objects = "".join(
            f"<object><name>{letter}</name><pose>Unspecified</pose><bndbox><xmin>{box[0]}</xmin>"
            f"<xmax>{box[2]}</xmax><ymin>{box[1]}</ymin><ymax>{box[3]}</ymax></bndbox></object>"
            for picture, letter, box in HANDS
            if picture == name
        )
        made[f"{name}.xml"] = f"<annotation><folder></folder>{objects}</annotation>"
    return made


def _yolo() -> Files:
    made = _pictures(lambda name: name.replace("/", "/images/") + ".jpg")
    for name in {hand[0] for hand in HANDS}:
        lines = [
            f"{LETTERS.index(letter)} {(box[0] + box[2]) / 2 / WIDTH} {(box[1] + box[3]) / 2 / HEIGHT}"
            f" {(box[2] - box[0]) / WIDTH} {(box[3] - box[1]) / HEIGHT}"
            for picture, letter, box in HANDS
            if picture == name
        ]
        made[name.replace("/", "/labels/") + ".txt"] = "\n".join(lines)
    return made | {
        "data.yaml": "train: ../train/images\nnc: 5\nnames: ['A', 'B', 'J', 'N', 'Y']\n",
        "README.dataset.txt": "Letters",
    }


FORMATS: dict[str, Callable[[], Files]] = {"coco": _coco, "voc": _voc, "yolo": _yolo}


def _students(counts: dict[str, int]) -> Files:
    root = "Sign-Language-Digits-Dataset-master"
    made: Files = {f"{root}/README.md": "Digits", f"{root}/Examples/example_0.JPG": _jpg(9)}
    for digit in "0123456789":
        for k in range(counts.get(digit, 1)):
            name = f"{root}/Dataset/{digit}/IMG_{1118 + 10 * k + int(digit)}.JPG"
            made[name] = _jpg(100 * int(digit) + k, 100, 100)
    return made


def _zip(path: Path, contents: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def _unpacked(path: Path, contents: Files) -> Path:
    for name, content in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _refusal(name: str, path: Path) -> str:
    with pytest.raises(DataError) as caught:
        make_photo_set(name, path, path.parent / "out")
    assert not list(path.parent.glob("out/*"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("unpacked", [False, True], ids=["zip", "folder"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_hands(tmp_path: Path, kind: str, unpacked: bool) -> None:
    pack = _unpacked if unpacked else _zip
    made = make_photo_set("davidlee", pack(tmp_path / "export.zip", FORMATS[kind]()), tmp_path)
    assert made.file == tmp_path / "clean_davidlee.npz"
    assert made.per_letter == {"A": 2, "B": 1, "N": 1, "Y": 2}
    assert (made.images, made.source_photos, made.signers) == (6, 4, None)
    with np.load(made.file) as stored:
        assert set(stored.files) == {"images", "labels", "source_photo"}
        images, labels, photos = (stored[n] for n in ("images", "labels", "source_photo"))
    # by name of the picture: test/, train/, valid/
    assert labels.tolist() == [24, 0, 0, 1, 24, 13]
    assert photos.tolist() == ["Y5", "A1", "A1", "B7", "B7", "N4"]
    assert images.shape == (6, 72, 72, 3) and images.dtype == np.uint8
    picture = _decoded(_pictures()["train/A1_jpg.rf.0a.jpg"])
    # 20..60 by 10..50: side 40 and a margin of 4 on each side
    wanted = cv2.resize(picture[6:54, 16:64], (72, 72), interpolation=cv2.INTER_AREA)
    assert np.array_equal(images[1], wanted)


def test_the_set_can_be_read_and_mixed(tmp_path: Path, small_archive: Path) -> None:
    data = tmp_path / "archive.zip"
    data.write_bytes(small_archive.read_bytes())
    make_photo_set("davidlee", _zip(tmp_path / "a.zip", _coco()), tmp_path)
    students = _students(dict.fromkeys("0269", 3))
    make_photo_set("students", _zip(tmp_path / "b.zip", students), tmp_path)
    photos = load_signer_set(tmp_path / "clean_davidlee.npz", 28, 0.05).samples
    assert photos.images.shape == (6, 28, 28) and photos.signers is None
    assert photos.known("photos").tolist() == [3, 0, 0, 1, 1, 2]
    signers = load_signer_set(tmp_path / "clean_students_OVWF.npz", 28, 0.05)
    assert signers.signers == ("0", "1", "2")
    mixed = load_mixture(data, None, {"photos": 10, "davidlee": 5, "students": 5})
    assert mixed.missing == ()
    names, counts = np.unique(mixed.samples.part_names(), return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist())) == {
        "davidlee": 6,
        "photos": 576,
        "students": 12,
    }


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((20, 10, 60, 50), (6, 54), (16, 64)),
        ((0, 0, 40, 20), (0, 48), (0, 48)),  # shifted from the upper left corner
        ((80, 70, 120, 90), (42, 90), (72, 120)),  # and from the lower right one
        ((-9, -9, 40, 20), (0, 48), (0, 48)),  # what stands out is cut off
    ],
    ids=["middle", "upper-left", "lower-right", "outside"],
)
def test_the_square_stays_in_the_picture(
    box: tuple[float, ...], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    got = cut_around(picture, Box(*box), 48)
    assert np.array_equal(got, picture[slice(*rows), slice(*columns)])


def test_an_edge_is_repeated_where_the_square_does_not_fit() -> None:
    picture = np.zeros((10, 40, 3), np.uint8)
    picture[0], picture[-1] = 50, 200
    got = cut_around(picture, Box(10, 0, 30, 10), 24)  # side 24 in a picture 10 high
    assert got[:, :, 0].min(axis=1).tolist() == [50] * 8 + [0] * 8 + [200] * 8
    got = cut_around(picture, Box(0, 0, 40, 10), 48)  # wider than the picture as well
    assert got.shape == (48, 48, 3)


@pytest.mark.parametrize(
    ("name", "photo"),
    [
        ("train/A12_jpg.rf.0f3c.jpg", "A12"),
        ("A12_JPEG.rf.0f3c.jpg", "A12"),
        ("A12.rf.0f3c.jpg", "A12"),
        ("valid/images/A12.jpg", "A12"),
        ("my_jpg_A12.png", "my_jpg_A12"),
    ],
)
def test_copies_name_their_photo(name: str, photo: str) -> None:
    assert source_photo(name) == photo


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: ['A', 'B']\nnc: 2", {0: "A", 1: "B"}),
        ('nc: 2\nnames: ["A",\n  "N"]\n', {0: "A", 1: "N"}),
        ("names:\n- A\n- 'Y'\nnc: 2\n", {0: "A", 1: "Y"}),
        ("names:\n  - A\n\n  - B\n", {0: "A", 1: "B"}),
        ("names:\n  3: A\n  5: B\nroboflow:\n  9: C\n", {3: "A", 5: "B"}),
        ("nc: 2\n", {}),
        ("names: 2\n", {}),
    ],
    ids=["flow", "two-lines", "block", "indented", "numbered", "none", "number"],
)
def test_names_of_classes(text: str, names: dict[int, str]) -> None:
    assert class_names(text) == names


def _broken_coco(**changed: object) -> str:
    content = json.loads(_coco()["train/_annotations.coco.json"])
    content["annotations"][0].update(changed)
    return json.dumps(content)


_COCO = "train/_annotations.coco.json"
_XML = "train/A1_jpg.rf.0a.xml"
_LABELS = "train/labels/A1_jpg.rf.0a.txt"
_FAULTS: dict[str, tuple[str, Files, str]] = {
    "no-json": ("coco", {_COCO: "{"}, "COCO file must have images, .*got JSONDecodeError"),
    "deep": ("coco", {_COCO: "[" * 100_000}, "COCO file must have images, .*got RecursionError"),
    "binary": ("coco", {_COCO: b"\xff\xfe\x00"}, "text must be UTF-8"),
    "other": ("coco", {_COCO: "[]"}, "COCO file must have images, .*got TypeError"),
    "bbox": ("coco", {_COCO: _broken_coco(bbox=[1, 2, 3])}, "got ValueError 'not enough values"),
    "image": ("coco", {_COCO: _broken_coco(image_id=99)}, "got KeyError '99'"),
    "category": ("coco", {_COCO: _broken_coco(category_id=0)}, "must be one of A-Z, got 'Letters'"),
    "no-area": ("coco", {_COCO: _broken_coco(bbox=[5, 5, 0, 9])}, r"an area, got \(5, 5, 5, 14\)"),
    "nan": ("coco", {_COCO: _broken_coco(bbox=[5, 5, float("nan"), 9])}, "must have an area"),
    "outside": (
        "coco",
        {_COCO: _broken_coco(bbox=[200, 5, 9, 9])},
        r"must be inside the picture of 120 x 90 pixels, got \(200, 5, 209, 14\) in train/A1_jpg",
    ),
    "no-xml": ("voc", {_XML: "<annotation>"}, "VOC file must have objects"),
    "no-edges": (
        "voc",
        {_XML: "<annotation><object><name>A</name></object></annotation>"},
        "got 'could not convert string to float: 'none''",
    ),
    "entities": (
        "voc",
        {_XML: '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>'},
        "VOC file must have no document type",
    ),
    "alone": (
        "voc",
        {"train/Z9.xml": _voc()["valid/N4_jpg.rf.3e.xml"]},
        "file must be in the download, got no train/Z9.jpg",
    ),
    "class": ("yolo", {_LABELS: "9 .5 .5 .1 .1"}, "must be a class of data.yaml .* in line 1 of"),
    "polygon": ("yolo", {_LABELS: "\n0 .5 .5 .1 .1 .2 .2"}, "got '0 .5 .* in line 2 of train/lab"),
    "word": ("yolo", {_LABELS: "0 .5 .5 .1 x"}, "four numbers cx cy width height, got '0 .5"),
    "names": ("yolo", {"data.yaml": "nc: 5\n"}, "must have a list of names, got none in data.yaml"),
    "far": ("yolo", {_LABELS: "0 1.5 .5 .1 .1"}, "box .* must be inside the picture"),
    "infinite": ("yolo", {_LABELS: "0 inf .5 .1 .1"}, "box .* must have an area"),
}


@pytest.mark.parametrize(("kind", "changed", "message"), _FAULTS.values(), ids=_FAULTS)
def test_faulty_annotations_are_refused(
    tmp_path: Path, kind: str, changed: Files, message: str
) -> None:
    path = _zip(tmp_path / "export.zip", FORMATS[kind]() | changed)
    with pytest.raises(DataError, match=message) as caught:
        make_photo_set("davidlee", path, tmp_path / "out")
    assert str(path) in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"hello", _jpg()[:900]], ids=["empty", "text", "half"])
@pytest.mark.parametrize("name", ["davidlee", "students"])
def test_a_broken_picture_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    contents = _coco() if name == "davidlee" else _students({})
    broken = next(n for n in contents if n.lower().endswith(".jpg") and "Examples" not in n)
    path = _zip(tmp_path / "broken.zip", contents | {broken: content})
    assert f"picture must be one that OpenCV decodes, got another in {broken} of" in _refusal(
        name, path
    )


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    contents = _coco()
    del contents["valid/N4_jpg.rf.3e.jpg"]
    message = _refusal("davidlee", _zip(tmp_path / "export.zip", contents))
    assert "file must be in the download, got no valid/N4_jpg.rf.3e.jpg of" in message


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = _zip(tmp_path / "export.zip", _coco())
    with zipfile.ZipFile(path) as archive:
        name = "train/A1_jpg.rf.0a.jpg"
        start = archive.getinfo(name).header_offset + 30 + len(name)
    content = bytearray(path.read_bytes())
    content[start + 99] ^= 0xFF
    path.write_bytes(content)
    assert f"file must be readable, got 'Bad CRC-32 for file '{name}'' in {name} of" in _refusal(
        "davidlee", path
    )


def test_a_locked_member_is_named(tmp_path: Path) -> None:
    path = _zip(tmp_path / "export.zip", {_COCO: "{}"})
    content = path.read_bytes()
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(sign) + flags
        content = content[:at] + b"\x01" + content[at + 1 :]
    path.write_bytes(content)
    assert "encrypted, password required" in _refusal("davidlee", path)


@pytest.mark.parametrize(
    "name", ["../A1.jpg", "train/../../A1.jpg", "/etc/A1.jpg", "C:/A1.jpg", "..\\A1.jpg"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    path = _zip(tmp_path / "export.zip", _coco() | {name: _jpg()})
    assert "names must stay inside the folder, got '" in _refusal("davidlee", path)


def test_a_picture_named_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(_jpg())
    annotations = str(_coco()[_COCO]).replace("A1_jpg.rf.0a.jpg", "../../secret.jpg")
    path = _unpacked(tmp_path / "export", _coco() | {_COCO: annotations})
    assert "got no train/../../secret.jpg" in _refusal("davidlee", path)


def test_a_link_that_leads_out_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(_jpg())
    path = _unpacked(tmp_path / "export", _coco())
    (path / "train/A1_jpg.rf.0a.jpg").unlink()
    (path / "train/A1_jpg.rf.0a.jpg").symlink_to(tmp_path / "secret.jpg")
    message = _refusal("davidlee", path)
    assert "got 'a link that leads out of the folder' in train/A1_jpg.rf.0a.jpg of" in message


@pytest.mark.parametrize("name", ["davidlee", "students"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "download must be a complete zip file, got 'File is not a zip file' in"),
        (b"PK\x03\x04 and then nothing", "download must be a complete zip file"),
        (None, "download must be a zip file or a folder, got nothing at"),
    ],
    ids=["empty", "cut", "missing"],
)
def test_other_files_are_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / "export.zip"
    if content is not None:
        path.write_bytes(content)
    assert message in _refusal(name, path)


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("davidlee", {}, "annotations in the format COCO or YOLO or Pascal VOC, got none in"),
        ("davidlee", _pictures(), "choose one of these formats when you download it"),
        ("davidlee", _coco(()), "annotations must name still letters A-Y, got none in"),
        ("davidlee", _students({}), "export must have annotations"),
        ("students", {}, "must have one folder Dataset with photos in 0, 2, 6, 9, got 0 such"),
        ("students", _students({"6": 0}), "got 0 such folders in"),
        ("students", _coco(), "got 0 such folders in"),
        (
            "students",
            _students({}) | {f"again/{digit}/a.jpg": _jpg() for digit in "0269"},
            "got 2 such folders in",
        ),
    ],
    ids=["none", "pictures", "no-hands", "digits", "none", "no-6", "letters", "two"],
)
def test_other_downloads_are_refused(
    tmp_path: Path, name: str, contents: Files, message: str
) -> None:
    assert message in _refusal(name, _zip(tmp_path / "export.zip", contents))


def test_sizes_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _zip(tmp_path / "export.zip", _coco())
    monkeypatch.setattr(download_module, "LARGEST_FILE_BYTES", 1 << 9)
    assert "file must have at most 0 MB, got 0 MB in " in _refusal("davidlee", path)
    monkeypatch.setattr(download_module, "MOST_FILES", 3)
    assert "download must have at most 3 files and 4 GB, got 10 files" in _refusal("davidlee", path)
    monkeypatch.setattr(download_module, "MOST_FILES", 10)
    monkeypatch.setattr(download_module, "LARGEST_DOWNLOAD_BYTES", 1 << 9)
    assert "at most 10 files and 0 GB" in _refusal("davidlee", path)


def test_hidden_files_are_left_out_and_backslashes_divide(tmp_path: Path) -> None:
    hidden: Files = {
        "__MACOSX/train/._A1.jpg": "x",
        ".git/config": "x",
        "train\\_annotations.coco.json": "{}",
    }
    with open_download(_zip(tmp_path / "export.zip", hidden)) as download:
        assert list(download.sizes) == [_COCO]
        assert download.text(_COCO) == "{}"


def test_students_are_numbered_where_every_digit_has_all(tmp_path: Path) -> None:
    contents = _students(dict.fromkeys("0269", 3))
    made = make_photo_set("students", _zip(tmp_path / "digits.zip", contents), tmp_path)
    assert made.file == tmp_path / PHOTO_SETS["students"].file
    assert made.per_letter == {"F": 3, "O": 3, "V": 3, "W": 3}
    assert (made.signers, made.source_photos) == (3, None)
    with np.load(made.file) as stored:
        assert stored["images"].shape == (12, 64, 64, 3)
        assert stored["labels"].tolist() == [14] * 3 + [21] * 3 + [22] * 3 + [5] * 3
        assert stored["signer"].tolist() == [0, 1, 2] * 4
        photo = _decoded(_jpg(201, 100, 100))
        wanted = cv2.resize(photo, (64, 64), interpolation=cv2.INTER_AREA)
        assert np.array_equal(stored["images"][4], wanted)


def test_students_are_not_guessed_where_photos_are_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    contents = _students({"0": 3, "2": 3, "6": 2, "9": 3})
    with caplog.at_level(logging.WARNING):
        made = make_photo_set("students", _unpacked(tmp_path / "digits", contents), tmp_path)
    assert made.signers is None and made.images == 11
    assert "(3 of 0, 3 of 2, 2 of 6, 3 of 9): who signs is left out" in caplog.text
    assert load_signer_set(made.file, 28, 0.05).signers == ()


def test_the_dataset_folder_itself_will_do(tmp_path: Path) -> None:
    folder = _unpacked(tmp_path / "digits", _students({}))
    dataset = folder / "Sign-Language-Digits-Dataset-master" / "Dataset"
    assert make_photo_set("students", dataset, tmp_path).images == 4


def test_a_file_that_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = _zip(tmp_path / "digits.zip", _students({}))
    mine = tmp_path / "clean_students_OVWF.npz"
    mine.write_text("mine")
    with pytest.raises(OutputError, match="set must be new, got a file that is there at .*--force"):
        make_photo_set("students", path, tmp_path)
    assert mine.read_text() == "mine"
    assert make_photo_set("students", path, tmp_path, force=True).images == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clean_students_OVWF.npz", "digits.zip"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    mine = tmp_path / "clean_davidlee.npz"
    mine.write_text("mine")
    with pytest.raises(DataError):
        make_photo_set("davidlee", _zip(tmp_path / "a.zip", {}), tmp_path, force=True)
    assert mine.read_text() == "mine"


def test_unknown_sets_and_folders_that_cannot_be_written(tmp_path: Path, read_only: Path) -> None:
    path = _zip(tmp_path / "digits.zip", _students({}))
    with pytest.raises(DataError, match="must be one of davidlee, students, got 'massey'"):
        make_photo_set("massey", path, tmp_path)
    with pytest.raises(OutputError, match="output folder must be writable"):
        make_photo_set("students", path, read_only)


def test_a_picture_without_colour_is_read(tmp_path: Path) -> None:
    gray = cv2.imencode(".jpg", np.full((50, 50), 90, np.uint8))[1].tobytes()
    contents: Files = {f"{digit}/a.jpg": gray for digit in "0269"}
    made = make_photo_set("students", _zip(tmp_path / "a.zip", contents), tmp_path)
    with np.load(io.BytesIO(made.file.read_bytes())) as stored:
        assert (stored["images"] == 90).all()
