"""A user reads a study: whose it is, what it holds, and one line in the ledger about it.

A viewer asks for a study in hundreds of requests. The first is recorded as the reading of that study; those that
follow within some minutes belong to it. Each of them asks again whether the study is there and whose it is.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from api.dicomweb.errors import InstanceNotFound
from api.dicomweb.headers import IN_MEMORY, Headers, Source, Stored
from api.services import Services
from domain.access import AccessContext
from domain.analysis import Status
from records.artifacts import files_of
from records.files import FILES
from records.studies import StudyRecord

ACTION = "study.dicomweb"
LASTS_S = 600.0
"""After this long, more requests are another reading."""
LISTED_S = 5.0
"""A search looks for new analyses when the last look is older."""
_KEPT = 1024
DICOM_SUFFIX = ".dcm"


@dataclass(frozen=True)
class Reading:
    """One user's reading of one study.

    Attributes:
        opened, listed: monotonic seconds.
        analyses: whose DICOM objects are shown with the study; rejected ones are not.
    """

    access: AccessContext
    record: StudyRecord
    opened: float
    listed: float
    analyses: tuple[str, ...]


@dataclass(frozen=True)
class _Kept:
    """Instances as they were listed, and the state of the folders then."""

    state: tuple[tuple[int, int], ...]
    stored: list[Stored]


class Reader:
    """Opens studies and finds instances in them."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._headers = Headers(services.compute)
        self._kept: dict[Path, _Kept] = {}
        self._readings: OrderedDict[tuple[str, str], Reading] = OrderedDict()

    async def open(self, study_uid: str, *, search: bool = False) -> Reading:
        """The reading that this request belongs to.

        Args:
            search: the client asks what there is: analyses that ended meanwhile count.

        Raises:
            StudyNotFound, PatientLockViolation.
        """
        services = self.services
        access = await services.studies.access(services.user, study_uid)
        key, now = (access.user, study_uid), services.clock.monotonic()
        found = self._readings.get(key)
        if found is None or now - found.opened > LASTS_S or found.access != access:
            record = await services.studies.get(access, study_uid, ACTION)
            found = Reading(access, record, now, now, await self._analyses(access, study_uid))
        elif search and now - found.listed > LISTED_S:
            found = replace(found, listed=now, analyses=await self._analyses(access, study_uid))
        self._readings[key] = found
        self._readings.move_to_end(key)
        while len(self._readings) > _KEPT:
            self._readings.popitem(last=False)
        return found

    async def instances(self, reading: Reading) -> list[Stored]:
        """Every instance of the study, one a SOP Instance UID: by series, by number; what analyses made comes last."""
        folder = self.services.store.root / reading.record.folder
        folders = [folder / FILES, *map(self.services.analyses.folder, reading.analyses)]
        state = await asyncio.to_thread(lambda: tuple(map(_state, folders)))
        kept = self._kept.get(folder)
        if kept is not None and kept.state == state:
            return kept.stored
        sources = await asyncio.to_thread(self._sources, folder, reading.analyses)
        stored = await self._headers.of(folder, sources)
        study_uid = reading.record.study_uid
        once = {s.instance.sop_instance_uid: s for s in reversed(stored) if s.instance.study_uid == study_uid}
        self._kept[folder] = kept = _Kept(state, sorted(once.values(), key=_place))
        while len(self._kept) > IN_MEMORY:
            self._kept.pop(next(iter(self._kept)))
        return kept.stored

    async def find(self, study_uid: str, series_uid: str = "", sop_instance_uid: str = "") -> list[Stored]:
        """The instances of a study, of one of its series, or one.

        Raises:
            StudyNotFound, PatientLockViolation, InstanceNotFound.
        """
        for search in (False, True):  # an object that an analysis made just now may not be listed yet
            found = [
                stored
                for stored in await self.instances(await self.open(study_uid, search=search))
                if series_uid in ("", stored.instance.series_uid)
                and sop_instance_uid in ("", stored.instance.sop_instance_uid)
            ]
            if found:
                return found
        what = "instance" if sop_instance_uid else "series" if series_uid else "DICOM instance"
        raise InstanceNotFound(f"There is no such {what} in this study.")

    async def _analyses(self, access: AccessContext, study_uid: str) -> tuple[str, ...]:
        records = await self.services.analyses.of_study(access, study_uid)
        return tuple(record.analysis_id for record in records if record.status != Status.REJECTED.value)

    def _sources(self, folder: Path, analyses: Iterable[str]) -> list[Source]:
        sources = [Source(path.name, path) for path in files_of(folder / FILES)]
        for analysis_id in analyses:
            for path in files_of(self.services.analyses.folder(analysis_id)):
                if path.suffix == DICOM_SUFFIX:
                    facts = path.stat()
                    key = f"{analysis_id}/{path.name}:{facts.st_size}:{facts.st_mtime_ns}"
                    sources.append(Source(key, path, derived=True))
        return sources


def _state(folder: Path) -> tuple[int, int]:
    """Changes whenever a file is added, removed or renamed into place, and when the folder is another one."""
    try:
        facts = folder.stat()
    except FileNotFoundError:
        return 0, 0
    return facts.st_ino, facts.st_mtime_ns


def _place(stored: Stored) -> tuple[bool, str, int, str]:
    instance = stored.instance
    return stored.source.derived, instance.series_uid, instance.number, instance.sop_instance_uid


async def _reader(request: Request) -> Reader:
    state = request.app.state
    if not hasattr(state, "dicomweb"):
        state.dicomweb = Reader(state.services)
    reader: Reader = state.dicomweb
    return reader


Read = Annotated[Reader, Depends(_reader)]
"""How an endpoint asks for its reader."""
