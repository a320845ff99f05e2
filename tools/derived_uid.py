"""UIDs that follow from what they name, so that a resumed run writes the same objects (PS3.5 B.2)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

UidFactory = Callable[[str], str]
"""Maps a purpose ("seg:1.2.3") to a DICOM UID; equal purposes give equal UIDs."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "2.25.medimage-orchestrator")


def uid_factory(analysis_id: str) -> UidFactory:
    """UIDs in the UUID-derived root 2.25 for the objects of one analysis."""

    def uid(purpose: str) -> str:
        return f"2.25.{derived_uuid(analysis_id, purpose).int}"

    return uid


def derived_uuid(analysis_id: str, purpose: str) -> uuid.UUID:
    """The UUID (version 5) of a purpose inside an analysis."""
    return uuid.uuid5(_NAMESPACE, f"{analysis_id}\n{purpose}")
