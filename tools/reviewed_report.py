"""A report after its draft: sentences that a reviewer corrected, and a Markdown that says what the record says.

Works on report.json as it is on record and on report.md as `tools.report_markdown` wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    return {
        **document,
        "findings": list(findings.values()),
        "summary": impression if summary is None else summary.strip(),
    }


def restated(markdown: str, document: Document) -> str:
    """report.md with the status, impression and findings of the document; all else stays as it was drafted."""
    status = Status(document["status"])
    text = re.sub(r"\A# .*", lambda _: f"# {TITLES.get(status, TITLE)}", markdown)
    text = re.sub(r"(?m)^(> )?\*\*.*\*\*$", lambda line: f"{line[1] or ''}**{_notice(document, status)}**", text)
    row = f"| Status | {escaped(_status(document, status))} |"
    text = re.sub(r"(?m)^\| Status \|.*$", lambda _: row, text, count=1)
    impression, findings = str(document.get("summary", "")).splitlines(), map(_finding, document.get("findings", ()))
    text = _replaced(text, Section("Impression", tuple(impression), empty="No statement could be made."))
    return _replaced(text, Section("Findings", tuple(findings), empty="No finding is supported by a step."))


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
