"""Ingest in a process of its own: a decoder that ends its process costs one file, not the run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from domain.errors import StudyNotFound, UnusableInput
from domain.ports import Compute
from domain.study import Ingest, IngestedStudy, Refusal
from jobs.compute import WorkerDied, WorkTookTooLong
from records.files import described_as
from records.intake import IngestFunction
from tools.file_walk import FoundFile, walk
from tools.ingest import ingest as ingest_files

REASON = "Decoding this file ended the process that tried it."
TOO_LONG = "Reading this file took too long and was stopped."
REMEDY = "Export the image again, uncompressed or in a lossless transfer syntax."


async def read(compute: Compute, paths: Sequence[Path], question: str, ingest: IngestFunction = ingest_files) -> Ingest:
    """`tools.ingest.ingest`; files that end the decoding process, or keep it too long, are refused by name."""
    try:
        return await compute.run(ingest, list(paths), question=question)
    except WorkerDied:
        return await _without_deadly(compute, paths, question, ingest)


async def _without_deadly(compute: Compute, paths: Sequence[Path], question: str, ingest: IngestFunction) -> Ingest:
    harmless: list[FoundFile] = []
    refused: list[Refusal] = []
    for found in await asyncio.to_thread(lambda: list(walk(paths))):
        refusal = found if isinstance(found, Refusal) else await _refusal(compute, found, ingest)
        if refusal is not None:
            refused.append(refusal)
        elif isinstance(found, FoundFile):
            harmless.append(found)
    rest = await compute.run(ingest, [file.path for file in harmless], question=question)
    names = await asyncio.to_thread(_names_of, harmless)
    renamed = [replace(one, file=names.get(one.file, one.file)) for one in rest.refused]
    return Ingest(rest.studies, (*refused, *renamed))


async def _refusal(compute: Compute, file: FoundFile, ingest: IngestFunction) -> Refusal | None:
    try:
        await compute.run(_try, ingest, file.path)
    except WorkTookTooLong:
        return Refusal(file.name, TOO_LONG, REMEDY)
    except WorkerDied:
        return Refusal(file.name, REASON, REMEDY)
    return None


def _names_of(files: Sequence[FoundFile]) -> dict[str, str]:
    """What files are called when they are given one by one → what they were called below their folders."""
    alone = [again for again in walk([file.path for file in files]) if isinstance(again, FoundFile)]
    return {again.name: file.name for again, file in zip(alone, files, strict=False)}


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
