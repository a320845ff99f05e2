"""Timeline: events in order, copies merged with all their sources, plans marked as plans."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from domain.history import DocumentKind
from tests.tools import clinical_record_notes as notes
from tests.tools.clinical_record_notes import note, oncology_notes
from tools.clinical_record.fact import Certainty
from tools.clinical_record.timeline import EventKind, TimelineEntry, timeline


@pytest.fixture(scope="module")
def real(data: Path) -> tuple[TimelineEntry, ...]:
    return timeline(oncology_notes(data))


def test_copied_text_is_one_event_with_all_its_sources() -> None:
    text = "- 2021-02-15 CT chest impression:\n1. Lingular mass now 36 x 25 mm as opposed to 27 x 24 mm previously.\n"
    entries = timeline([note(text, document_id="a"), note(text, document_id="b")])
    (scan,) = [e for e in entries if e.kind is EventKind.IMAGING]
    assert (scan.dated, scan.title, scan.details) == (date(2021, 2, 15), "CT", ("lingula lesion 36 x 25 mm",))
    assert {s.document_id for s in scan.sources} == {"a", "b"}


def test_a_scan_and_its_report_of_the_next_day_are_one() -> None:
    report = note(
        "FINDINGS: Lingular mass 36 mm.", "2021-02-16", kind=DocumentKind.IMAGING_REPORT, title="CT", document_id="r"
    )
    later = note("CT on 2021-02-15 showed a 36 mm lingular mass.", "2021-03-01", document_id="n")
    for order in ([report, later], [later, report]):
        (scan,) = [e for e in timeline(order) if e.kind is EventKind.IMAGING]
        assert scan.dated == date(2021, 2, 15)
        assert {s.document_id for s in scan.sources} == {"r", "n"}


def test_what_was_done_is_told_from_what_was_planned() -> None:
    planned = note("PET scheduled on 2021-03-22.", "2021-03-20", document_id="a")
    done = note("PET on 2021-03-22 showed a 41 mm left lung mass.", "2021-03-27", document_id="b")
    assert timeline([planned])[0].certainty is Certainty.PLANNED
    (scan,) = [e for e in timeline([planned, done]) if e.kind is EventKind.IMAGING]
    assert scan.certainty is Certainty.STATED


def test_spans_point_at_the_text(data: Path, real: tuple[TimelineEntry, ...]) -> None:
    text_of = {d.document_id: d.text for d in oncology_notes(data)}
    for entry in real:
        assert entry.sources
        for source in entry.sources:
            assert text_of[source.document_id][slice(*source.span)] in source.sentence


def test_entries_are_in_order_and_each_once(real: tuple[TimelineEntry, ...]) -> None:
    assert [e.dated for e in real] == sorted(e.dated for e in real)
    keys = [(e.dated, e.kind, e.title, e.certainty) for e in real]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("day", "kind", "title", "sources"),
    [
        ("2020-01-24", EventKind.IMAGING, "CT", {notes.REFERRAL}),
        (
            "2020-03-07",
            EventKind.IMAGING,
            "PET",
            {notes.FIRST_CONSULT, notes.PROGRESS_20_MARCH, notes.PROGRESS_27_MARCH},
        ),
        ("2020-03-30", EventKind.PROCEDURE, "bronchoscopy", {notes.REFERRAL, notes.PROGRESS_20_MARCH}),
        ("2020-06-10", EventKind.TREATMENT, "carboplatin + paclitaxel + pembrolizumab given", {notes.FLOW_SHEET_JUNE}),
        ("2020-08-03", EventKind.IMAGING, "PET", {notes.PET_AUGUST, notes.PROGRESS_20_MARCH, notes.PROGRESS_27_MARCH}),
        ("2020-08-10", EventKind.PATHOLOGY, "pathology", {notes.PROGRESS_20_MARCH}),
        ("2020-08-11", EventKind.LABORATORY, "outside the reference range", {notes.TSH_CALL}),
        ("2020-12-10", EventKind.DECISION, "radiation therapy advised against", {notes.PROGRESS_20_MARCH}),
        ("2020-12-28", EventKind.TREATMENT, "pembrolizumab given", {notes.FLOW_SHEET_DECEMBER}),
        ("2021-02-15", EventKind.IMAGING, "CT", {notes.CT_FEBRUARY, notes.PROGRESS_20_MARCH, notes.PROGRESS_27_MARCH}),
        ("2021-03-11", EventKind.PROCEDURE, "upper endoscopy", {notes.PROGRESS_27_MARCH}),
        ("2021-03-22", EventKind.IMAGING, "PET", {notes.PROGRESS_27_MARCH}),
        ("2021-03-27", EventKind.TREATMENT, "adagrasib given", {notes.PROGRESS_27_MARCH}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_course_of_the_real_patient(
    real: tuple[TimelineEntry, ...], day: str, kind: EventKind, title: str, sources: set[str]
) -> None:
    (entry,) = [e for e in real if (e.dated.isoformat(), e.kind, e.title) == (day, kind, title)]
    assert sources <= {s.document_id for s in entry.sources}
    if title.startswith("adagrasib"):
        assert entry.certainty is Certainty.PLANNED
