"""report.pdf of what was signed: the signed report.md as pages, with the reference images of the run.

report.md holds all that the record does not (name, birth date, prompts, steps), escaped by `tools.report_markdown`;
it is read back by the same grammar, so that both files say the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tools.report_pdf import sections_pdf
from tools.report_text import Section, Table

_ESCAPE = re.compile(r"\\([\\`*_\[\]<>|~&$#+=.)\-])")
_BETWEEN_CELLS = " | "
"""A bar within a cell has a backslash before it."""


def reviewed_pdf(markdown: str, document: Mapping[str, Any], images: Sequence[bytes] = ()) -> bytes:
    """The pages of a signed report; the same input gives the same bytes.

    Args:
        markdown: report.md, as it says what the document says.
        images: PNGs of the run, in order.
    """
    sections = sections_of(markdown)
    first = next((k for k, s in enumerate(sections) if s.heading == "Findings"), len(sections) - 1)
    captions = [f"Reference image {k} of {len(images)}, as the run drew it" for k in range(1, len(images) + 1)]
    return sections_pdf(
        sections,
        list(zip(captions, images, strict=True)),
        disclaimer=str(document.get("disclaimer", "")),
        title=_plain(markdown.split("\n", 1)[0].removeprefix("# ")),
        notice=_notice(markdown),
        across="",
        before_images=first + 1,
    )


def sections_of(markdown: str) -> tuple[Section, ...]:
    """The sections of report.md, in order, with their plain text."""
    body = re.sub(r"\n\*\*[^\n]*\*\*\n*\Z", "\n", markdown)
    parts = re.split(r"(?m)^## ", body)[1:]
    return tuple(_section(*part.split("\n", 1)) for part in parts)


def _section(heading: str, body: str = "") -> Section:
    lines = [line for line in body.splitlines() if line.strip()]
    rows = [line for line in lines if line.startswith("| ")]
    if rows:
        head, *cells = [_row(row) for row in rows if not row.startswith("| --- ")]
        return Section(heading, table=Table(head, tuple(c for c in cells if len(c) == len(head))))
    if lines and not lines[0].startswith("- "):
        return Section(heading, empty=_plain(" ".join(lines)))
    return Section(heading, tuple(_plain(line.removeprefix("- ")) for line in lines))


def _row(line: str) -> tuple[str, ...]:
    return tuple(_plain(cell) for cell in line.removeprefix("| ").removesuffix(" |").split(_BETWEEN_CELLS))


def _notice(markdown: str) -> str:
    found = re.search(r"(?m)^> \*\*(.*)\*\*$", markdown)
    return _plain(found[1]) if found else ""


def _plain(text: str) -> str:
    return _ESCAPE.sub(r"\1", text).replace("\u200b", "")
