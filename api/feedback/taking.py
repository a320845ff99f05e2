"""A reviewer's words become feedback: facts from the stored analysis, overlap from its files, identity left out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from api.feedback.masks import dice_with
from api.feedback.person import Person, person_of
from api.feedback.reviewed import Reviewed, reviewed, sentence
from api.feedback.schemas import FeedbackBody, TriedMask
from api.services import Services
from domain.access import AccessContext
from domain.codes import Unit
from domain.mask import Outcome
from memory.entry import Entry
from memory.errors import FeedbackRefused, MemoryUnavailable
from memory.experiment import outcome_value
from memory.learning import Learning
from memory.prompt_advice import asked_window, fit_to_send, origin_of
from memory.record import FeedbackKind, Origin, Setting, Submission
from records.analyses import AnalysisRecord
from records.audit import Attempt
from records.feedback import GivenFeedback, keep_feedback
from tools.stored_mask import StoredMask


def learning_of(services: Services) -> Learning:
    """What this installation learns. Raises MemoryUnavailable where it is switched off."""
    if services.learning is None:
        raise MemoryUnavailable(
            "The feedback memory is switched off.",
            where="MEDIMAGE_MEMORY__ENABLED",
            remedy="Set MEDIMAGE_MEMORY__ENABLED=true and start the server again.",
        )
    return services.learning


async def take(services: Services, body: FeedbackBody) -> Entry:
    """Keep feedback on an analysis, and count it for the experiment that its study takes part in.

    Raises:
        AnalysisNotFound, PatientLockViolation.
        FeedbackRefused: something is missing, does not fit the analysis, or may name a person.
        MemoryUnavailable: it is switched off or does not answer.
    """
    learning = learning_of(services)
    access = await services.analyses.access(services.user, body.analysis_id)
    record = await services.analyses.get(access, body.analysis_id, "feedback.analysis")
    study = await services.studies.get(access, record.study_uid, "feedback.study")
    folder = await services.store.folder(access, record.study_uid)
    person = await asyncio.to_thread(person_of, study, folder)
    said = await _said(services, access, record, body)
    series_uid = said.judged.series_uid if said.judged is not None else ""
    facts = next((s for s in study.series if s["series_uid"] == series_uid), {})
    if body.better is not None and body.better.window is not None and facts.get("value_unit") != Unit.HU.value:
        raise FeedbackRefused("Limits of a window mean something in Hounsfield units only.", where="better.window")
    origin = origin_of(*(str(facts.get(name, "")) for name in ("institution", "manufacturer", "scanner")))
    submission = _submission(body, record, said, origin, services.clock.now())
    return await _keep(services, learning, access, record, submission, said, person)


@dataclass(frozen=True)
class _Said:
    """A body with what the analysis knows.

    Attributes:
        judged: None for an edited sentence.
        tried: another mask of the study, for other words.
        before, after: Dice of both with the corrected mask.
    """

    judged: Reviewed | None = None
    better: Setting | None = None
    tried: Reviewed | None = None
    before: float | None = None
    after: float | None = None
    sentence: str = ""


async def _said(services: Services, access: AccessContext, record: AnalysisRecord, body: FeedbackBody) -> _Said:
    if body.kind is FeedbackKind.EDITED_SENTENCE:
        return _Said(sentence=sentence(record.document, body.finding_id))
    judged = reviewed(record.document, body.mask_id, body.target, body.series_uid)
    if body.better is not None and body.tried is not None:
        raise FeedbackRefused("Other words are given, or taken from a mask that was tried.", where="tried")
    said = _Said(judged, await _better(services, access, record, body, judged))
    if body.tried is not None:
        other = await _document(services, access, record, body.tried)
        said = replace(said, tried=reviewed(other.document, body.tried.mask_id))
    if body.corrected_mask is not None:
        before = await _dice(services, record.analysis_id, judged, body)
        after = None
        if body.tried is not None and said.tried is not None:
            after = await _dice(services, body.tried.analysis_id, said.tried, body)
        said = replace(said, before=before, after=after)
    return said


async def _better(
    services: Services, access: AccessContext, record: AnalysisRecord, body: FeedbackBody, judged: Reviewed
) -> Setting | None:
    """The reviewer's own words, or those of the mask that was tried. Raises FeedbackRefused."""
    if body.tried is not None:
        other = reviewed((await _document(services, access, record, body.tried)).document, body.tried.mask_id)
        if other.series_uid != judged.series_uid:
            raise FeedbackRefused("The mask that was tried lies in another series.", where="tried")
        better = other.used
    elif body.better is not None:
        window = body.better.window
        limits = asked_window(window.low, window.high) if window is not None else None
        better = Setting(" ".join(body.better.prompt.split()), limits)
    else:
        return None
    if not fit_to_send(judged.target, better.prompt):
        raise FeedbackRefused(
            "These words are no plain name of the same target, as far as the lexicon can tell.",
            where="better.prompt" if body.tried is None else "tried",
            remedy="Name the same structure, on the same side, in a few plain words.",
        )
    if better.key == judged.used.key:
        raise FeedbackRefused("These are the words and the window that were used.", where="better")
    return better


async def _document(
    services: Services, access: AccessContext, record: AnalysisRecord, tried: TriedMask
) -> AnalysisRecord:
    other = await services.analyses.get(access, tried.analysis_id, "feedback.analysis")
    if other.study_uid != record.study_uid:
        raise FeedbackRefused("The analysis with other words is of another study.", where="tried.analysis_id")
    return other


async def _dice(services: Services, analysis_id: str, judged: Reviewed, body: FeedbackBody) -> float:
    if body.corrected_mask is None or judged.voxels is None:
        raise FeedbackRefused("There is no mask of this target to compare with.", where="mask_id")
    stored = StoredMask(
        folder=services.analyses.folder(analysis_id),
        mask_id=judged.mask_id,
        target=judged.target,
        series_uid=judged.series_uid,
        shape=judged.shape,
        voxels=judged.voxels,
    )
    mask = body.corrected_mask
    return await services.compute.run(dice_with, stored, mask.shape, mask.runs)


def _submission(body: FeedbackBody, record: AnalysisRecord, said: _Said, origin: Origin, now: datetime) -> Submission:
    judged = said.judged
    first = str(record.document.get("modality", "")).split("/")[0]
    return Submission(
        kind=body.kind,
        role=body.role,
        when=now,
        modality=judged.modality if judged is not None else first,
        analysis_id=record.analysis_id,
        region=judged.region if judged is not None else "",
        target=judged.target if judged is not None else "",
        used=judged.used if judged is not None else None,
        better=said.better,
        dice_before=said.before,
        dice_after=said.after,
        question=record.indication,
        note=body.note,
        sentence_before=said.sentence,
        sentence_after=body.sentence_after,
        origin=origin,
        model=judged.model if judged is not None else "",
        replaces=body.replaces,
    )


async def _keep(
    services: Services,
    learning: Learning,
    access: AccessContext,
    record: AnalysisRecord,
    submission: Submission,
    said: _Said,
    person: Person,
) -> Entry:
    now = submission.when

    def work(session: Session) -> Entry:
        access.require(record.patient_key)
        memory = learning.memory()
        if submission.replaces:
            _require_of(memory.of_analysis(record.patient_key, record.analysis_id), submission.replaces)
        kept = memory.add(submission, person.patient, record.study_uid, now=now, extra=person.identifiers)
        keep_feedback(
            session,
            GivenFeedback(
                kept.feedback_id,
                record.analysis_id,
                submission.kind.value,
                submission.target,
                access.user,
                now,
                submission.replaces,
            ),
        )
        return memory.get(kept.feedback_id)

    # The event and what it tells of stand together: the ledger takes it only when the memory did.
    attempt = Attempt("feedback.add", "analysis", record.analysis_id, submission.kind.value)
    entry = await services.audit.guard(access, attempt, work)
    # Kept already: a failure here is told, and the same feedback sent again counts then.
    await asyncio.to_thread(_count, learning, record.study_uid, submission.kind, said, now)
    return entry


def _require_of(entries: tuple[Entry, ...], feedback_id: str) -> None:
    if feedback_id not in {e.feedback.feedback_id for e in entries}:
        raise FeedbackRefused("The feedback to replace is not about this analysis.", where="replaces")


def _count(learning: Learning, study_uid: str, kind: FeedbackKind, said: _Said, now: datetime) -> None:
    experiment, judged = learning.running(), said.judged
    value = _value(kind, said.before, judged.outcome if judged is not None else None)
    if experiment is None or judged is None or value is None:
        return
    tried = said.tried
    other = outcome_value(tried.outcome, dice=said.after) if tried is not None and said.after is not None else None
    words = tried.used if tried is not None else None
    experiment.record(study_uid, judged.reason, value, at=now, tried=words, tried_value=other)


def _value(kind: FeedbackKind, dice: float | None, qa: Outcome | None) -> float | None:
    """0–1 of a review: a mask taken as it is has Dice 1 with the signed one, a rejected one 0."""
    known = {FeedbackKind.ACCEPTED: 1.0, FeedbackKind.REJECTED_PROMPT: 0.0, FeedbackKind.MASK_CORRECTION: dice}
    reached = known.get(kind)
    return None if reached is None else outcome_value(qa, dice=reached)
