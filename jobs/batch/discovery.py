"""Finding the studies of a batch: files are looked at a handful at a time, and what they are goes into the index.

Only the headers up to the identity of their series are read, in a compute process. Memory does not grow with the
number of files: what was found lies in the index's file.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from domain.errors import MedImageError
from domain.ports import Compute
from domain.study import Refusal
from jobs.batch.entries import Question
from jobs.batch.heads import Archive, Look, Refused, chunks, look, look_inside
from jobs.batch.index import BatchIndex
from jobs.batch.manifest import manifest_rows
from jobs.batch.request import BatchRequest, SourceKind
from jobs.batch.walking import Place, places
from jobs.compute import WorkerDied, WorkTookTooLong
from jobs.reading import REASON, REMEDY, TOO_LONG

FILES_AT_ONCE = 200
LOOKS_AT_ONCE = 4
"""Handfuls that compute processes look at, or that wait for one."""
Told = Callable[[int, int], None]
"""Told how many files were looked at, and how many studies are known."""
Stored = Callable[[], AsyncIterator[Sequence[str]]]
"""Pages of UIDs of studies on record."""


class Discovery:
    """Looks for the studies of a batch.

    Args:
        compute: where headers are read.
        stop: no more is looked at once it is set; the next time goes on.
    """

    def __init__(self, index: BatchIndex, compute: Compute, stop: asyncio.Event, told: Told | None = None) -> None:
        self._index = index
        self._compute = compute
        self._stop = stop
        self._told = told
        self._files = 0

    async def run(self, request: BatchRequest, stored: Stored) -> bool:
        """Find everything that the request names; False where it was stopped before the end.

        Raises:
            BatchUsage: the manifest cannot be read.
            MedImageError: the records do not answer.
        """
        default = self._index.question(request.indication, request.priority)
        source = request.source
        if source.kind is SourceKind.STORED:
            async for uids in stored():
                await asyncio.to_thread(self._index.add_stored, uids, default)
                self._tell(len(uids))
                if self._stop.is_set():
                    return False
            return True
        assert source.path is not None
        if source.kind is SourceKind.FILES:
            return await self._below(source.path, "", default)
        return await self._listed(source.path, request)

    async def _listed(self, manifest: Path, request: BatchRequest) -> bool:
        for row in manifest_rows(manifest):
            if isinstance(row, Refusal):
                await asyncio.to_thread(self._index.refuse, [row])
                continue
            asked = self._index.question(row.indication or request.indication, row.priority or request.priority)
            if not await self._below(row.path, row.name.strip("/").replace("\\", "/"), asked):
                return False
        return True

    async def _below(self, path: Path, name: str, question: Question) -> bool:
        found = chunks(places(path, name), FILES_AT_ONCE)
        looks: deque[tuple[int, asyncio.Task[list[Look]]]] = deque()
        try:
            while True:
                chunk = None if self._stop.is_set() else await asyncio.to_thread(next, found, None)
                if chunk is not None:
                    here, refused = chunk
                    await asyncio.to_thread(self._index.refuse, refused)
                    fresh = await asyncio.to_thread(self._index.unknown, here, question)
                    looks.append((len(here), asyncio.create_task(self._look(fresh))))
                if looks and (chunk is None or len(looks) >= LOOKS_AT_ONCE):
                    files, look = looks.popleft()  # in the order of the files: numbers of studies follow from it
                    if not await self._take(files, await look, question):
                        return False
                elif chunk is None:
                    return not self._stop.is_set()
        finally:
            for _, look in looks:
                look.cancel()
            await asyncio.gather(*(look for _, look in looks), return_exceptions=True)

    async def _take(self, files: int, looked: Sequence[Look], question: Question) -> bool:
        archives = [item for item in looked if isinstance(item, Archive)]
        await asyncio.to_thread(self._index.add, [i for i in looked if not isinstance(i, Archive)], question)
        self._tell(files)
        for archive in archives:
            if not await self._inside(archive, question):
                return False
        return True

    async def _inside(self, archive: Archive, question: Question) -> bool:
        after: int | None = 0
        while after is not None:
            if self._stop.is_set():
                return False
            try:
                looked, after = await self._compute.run(look_inside, archive.place, after, self._index.folder)
            except MedImageError as error:
                looked = [Refused(archive.place, Refusal(archive.place.name, error.reason, error.remedy))]
                after = None
            await asyncio.to_thread(self._index.add, looked, question)
            self._tell(len(looked))
        await asyncio.to_thread(self._index.add, [archive], question)
        return True

    async def _look(self, here: Sequence[Place]) -> list[Look]:
        if not here:
            return []
        try:
            return await self._compute.run(look, list(here))
        except WorkerDied as error:
            if len(here) == 1:
                reason = TOO_LONG if isinstance(error, WorkTookTooLong) else REASON
                return [Refused(here[0], Refusal(here[0].name, reason, REMEDY))]
        middle = len(here) // 2
        return [*await self._look(here[:middle]), *await self._look(here[middle:])]

    def _tell(self, files: int) -> None:
        self._files += files
        if self._told is not None:
            self._told(self._files, self._index.count())
