"""The feedback memory: add, retrieve by metadata and meaning, revoke and restore, export and import.

One collection a family of modalities, schema and embedder. What is retrieved never carries identity; a patient's own
feedback can be left out. Calls block: from a coroutine use `asyncio.to_thread`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from domain.study import Patient
from memory.archive import read_lines, write_lines
from memory.embedder import Embedder, Vectors
from memory.entry import Entry, Event, Happening, RevokeReason, entry_of
from memory.errors import FeedbackNotFound, FeedbackRefused, MemoryUnavailable
from memory.intake import admit
from memory.pseudonym import Pseudonyms
from memory.record import SCHEMA, Feedback, ReviewerRole, Submission
from memory.relevance import relevance
from memory.sought import Counts, Recalled, Sought
from memory.vectors import VectorStore
from prompts.lexicon import lexicon

CANDIDATES = 64
"""Nearest by meaning that are scored, besides the nearest of the same target."""


class FeedbackMemory:
    """Feedback of all reviewers of one installation.

    Args:
        pseudonyms: the installation's keyed hashes.
    """

    def __init__(self, store: VectorStore, embedder: Embedder, pseudonyms: Pseudonyms) -> None:
        self._store = store
        self._embedder = embedder
        self._pseudonyms = pseudonyms

    def add(
        self, submission: Submission, patient: Patient, study_uid: str, *, now: datetime, extra: Sequence[str] = ()
    ) -> Feedback:
        """Keep feedback; the same feedback again changes nothing. What it replaces is revoked.

        Raises:
            FeedbackRefused, FeedbackNotFound: as `memory.intake.admit`; `replaces` names nothing.
            MemoryUnavailable.
        """
        feedback = admit(submission, patient, study_uid, self._pseudonyms, extra)
        replaced = self._found(feedback.replaces) if feedback.replaces else None
        entry = Entry(feedback, True, (Event(now, Happening.ADDED, feedback.role.value),))
        self._put_new([entry])
        if replaced is not None and replaced[1].active:
            event = Event(now, Happening.REPLACED, feedback.role.value, feedback.feedback_id)
            self._update(replaced[0], replaced[1].after(event, active=False))
        return feedback

    def retrieve(
        self, sought: Sought, *, now: datetime, count: int = 8, exclude_patient: str | None = None
    ) -> tuple[Recalled, ...]:
        """The most relevant active feedback, best first; equal scores by id.

        Args:
            exclude_patient: `Patient.key` whose own feedback is left out.

        Raises:
            MemoryUnavailable.
        """
        vector = self._embedder.query(sought.text)
        filters = self._filters(sought, exclude_patient)
        found = self._nearest(sought.modality, vector, filters)
        if sought.target:
            found |= self._nearest(sought.modality, vector, [*filters, {"target": sought.target.lower()}])
        scored = (self._recalled(document, cosine, sought, now) for document, cosine in found.values())
        return tuple(sorted(scored, key=lambda r: (-r.score, r.feedback.feedback_id))[:count])

    def evidence(
        self, modality: str, target: str, region: str = "", *, exclude_patient: str | None = None
    ) -> tuple[Feedback, ...]:
        """All active feedback about one target, by id: what advice counts. Raises MemoryUnavailable."""
        filters = [*self._filters(Sought(modality, target, region), exclude_patient), {"target": target.lower()}]
        with self._store.collection(self._name(modality)) as collection:
            rows = collection.get(where={"$and": filters}, include=["metadatas"])["metadatas"]
        entries = (_entry(row) for row in rows)
        return tuple(sorted((e.feedback for e in entries), key=lambda f: f.feedback_id))

    def revoke(self, feedback_id: str, *, role: ReviewerRole, reason: RevokeReason, now: datetime) -> None:
        """Let feedback count no longer; it is kept. Raises FeedbackNotFound, MemoryUnavailable."""
        name, entry = self._found(feedback_id)
        if entry.active:
            self._update(name, entry.after(Event(now, Happening.REVOKED, role.value, reason.value), active=False))

    def restore(self, feedback_id: str, *, role: ReviewerRole, now: datetime) -> None:
        """Let revoked feedback count again. Raises FeedbackNotFound, MemoryUnavailable."""
        name, entry = self._found(feedback_id)
        if not entry.active:
            self._update(name, entry.after(Event(now, Happening.RESTORED, role.value), active=True))

    def get(self, feedback_id: str) -> Entry:
        """A record with its history, revoked ones too. Raises FeedbackNotFound, MemoryUnavailable."""
        return self._found(feedback_id)[1]

    def of_analysis(self, patient_key: str, analysis_id: str) -> tuple[Entry, ...]:
        """All feedback on one analysis of a patient, revoked too, oldest first. Raises MemoryUnavailable."""
        patient = self._pseudonyms.of("patient", patient_key)
        analysis = self._pseudonyms.of("analysis", analysis_id)
        found: dict[str, Entry] = {}
        for name in self._names():
            with self._store.collection(name) as collection:
                rows = collection.get(where={"patient": patient}, include=["metadatas"])["metadatas"]
            entries = (_entry(row) for row in rows)
            found |= {e.feedback.feedback_id: e for e in entries if e.feedback.analysis == analysis}
        return tuple(sorted(found.values(), key=lambda e: (e.events[0].at, e.feedback.feedback_id)))

    def history(self, feedback_id: str) -> tuple[Event, ...]:
        """What happened to a record, in order. Raises FeedbackNotFound, MemoryUnavailable."""
        return self.get(feedback_id).events

    def erase_patient(self, patient_key: str) -> int:
        """Delete all that came from a patient's studies, for good; how many records. Raises MemoryUnavailable."""
        erased = 0
        for name in self._names():
            with self._store.collection(name) as collection:
                ids = collection.get(where={"patient": self._pseudonyms.of("patient", patient_key)}, include=[])["ids"]
                if ids:
                    collection.delete(ids=ids)
                erased += len(ids)
        return erased

    def counts(self) -> Counts:
        """How much is kept. Raises MemoryUnavailable."""
        own = self._suffix()
        by_family: dict[str, tuple[int, int]] = {}
        unread = 0
        for name in self._names():
            with self._store.collection(name) as collection:
                total = collection.count()
                active = len(collection.get(where={"active": True}, include=[])["ids"])
            if name.endswith(own):
                by_family[name.removeprefix(_PREFIX).removesuffix(own).upper()] = (active, total - active)
            else:
                unread += total
        return Counts(by_family, unread)

    def export(self, file: TextIO) -> int:
        """Write every record as a line of JSON, by id, whatever embedder it lies under; how many."""
        return write_lines(self._all(), file)

    def import_(self, lines: Iterable[str], *, now: datetime) -> int:
        """Keep what `export` wrote, here or elsewhere; what is here already stays as it is. How many were new.

        Nothing is kept when a line is refused. Raises FeedbackRefused as `memory.archive.read_lines`.
        """
        return self._put_new(read_lines(lines, now=now))

    def close(self) -> None:
        """Let go of folder or server."""
        self._store.close()

    def _filters(self, sought: Sought, exclude_patient: str | None) -> list[dict[str, Any]]:
        filters: list[dict[str, Any]] = [{"active": True}, {"schema": SCHEMA}]
        if sought.region:
            filters.append({"region": {"$in": [sought.region, ""]}})
        if sought.kinds:
            filters.append({"kind": {"$in": [k.value for k in sought.kinds]}})
        if exclude_patient:
            filters.append({"patient": {"$ne": self._pseudonyms.of("patient", exclude_patient)}})
        return filters

    def _nearest(
        self, modality: str, vector: Vectors, filters: list[dict[str, Any]]
    ) -> dict[str, tuple[dict[str, Any], float]]:
        """Metadata and cosine by id."""
        with self._store.collection(self._name(modality)) as collection:
            found = collection.query(
                query_embeddings=np.asarray([vector]),
                n_results=CANDIDATES,
                where={"$and": filters},
                include=["metadatas", "distances"],
            )
        rows = zip(found["ids"][0], found["metadatas"][0], found["distances"][0], strict=True)
        return {feedback_id: (metadata, 1.0 - distance) for feedback_id, metadata, distance in rows}

    def _recalled(self, metadata: dict[str, Any], cosine: float, sought: Sought, now: datetime) -> Recalled:
        feedback = _entry(metadata).feedback
        parts = relevance(
            feedback,
            cosine=cosine,
            floor=self._embedder.floor,
            target=sought.target,
            origin=sought.origin,
            now=now,
        )
        return Recalled(feedback, parts)

    def _put_new(self, entries: Sequence[Entry]) -> int:
        by_name: dict[str, dict[str, Entry]] = {}
        for entry in entries:
            by_name.setdefault(self._name(entry.feedback.modality), {})[entry.feedback.feedback_id] = entry
        return sum(self._put_into(name, by_id) for name, by_id in by_name.items())

    def _put_into(self, name: str, by_id: dict[str, Entry]) -> int:
        with self._store.collection(name) as collection:
            known = set(collection.get(ids=list(by_id), include=[])["ids"])
            new = {i: e for i, e in by_id.items() if i not in known}
            if new:
                texts = [e.feedback.text for e in new.values()]
                collection.add(
                    ids=list(new),
                    embeddings=np.stack([self._embedder.passage(t) for t in texts]),
                    documents=texts,
                    metadatas=[e.metadata() for e in new.values()],
                )
        return len(new)

    def _update(self, name: str, entry: Entry) -> None:
        with self._store.collection(name) as collection:
            collection.update(ids=[entry.feedback.feedback_id], metadatas=[entry.metadata()])

    def _found(self, feedback_id: str) -> tuple[str, Entry]:
        for name in self._names():
            with self._store.collection(name) as collection:
                rows = collection.get(ids=[feedback_id], include=["metadatas"])["metadatas"]
            if rows:
                return name, _entry(rows[0])
        raise FeedbackNotFound("There is no such feedback.", remedy="Take an id from an export or from retrieval.")

    def _all(self) -> Iterator[Entry]:
        for name in self._names():
            with self._store.collection(name) as collection:
                rows = collection.get(include=["metadatas"])["metadatas"]
            yield from map(_entry, rows)

    def _names(self) -> list[str]:
        return self._store.names(_PREFIX)

    def _suffix(self) -> str:
        return f".{self._embedder.name}-{self._embedder.version}"

    def _name(self, modality: str) -> str:
        family = lexicon().family(modality) or re.sub(r"[^A-Za-z0-9]", "", modality)[:16] or "unknown"
        return f"{_PREFIX}{family.lower()}{self._suffix()}"


_PREFIX = f"feedback-v{SCHEMA}."


def open_memory(place: Path | str, embedder: Embedder, pseudonyms: Pseudonyms) -> FeedbackMemory:
    """The memory in a folder, or on the Chroma server at a URL.

    Raises:
        MemoryOwned, MemoryCorrupt, MemoryUnavailable.
    """
    store = VectorStore.at_url(place) if isinstance(place, str) else VectorStore.in_folder(place)
    return FeedbackMemory(store, embedder, pseudonyms)


def _entry(metadata: dict[str, Any]) -> Entry:
    try:
        return entry_of(json.loads(metadata["entry"]))
    except (KeyError, ValueError, FeedbackRefused) as error:
        raise MemoryUnavailable(f"A record cannot be read ({type(error).__name__}).", where="entry") from error
