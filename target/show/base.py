"""What a sink is: something that is shown processed frames."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any, Dict, List, Optional, Protocol, Tuple

import numpy as np

from target.camera.base import Frame
from target.measure.clock import STREAM_STAGES
from target.opencv import cv2
from target.text.speller import Spelling
from target.vision.postprocess import Prediction
from target.vision.preprocess import shrunk_gray


@dataclasses.dataclass(frozen=True)
class View:
    """What is known when a frame has been processed.

    Attributes:
        frame: The picture as it came; None before the first.
        prediction: Of the network; None before the first.
        spelling: The letter that is about to count, and the text so far.
        suggestions: What the last word might have been meant to be.
        fps: Processed frames a second, over the last second.
        dropped: Frames of the source that nobody processed, so far.
        square: top, left, side of the region that the network looks at.
        gray: uint8 (size, size), what the network saw, before its gray levels were treated.
        source: What executes the network, in a word or two.
        fresh: Whether the frame is a new one; else it is the last again, with news beside it.
        trouble: What is wrong at the moment, in a few words; empty if all is well.
        stages_s: What each stage of STREAM_STAGES took for this frame, in order, seconds.
        processed_s: When its letter was known, time.perf_counter() seconds.
        time_s: The frame's own time: of a file from its beginning, of a camera the clock's.
        number: Count of the views, from 1; one without a new frame has the number of the last.
        live: Whether the frames are a camera's.
        mirrored: Whether people see the mirror image.
        left_handed: Whether the network sees the mirror image.
        swept: Whether the crop moves a little around the region from frame to frame.
    """

    frame: Optional[Frame]
    prediction: Optional[Prediction]
    spelling: Spelling
    suggestions: Tuple[str, ...] = ()
    fps: float = 0.0
    dropped: int = 0
    square: Tuple[int, int, int] = (0, 0, 0)
    gray: Optional[np.ndarray] = None
    source: str = ""
    fresh: bool = True
    trouble: str = ""
    stages_s: Tuple[float, ...] = ()
    processed_s: float = 0.0
    time_s: float = 0.0
    number: int = 0
    live: bool = False
    mirrored: bool = False
    left_handed: bool = False
    swept: bool = False
    memo: Dict[str, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)
    lock: Any = dataclasses.field(default_factory=threading.Lock, compare=False, repr=False)

    @property
    def stages_ms(self) -> Dict[str, float]:
        """What each stage took for this frame, in order, milliseconds."""
        return {name: 1000 * seconds for name, seconds in zip(STREAM_STAGES, self.stages_s)}

    @property
    def text(self) -> str:
        """Spelled so far."""
        return self.spelling.text

    def steady_gray(self) -> Optional[np.ndarray]:
        """Return what the network sees, for people: with a sweep the region's own crop, which stands still.

        Returns:
            uint8 (size, size); None before the first frame.
        """
        if not self.swept or self.gray is None or self.frame is None:
            return self.gray
        gray = shrunk_gray(self.frame.image, self.square, self.gray.shape[0])
        return np.asarray(cv2.flip(gray, 1) if self.left_handed else gray)

    def age_ms(self, now_s: float) -> float:
        """Return how old the picture is at a moment, from its capture."""
        return 1000 * (now_s - self.frame.captured_s) if self.frame is not None else 0.0

    def facts(self, now_s: float) -> Dict[str, Any]:
        """Return what a program needs of it, for JSON."""
        prediction, spelling = self.prediction, self.spelling
        letters: List[Any] = []
        if prediction is not None:
            letters = [
                {"letter": prediction.letter, "confidence": round(prediction.confidence, 4)},
                {
                    "letter": prediction.runner_up,
                    "confidence": round(prediction.runner_up_confidence, 4),
                },
            ]
        return {
            "frame": self.frame.index if self.frame is not None else None,
            "state": spelling.state,
            "letters": letters,
            "candidate": spelling.candidate,
            "progress": round(spelling.progress, 3),
            "text": spelling.text,
            "suggestions": list(self.suggestions),
            "fps": round(self.fps, 1),
            "dropped": self.dropped,
            "age_ms": round(self.age_ms(now_s), 2),
            "stages_ms": {name: round(value, 3) for name, value in self.stages_ms.items()},
            "trouble": self.trouble,
            "runner": self.source,
        }


class Sink(Protocol):
    """Shows or stores processed frames; every method is called from one thread.

    Attributes:
        name: For messages and the record.
        wants_all: Every frame of a file, and of a camera as many as it can take; else only the newest.
    """

    name: str
    wants_all: bool

    def open(self) -> None:
        """Open what is shown or stored to.

        Raises:
            OutputError: If it cannot be opened.
        """
        ...

    def show(self, view: View) -> bool:
        """Take in a processed frame; returns False when the user wants to stop.

        Raises:
            OutputError: If it cannot be shown or stored.
        """
        ...

    def finish(self) -> None:
        """Keep what was stored: the run ended as it should, or the user stopped it.

        Raises:
            OutputError: If it is not whole.
        """
        ...

    def close(self) -> None:
        """Release everything; what was stored and not finished is gone. May be called twice."""
        ...
