"""The door of the memory: feedback is checked, freed of identity and given its id before it is kept.

Words that will be sent to a model for other patients (target, prompts, region) are refused when they may name a
person, never changed; free text is scrubbed; a code of site or scanner that looks like an identifier is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC

from domain.model import Window
from domain.study import Patient
from memory.errors import FeedbackRefused
from memory.pseudonym import Pseudonyms
from memory.record import Feedback, FeedbackKind, Origin, Setting, Submission
from tools.deidentification_text import scrub_text

LONGEST_PROMPT = 160
LONGEST_TEXT = 4000
LONGEST_CODE = 64
"""Characters."""

_NEEDS: dict[FeedbackKind, tuple[str, ...]] = {
    FeedbackKind.MASK_CORRECTION: ("target", "used", "dice_before"),
    FeedbackKind.REJECTED_PROMPT: ("target", "used"),
    FeedbackKind.PREFERRED_WORDING: ("target", "used", "better"),
    FeedbackKind.EDITED_SENTENCE: ("sentence_before", "sentence_after"),
    FeedbackKind.ACCEPTED: ("target", "used"),
}


def admit(
    submission: Submission, patient: Patient, study_uid: str, pseudonyms: Pseudonyms, extra: Sequence[str] = ()
) -> Feedback:
    """A submission as it may be kept.

    Args:
        patient: whose identifiers are searched for in every text.
        extra: more identifiers of the study: accession number, UIDs, physicians' names.

    Raises:
        FeedbackRefused: something is missing, out of range, too long, or may name a person.
    """
    _check(submission)
    kept = Feedback(
        feedback_id="",
        kind=submission.kind,
        role=submission.role,
        month=f"{submission.when.astimezone(UTC):%Y-%m}",
        modality=_code(submission.modality, patient, extra).upper(),
        patient=pseudonyms.of("patient", patient.key),
        study=pseudonyms.of("study", study_uid),
        analysis=pseudonyms.of("analysis", submission.analysis_id),
        region=submission.region,
        target=submission.target.lower(),
        used=submission.used,
        better=submission.better,
        dice_before=submission.dice_before,
        dice_after=submission.dice_after,
        question=submission.question,
        note=submission.note,
        sentence_before=submission.sentence_before,
        sentence_after=submission.sentence_after,
        origin=submission.origin,
        model=submission.model,
        replaces=submission.replaces,
    )
    clean = without_identity(kept, patient, extra)
    content = json.dumps(asdict(clean), sort_keys=True)
    return replace(clean, feedback_id=f"fb-{pseudonyms.of('feedback', content)[:24]}")


def without_identity(feedback: Feedback, patient: Patient, extra: Sequence[str] = ()) -> Feedback:
    """Free text scrubbed, codes that look like identifiers left out.

    Raises:
        FeedbackRefused: target, region or a prompt may name a person.
    """
    for where, words in _sent(feedback):
        if scrub_text(words, patient, extra).value != words:
            raise FeedbackRefused("These words may name a person.", where=where, remedy="Name the structure alone.")

    def free(text: str) -> str:
        return scrub_text(text[:LONGEST_TEXT], patient, extra).value

    origin = Origin(*(_code(c, patient, extra) for c in asdict(feedback.origin).values()))
    return replace(
        feedback,
        question=free(feedback.question),
        note=free(feedback.note),
        sentence_before=free(feedback.sentence_before),
        sentence_after=free(feedback.sentence_after),
        origin=origin,
        model=_code(feedback.model, patient, extra),
    )


def _sent(feedback: Feedback) -> list[tuple[str, str]]:
    prompts = [(n, s.prompt) for n, s in (("used", feedback.used), ("better", feedback.better)) if s is not None]
    windows = [
        (f"{n}.window", s.window.name)
        for n, s in (("used", feedback.used), ("better", feedback.better))
        if s is not None and s.window is not None
    ]
    return [("target", feedback.target), ("region", feedback.region), *prompts, *windows]


def _code(code: str, patient: Patient, extra: Sequence[str]) -> str:
    code = " ".join(code.split())[:LONGEST_CODE]
    return code if scrub_text(code, patient, extra).value == code else ""


def _check(submission: Submission) -> None:
    for name in ("modality", "analysis_id", *_NEEDS[submission.kind]):
        if getattr(submission, name) in (None, ""):
            raise FeedbackRefused(f"Feedback of the kind {submission.kind.value!r} needs it.", where=name)
    for name in ("dice_before", "dice_after"):
        value = getattr(submission, name)
        if value is not None and not (math.isfinite(value) and 0 <= value <= 1):
            raise FeedbackRefused("Dice lies between 0 and 1.", where=name)
    if submission.dice_after is not None and submission.better is None:
        raise FeedbackRefused("A second Dice needs the prompt that it was reached with.", where="better")
    if submission.when.tzinfo is None:
        raise FeedbackRefused("The time has no zone.", where="when")
    for name in ("used", "better"):
        _check_setting(name, getattr(submission, name))
    for name in ("target", "region"):
        if len(getattr(submission, name)) > LONGEST_PROMPT:
            raise FeedbackRefused(f"More than {LONGEST_PROMPT} characters.", where=name)


def _check_setting(where: str, setting: Setting | None) -> None:
    if setting is None:
        return
    if not setting.prompt.strip() or len(setting.prompt) > LONGEST_PROMPT or "&" in setting.prompt:
        raise FeedbackRefused(f"A prompt has 1 to {LONGEST_PROMPT} characters and no '&'.", where=where)
    window = setting.window
    if window is not None and not _sound(window):
        raise FeedbackRefused("A window has two limits, low under high, or none.", where=f"{where}.window")


def _sound(window: Window) -> bool:
    if window.low is None or window.high is None:
        return window.low is window.high
    return math.isfinite(window.low) and math.isfinite(window.high) and window.low < window.high
