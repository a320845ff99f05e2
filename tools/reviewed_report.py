"""A report after its draft: sentences that a reviewer corrected, and a Markdown that says what the record says.

Works on report.json as it is on record and on report.md as `tools.report_markdown` wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.analysis import Status
from domain.errors import ReviewRefused
from tools.report_markdown import escaped, section_markdown
from tools.report_text import NOTICE, TITLE, Section

Document = Mapping[str, Any]

TITLES = {
    Status.SIGNED: "MedImage Orchestrator – signed report",
    Status.IN_REVIEW: "MedImage Orchestrator – draft report in review",
    Status.REJECTED: "MedImage Orchestrator – rejected report",
}
NOTICES = {
    Status.IN_REVIEW: "DRAFT FOR RESEARCH USE – IN REVIEW, NOT SIGNED",
    Status.REJECTED: "REJECTED BY A REVIEWER – DO NOT USE",
}


HUMAN = "a reviewer's words, not supported by a step"


def edited(document: Document, edits: Mapping[str, str], summary: str | None, by: str, at: str) -> dict[str, Any]:
    """The document with corrected sentences; the drafted ones stay beside them.

    Args:
        edits: new text by finding id.
        summary: new impression; None where the old one says the drafted sentences word by word, or nothing.

    Raises:
        ReviewRefused: no such finding, an empty sentence, or an impression that would contradict the correction.
    """
    findings = {str(f["id"]): dict(f) for f in document.get("findings", ())}
    impression = str(document.get("summary", ""))
    for finding_id, text in edits.items():
        finding, new = findings.get(finding_id), " ".join(text.split())
        if finding is None:
            raise ReviewRefused("The analysis has no such finding.", where="edits")
        if not new:
            raise ReviewRefused("A sentence cannot become empty.", where="edits", remedy="Reject the analysis instead.")
        old = str(finding["text"])
        if summary is None and impression and old not in impression:
            raise ReviewRefused(
                "The impression is worded freely and would still say what was drafted.",
                where="summary",
                remedy="Send the corrected impression with the corrected sentence.",
            )
        impression = impression.replace(old, new)
        finding |= {"text": new, "drafted": finding.get("drafted", old), "edited_by": by, "edited_at": at}
        findings[finding_id] = finding
    new = impression if summary is None else summary.strip()
    drafted = document.get("drafted_summary", document.get("summary", ""))
    return {
        **document,
        "findings": list(findings.values()),
        "summary": new,
        **({"drafted_summary": drafted} if "drafted_summary" in document or new != drafted else {}),
    }


def restated(markdown: str, document: Document) -> str:
    """report.md with the status, impression and findings of the document; all else stays as it was drafted."""
    status = Status(document["status"])
    text = re.sub(r"\A# .*", lambda _: f"# {TITLES.get(status, TITLE)}", markdown)
    text = re.sub(r"(?m)^(> )?\*\*.*\*\*$", lambda line: f"{line[1] or ''}**{_notice(document, status)}**", text)
    row = f"| Status | {escaped(_status(document, status))} |"
    text = re.sub(r"(?m)^\| Status \|.*$", lambda _: row, text, count=1)
    for section in (
        Section("Tell at once", tuple(_told(document))),
        Section("Impression", tuple(_impression(document)), empty="No statement could be made."),
        Section(
            "Findings", tuple(map(_finding, document.get("findings", ()))), empty="No finding is supported by a step."
        ),
    ):
        text = _replaced(text, section)
    return _with_addenda(text, document)


def _told(document: Document) -> Iterator[str]:
    """Critical findings as the draft says them, and what became of each."""
    for row in document.get("critical", ()):
        when = f"tell within {row['minutes']} min ({row['urgency']})"
        yield f"{row['name']}: {when}; finding {row['finding']}; {row['source']}"
    names = {(row.get("finding"), row.get("rule")): row["name"] for row in document.get("critical", ())}
    for act in document.get("communications", ()):
        name = names.get((act["finding"], act["rule"]), act["rule"])
        if act["kind"] == "communicated":
            how = act["channel"].replace("_", " ")
            yield f"{name}: told to {act['told_to']} at {act['told_at']} ({how}) – {act['attending']}, attending"
        elif act["kind"] == "dismissed":
            yield f"{name}: dismissed by {act['attending']}, attending: {act['comment']}"
        else:
            yield f"{name}: seen by {act['by']} at {act['at']}"


def _impression(document: Document) -> Iterator[str]:
    """Its lines; what the draft did not say is marked as a reviewer's, for no step of the run supports it."""
    drafted = document.get("drafted_summary")
    known = None if drafted is None else {line.strip() for line in str(drafted).splitlines()}
    for line in str(document.get("summary", "")).splitlines():
        mine = known is not None and line.strip() and line.strip() not in known
        yield f"{line} ({HUMAN})" if mine else line


def _with_addenda(text: str, document: Document) -> str:
    """Addenda come first: who reads the report must see them before anything that they change."""
    text = re.sub(r"(?ms)^## Addenda\n.*?\n(?=## )", "", text, count=1)
    lines = [line for addendum in document.get("addenda", ()) for line in _addendum(addendum)]
    if not lines:
        return text
    section = section_markdown(Section("Addenda", tuple(lines)))
    return re.sub(r"(?m)^## ", lambda _: f"{section}\n\n## ", text, count=1)


def _addendum(addendum: Document) -> Iterator[str]:
    yield f"Addendum {addendum['number']}, signed by {addendum['author']} on {addendum['signed_at']}:"
    yield from (line for line in str(addendum["text"]).splitlines() if line.strip())


def _notice(document: Document, status: Status) -> str:
    if status is Status.SIGNED:
        return escaped(f"SIGNED BY {document['signed_by']} ON {document['signed_at']} – RESEARCH USE")
    return NOTICES.get(status, NOTICE)


def _status(document: Document, status: Status) -> str:
    words = status.value.replace("_", " ")
    if status is Status.SIGNED:
        return f"{words} by {document['signed_by']} on {document['signed_at']}"
    return words + (", needs review" if document.get("needs_review") else "")


def _finding(finding: Document) -> str:
    confidence = finding.get("confidence")
    sure = "" if confidence is None else f", confidence {confidence:.2f}"
    by = f"; corrected by {finding['edited_by']}" if "edited_by" in finding else ""
    return f"{finding['text']} (evidence: {', '.join(finding['evidence'])}; quality: {finding['qa']}{sure}{by})"


def _replaced(text: str, section: Section) -> str:
    """Text from outside is escaped, so that no line of it begins a section."""
    pattern = re.compile(rf"(?ms)^## {re.escape(section.heading)}\n.*?(?=\n+(?:## |\*\*[^\n]*\*\*\n*\Z)|\Z)")
    return pattern.sub(lambda _: section_markdown(section), text, count=1)
