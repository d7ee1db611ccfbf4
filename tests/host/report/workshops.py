"""What the tests of a workshop share: facts and history of a training, images read, a page."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from target.opencv import cv2
from target.text.labels import label_of

FACTS = {
    "network": "signnet",
    "config": {"learning_rate": 0.003, "validation": "photo:0.1", "seed": 1, "augment": None},
    "data": {"source": "archive.zip", "sha256": "ab" * 32, "rows_validated": 100},
    "weights": 74089,
    "seconds": 12.5,
}
HISTORY = {
    "loss": [2.0, 0.8, 0.5, 0.4],
    "accuracy": [0.3, 0.8, 0.95, 0.99],
    "val_loss": [1.2, 0.6, 0.45, 0.4],
    "val_accuracy": [0.6, 0.9, 0.97, 1.0],
}
ALL = dict.fromkeys("ABCDEFGHIKLMNOPQRSTUVWXY", 6)


def make_set(
    counts: dict[str, int], mistakes: dict[tuple[str, str], int] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images, labels, scores: so many of each letter, so many of them read as another."""
    letters = [letter for letter, times in counts.items() for _ in range(times)]
    labels = np.array([label_of(letter) for letter in letters], dtype=np.uint8)
    answers = labels.copy()
    for (truth, answer), times in (mistakes or {}).items():
        rows = np.flatnonzero((labels == label_of(truth)) & (answers == labels))[:times]
        answers[rows] = label_of(answer)
    scores = np.full((len(labels), 25), 0.1 / 24)
    scores[np.arange(len(labels)), answers] = 0.9 + 0.001 * (np.arange(len(labels)) % 50)
    images = np.random.default_rng(1).integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    return images, labels, scores


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.images: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data.replace("\xa0", " ")


def read_page(path: Path) -> Page:
    """Return a page, having checked what holds for all of them."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|<link|<iframe|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text
    page = Page(text)
    for image in page.images:
        assert len(image["alt"] or "") > 20
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/png;base64"
        check_png(base64.b64decode(data))
    assert page.tags.count("figure") == len(page.images)
    assert page.tags.count("table") == page.tags.count("thead") == page.tags.count("caption")
    return page


def check_png(data: bytes) -> None:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    assert 1000 <= width <= 1200 and 100 <= height <= 2400
    assert len(data) < 1 << 20
    assert picture.min() < 100 and picture.max() == 255
