"""The first stage: reads frames and prepares tensors while the runner works on the one before.

Of a camera only the newest prepared frame waits; of a file every one does.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Optional, Tuple, Union

import numpy as np

from target.camera.base import Frame, LiveSource, Source
from target.opencv import cv2
from target.pipeline.controls import Controls
from target.pipeline.slot import Slot
from target.pipeline.stage import Stage
from target.vision.crop import cut
from target.vision.find_hand import HandFinder
from target.vision.preprocess import Preprocessor, Square
from target.vision.sweep import Sweep
from target.vision.tracker import HandTracker

_WAIT_S = 0.1


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A frame that is ready for the runner.

    Attributes:
        frame: As it came.
        square: Top, left, side of the region; with a sweep the crop is a little beside it.
        gray: uint8 (size, size), the crop before its gray levels are treated.
        tensor: What the runner takes.
        place: Where the hand is, sides of the crop; None if nobody looks.
        capture_s: From the capture to the beginning of the preparation; of a file, reading it.
        preprocess_s: Crop, gray, resize, treatment, table.
        shrink_s: Of these, crop, gray and resize.
        track_s: Following the hand.
        ready_s: When it was ready, time.perf_counter() seconds.
    """

    frame: Frame
    square: Square
    gray: np.ndarray
    tensor: np.ndarray
    place: Optional[Tuple[float, float]]
    capture_s: float
    preprocess_s: float
    shrink_s: float
    track_s: float
    ready_s: float


class Feeder(Stage):
    """Reads a source and fills a slot.

    Args:
        source: Of the frames.
        preprocess: Of the model and the runner.
        controls: Where to look.
        slot: Takes what is prepared.
        sweep: Moves the crop from frame to frame; None to leave it where it is.

    Attributes:
        fault: What stopped it; None if all is well.
        trouble: What is wrong with the camera at the moment.
        moved_s: When it last began to wait for a frame.
    """

    def __init__(
        self,
        source: Union[Source, LiveSource],
        preprocess: Preprocessor,
        controls: Controls,
        slot: Slot[Prepared],
        sweep: Optional[Sweep] = None,
    ) -> None:
        super().__init__("feeder")
        self.fault: Optional[BaseException] = None
        self.moved_s = time.perf_counter()
        self._source = source
        self._preprocess = preprocess
        self._controls = controls
        self._slot = slot
        self._sweep = sweep
        self._tracker = HandTracker()
        self._finder = HandFinder()
        self._tracked: Optional[Tuple[Square, Tuple[int, ...]]] = None

    @property
    def trouble(self) -> str:
        """What is wrong with the camera at the moment, in a few words."""
        return str(getattr(self._source, "trouble", ""))

    def work(self) -> None:
        """Read until the source ends or somebody stops."""
        try:
            while not self._controls.stopped:
                started = self.moved_s = time.perf_counter()
                frame = self._next()
                if frame is not None:
                    if not self._slot.put(self._prepare(frame, started)):
                        break
                elif not self._source.live or getattr(self._source, "ended", True):
                    break
        except BaseException as error:  # handed on to whoever runs the pipeline, whatever it is
            self.fault = error
        self._slot.close()

    def _next(self) -> Optional[Frame]:
        wait = getattr(self._source, "wait", None)
        if self._source.live and wait is not None:
            frame: Optional[Frame] = wait(_WAIT_S)
            return frame
        return self._source.read()

    def _prepare(self, frame: Frame, started: float) -> Prepared:
        now, preprocess, controls = time.perf_counter, self._preprocess, self._controls
        begin = now()
        if controls.find_hand:
            controls.region = self._finder(frame.image, controls.region)
        height, width = frame.image.shape[:2]
        square = preprocess.square(height, width, controls.region)
        cropped = square if self._sweep is None else self._sweep(square, height, width)
        gray = preprocess.gray(frame.image, cropped)
        if controls.left_handed:
            gray = cv2.flip(gray, 1)
        shrunk = now()
        tensor = preprocess.fill(gray, preprocess.empty())
        filled = now()
        place = self._follow(frame.image, square) if controls.spell.motion else None
        ready = now()
        return Prepared(
            frame,
            square,
            gray,
            tensor,
            place,
            begin - (frame.captured_s if self._source.live else started),
            filled - begin,
            shrunk - begin,
            ready - filled,
            ready,
        )

    def _follow(self, image: np.ndarray, square: Square) -> Tuple[float, float]:
        """Return where the hand is; a region that was moved is looked at anew.

        While the region itself follows the hand, the hand is watched in the whole picture.
        """
        watched = square
        if self._controls.find_hand:
            watched = self._preprocess.square(*image.shape[:2])
        looked = watched, image.shape
        if looked != self._tracked:
            self._tracked = looked
            self._tracker.forget()
        return self._tracker(cut(image, watched), watched[2] / square[2])
