"""Minutes as a Word document (Office Open XML), the same bytes for the same minutes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence

from docx import Document
from docx.document import Document as WordDocument

from tools.minutes.content import NOTICE, Line, Minutes

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML cannot hold."""
_MADE = (2020, 1, 1, 0, 0, 0)
"""Time of the parts of the archive: the document's own date stands in its properties."""


def to_docx(minutes: Minutes) -> bytes:
    """The minutes, with numbered sources in a table at the end."""
    document = Document()
    properties = document.core_properties
    properties.title, properties.author = _plain(f"Tumour board: {minutes.title}"), "MedImage Orchestrator"
    properties.created = properties.modified = minutes.when.replace(tzinfo=None)
    document.add_heading(_plain(f"Tumour board: {minutes.title}"), level=0)
    document.add_paragraph(NOTICE, style="Intense Quote")
    document.add_paragraph(f"Date: {minutes.when.date().isoformat()}")
    document.add_paragraph(_plain(f"Present: {', '.join(minutes.attendees) or 'nobody'}"))
    document.add_paragraph(_plain(f"Question: {minutes.question or 'none was put'}"))
    _section(document, "Decisions", minutes.decisions, "None was recorded.")
    _section(document, "Open questions", minutes.open_questions, "None is left.")
    _section(document, "Contradictions between sources", minutes.contradictions, "None was found.")
    for name, lines in minutes.said:
        _section(document, f"Said by {name}", lines, "")
    _section(document, "Discussion", minutes.discussion, "None was recorded.")
    _section(document, "Timeline", minutes.timeline, "The record holds no dated events.")
    document.add_heading("Sources", level=1)
    table = document.add_table(rows=1, cols=3)
    table.style = "Table Grid"
    for cell, text in zip(table.rows[0].cells, ("No.", "Source", "Words"), strict=True):
        cell.text = text
    for number, source in enumerate(minutes.sources, 1):
        cells = table.add_row().cells
        cells[0].text, cells[1].text = str(number), _plain(f"{source.kind} {source.reference}")
        cells[2].text = _plain(source.quote)
    written = io.BytesIO()
    document.save(written)
    return _same_bytes(written.getvalue())


def _section(document: WordDocument, heading: str, lines: Sequence[Line], empty: str) -> None:
    document.add_heading(_plain(heading), level=1)
    for line in lines:
        cited = f" ({', '.join(map(str, line.sources))})" if line.sources else ""
        document.add_paragraph(_plain(line.text) + cited, style="List Bullet")
    if not lines and empty:
        document.add_paragraph(empty)


def _plain(text: str) -> str:
    return _CONTROL.sub(" ", text)


def _same_bytes(archive: bytes) -> bytes:
    """The archive with fixed times of its parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as read, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as written:
        for name in read.namelist():
            written.writestr(zipfile.ZipInfo(name, _MADE), read.read(name), zipfile.ZIP_DEFLATED)
    return made.getvalue()
