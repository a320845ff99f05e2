"""The feedback memory on a simulated stream: each study is asked as the memory advises, reviewed, and remembered."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.model import Window
from domain.study import Patient
from evals.memory_leaks import files, found_in
from evals.memory_stream import SITES, TOPICS, Case, Person, Review, Stream, Way
from memory.advice import advise, advise_or_go_on
from memory.embedder import Embedder
from memory.feedback import FeedbackMemory, open_memory
from memory.intake import admit
from memory.pseudonym import Pseudonyms
from memory.record import Feedback, FeedbackKind, Origin, ReviewerRole, Setting, Submission
from memory.sought import Sought

KINDS = {
    "accepted": FeedbackKind.ACCEPTED,
    "rejected": FeedbackKind.REJECTED_PROMPT,
    "corrected": FeedbackKind.MASK_CORRECTION,
    "preferred": FeedbackKind.PREFERRED_WORDING,
    "sentence": FeedbackKind.EDITED_SENTENCE,
}
RESAMPLES = 4000


@dataclass(frozen=True, eq=False)
class Learned:
    """What came of a stream.

    Attributes:
        before, after: (studies,) Dice of the default and of what the memory advised, on the same studies.
        patients: (studies,) number of the patient.
        advised: (studies,) whether the memory advised anything.
        planted: identifiers in what reviewers wrote; `kept`: of those, in files, exports and retrievals.
        own: retrievals for a patient that brought the patient's own feedback although it was left out.
        asked: retrievals that were looked at.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    patients: NDArray[np.int64]
    advised: NDArray[np.bool_]
    planted: int
    kept: int
    own: int
    asked: int

    def difference(self, studies: slice) -> tuple[float, float, float]:
        """Mean of after - before and its 95 % interval; patients are drawn again, not studies."""
        return paired_bootstrap((self.after - self.before)[studies], self.patients[studies])


def paired_bootstrap(
    differences: NDArray[np.float64], clusters: NDArray[np.int64], seed: int = 5
) -> tuple[float, float, float]:
    """(mean, 2.5th, 97.5th percentile) of differences over clusters drawn again with replacement."""
    _, place = np.unique(clusters, return_inverse=True)
    sums, sizes = np.bincount(place, differences), np.bincount(place)
    draws = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(differences.mean()), float(low), float(high)


def learn(stream: Stream, embedder: Embedder, folder: Path) -> Learned:
    """Run a stream through a new memory in a folder."""
    memory = open_memory(folder, embedder, Pseudonyms(b"evaluation only, no secret"))
    try:
        run = _Run(memory, stream)
        for case in stream.cases():
            run.study(case)
        return run.learned(folder)
    finally:
        memory.close()


class _Run:
    def __init__(self, memory: FeedbackMemory, stream: Stream) -> None:
        self._memory = memory
        self._stream = stream
        self._rows: list[tuple[float, float, int, bool]] = []
        self._people: dict[int, Person] = {}
        self._written: list[bytes] = []
        self._by_patient: dict[int, set[str]] = {}
        self._retrieved: list[bytes] = []
        self._own = 0

    def study(self, case: Case) -> None:
        default, used, advised = self._ask(case)
        self._look(case)
        review = self._stream.review(case, used)
        submission = _submission(case, review)
        self._people[case.person.number] = case.person
        self._written.append(repr(submission).encode())
        kept = self._memory.add(submission, _patient(case.person), f"1.2.3.{case.number}", now=case.when)
        self._by_patient.setdefault(case.person.number, set()).add(kept.feedback_id)
        self._rows.append((case.dice_of(default), case.dice_of(used), case.person.number, advised))

    def _ask(self, case: Case) -> tuple[Way, Way, bool]:
        topic, default = case.topic, case.topic.ways[0]
        found = advise_or_go_on(
            self._memory,
            modality=topic.modality,
            region=topic.region,
            target=topic.target,
            default=_setting(default),
            origin=Origin(*case.place),
            exclude_patient=_patient(case.person).key,
        )
        if found.warning:
            raise RuntimeError(found.warning)
        if found.advice is None:
            return default, default, False
        return default, next(w for w in topic.ways if _setting(w).key == found.advice.setting.key), True

    def _look(self, case: Case) -> None:
        sought = Sought(case.topic.modality, case.topic.target, case.topic.region, case.question, Origin(*case.place))
        found = self._memory.retrieve(sought, now=case.when, exclude_patient=_patient(case.person).key)
        ids = {r.feedback.feedback_id for r in found}
        self._own += bool(ids & self._by_patient.get(case.person.number, set()))
        self._retrieved.append(json.dumps([r.feedback.shared() for r in found]).encode())

    def learned(self, folder: Path) -> Learned:
        exported = io.StringIO()
        self._memory.export(exported)
        identifiers = [i for person in self._people.values() for i in person.identifiers]
        haystacks = [*files(folder), exported.getvalue().encode(), *self._retrieved]
        before, after, patients, advised = zip(*self._rows, strict=True)
        return Learned(
            before=np.array(before),
            after=np.array(after),
            patients=np.array(patients),
            advised=np.array(advised),
            planted=found_in(self._written, identifiers),
            kept=found_in(haystacks, identifiers),
            own=self._own,
            asked=len(self._retrieved),
        )


def _submission(case: Case, review: Review) -> Submission:
    before, after = review.sentence or ("", "")
    return Submission(
        kind=KINDS[review.kind],
        role=ReviewerRole.RADIOLOGIST,
        when=case.when + timedelta(hours=9),
        modality=case.topic.modality,
        analysis_id=f"a{case.number}",
        region=case.topic.region,
        target=case.topic.target,
        used=_setting(review.used),
        better=_setting(review.better) if review.better is not None else None,
        dice_before=review.before,
        dice_after=review.after,
        question=case.question,
        note=review.note,
        sentence_before=before,
        sentence_after=after,
        origin=Origin(*case.place),
        model="MedImageParse@1",
    )


def _patient(person: Person) -> Patient:
    return Patient(person.patient_id, "hospital", person.name, person.born)


def _setting(way: Way) -> Setting:
    return Setting(way.words, Window("own", *way.limits) if way.limits else None)


def chance_advice(*, seeds: int, studies: int) -> tuple[int, int]:
    """(targets that advice was given for, targets) at the ends of streams in which no wording is better than another.

    Without a store: what reviewers say of the default, of which advice may be made or not.
    """
    pseudonyms = Pseudonyms(b"evaluation only, no secret")
    given = looked_at = 0
    for seed in range(seeds):
        stream, said = Stream(1000 + seed, studies, different=False), dict[str, list[Feedback]]()
        for case in stream.cases():
            submission = _submission(case, stream.review(case, case.topic.ways[0]))
            kept = admit(submission, _patient(case.person), f"1.2.3.{case.number}", pseudonyms)
            said.setdefault(case.topic.target, []).append(kept)
        for topic in TOPICS:
            evidence, default = said.get(topic.target, []), _setting(topic.ways[0])
            given += sum(advise(evidence, topic.target, default, Origin(*place)) is not None for place in SITES)
            looked_at += len(SITES)
    return given, looked_at


def first_and_last(studies: int) -> Sequence[tuple[str, slice]]:
    """The parts of a stream that are reported."""
    return ("all studies", slice(0, studies)), ("second half", slice(studies // 2, studies))
