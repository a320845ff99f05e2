"""Ingest in a process of its own: a decoder that ends its process costs one file, not the run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from domain.errors import StudyNotFound, UnusableInput
from domain.ports import Compute
from domain.study import Ingest, IngestedStudy, Refusal
from jobs.compute import WorkerDied
from records.files import described_as
from records.intake import IngestFunction
from tools.ingest import ingest as ingest_files

REASON = "Decoding this file ended the process that tried it."
REMEDY = "Export the image again, uncompressed or in a lossless transfer syntax."


async def read(compute: Compute, paths: Sequence[Path], question: str, ingest: IngestFunction = ingest_files) -> Ingest:
    """`tools.ingest.ingest`; files that kill the decoding process are found one by one and refused by name."""
    try:
        return await compute.run(ingest, list(paths), question=question)
    except WorkerDied:
        return await _without_deadly(compute, paths, question, ingest)


async def _without_deadly(compute: Compute, paths: Sequence[Path], question: str, ingest: IngestFunction) -> Ingest:
    harmless: list[Path] = []
    deadly: list[Refusal] = []
    for path in await asyncio.to_thread(_files, paths):
        try:
            await compute.run(_try, ingest, path)
        except WorkerDied:
            deadly.append(Refusal(path.name, REASON, REMEDY))
        else:
            harmless.append(path)
    found = await compute.run(ingest, harmless, question=question)
    return Ingest(found.studies, (*deadly, *found.refused))


def _files(paths: Sequence[Path]) -> list[Path]:
    nested = [sorted(p.rglob("*")) if p.is_dir() else [p] for p in paths]
    return [p for group in nested for p in group if p.is_file()]


def _try(ingest: IngestFunction, path: Path) -> None:
    ingest([path])


async def read_study(
    compute: Compute, ingest: IngestFunction, folder: Path, study_uid: str, question: str
) -> tuple[IngestedStudy, tuple[Refusal, ...]]:
    """A stored study with its pixels, and what in its folder could not be used.

    Files without a modality are read by what their sender said; only where that is nothing, by `question`.

    Raises:
        StudyNotFound: the folder is gone.
        UnusableInput: nothing in it can be read as that study any more.
    """
    if not await asyncio.to_thread(folder.is_dir):
        raise StudyNotFound("The files of this study are gone.", remedy="Send the study again.")
    described = await asyncio.to_thread(described_as, folder)
    found = await read(compute, [folder], described or question, ingest)
    for item in found.studies:
        if item.study.study_uid == study_uid:
            return item, found.refused
    raise UnusableInput("The stored files can no longer be read as this study.", remedy="Send the study again.")
