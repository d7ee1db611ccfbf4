"""Video files, folders and images as sources; rounds of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from target.camera import looped, video_file
from target.camera.folder import ImageFolder, list_images
from target.camera.looped import Looped
from target.camera.open import InputOptions, open_source
from target.camera.video_file import VideoFile
from target.errors import SourceError
from target.opencv import cv2, load, read_image
from tests.target.camera.captures import FakeCapture, fake_captures
from tests.target.camera.fakes import picture, until


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (64, 48))
    for level in range(0, 250, 10):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    below = tmp_path / "images"
    for level, name in enumerate(("b/2.png", "a/1.jpg", "c.PNG", "d.tiff")):
        path = below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 9, 3), 10 * level, np.uint8))
    (below / "notes.txt").write_text("no image")
    # A half-written crop, a previewer's folder, what macOS leaves on foreign disks.
    for name in (".A-20260101.png", ".thumbs/1.png", "a/._1.jpg"):
        (below / name).parent.mkdir(exist_ok=True)
        (below / name).write_bytes(b"not whole")
    return below


def test_video_gives_every_frame_in_order(video: Path) -> None:
    source = open_source(str(video))
    levels = []
    while (frame := source.read()) is not None:
        levels.append(int(frame.image.mean().round()))
        assert frame.index == len(levels) - 1 and frame.name == f"clip.avi#{frame.index}"
    source.close()
    source.close()
    assert len(levels) == 25 and not source.live and source.fps == 25.0
    assert np.abs(np.array(levels) - np.arange(0, 250, 10)).max() <= 3  # JPEG
    assert source.read() is None


def test_folder_gives_every_image_sorted_and_no_hidden_one(folder: Path) -> None:
    source = open_source(str(folder))
    names = []
    while (frame := source.read()) is not None:
        names.append(Path(frame.name).name)
    assert names == ["1.jpg", "2.png", "c.PNG", "d.tiff"]
    assert not source.live and source.fps is None and source.uri == str(folder)
    source.close()


def test_one_image_is_a_source_even_if_it_is_hidden(folder: Path) -> None:
    hidden = folder / ".one.png"
    cv2.imwrite(str(hidden), picture(3))
    assert list_images(hidden) == [hidden]
    frame = open_source(str(hidden)).read()
    assert frame is not None and np.array_equal(frame.image, picture(3))


def test_files_by_uri(video: Path, folder: Path) -> None:
    blank = folder / "with blank"
    blank.mkdir()
    cv2.imwrite(str(blank / "x.png"), picture(1))
    kinds = {
        f"file://{video}": VideoFile,
        f"FILE://{folder}": ImageFolder,
        f"file://{folder}/with%20blank": ImageFolder,
        f"file://{blank}/x.png": ImageFolder,
    }
    for uri, kind in kinds.items():
        source = open_source(uri)
        assert isinstance(source, kind) and source.read() is not None
        source.close()
    literal = folder / "a%20b.png"
    cv2.imwrite(str(literal), picture(2))
    assert open_source(f"file://{literal}").uri == str(literal)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: str(p / "none.avi"), "video must be a file, got none at .*none.avi"),
        (lambda p: f"file://{p}/none.avi", "video must be a file, got none at .*none.avi"),
        (lambda p: str(p / "none.png"), "image must be a file, got none at .*none.png"),
        (lambda p: str(p), "folder must hold images .*got none in"),
    ],
    ids=["video", "uri", "image", "folder"],
)
def test_a_file_that_is_not_there(tmp_path: Path, make: object, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(make(tmp_path))  # type: ignore[operator]


def test_a_file_that_is_no_video_or_image(tmp_path: Path) -> None:
    for name in ("broken.avi", "broken.png"):
        (tmp_path / name).write_bytes(b"not a picture")
        with pytest.raises(SourceError, match="must be one that OpenCV decodes, got another in"):
            open_source(str(tmp_path / name)).read()


def test_a_video_that_may_not_be_read(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **others: object) -> object:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match="video must be readable, got 'Permission denied' in"):
        open_source(str(video))


@pytest.mark.parametrize("rate", [0.0, 1000.0, 90000.0, float("nan")])
def test_a_rate_that_cannot_be_is_not_believed(
    video: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, rate: float
) -> None:
    """A browser's recordings say 1000; dwelling counted in them would take half a minute."""
    captures = fake_captures(monkeypatch)
    captures.facts = {cv2.CAP_PROP_FPS: rate}
    source = VideoFile(video)
    assert source.fps == 30.0
    assert caplog.messages == [f"{video} says {rate:g} frames a second; 30 are assumed"]


def test_a_video_that_breaks_off_is_named(
    video: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    captures = fake_captures(monkeypatch)
    captures.facts = {cv2.CAP_PROP_FPS: 25.0, cv2.CAP_PROP_FRAME_COUNT: 40.0}
    source = VideoFile(video)
    with pytest.raises(SourceError, match="video must have at least one frame, got none in"):
        source.read()
    captures.image = picture(1)
    source.read()
    captures.image = None
    assert source.read() is None
    assert caplog.messages == [f"{video} ends after 1 of 40 frames; is it whole?"]


def test_rounds_of_a_video_count_on(video: Path) -> None:
    source = open_source(str(video), InputOptions(loop=True))
    assert isinstance(source, Looped) and source.fps == 25.0 and not source.live
    frames = [source.read() for _ in range(60)]
    assert [frame.index for frame in frames if frame is not None] == list(range(60))
    for early, late in zip(frames[:10], frames[50:]):
        assert early is not None and late is not None
        assert np.array_equal(early.image, late.image)
    source.close()
    assert source.read() is None


def test_rounds_of_a_folder_count_on(folder: Path) -> None:
    source = open_source(str(folder), InputOptions(loop=True, flip="vertical"))
    frames = [source.read() for _ in range(9)]
    found = [(frame.index, Path(frame.name).name) for frame in frames if frame is not None]
    names = ["1.jpg", "2.png", "c.PNG", "d.tiff"]
    assert found == [(index, names[index % 4]) for index in range(9)]
    source.close()


def test_rounds_without_a_frame_are_an_error_and_not_for_ever() -> None:
    class Empty:
        uri, live, fps = "empty", False, None

        def read(self) -> None:
            return None

        def close(self) -> None:
            pass

    with pytest.raises(SourceError, match="source must have a frame to loop, got none from empty"):
        Looped(Empty).read()


@pytest.mark.parametrize("loops", [False, True], ids=["once", "looped"])
def test_a_file_is_not_closed_under_the_thread_that_reads_it(
    video: Path, monkeypatch: pytest.MonkeyPatch, loops: bool
) -> None:
    """OpenCV would read freed memory."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(FakeCapture):
        made: list[FakeCapture] = []  # noqa: RUF012
        facts = {5: 25.0}  # noqa: RUF012 - CAP_PROP_FPS

        def read(self) -> tuple[bool, object]:
            with self.reading:
                begun.set()
                go_on.wait()
                return True, picture(1)

    monkeypatch.setattr(load(), "VideoCapture", Slow)
    source = open_source(str(video), InputOptions(loop=loops))
    frames: list[object] = []
    reader = threading.Thread(target=lambda: frames.append(source.read()))
    reader.start()
    assert begun.wait(60)
    closer = threading.Thread(target=source.close)
    closer.start()
    assert Slow.made[0].released == 0
    go_on.set()
    closer.join(60)
    reader.join(60)
    assert Slow.made[0].released == 1 and len(frames) == 1
    assert source.read() is None and len(Slow.made) == 1


def test_closing_does_not_wait_for_ever_for_a_file_that_hangs(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "CLOSE_S", 0.05)
    monkeypatch.setattr(looped, "CLOSE_S", 0.05)
    captures = fake_captures(monkeypatch)
    captures.facts, captures.image = {cv2.CAP_PROP_FPS: 25.0}, picture(1)
    source = open_source(str(video), InputOptions(loop=True))
    captures.made[0].reading.acquire()  # its read does not come back
    reader = threading.Thread(target=source.read, daemon=True)
    reader.start()
    until(lambda: source._reading.locked())  # type: ignore[attr-defined]
    source.close()
    assert captures.made[0].released == 0
    captures.made[0].reading.release()
    reader.join(60)
    assert not reader.is_alive()


def test_images_may_have_names_that_are_not_utf8(tmp_path: Path) -> None:
    image = np.full((8, 9, 3), 40, np.uint8)
    name = tmp_path / "caf\udce9.png"
    name.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    for uri in (str(tmp_path), str(name)):
        frame = open_source(uri).read()
        assert frame is not None and (frame.image == image).all()


@pytest.mark.parametrize("uri", ["caf\udce9.avi", "/dev/caf\udce9", "rtsp://caf\udce9/live"])
def test_other_names_that_are_not_utf8_are_refused(uri: str) -> None:
    with pytest.raises(SourceError, match="name must be UTF-8, got .*udce9.*; rename it"):
        open_source(uri)


def test_an_empty_image_and_one_that_is_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(SourceError, match="image must be one that OpenCV decodes"):
        open_source(str(tmp_path)).read()
    os.mkfifo(tmp_path / "b.png")
    with pytest.raises(SourceError, match="image must be a file"):
        read_image(tmp_path / "b.png", cv2.IMREAD_COLOR, SourceError)
