"""`/api/v1/models`: which models may answer here, and what they are for."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from api.models.schemas import ModelList, ModelRow
from api.problems import problems
from api.services import Given

router = APIRouter(prefix="/models", tags=["models"], responses=problems(400, 500))


@router.get("", summary="The models of this set-up")
async def models(services: Given) -> ModelList:
    """Configured endpoints first, embedded models after them."""
    return ModelList(models=[ModelRow.model_validate(asdict(row)) for row in services.models()])
