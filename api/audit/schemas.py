"""Bodies of the audit ledger."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class AuditEntry(BaseModel):
    """One event; patients appear as keyed pseudonyms only."""

    model_config = ConfigDict(from_attributes=True)

    seq: int = Field(examples=[17])
    when: datetime
    user: str = Field(examples=["local"])
    action: str = Field(examples=["study.read"])
    patient: str = Field(description="Pseudonym of the patient the work was bound to; empty for none.")
    object_type: str = Field(examples=["study"])
    object_id: str
    outcome: str = Field(description="ok, refused, not_found", examples=["ok"])
    detail: str


class AuditPage(BaseModel):
    """Events in their order; ask again with `after` = the last `seq`."""

    events: list[AuditEntry]
