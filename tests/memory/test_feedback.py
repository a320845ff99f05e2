from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.study import Patient
from memory.embedder import NgramEmbedder
from memory.entry import Happening, RevokeReason
from memory.errors import FeedbackNotFound, FeedbackRefused, MemoryCorrupt
from memory.feedback import FeedbackMemory, open_memory
from memory.pseudonym import Pseudonyms
from memory.record import FeedbackKind, Origin, ReviewerRole, Setting, Submission
from memory.sought import Sought

Make = Callable[..., Submission]
LIVER = Sought("CT", "liver tumor", "abdomen", "mass in the liver?")


def test_what_was_kept_is_there_after_the_process_ended(
    tmp_path: Path, pseudonyms: Pseudonyms, submission: Make, patient: Patient, now: datetime
) -> None:
    first = open_memory(tmp_path / "m", NgramEmbedder(), pseudonyms)
    kept = first.add(submission(), patient, "1.2", now=now)
    first.close()
    second = open_memory(tmp_path / "m", NgramEmbedder(), pseudonyms)
    assert [r.feedback for r in second.retrieve(LIVER, now=now)] == [kept]
    second.close()


def test_the_same_target_place_and_time_come_first(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime
) -> None:
    here = Origin("north", "Siemens", "Force")
    rows = {
        "same": submission(analysis_id="1", origin=here),
        "other scanner": submission(analysis_id="2", origin=Origin("north", "Siemens", "Edge")),
        "other site": submission(analysis_id="3", origin=Origin("south", "GE", "Revolution")),
        "old": submission(analysis_id="4", origin=Origin("south", "GE", "Revolution"), when=now - timedelta(days=1500)),
        "other target": submission(
            analysis_id="5", target="kidney cyst", used=Setting("kidney cyst"), better=Setting("renal cyst")
        ),
    }
    ids = {memory.add(row, patient, "1.2", now=now).feedback_id: name for name, row in rows.items()}
    found = memory.retrieve(Sought("CT", "liver tumor", "abdomen", "liver tumor", here), now=now)
    assert [ids[r.feedback.feedback_id] for r in found] == list(rows)
    scores = [r.score for r in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= s <= 1 for s in scores)


def test_modality_region_kind_and_count_limit_what_comes_back(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime
) -> None:
    memory.add(submission(), patient, "1.2", now=now)
    memory.add(submission(region="chest"), patient, "1.2", now=now)
    memory.add(submission(kind=FeedbackKind.REJECTED_PROMPT, analysis_id="a2"), patient, "1.2", now=now)
    assert memory.retrieve(Sought("MR", "liver tumor"), now=now) == ()
    assert len(memory.retrieve(LIVER, now=now)) == 2
    assert len(memory.retrieve(Sought("CT", "liver tumor"), now=now, count=1)) == 1
    only = memory.retrieve(Sought("CT", "liver tumor", kinds=(FeedbackKind.REJECTED_PROMPT,)), now=now)
    assert [r.feedback.kind for r in only] == [FeedbackKind.REJECTED_PROMPT]


def test_radiographs_of_all_codes_share_a_memory(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime
) -> None:
    memory.add(submission(modality="CR", region="chest"), patient, "1.2", now=now)
    assert len(memory.retrieve(Sought("DX", "liver tumor"), now=now)) == 1


def test_a_patients_own_feedback_can_be_left_out(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime
) -> None:
    memory.add(submission(), patient, "1.2", now=now)
    other = memory.add(submission(), Patient("other"), "1.3", now=now)
    found = memory.retrieve(LIVER, now=now, exclude_patient=patient.key)
    assert [r.feedback for r in found] == [other]
    assert memory.evidence("CT", "liver tumor", "abdomen", exclude_patient=patient.key) == (other,)


def test_nothing_on_disk_or_in_an_export_tells_who_it_was(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime, tmp_path: Path
) -> None:
    for number in range(20):
        note = f"Zbigniewa Wojtyniak ({patient.patient_id}) missed, slice {number}"
        memory.add(submission(note=note, question="Wojtyniak?", analysis_id=f"a{number}"), patient, "1.2.9", now=now)
    written = io.StringIO()
    memory.export(written)
    files = [p.read_bytes().lower() for p in (tmp_path / "memory").rglob("*") if p.is_file()]
    for secret in (b"wojtyniak", b"zbigniewa", b"4711-88"):
        assert all(secret not in content for content in [*files, written.getvalue().lower().encode()])
    assert any(b"missed, slice 7" in content for content in files)


def test_revoked_feedback_is_kept_and_can_come_back(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime
) -> None:
    kept = memory.add(submission(), patient, "1.2", now=now)
    memory.revoke(kept.feedback_id, role=ReviewerRole.RESIDENT, reason=RevokeReason.WRONG, now=now)
    assert memory.retrieve(LIVER, now=now) == ()
    assert memory.evidence("CT", "liver tumor") == ()
    assert memory.counts().by_family == {"CT": (0, 1)}
    memory.restore(kept.feedback_id, role=ReviewerRole.RADIOLOGIST, now=now + timedelta(days=1))
    memory.restore(kept.feedback_id, role=ReviewerRole.RADIOLOGIST, now=now + timedelta(days=2))
    assert [r.feedback for r in memory.retrieve(LIVER, now=now)] == [kept]
    events = memory.history(kept.feedback_id)
    assert [e.what for e in events] == [Happening.ADDED, Happening.REVOKED, Happening.RESTORED]
    assert (events[1].role, events[1].reason) == ("resident", "wrong")


def test_a_correction_of_feedback_takes_its_place(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime
) -> None:
    first = memory.add(submission(), patient, "1.2", now=now)
    second = memory.add(submission(better=Setting("liver mass"), replaces=first.feedback_id), patient, "1.2", now=now)
    assert memory.evidence("CT", "liver tumor") == (second,)
    assert memory.history(first.feedback_id)[-1].reason == second.feedback_id
    with pytest.raises(FeedbackNotFound):
        memory.add(submission(replaces="fb-unknown"), patient, "1.2", now=now)


def test_adding_twice_keeps_one(memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime) -> None:
    one = memory.add(submission(), patient, "1.2", now=now)
    assert memory.add(submission(), patient, "1.2", now=now) == one
    assert memory.counts().by_family == {"CT": (1, 0)}


def test_what_is_exported_can_be_read_elsewhere_with_its_history(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime, tmp_path: Path
) -> None:
    first = memory.add(submission(), patient, "1.2", now=now)
    memory.add(submission(modality="MR", analysis_id="a2"), patient, "1.2", now=now)
    memory.revoke(first.feedback_id, role=ReviewerRole.RADIOLOGIST, reason=RevokeReason.WRONG, now=now)
    file = io.StringIO()
    assert memory.export(file) == 2
    other = open_memory(tmp_path / "other", NgramEmbedder(), Pseudonyms(b"another installation"))
    assert other.import_(file.getvalue().splitlines(), now=now) == 2
    assert other.import_(file.getvalue().splitlines(), now=now) == 0
    assert other.counts().by_family == {"CT": (0, 1), "MR": (1, 0)}
    assert [e.what for e in other.history(first.feedback_id)][-1] is Happening.IMPORTED
    assert other.get(first.feedback_id).feedback == first
    other.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: {**d, "schema": 99},
        lambda d: {**d, "events": [{"at": "x"}]},
        lambda d: {**d, "feedback": {**d["feedback"], "better": {"prompt": "Dr. Smith lesion", "window": None}}},
        lambda d: {**d, "feedback": {**d["feedback"], "kind": "praise"}},
        lambda _: ["not", "a", "record"],
    ],
)
def test_a_bad_line_keeps_a_whole_import_out_and_is_named(
    change: Callable[[dict[str, object]], object],
    memory: FeedbackMemory,
    submission: Make,
    patient: Patient,
    now: datetime,
    tmp_path: Path,
) -> None:
    memory.add(submission(), patient, "1.2", now=now)
    file = io.StringIO()
    memory.export(file)
    good = file.getvalue().strip()
    bad = json.dumps(change(json.loads(good)))
    other = open_memory(tmp_path / "other", NgramEmbedder(), Pseudonyms(b"another installation"))
    with pytest.raises(FeedbackRefused, match="line 2"):
        other.import_([good, bad], now=now)
    assert other.counts().by_family == {}
    other.close()


def test_an_import_is_scrubbed_again(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime, tmp_path: Path
) -> None:
    memory.add(submission(note="plain"), patient, "1.2", now=now)
    file = io.StringIO()
    memory.export(file)
    other = open_memory(tmp_path / "other", NgramEmbedder(), Pseudonyms(b"another installation"))
    other.import_([file.getvalue().replace("plain", "MRN 1234567, tel. 555-123-4567")], now=now)
    (found,) = other.retrieve(LIVER, now=now)
    assert found.feedback.note == "MRN [ID], tel. [PHONE]"
    other.close()


def test_vectors_of_two_embedders_never_meet(
    memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime, tmp_path: Path, pseudonyms: Pseudonyms
) -> None:
    class Other(NgramEmbedder):
        name = "other"
        dimension = 64

    kept = memory.add(submission(), patient, "1.2", now=now)
    memory.close()
    changed = open_memory(tmp_path / "memory", Other(), pseudonyms)
    assert changed.retrieve(LIVER, now=now) == ()
    assert changed.counts().unread == 1
    file = io.StringIO()
    assert changed.export(file) == 1
    assert changed.get(kept.feedback_id).feedback == kept
    assert changed.import_(file.getvalue().splitlines(), now=now) == 1
    assert len(changed.retrieve(LIVER, now=now)) == 1
    changed.close()


def test_a_patient_can_be_erased(memory: FeedbackMemory, submission: Make, patient: Patient, now: datetime) -> None:
    memory.add(submission(), patient, "1.2", now=now)
    memory.add(submission(modality="MR"), patient, "1.2", now=now)
    other = memory.add(submission(), Patient("other"), "1.3", now=now)
    assert memory.erase_patient(patient.key) == 2
    assert memory.evidence("CT", "liver tumor") == (other,)


def test_broken_files_are_named_with_a_remedy(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"garbage" * 1000)
    with pytest.raises(MemoryCorrupt, match="export"):
        open_memory(folder, NgramEmbedder(), pseudonyms)
    (folder / "chroma.sqlite3").unlink()
    open_memory(folder, NgramEmbedder(), pseudonyms).close()  # the lock was let go
