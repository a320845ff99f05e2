"""`/healthz` (the process lives) and `/readyz` (it can work)."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from api.errors import NotReady
from api.health.schemas import Health, Readiness
from api.problems import problems
from api.services import Given

router = APIRouter(tags=["health"], responses=problems(400, 500))


@router.get("/healthz", summary="Is the process alive?")
async def healthz(services: Given) -> Health:
    """Answers as soon as the server runs; touches nothing else."""
    return Health(status="ok", version=services.software_version)


@router.get("/readyz", summary="Can it work?", responses=problems(503))
async def readyz(services: Given) -> Readiness:
    """Tries the database and the data folder."""
    try:
        await services.audit.database.ping()
    except SQLAlchemyError as error:
        raise NotReady(
            f"The database does not answer ({type(error).__name__}).", where="MEDIMAGE_DATABASE_URL"
        ) from None
    for folder in (services.inbox, services.store.root):
        try:
            await asyncio.to_thread(_write, folder)
        except OSError as error:
            raise NotReady(
                f"The data folder cannot be written ({error.strerror}).", where="MEDIMAGE_DATA_DIR"
            ) from None
    return Readiness(status="ready", checks={"database": "ok", "data_folder": "ok"})


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"ready")
