"""`/strategies`: whether asking with the memory's advice does better, and how sure that is."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from api.feedback.taking import learning_of
from api.problems import problems
from api.services import Given
from api.strategies.schemas import StrategyList, StrategyView, strategy_view
from memory.learning import Learning

router = APIRouter(prefix="/strategies", tags=["feedback"])


@router.get("", summary="Experiments with prompt strategies", responses=problems(409, 503))
async def list_strategies(services: Given) -> StrategyList:
    """Also those that do not run now, with what they found. May be looked at any time: the test allows for it."""
    return StrategyList(strategies=await asyncio.to_thread(_views, learning_of(services)))


def _views(learning: Learning) -> list[StrategyView]:
    found = learning.experiments().items()
    return [strategy_view(e.experiment, e.verdict(), running=mode == learning.mode) for mode, e in found]
