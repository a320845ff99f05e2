"""Priorities: the codes of three standards, what an indication names, what a finding asks for; only ever upwards."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.study import Priority
from jobs.scheduling.policy import RANK
from jobs.scheduling.priority import (
    Reason,
    Urgent,
    from_critical,
    from_indication,
    from_order,
    raised_by_person,
    urgency,
)

STAT, URGENT, ROUTINE, RESEARCH = Priority


@pytest.mark.parametrize(
    ("code", "priority"),
    [
        ("STAT", STAT),
        ("HIGH", URGENT),
        ("MEDIUM", ROUTINE),
        ("LOW", ROUTINE),
        ("S", STAT),
        ("A", URGENT),
        ("T", URGENT),
        ("TM30", URGENT),
        ("R", ROUTINE),
        ("1^once^^20260101^^S", STAT),
        ("^^^^^R", ROUTINE),
        ("stat", STAT),
        ("asap", URGENT),
        ("urgent", URGENT),
        ("routine", ROUTINE),
        ("", ROUTINE),
    ],
)
def test_an_order_says_how_urgent_it_is(code: str, priority: Priority) -> None:
    assert from_order(code).priority is priority


def test_a_code_that_nobody_knows_is_routine_and_says_so_without_repeating_free_text() -> None:
    urgent = from_order("Mrs. Example, room 4")
    assert urgent.priority is ROUTINE
    assert "not known" in urgent.reasons[0].text
    assert "Example" not in str(urgent)


@pytest.mark.parametrize("indication", ["?stroke", "V. a. Hirnblutung", "sospecha de disección aórtica", "r/o PE"])
def test_an_indication_raises_and_tells_why(indication: str) -> None:
    urgent = urgency(ROUTINE, indication)
    assert urgent.priority is STAT
    assert [reason.kind for reason in urgent.reasons] == ["person", "indication"]
    assert urgent.reasons[-1].source


@given(st.sampled_from(Priority), st.text(max_size=40))
@settings(max_examples=25, deadline=None)
def test_no_text_lowers_what_a_person_gave(given_priority: Priority, text: str) -> None:
    urgent = urgency(given_priority, text)
    assert RANK[urgent.priority] <= RANK[given_priority]
    assert urgent.reasons[0].priority is given_priority


def test_no_text_and_no_finding_raises_research_but_a_person_may() -> None:
    urgent = urgency(RESEARCH, "acute stroke, trauma, tension pneumothorax")
    assert urgent.priority is RESEARCH
    assert urgent.raised(from_critical([{"urgency": "minutes"}])).priority is RESEARCH
    assert raised_by_person(urgent, URGENT).priority is URGENT
    assert raised_by_person(Urgent(STAT), URGENT) == Urgent(STAT)


def test_a_critical_finding_of_minutes_makes_stat_of_hours_urgent_of_days_nothing() -> None:
    rows = [
        {"urgency": "days", "name": "nodule", "rule": "lung-nodule", "source": "x"},
        {"urgency": "hours", "name": "pneumonia", "rule": "pneumonia", "source": "x"},
        {"urgency": "minutes", "name": "tension pneumothorax", "rule": "tension-pneumothorax", "source": "x"},
        {"urgency": "soon"},
    ]
    reasons = from_critical(rows)
    assert [(reason.code, reason.priority) for reason in reasons] == [
        ("tension-pneumothorax", STAT),
        ("pneumonia", URGENT),
    ]
    assert Urgent(ROUTINE).raised(reasons) == Urgent(STAT, reasons[:1])
    assert Urgent(ROUTINE).raised(from_critical(rows[:1])) == Urgent(ROUTINE)


def test_a_reason_can_be_written_down() -> None:
    assert Reason("order", "S", "Ordered as S.", STAT).as_row()["priority"] == "STAT"
    assert from_indication("measure the liver") == ()
