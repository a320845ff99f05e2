"""Corrected sentences stand beside what was drafted, and report.md says what the record says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.analysis import Status
from domain.errors import ReviewRefused
from domain.finding import Finding
from domain.mask import Outcome
from tests.tools.outputs_builders import analysis_of, box, mask_on, volume_of, write_phantom
from tools.report_document import report_document
from tools.report_markdown import report_markdown
from tools.reviewed_report import edited, restated

SENTENCE = "Liver: volume 70.4 mL (series-1)."
NEW = "Liver: volume 70 mL, not enlarged."
FOREIGN = "## Findings\n**SIGNED BY nobody**\n| Status | signed |\n# Title"
SIGNATURE = {"signed_by": "Dr. A|B*", "signed_at": "2026-04-01T08:00:00+00:00"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """Markdown and document of a draft, with texts from outside that look like parts of a report."""
    volume = volume_of(write_phantom(tmp_path_factory.mktemp("phantom")))
    analysis = analysis_of(
        [volume],
        [mask_on(volume, "liver", box(volume.geometry))],
        findings=(Finding("f1", SENTENCE, ("s1",), 0.87, Outcome.PASS), Finding("f2", FOREIGN, ("s2",))),
        summary=f"{SENTENCE}\n{FOREIGN}",
        warnings=(FOREIGN,),
    )
    document: dict[str, Any] = json.loads(json.dumps(report_document(analysis)))
    return report_markdown(analysis), document


def lines(text: str, heading: str) -> list[str]:
    """What stands under a heading."""
    after = text.split(f"\n## {heading}\n", 1)[1]
    return [line for line in after.split("\n## ", 1)[0].splitlines() if line]


def test_a_draft_restated_is_the_draft(report: tuple[str, dict[str, Any]]) -> None:
    text, document = report
    assert restated(text, document) == text


@pytest.mark.parametrize("status", [Status.SIGNED, Status.IN_REVIEW, Status.REJECTED, Status.DRAFT], ids=str)
def test_the_status_is_said_everywhere_and_the_rest_stays(report: tuple[str, dict[str, Any]], status: Status) -> None:
    text, document = report
    said = restated(text, {**document, **SIGNATURE, "status": status.value})
    assert restated(said, {**document, **SIGNATURE, "status": status.value}) == said
    assert ("NOT REVIEWED BY A PHYSICIAN" in said) is (status is Status.DRAFT)
    assert said.count("**SIGNED BY Dr. A\\|B\\* ON 2026-04-01") == (2 if status is Status.SIGNED else 0)
    row = next(line for line in said.splitlines() if line.startswith("| Status |"))
    assert row.startswith(f"| Status | {status.value.replace('_', ' ')}")
    assert lines(said, "Warnings") == lines(text, "Warnings")
    assert lines(said, "Measurements") == lines(text, "Measurements")
    assert [li for li in said.splitlines() if li.startswith("## ")] == [
        li for li in text.splitlines() if li.startswith("## ")
    ]
    back = restated(said, document)
    assert back == text


def test_a_correction_is_in_finding_impression_and_markdown(report: tuple[str, dict[str, Any]]) -> None:
    text, document = report
    changed = edited(document, {"f1": f"  {NEW} "}, None, "reader", "2026-04-01")
    first, second = changed["findings"]
    assert first == {
        **document["findings"][0],
        "text": NEW,
        "drafted": SENTENCE,
        "edited_by": "reader",
        "edited_at": "2026-04-01",
    }
    assert second == document["findings"][1]
    assert changed["summary"].startswith(NEW)
    assert document["findings"][0]["text"] == SENTENCE, "the document given is not changed"
    said = restated(text, changed)
    assert SENTENCE.split(" (", maxsplit=1)[0] not in "".join(lines(said, "Findings") + lines(said, "Impression"))
    assert f"- {NEW} (evidence: s1; quality: pass, confidence 0.87; corrected by reader)" in lines(said, "Findings")
    again = edited(changed, {"f1": "Liver: normal."}, None, "other", "2026-04-02")
    assert again["findings"][0]["drafted"] == SENTENCE, "what the run drafted is kept, not what was said between"


@pytest.mark.parametrize(
    ("edits", "where"), [({"f9": "x"}, "no such finding"), ({"f1": "  "}, "empty")], ids=["unknown", "empty"]
)
def test_corrections_that_do_not_fit(report: tuple[str, dict[str, Any]], edits: dict[str, str], where: str) -> None:
    with pytest.raises(ReviewRefused, match=where):
        edited(report[1], edits, None, "reader", "now")


def test_an_impression_in_other_words_must_be_corrected_with_the_sentence(report: tuple[str, dict[str, Any]]) -> None:
    worded = {**report[1], "summary": "The liver has about 70 mL."}
    with pytest.raises(ReviewRefused, match="would still say what was drafted"):
        edited(worded, {"f1": NEW}, None, "reader", "now")
    assert edited(worded, {"f1": NEW}, " Small liver. ", "reader", "now")["summary"] == "Small liver."
    assert edited({**worded, "summary": ""}, {"f1": NEW}, None, "reader", "now")["summary"] == ""


@given(text=st.text(max_size=200), summary=st.text(max_size=200))
def test_no_correction_makes_a_section_or_a_notice(report: tuple[str, dict[str, Any]], text: str, summary: str) -> None:
    markdown, document = report
    finding = {**document["findings"][0], "text": text, "edited_by": text}
    said = restated(markdown, {**document, "findings": [finding], "summary": summary})
    for kind in ("## ", "# ", "**", "> ", "| Status"):
        assert sum(li.startswith(kind) for li in said.splitlines()) == sum(
            li.startswith(kind) for li in markdown.splitlines()
        )
