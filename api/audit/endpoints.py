"""`/audit`: who did what, when, and whether it was allowed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.audit.schemas import AuditEntry, AuditPage
from api.problems import problems
from api.services import Given

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("", summary="Read the audit ledger", responses=problems(422))
async def read_audit(
    services: Given,
    after: Annotated[int, Query(ge=0, description="Events with a greater `seq`.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AuditPage:
    """Events from the first after `after` on. Reading is an event as well."""
    events = await services.audit.list(services.nobody, after=after, limit=limit)
    return AuditPage(events=[AuditEntry.model_validate(event) for event in events])
