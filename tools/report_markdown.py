"""report.md: the draft as CommonMark with tables. Everything that came from outside is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.analysis import Analysis
from tools.report_text import NOTICE, TITLE, Section, Table, report_sections, visible

_INLINE = re.compile(r"([\\`*_\[\]<>|~&$])")
_BLOCK = re.compile(r"^(\d*)([#+=.)-])(?=\s|$|[=-])")
_LINKISH = re.compile(r"(?i)(https?|ftp|www)(?=[:.])")


def report_markdown(analysis: Analysis, warnings: Sequence[str] = ()) -> str:
    """The report of an analysis as Markdown."""
    parts = [f"# {TITLE}", f"> **{NOTICE}**", f"> {escaped(analysis.disclaimer)}"]
    parts += [section_markdown(section) for section in report_sections(analysis, warnings)]
    return "\n\n".join([*parts, f"**{NOTICE}**"]) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, HTML, link, table cell or new line comes out of it."""
    inline = _INLINE.sub(r"\\\1", visible(text))
    return _LINKISH.sub(lambda m: f"{m[0]}\u200b", inline)


def section_markdown(section: Section) -> str:
    """A heading with what stands under it."""
    body: list[str] = [_list_item(line) for line in section.lines]
    if section.table is not None:
        body = _table(section.table)
    return "\n".join([f"## {section.heading}", "", *(body or [section.empty])])


def _list_item(line: str) -> str:
    return "- " + _BLOCK.sub(r"\1\\\2", escaped(line))


def _table(table: Table) -> list[str]:
    head = [_row(table.columns), "|" + " --- |" * len(table.columns)]
    return head + [_row(tuple(escaped(cell) for cell in row)) for row in table.rows]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
