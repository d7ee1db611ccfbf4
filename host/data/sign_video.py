"""A video of test images: each letter is held for a while, every frame's truth is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from host.data.samples import Samples
from target import files
from target.errors import DataError
from target.opencv import cv2
from target.show.video_file import check_frames, open_writer
from target.text.labels import label_of, letter_of


@dataclasses.dataclass(frozen=True)
class VideoConfig:
    """What the video looks like.

    Attributes:
        letters: In this order.
        photos: Different test images a letter.
        frames_per_photo: How long each is shown.
        width: Of a frame, pixels.
        height: Of a frame, pixels.
        fps: Of the file.
        seed: Of the choice of images.
    """

    letters: str
    photos: int = 7
    frames_per_photo: int = 4
    width: int = 640
    height: int = 480
    fps: float = 30.0
    seed: int = 1


def write_sign_video(samples: Samples, config: VideoConfig, path: Path) -> list[str]:
    """Write a Motion-JPEG .avi.

    Args:
        samples: Gray images; each is enlarged to the square that the network will cut out.
        config: What to show.
        path: .avi file, replaced whole.

    Returns:
        The letter of every frame.

    Raises:
        DataError: If a letter has no image.
        OutputError: If the file cannot be written.
    """
    generator = np.random.default_rng(config.seed)
    side = config.height - config.height % samples.images.shape[1]
    truth: list[str] = []
    with files.replacing(path) as temporary:
        writer = open_writer(temporary, config.fps, (config.width, config.height))
        for letter in config.letters:
            rows = np.flatnonzero(samples.labels == label_of(letter))
            if not len(rows):
                raise DataError(
                    f"samples must hold letter {letter}, got none in {samples.source};"
                    " J and Z are movements and have no still image"
                )
            for row in generator.choice(rows, config.photos):
                frame = _frame(samples.images[row], side, config)
                for _ in range(config.frames_per_photo):
                    writer.write(frame)
                    truth.append(letter_of(int(samples.labels[row])))
        writer.release()
        check_frames(temporary, len(truth), path)
    return truth


def _frame(image: np.ndarray, side: int, config: VideoConfig) -> np.ndarray:
    frame = np.full((config.height, config.width, 3), 96, dtype=np.uint8)
    top, left = (config.height - side) // 2, (config.width - side) // 2
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    frame[top : top + side, left : left + side] = large[:, :, None]
    return frame
