"""Arrival of files: ingested in a compute process, staged, and put in place as a whole.

A study whose UID is on record for another patient is refused; more files of a study that is on record
are added to it and the study is read again as one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from domain.access import AccessContext
from domain.errors import PatientLockViolation
from domain.ports import Compute
from domain.study import Ingest, IngestedStudy, Refusal, Study
from records.files import (
    DESCRIBED_AS,
    FILES,
    PIXELS,
    FileStudyStore,
    described_as,
    folder_name,
    keep,
    pixels_name,
    replace_folder,
)
from records.series import SeriesFacts, series_facts
from records.studies import StudyRecord, StudyRecords
from tools.file_walk import printable


class IngestFunction(Protocol):
    """`tools.ingest.ingest`: paths → studies and refusals. Module-level, so that it can cross processes."""

    def __call__(self, paths: Sequence[Path], *, question: str = "") -> Ingest:
        """`question` may name the modality of files that carry none."""


@dataclass(frozen=True)
class Received:
    """What staging found."""

    records: tuple[StudyRecord, ...]
    refused: tuple[Refusal, ...]


class Intake:
    """Takes files in.

    Args:
        ingest: reads paths into studies; called in a compute process.
    """

    def __init__(self, studies: StudyRecords, store: FileStudyStore, compute: Compute, ingest: IngestFunction) -> None:
        self._studies = studies
        self._store = store
        self._compute = compute
        self._ingest = ingest
        self._one_at_a_time = asyncio.Lock()

    async def admit(
        self,
        access: AccessContext,
        paths: Sequence[Path],
        names: Mapping[str, str] | None = None,
        described: str = "",
    ) -> Received:
        """Keep every usable study among `paths` (files or folders; they are copied, not moved).

        Args:
            names: base name of a path → the name that its sender knows it by, for refusals.
            described: what the files show, for formats that do not say ("chest X-ray").

        Returns:
            Records of the studies as they are now, and what was refused.
        """
        staging = self._store.root / f".staging-{uuid.uuid4().hex}"
        async with self._one_at_a_time:
            try:
                received = await self._compute.run(stage, list(paths), staging, self._ingest, described)
                return await self._place(access, received, staging, names or {})
            finally:
                await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)

    async def _place(
        self, access: AccessContext, received: Received, staging: Path, names: Mapping[str, str]
    ) -> Received:
        records: list[StudyRecord] = []
        refused = [dataclasses.replace(r, file=sender_name(r.file, names)) for r in received.refused]
        for record in received.records:
            try:
                records.append(await self._place_one(access, record, staging))
            except PatientLockViolation as error:
                refused.append(Refusal(f"study {record.study_uid}", error.reason, error.remedy))
        return Received(tuple(records), tuple(refused))

    async def _place_one(self, access: AccessContext, record: StudyRecord, staging: Path) -> StudyRecord:
        staged, target = staging / record.folder, self._store.root / record.folder
        before = await self._studies.find(record.study_uid)
        if before is not None and before.patient_key == record.patient_key:
            record, staged = await self._merge(record, staging)
        return await _to_its_end(self._put(access, record, staged, target))

    async def _put(self, access: AccessContext, record: StudyRecord, staged: Path, target: Path) -> StudyRecord:
        stored = await self._studies.put(access, record)
        await asyncio.to_thread(replace_folder, staged, target)
        return stored

    async def _merge(self, record: StudyRecord, staging: Path) -> tuple[StudyRecord, Path]:
        """Read the study again with the files that are on record and those that arrived."""
        old, new = self._store.root / record.folder / FILES, staging / record.folder / FILES
        both = await asyncio.to_thread(_union, old, new)
        staging = staging / "merged"
        described = await asyncio.to_thread(lambda: described_as(new) or described_as(old))
        received = await self._compute.run(stage, both, staging, self._ingest, described)
        for merged in received.records:
            if merged.study_uid == record.study_uid and merged.patient_key == record.patient_key:
                return merged, staging / merged.folder
        return record, new.parent


async def _to_its_end(work: Coroutine[Any, Any, StudyRecord]) -> StudyRecord:
    """Record and folder change together: whoever is cancelled meanwhile is so afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def sender_name(file: str, names: Mapping[str, str]) -> str:
    """The name that a sender knows a refused file by; frames and other additions to the name are kept."""
    base = Path(file).name
    ours, space, addition = base.partition(" ")
    theirs = names.get(base) or names.get(ours, ours) + space + addition
    return printable(theirs)


def _union(old: Path, new: Path) -> list[Path]:
    files = {path.name: path for folder in (new, old) if folder.is_dir() for path in folder.iterdir()}
    return [files[name] for name in sorted(files)]


def stage(paths: Sequence[Path], staging: Path, ingest: IngestFunction, described: str) -> Received:
    """Ingest `paths` and lay each study out below `staging` as it will lie in the store. Runs in a compute process."""
    found = ingest(paths, question=described)
    return Received(tuple(_stage_study(item, staging, described) for item in found.studies), found.refused)


def _stage_study(item: IngestedStudy, staging: Path, described: str) -> StudyRecord:
    folder = staging / folder_name(item.study.study_uid)
    for path in sorted({instance.path for series in item.study.series for instance in series.instances}):
        keep(path, folder / FILES)
    (folder / PIXELS).mkdir(parents=True, exist_ok=True)
    if described:
        (folder / DESCRIBED_AS).write_text(described, encoding="utf-8")
    for uid, volume in item.volumes.items():
        np.save(folder / PIXELS / pixels_name(uid), volume.array, allow_pickle=False)
    facts = [series_facts(item.volumes[s.series_uid]) for s in item.study.series if s.series_uid in item.volumes]
    return _record(item.study, facts)


def _record(study: Study, facts: Sequence[SeriesFacts]) -> StudyRecord:
    return StudyRecord(
        study_uid=study.study_uid,
        patient_key=study.patient.key,
        patient_id=study.patient.patient_id,
        modality="\\".join(sorted({f.modality for f in facts if f.modality})),
        description=study.description,
        body_part=next((f.body_part for f in facts if f.body_part), ""),
        started=None if study.started is None else study.started.replace(tzinfo=None),
        accession=study.accession_number,
        folder=folder_name(study.study_uid),
        series=tuple(dataclasses.asdict(f) for f in facts),
        warnings=study.warnings,
    )
