"""The live page as people use it: headless Chromium before made-up frames, mouse and keyboard."""

from __future__ import annotations

import base64
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target.camera.base import Frame
from target.opencv import cv2
from target.pipeline.controls import Controls
from target.show.base import View
from target.show.capture import Collector
from target.show.web import LOCAL, WebSink
from target.text.speller import LETTER, Speller, Spelling
from target.vision.postprocess import Prediction
from target.vision.region import Region, square_of

PATIENCE_MS = 30_000  # generous: nothing is decided by it unless something is broken
WORDS = ("WORLD", "WORK", "WORD")


class _Run:
    """A run that somebody looks at: a bright disc goes round a dim one, a letter is added now and then.

    A plain one has no letter and no age: nothing but the region is drawn in colour then.
    """

    def __init__(self, port: int = 0, size: tuple[int, int] = (160, 120), **more: Any) -> None:
        self.controls = Controls(**{"region": Region(0.5, 0.5, 0.5), **more.pop("controls", {})})
        self.sink = WebSink(LOCAL, port, self.controls, more.pop("collector", None))
        self.sink.open()
        self.size = size
        self.plain = bool(more.pop("plain", False))
        self.speller = Speller()
        self.speller.text = "HELLO WORL"
        self.grows = False
        self.trouble = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        found = re.search(r":(\d+)/", self.sink.url)
        assert found
        return int(found[1])

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.sink.close()

    def _feed(self) -> None:
        index = 0
        while not self._stop.wait(1 / 15):
            self.controls.apply(self.speller)
            if self.grows and index % 3 == 0:
                self.speller.text += "ABC"[index % 3]
            self.sink.show(self._view(index))
            index += 1

    def _view(self, index: int) -> View:
        width, height = self.size
        image = np.full((height, width, 3), 70, np.uint8)
        centre = (
            int(width * (0.5 + 0.3 * np.cos(index / 9))),
            int(height * (0.5 + 0.3 * np.sin(index / 9))),
        )
        cv2.circle(image, (width // 2, height // 2), min(self.size) // 10, (110, 110, 110), -1)
        cv2.circle(image, centre, max(min(self.size) // 8, 2), (200, 200, 200), -1)
        now = time.perf_counter()
        return View(
            Frame(image, index, now - 0.02, "made up"),
            None if self.plain else Prediction("K", 0.93, "V", 0.05),
            Spelling(LETTER, "K", 0.0, self.speller.text),
            WORDS if self.speller.text.endswith("WORL") else (),
            25.0,
            3,
            square_of(self.controls.region, height, width, 28, 0.05),
            None,
            "emulator",
            trouble=self.trouble,
            stages_s=(0.003, 0.0, 0.0, 0.0, 0.0, 0.001 * (1 + index % 3), 0.0, 0.0),
            processed_s=now,
            time_s=now,
            number=index,
            live=not self.plain,
            mirrored=self.controls.mirrored,
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright; run make setup")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium; run sudo make apt")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


class _Visit:
    """A browser's window with the page of a run; what the console says is kept."""

    def __init__(self, browser: Any, run: _Run, **more: Any) -> None:
        self.run = run
        self.complaints: list[str] = []
        self._context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **more}
        )
        self.page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(run.sink.url, wait_until="domcontentloaded")
        self.page.wait_for_selector("#box", state="visible")
        self.until_page("document.getElementById('picture').width !== 300")
        self.until_page("!document.getElementById('cover').textContent")

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def close(self) -> None:
        self._context.close()

    def picture(self) -> np.ndarray:
        """Return what the canvas shows, uint8 (h, w, 3) BGR."""
        url = self.page.evaluate("document.getElementById('picture').toDataURL('image/png')")
        coded = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))

    def rect(self, selector: str) -> tuple[float, float, float, float]:
        """Return left, top, width, height of an element, pixels of the screen."""
        found = self.page.evaluate(
            "(s) => { const r = document.querySelector(s).getBoundingClientRect();"
            " return [r.left, r.top, r.width, r.height]; }",
            selector,
        )
        left, top, width, height = found
        return left, top, width, height

    def drag(self, start: tuple[float, float], right: float, down: float) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        for part in (0.3, 0.7, 1.0):
            mouse.move(start[0] + part * right, start[1] + part * down)
        mouse.up()

    def until_page(self, expression: str) -> None:
        """Wait for something in the page; Playwright's own way is against the page's script policy."""
        self.until(lambda: bool(self.page.evaluate(expression)))

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that the run does; the browser goes on meanwhile."""
        begin = time.monotonic()
        while not is_so():
            assert time.monotonic() - begin < PATIENCE_MS / 1000, "it never happened"
            self.page.wait_for_timeout(20)


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., _Visit]]:
    """Opens visits of runs; afterwards the console must have stayed empty."""
    visits: list[_Visit] = []
    runs: list[_Run] = []

    def visit(run: _Run | None = None, **more: Any) -> _Visit:
        runs.append(run or _Run())
        visits.append(_Visit(browser, runs[-1], **more))
        return visits[-1]

    yield visit
    complaints = [line for one in visits for line in one.complaints]
    for one in visits:
        one.close()
    for one in {*runs, *(one.run for one in visits)}:
        one.close()
    assert complaints == []


def test_picture_moves_and_text_grows(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    first = visit.picture()
    assert first.shape == (360, 480, 3)  # a frame of 160 x 120 is enlarged
    visit.until(lambda: np.abs(visit.picture().astype(int) - first).max() > 60)
    text = visit.page.locator("#text")
    assert text.inner_text() == "HELLO WORL"
    visit.run.grows = True
    visit.until(lambda: len(text.inner_text()) > 15)
    assert text.inner_text().startswith("HELLO WORL")
    assert visit.page.locator("#letter").inner_text() == "K"
    assert visit.page.locator("#state").inner_text() == "93 %"
    line = visit.page.locator("#line").inner_text()
    assert re.match(r"25 fps .* age \d+ ms .* dropped 3 .* emulator", line)
    legend = visit.page.locator("#legend")  # of the last frames; 1, 2 and 3 ms take turns
    visit.until(lambda: "capture 3.0" in (shown := legend.inner_text()) and "network 2.0" in shown)


@pytest.mark.parametrize(
    ("size", "mirrored"),
    [
        ((640, 480), False),
        ((640, 480), True),
        ((160, 120), True),  # enlarged
        ((480, 640), False),
        ((100, 300), True),  # enlarged, and room for text beside it
        ((600, 80), False),  # room for text under it
        ((4096, 2304), True),  # shrunk, and once more for the page
    ],
    ids=lambda value: f"{value[0]}x{value[1]}" if isinstance(value, tuple) else str(value),
)
def test_the_box_lies_over_the_drawn_square(
    opened: Callable[..., _Visit], size: tuple[int, int], mirrored: bool
) -> None:
    chosen = {"region": Region(0.3, 0.6, 0.5), "mirrored": mirrored}
    run = _Run(size=size, controls=chosen, plain=True)
    visit = opened(run, viewport={"width": 1000, "height": 700})
    picture = visit.picture().astype(int)
    is_green = (picture[..., 1] - picture[..., 2] > 15) & (picture[..., 1] - picture[..., 0] > 15)
    rows, columns = np.nonzero(is_green)
    left, top, width, height = visit.rect("#picture")
    across, down = width / picture.shape[1], height / picture.shape[0]
    assert abs(across / down - 1) < 0.02  # not squeezed
    drawn = np.array(
        [
            left + columns.min() * across,
            top + rows.min() * down,
            left + (columns.max() + 1) * across,
            top + (rows.max() + 1) * down,
        ]
    )
    x, y, wide, tall = visit.rect("#box")
    assert np.abs(drawn - [x, y, x + wide, y + tall]).max() < 3 + 2 * across  # a line's width
    # and the picture fits into the window
    assert height <= 700 and left >= 0 and left + width <= 1000


@pytest.mark.parametrize("mirrored", [False, True], ids=["as it is", "mirrored"])
def test_the_box_is_dragged_and_resized(opened: Callable[..., _Visit], mirrored: bool) -> None:
    visit = opened(_Run(controls={"mirrored": mirrored, "find_hand": True}))
    controls, before = visit.run.controls, visit.run.controls.region
    frame, (x, y, wide, tall) = visit.rect("#frame"), visit.rect("#box")
    visit.drag((x + wide / 2, y + tall / 2), 0.1 * frame[2], -0.12 * frame[3])
    wanted = before.x + (-0.1 if mirrored else 0.1)
    visit.until(lambda: abs(controls.region.x - wanted) < 0.01)
    visit.until(lambda: abs(controls.region.y - (before.y - 0.12)) < 0.01)
    assert controls.region.side == before.side  # moving is not resizing
    assert not controls.find_hand

    x, y, wide, tall = visit.rect("#box")
    visit.drag((x + wide - 8, y + tall - 8), 0.15 * frame[3], 0.15 * frame[3])
    visit.until(lambda: abs(controls.region.side - (before.side + 0.15)) < 0.02)
    visit.page.wait_for_timeout(900)  # what was aimed at is forgotten: now the facts place the box
    after = visit.rect("#box")
    assert abs(after[0] - x) < 8 and abs(after[1] - y) < 8  # the other corner stayed

    visit.drag((after[0] + after[2] / 2, after[1] + after[3] / 2), -5000, 5000)
    left, top, _, height = visit.rect("#box")
    assert abs(left - frame[0]) < 3 and abs(top + height - frame[1] - frame[3]) < 3


def test_keys(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    controls, keyboard = visit.run.controls, visit.page.keyboard
    visit.page.locator("#box").focus()
    for _ in range(5):
        keyboard.press("ArrowRight")
    visit.until(lambda: abs(controls.region.x - 0.65) < 0.01)
    keyboard.press("ArrowUp")
    visit.until(lambda: abs(controls.region.y - 0.47) < 0.01)
    for _ in range(60):  # beyond the edge nothing is stored up
        keyboard.press("ArrowLeft")
    edge = 0.5 * 120 / 160 / 2  # half of the region's side
    visit.until(lambda: abs(controls.region.x - edge) < 1e-3)
    keyboard.press("ArrowRight")
    visit.until(lambda: controls.region.x > edge + 0.02)
    for _ in range(3):
        keyboard.press("+")
    visit.until(lambda: controls.region.side > 0.6)
    keyboard.press("-")
    visit.until(lambda: controls.region.side < 0.6)
    keyboard.press("Space")
    visit.until(lambda: visit.run.speller.text == "HELLO WORL ")
    keyboard.press("Backspace")
    keyboard.press("Backspace")
    visit.until(lambda: visit.run.speller.text == "HELLO WOR")
    for key, name in (("f", "find_hand"), ("L", "left_handed"), ("m", "mirrored")):
        keyboard.press(key)
        visit.until(lambda name=name: getattr(controls, name))  # type: ignore[misc]


def test_buttons_and_sliders(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    page, run, button = visit.page, visit.run, visit.page.get_by_role
    assert button("button", name="WORK", exact=True).is_visible()
    button("button", name="WORLD", exact=True).click()
    visit.until(lambda: run.speller.text == "HELLO WORLD ")
    visit.until_page("!document.getElementById('words').children.length")
    button("button", name="Delete", exact=True).click()
    visit.until(lambda: run.speller.text == "HELLO WORLD")
    button("button", name="Space", exact=True).click()
    visit.until(lambda: run.speller.text == "HELLO WORLD ")
    button("button", name="Clear", exact=True).click()
    visit.until(lambda: run.speller.text == "")
    for words, name in (
        ("Follow the hand", "find_hand"),
        ("Left-handed", "left_handed"),
        ("Mirror", "mirrored"),
    ):
        for value in (True, False):
            button("button", name=words, pressed=not value).click()
            button("button", name=words, pressed=value).wait_for()
            assert getattr(run.controls, name) is value
    button("button", name="Whole picture").click()
    visit.until(lambda: run.controls.region == Region(0.5, 0.5, 1.0))

    page.locator("summary", has_text="When a letter counts").click()
    for words, name, value in (
        ("Least confidence", "min_confidence", 1.0),
        ("Hold", "dwell_s", 3.0),
        ("Agreement", "agreement", 1.0),
        ("Release", "release_s", 2.0),
        ("Space after", "space_s", 5.0),
        ("Slide for double", "slide", 0.5),
    ):
        button("slider", name=words).focus()
        page.keyboard.press("End")
        visit.until(lambda: getattr(run.controls.spell, name) == value)  # noqa: B023
    assert page.locator("#dwell_s + output").inner_text() == "3.00 s"
    visit.until(lambda: run.speller.config == run.controls.spell)
    button("button", name="Read J and Z").click()
    visit.until(lambda: not run.controls.spell.motion)


def test_what_another_viewer_changes_is_seen(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    visit.page.locator("summary", has_text="When a letter counts").click()
    visit.run.controls.configure({"dwell_s": 2.0})
    visit.run.controls.mirrored = True
    visit.until_page("document.getElementById('dwell_s').value === '2'")
    visit.page.get_by_role("button", name="Mirror", pressed=True).wait_for()


def test_crops_are_stored(opened: Callable[..., _Visit], tmp_path: Path) -> None:
    visit = opened(_Run(collector=Collector(tmp_path / "crops")))
    visit.page.get_by_label("Letter of the crop").select_option("C")
    visit.page.get_by_role("button", name="Store").click()
    visit.page.get_by_text("C stored").wait_for()
    assert len(list((tmp_path / "crops" / "C").glob("*.png"))) == 1
    visit.page.get_by_text("1 of 20").wait_for()
    visit.page.get_by_role("button", name="Take back").click()
    visit.page.get_by_text("0 of 20").wait_for()
    assert not list((tmp_path / "crops" / "C").glob("*.png"))


def test_a_stalled_viewer_holds_nobody_up(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.connect((LOCAL, visit.run.port))
    stalled.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
    visit.until(lambda: visit.run.sink._board.viewers == 2)
    second = opened(visit.run)
    for one in (visit, second):
        for _ in range(2):
            before = one.picture()
            visit.until(lambda: (one.picture() != before).any())  # noqa: B023
    stalled.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_can_be_read(
    opened: Callable[..., _Visit], tmp_path: Path, scheme: str, width: int
) -> None:
    run = _Run(collector=Collector(tmp_path / "crops"))
    run.speller.text = "W" * 80  # a word that never ends
    size = {"width": width, "height": 844}
    visit = opened(run, viewport=size, color_scheme=scheme)
    visit.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    visit.page.get_by_text("0 of 20").wait_for()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("#text", "#state", "#line", "#which", "summary", ".small", "h2", "button"):
        assert _contrast(visit, selector) >= 4.5, selector
    back = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", back)[:3])) > 382) == (scheme == "light")


def _contrast(visit: _Visit, selector: str) -> float:
    """Return the contrast of an element's text and what is behind it, as WCAG counts it."""
    colours = visit.page.evaluate(
        """(selector) => {
          const element = document.querySelector(selector);
          let behind = element;
          const back = () => getComputedStyle(behind).backgroundColor;
          while (back() === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
          return [getComputedStyle(element).color, back()];
        }""",
        selector,
    )
    light = []
    for colour in colours:
        parts = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        light.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(light) / min(light)


def test_everything_that_can_be_used_has_a_name(
    opened: Callable[..., _Visit], tmp_path: Path
) -> None:
    visit = opened(_Run(collector=Collector(tmp_path / "crops")))
    visit.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    visit.page.get_by_text("0 of 20").wait_for()
    tree = visit.page.locator("body").aria_snapshot()
    roles = re.findall(r"- (button|slider|combobox|img|progressbar|link|textbox)\b(.*)", tree)
    assert len([role for role, _ in roles if role == "button"]) == 14
    assert len([role for role, _ in roles if role == "slider"]) == 6
    assert [role for role in roles if not re.match(r' "[^"]+', role[1])] == []
    assert 'group "Region that the network sees' in tree
    # Every one can be reached with the Tab key, the box too.
    visit.page.evaluate(
        "window.reached = new Set();"
        " addEventListener('focusin', (event) => window.reached.add(event.target))"
    )
    usable = 1 + 14 + 6 + 1 + 2  # the box, buttons, sliders, the letter's choice, what folds
    for _ in range(usable):
        visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("window.reached.size") == usable


def test_trouble_is_said(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    visit.run.trouble = "camera 0 is gone, trying again"
    visit.page.get_by_role("alert").get_by_text("camera 0 is gone").wait_for()
    visit.run.trouble = ""
    visit.until_page("!document.getElementById('trouble').textContent")


def test_a_hidden_page_asks_for_nothing(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    visit.page.evaluate(hide, True)
    visit.until(lambda: visit.run.sink._board.viewers == 0)
    visit.run.speller.text = "MEANWHILE"
    visit.page.evaluate(hide, False)
    visit.page.locator("#text", has_text="MEANWHILE").wait_for()
    visit.until(lambda: visit.run.sink._board.viewers == 1)


def test_the_end_is_shown_and_a_new_run_goes_on(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    port = visit.run.port
    visit.run.close()
    visit.page.get_by_text("The program has ended").wait_for()
    visit.page.get_by_role("button", name="Clear", exact=True).click()
    visit.page.get_by_text("the program does not answer").wait_for()
    visit.complaints.clear()  # that nothing answers stands in the console
    visit.run = _Run(port=port)
    visit.until_page("!document.getElementById('cover').textContent")
    visit.complaints.clear()
    before = visit.picture()
    visit.until(lambda: (visit.picture() != before).any())


def test_an_address_that_is_not_valid_any_more_is_named(opened: Callable[..., _Visit]) -> None:
    visit = opened()
    visit.run.sink._server.token = "another"  # as after a new start
    for connection in list(visit.run.sink._server._open.values()):
        connection.shutdown(socket.SHUT_RDWR)
    visit.page.get_by_text("open the one that the program printed").wait_for()
    visit.complaints.clear()
