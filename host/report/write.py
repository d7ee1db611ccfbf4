"""Writing a report: three files, all of them or none. Must not import TensorFlow."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from host.report.html import render_html
from host.report.markdown import render_markdown
from host.report.merge import Report
from host.report.page import build_document
from target import files
from target.errors import OutputError

NAMES = {"html": "report.html", "markdown": "report.md", "json": "report.json"}


def write_report(report: Report, folder: Path) -> dict[str, Path]:
    """Write report.html, report.md and report.json.

    Everything is made before the first file is touched, and no file gets its name before all
    three are on the disk.

    Args:
        report: The content.
        folder: Made if it does not exist.

    Returns:
        The path of each file by its role: html, markdown, json.

    Raises:
        OutputError: If the folder cannot be written.
    """
    paths = {role: folder / name for role, name in NAMES.items()}
    for path in paths.values():
        if path.is_dir():
            raise OutputError(f"report file must be a file, got a folder at {path}; remove it")
    document = build_document(report)
    texts = {
        "html": render_html(document),
        "markdown": render_markdown(document),
        "json": json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n",
    }
    with contextlib.ExitStack() as stack:
        for role, path in paths.items():
            temporary = stack.enter_context(files.replacing(path))
            temporary.write_text(texts[role], encoding="utf-8")
    return paths
