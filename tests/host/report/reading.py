"""Taking a report's document apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from host.report.document import Bullets, Document, Paragraph, Section, Table
from host.report.merge import Report
from host.report.models import read_model
from host.report.page import build_document


def document_of(records: list[dict[str, Any]], folders: list[Path] | None = None) -> Document:
    """Return the report of records and model folders."""
    models = [read_model(folder) for folder in folders or []]
    return build_document(Report("Title", "2025-06-01T10:00:00+00:00", records, models))


def section_of(document: Document, name: str) -> Section:
    """Return a section by its name."""
    return next(section for section in document.sections if section.name == name)


def tables_of(document: Document, name: str) -> list[Table]:
    """Return the tables of a section."""
    return [block for block in section_of(document, name).blocks if isinstance(block, Table)]


def columns_of(table: Table) -> list[str]:
    """Return the headings of a table, with their group."""
    return [f"{column.group} {column.title}".strip() for column in table.columns]


def cells_of(table: Table, title: str) -> list[str]:
    """Return a column of a table."""
    place = columns_of(table).index(title)
    return [row[place] for row in table.rows]


def texts_of(section: Section) -> list[str]:
    """Return the sentences of a section."""
    texts = []
    for block in section.blocks:
        if isinstance(block, Paragraph):
            texts.append(block.text)
        if isinstance(block, Bullets):
            texts += block.items
    return texts
