"""The files of the report and the command: self-contained, escaped, whole or not at all."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from host.commands import report as command
from host.report.markdown import render_markdown
from host.report.merge import Report, merge
from host.report.page import build_document
from host.report.wording import plain
from tests.host.report import samples

HOSTILE = (
    '<script src="https://evil.example/x.js">alert(1)</script>|`$\\frac{1}$`"\'&amp;\n# *x* [a](b)'
)
_VOID = {"meta", "br", "img", "link", "input", "use", "path"}


class _Page(HTMLParser):
    """Collects tags, ids and headings, and checks that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [str(value) for name, value in attrs if name == "id"]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [str(value) for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    """Arguments for a report of everything: two record files, two models."""
    return _inputs(tmp_path)


def _inputs(tmp_path: Path) -> list[str]:
    records = samples.bench_records()
    paths = [
        samples.write_json(tmp_path / "bench.json", {"records": records[:-1]}),
        samples.write_json(tmp_path / "stream.json", records[-1]),
    ]
    folders = [samples.model_folder(tmp_path / name, name) for name in ("signnet", "tutorial")]
    return [*map(str, paths), "--models", *map(str, folders)]


def _make(arguments: list[str], out: Path) -> dict[str, str]:
    assert command.main([*arguments, "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "report.html",
        "report.json",
        "report.md",
    ]
    return {path.suffix: path.read_text(encoding="utf-8") for path in out.iterdir()}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The texts of a report of everything, by suffix."""
    folder = tmp_path_factory.mktemp("everything")
    return _make(_inputs(folder), folder / "out")


def test_page_loads_nothing(everything: dict[str, str]) -> None:
    page = everything[".html"]
    assert not re.search(r"https?://|<script|<link|<img|<iframe|@import|url\((?!#)", page)
    parsed = _Page(page)
    assert all(
        str(value).startswith("#")
        for name, value in parsed.attributes
        if name in ("src", "href", "xlink:href", "data")
    )


def test_page_is_accessible(everything: dict[str, str]) -> None:
    page = everything[".html"]
    parsed = _Page(page)
    assert '<html lang="en">' in page
    assert 'name="viewport"' in page
    levels = [int(tag[1]) for tag in parsed.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert parsed.tags.count("table") == parsed.tags.count("caption") > 5
    assert parsed.tags.count("svg") == page.count('role="img" aria-label="') == 9
    assert len(parsed.ids) == len(set(parsed.ids))
    for name, value in parsed.attributes:
        if name == "aria-labelledby" or (name in ("href", "xlink:href") and value):
            assert str(value).lstrip("#") in parsed.ids


def test_page_has_styles_for_dark_paper_and_phone(everything: dict[str, str]) -> None:
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 40rem"):
        assert rule in everything[".html"]


def test_hostile_texts_do_not_become_markup(tmp_path: Path) -> None:
    record = samples.record(HOSTILE, device=HOSTILE, task="stream", text=HOSTILE)
    record["model"]["name"] = HOSTILE
    record |= {"valid": False, "why": [HOSTILE], "created": HOSTILE}
    record["environment"] = {"cpu": HOSTILE, "governor": HOSTILE, "versions": {HOSTILE: HOSTILE}}
    records = samples.write_json(tmp_path / "records.json", record)
    folder = samples.model_folder(
        tmp_path / "model", network=HOSTILE, created=HOSTILE, predicted_latency={HOSTILE: HOSTILE}
    )
    arguments = [str(records), "--models", str(folder), "--title", HOSTILE]
    texts = _make(arguments, tmp_path / "out")
    parsed = _Page(texts[".html"])
    assert "script" not in parsed.tags
    assert "<script" not in texts[".html"]
    assert "<script" not in texts[".md"]
    assert plain(HOSTILE) in " ".join(parsed.text)
    _check_markdown(texts[".md"])


@pytest.mark.parametrize(
    "text",
    ["a\x00b\x1b[31m", "\u202egnp.exe", "数字 🤟", "$x^2$ \\alpha", "x" * 5000, ""],
    ids=["control", "bidirectional", "unicode", "formula", "long", "empty"],
)
def test_odd_names_are_drawn_and_written(text: str, tmp_path: Path) -> None:
    records = samples.write_json(tmp_path / "r.json", samples.record(text, model=text, device=text))
    page = _make([str(records)], tmp_path / "out")[".html"]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", page)
    _Page(page)


def _check_markdown(text: str) -> int:
    """Check that every table has as many cells in each row; returns the number of tables."""
    tables = 0
    width = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1
        if width == 0:
            tables += 1
            width = cells
        assert cells == width, line
    return tables


def test_markdown_has_the_summary_and_whole_tables(everything: dict[str, str]) -> None:
    text = everything[".md"]
    assert text.startswith("# Sign-language letters on the ZCU104's DPU\n")
    assert "the fastest runner is litert-int8" in text
    assert _check_markdown(text) >= 10
    assert "\n\n\n" not in text


def test_markdown_of_a_cell_with_bars_and_lines() -> None:
    record = samples.record("a|b\nc\\", device="<b>_x_ *y*</b>")
    report = Report("Title", "2025-06-01T10:00:00+00:00", [record], [])
    text = render_markdown(build_document(report))
    assert r"| a\|b c\\ |" in text
    assert r"&lt;b&gt;\_x\_ \*y\*&lt;/b&gt;" in text
    _check_markdown(text)


def test_json_result_names_the_files(
    inputs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert command.main([*inputs, "--out", str(out), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "html": str(out / "report.html"),
        "markdown": str(out / "report.md"),
        "json": str(out / "report.json"),
        "records": 9,
    }
    assert "9 records, 2 models" in captured.err


def test_report_json_holds_everything_and_can_be_merged_again(
    inputs: list[str], tmp_path: Path
) -> None:
    content = json.loads(_make([*inputs, "--title", "T"], tmp_path / "out")[".json"])
    assert sorted(content) == ["created", "models", "records", "title"]
    assert content["title"] == "T"
    assert [model["manifest"]["name"] for model in content["models"]] == ["signnet", "tutorial"]
    again = merge("again", [tmp_path / "out" / "report.json", tmp_path / "bench.json"], [])
    assert again.records == content["records"]


def test_a_single_record_is_a_report(tmp_path: Path) -> None:
    path = samples.write_json(tmp_path / "one.json", samples.record())
    texts = _make([str(path)], tmp_path / "out")
    assert "1 run record, 0 models" in texts[".html"]
    assert "no stream" not in texts[".html"].lower().split("<main>")[0]


def test_help_shows_defaults_and_report_loads_no_tensorflow(tmp_path: Path) -> None:
    records = samples.write_json(tmp_path / "records.json", samples.record())
    code = (
        "import sys; from host.commands.report import main;"
        f"main([{str(records)!r}, '--out', {str(tmp_path / 'out')!r}]);"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    code = (
        "import sys; from host.commands.report import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "reports/latest" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
