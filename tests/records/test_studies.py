"""Studies on record, behind the patient lock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.access import AccessContext
from domain.errors import PatientLockViolation, StudyNotFound
from records.audit import AuditLedger
from records.conversations import ConversationRecords
from records.studies import StudyRecord, StudyRecords
from tests.api.engine import TickingClock

LOCAL = AccessContext("local", None)


def study(uid: str = "1.2", patient: str = "P-SECRET") -> StudyRecord:
    return StudyRecord(
        study_uid=uid,
        patient_key=f"|{patient}",
        patient_id=patient,
        modality="CT",
        description="",
        body_part="",
        started=None,
        accession="",
        folder=uid,
        series=({"series_uid": "1.2.1", "slices": 3},),
        warnings=("tilted",),
    )


async def test_what_is_put_comes_back(studies: StudyRecords) -> None:
    stored = await studies.put(LOCAL, study())
    access = await studies.access("local", "1.2")
    assert access == AccessContext("local", "|P-SECRET")
    read = await studies.get(access, "1.2")
    assert read == stored
    assert replace(read, created=None, updated=None) == study()
    assert read.created is not None
    assert read.created.tzinfo is not None


async def test_renewed_facts_keep_the_arrival(studies: StudyRecords) -> None:
    first = await studies.put(LOCAL, study())
    second = await studies.put(LOCAL, replace(study(), description="more files"))
    assert second.created == first.created
    assert second.updated != first.updated


async def test_another_patient_cannot_take_over_a_uid(studies: StudyRecords) -> None:
    await studies.put(LOCAL, study())
    with pytest.raises(PatientLockViolation):
        await studies.put(LOCAL, study(patient="P2"))
    assert (await studies.get(await studies.access("local", "1.2"), "1.2")).patient_id == "P-SECRET"


async def test_bound_work_lists_one_patient_only(studies: StudyRecords) -> None:
    for uid, patient in (("1.1", "A"), ("1.2", "B"), ("1.3", "A")):
        await studies.put(LOCAL, study(uid, patient))
    assert [s.study_uid for s in await studies.list(LOCAL)] == ["1.3", "1.2", "1.1"]
    assert [s.study_uid for s in await studies.list(AccessContext("local", "|A"))] == ["1.3", "1.1"]


async def test_unbound_work_opens_nothing(studies: StudyRecords) -> None:
    await studies.put(LOCAL, study())
    with pytest.raises(PatientLockViolation):
        await studies.get(LOCAL, "1.2")
    with pytest.raises(StudyNotFound):
        await studies.access("local", "9")


async def test_a_conversation_is_bound_by_its_first_turn_and_to_its_user(audit: AuditLedger) -> None:
    bindings = ConversationRecords(audit, TickingClock())
    mine = AccessContext("local", "|P-SECRET")
    await bindings.bind(mine, "c", study())
    await bindings.bind(mine, "c", study("1.3"))
    with pytest.raises(PatientLockViolation):
        await bindings.bind(AccessContext("local", "|P2"), "c", study("1.4", "P2"))
    with pytest.raises(PatientLockViolation):
        await bindings.bind(replace(mine, user="other"), "c", study())
