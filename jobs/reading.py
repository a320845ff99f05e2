"""Ingest in a process of its own: a decoder that ends its process costs one file, not the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domain.ports import Compute
from domain.study import Ingest, Refusal
from jobs.compute import WorkerDied
from tools.ingest import ingest

REASON = "Decoding this file ended the process that tried it."
REMEDY = "Export the image again, uncompressed or in a lossless transfer syntax."


async def read(compute: Compute, paths: Sequence[Path], question: str) -> Ingest:
    """`tools.ingest.ingest`; files that kill the decoding process are found one by one and refused by name."""
    try:
        return await compute.run(ingest, list(paths), question=question)
    except WorkerDied:
        return await _without_deadly(compute, paths, question)


async def _without_deadly(compute: Compute, paths: Sequence[Path], question: str) -> Ingest:
    harmless: list[Path] = []
    deadly: list[Refusal] = []
    for path in await compute.run(_files, list(paths)):
        try:
            await compute.run(_try, path)
        except WorkerDied:
            deadly.append(Refusal(path.name, REASON, REMEDY))
        else:
            harmless.append(path)
    found = await compute.run(ingest, harmless, question=question)
    return Ingest(found.studies, (*deadly, *found.refused))


def _files(paths: list[Path]) -> list[Path]:
    nested = [sorted(p.rglob("*")) if p.is_dir() else [p] for p in paths]
    return [p for group in nested for p in group if p.is_file()]


def _try(path: Path) -> None:
    ingest([path])
