"""What the HTTP layer is given by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from domain.access import AccessContext
from domain.ports import Clock, Compute
from domain.turnaround import Turnaround
from inference.catalogue import CatalogueRow
from jobs.boards import BoardRooms
from jobs.contracts import Conversations
from jobs.ordering import Ordering
from jobs.queue import DurableQueue
from jobs.scaling import Scalable
from jobs.scaling_figures import ScalingFigures
from memory.learning import Learning
from records.analyses import AnalysisRecords
from records.audit import AuditLedger
from records.conversations import ConversationRecords
from records.files import FileStudyStore
from records.history import HistoryRecords
from records.intake import Intake
from records.signing import Signing
from records.studies import StudyRecords

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds of what a client may send.

    Attributes:
        upload_bytes: of one request with studies.
        body_bytes: of any other request.
        upload_files: parts of one upload.
        archive_files, archive_bytes: members of a zip and their unpacked size.
        archive_ratio: unpacked ÷ packed size above which a member over 1 MiB, or the whole archive, is a bomb.
    """

    upload_bytes: int = 2048 * MIB
    body_bytes: int = 4 * MIB
    upload_files: int = 10_000
    archive_files: int = 20_000
    archive_bytes: int = 8192 * MIB
    archive_ratio: int = 250


@dataclass(frozen=True)
class Services:
    """Everything an endpoint may use.

    Attributes:
        inbox: folder for uploads on their way in; on the same file system as the studies.
        page: folder of the web page, None to serve the API alone.
        allowed_hosts: names that the Host header may carry, without port.
        user: the one local user.
        models: rows of the catalogue. traffic: counters by endpoint.
        scaling: what an autoscaler asks; None where nobody does.
        instances: of the endpoints that may be scaled, as far as is known.
        learning: the feedback memory and its experiments; None where they are switched off.
        history: documents of patients that were uploaded here; None where none are kept.
        signing: reviews, approvals and what they allow; None where nothing can be signed.
        boards: tumour boards; None where there are none.
        ordering: orders that wait for their images; None where none come from elsewhere.
        turnaround: how soon studies shall have been read.
        startup: what to begin before the first request, in this order; each may be called again.
        shutdown: what to close when the server ends, in this order.
    """

    studies: StudyRecords
    store: FileStudyStore
    intake: Intake
    analyses: AnalysisRecords
    audit: AuditLedger
    bindings: ConversationRecords
    queue: DurableQueue
    conversations: Conversations
    compute: Compute
    clock: Clock
    software_version: str
    inbox: Path
    page: Path | None = None
    allowed_hosts: tuple[str, ...] = LOOPBACK
    limits: Limits = field(default_factory=Limits)
    user: str = "local"
    startup: tuple[Callable[[], Awaitable[None]], ...] = ()
    shutdown: tuple[Callable[[], Awaitable[None]], ...] = ()
    models: Callable[[], Sequence[CatalogueRow]] = tuple
    traffic: Callable[[], Mapping[str, Mapping[str, Any]]] = dict
    scaling: ScalingFigures | None = None
    instances: Callable[[], Mapping[Scalable, int]] = dict
    learning: Learning | None = None
    history: HistoryRecords | None = None
    boards: BoardRooms | None = None
    signing: Signing | None = None
    ordering: Ordering | None = None
    turnaround: Turnaround = field(default_factory=Turnaround)

    @property
    def nobody(self) -> AccessContext:
        """The user, bound to no patient: for lists and arrivals."""
        return AccessContext(self.user, None)

    async def start(self) -> None:
        """Begin what works in the background. Raises MedImageError when it cannot."""
        for begin in self.startup:
            await begin()

    async def close(self) -> None:
        """Close everything."""
        for close in self.shutdown:
            await close()


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]
"""How an endpoint asks for its services."""
