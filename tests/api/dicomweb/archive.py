"""Studies in an application's store, and what an analysis makes of them, without a planner."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from api.services import Services
from domain.analysis import Status
from domain.mask import Mask
from records.studies import StudyRecord
from tests.tools.outputs_builders import WHEN, analysis_of, box, mask_on
from tools.artifacts import write_artifacts
from tools.ingest import ingest

WEB = "/dicom-web"


async def admit(services: Services, paths: Sequence[Path]) -> tuple[StudyRecord, ...]:
    """Keep files as an upload does."""
    return (await services.intake.admit(services.nobody, paths)).records


async def analyse(services: Services, study_uid: str, analysis_id: str = "a1") -> list[Mask]:
    """A draft over a kept study with a box in each series: SEG and SR are written as always; returns the masks."""
    access = await services.studies.access(services.user, study_uid)
    folder = await services.store.folder(access, study_uid)
    ingested = next(one for one in ingest([folder]).studies if one.study.study_uid == study_uid)
    volumes = list(ingested.volumes.values())
    masks = [mask_on(volume, "liver", box(volume.geometry), n) for n, volume in enumerate(volumes, 1)]
    draft = analysis_of(volumes, masks, status=Status.DRAFT, analysis_id=analysis_id)
    draft = replace(draft, study=ingested.study)
    out = services.analyses.folder(analysis_id)
    _, warnings = write_artifacts(draft, ingested.volumes, out, when=WHEN, software_version="0.0.test")
    assert not [warning for warning in warnings if ".dcm" in warning]
    await services.analyses.put(access, draft)
    return masks


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """A server in a thread on a free port of loopback; its address. Its services are started and closed elsewhere."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
