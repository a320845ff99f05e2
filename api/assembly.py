"""The services of a data folder: records, intake, queue, conversations, and what runs may reach through them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from agents.board.team import BoardTeam
from agents.chat_models import ChatConfiguration
from api.services import LOOPBACK, Limits, Services
from domain.ports import Clock, Compute
from inference.fleet import Fleet
from interop.fhir import FhirHistory
from interop.fhir_server import FhirBounds, FhirServer
from jobs.analyse import Analyser
from jobs.board_case import CaseReader
from jobs.board_imaging import ConversationImaging
from jobs.boards import BoardRooms
from jobs.conversations import StudyConversations
from jobs.in_process import InProcessQueue
from jobs.priors import StoredPriors
from memory.learning import Learning
from prompts.guidance import BuiltinGuidance
from records.analyses import AnalysisRecords
from records.approvals import ApprovalRecords, ApprovalRequests
from records.audit import AuditLedger, pseudonym_key
from records.boards import BoardRecords
from records.conversations import ConversationRecords
from records.database import Database
from records.files import FileStudyStore
from records.history import AuditedHistory, CombinedHistory, HistoryRecords
from records.intake import Intake
from records.signing import Signing
from records.studies import StudyRecords
from tools.ingest import ingest

Close = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class HistorySource:
    """The EHR's FHIR server; none without an address. See `interop.fhir_server.FhirBounds`."""

    fhir_url: str = ""
    token: str = ""
    identifier_systems: Mapping[str, str] = field(default_factory=dict)
    page_size: int = 100
    pages: int = 20
    seconds: float = 60.0


@dataclass(frozen=True)
class Place:
    """Where a server keeps its data, and what it allows.

    Attributes:
        database: SQLAlchemy URL.
        page: folder of the web page.
        jobs: analyses that run at once.
    """

    folder: Path
    database: str
    page: Path | None
    user: str
    software_version: str
    jobs: int = 1
    allowed_hosts: tuple[str, ...] = LOOPBACK
    limits: Limits = field(default_factory=Limits)
    history: HistorySource = HistorySource()


def services(
    place: Place,
    *,
    analyser: Analyser,
    fleet: Fleet,
    chat: ChatConfiguration,
    compute: Compute,
    decoding: Compute,
    clock: Clock,
    learned: Learning | None = None,
) -> Services:
    """Everything an endpoint may use, over one data folder.

    Args:
        analyser: runs analyses; what its runs may reach is added here.
        chat: the chat model, for the agents of a tumour board.
        decoding: where studies are read.
        learned: what reviewers taught; its owner is this process.
    """
    folder = place.folder
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    database = Database(place.database)
    database.create_schema()
    audit = AuditLedger(database, clock, pseudonym_key(folder / "audit.key"))
    studies = StudyRecords(audit, clock)
    store = FileStudyStore(folder / "studies", studies)
    analyses = AnalysisRecords(audit, folder / "analyses")
    uploaded = HistoryRecords(audit, clock)
    history, close_history = _history(place.history, uploaded, audit)
    approvals = ApprovalRecords(audit, clock)
    analyser = analyser.reaching(
        history=history,
        priors=StoredPriors(studies, store, decoding, ingest),
        approvals=ApprovalRequests(approvals),
    )
    queue = InProcessQueue(
        analyser=analyser,
        store=store,
        analyses=analyses,
        audit=audit,
        compute=decoding,
        clock=clock,
        ingest=ingest,
        concurrency=place.jobs,
    )
    bindings = ConversationRecords(audit, clock)
    conversations = StudyConversations(
        analyser=analyser,
        store=store,
        analyses=analyses,
        log=bindings,
        clock=clock,
        compute=decoding,
        ingest=ingest,
    )

    imaging = ConversationImaging(conversations=conversations, bindings=bindings, studies=studies, analyses=analyses)
    boards = BoardRooms(
        boards=BoardRecords(audit, clock),
        team=BoardTeam(
            imaging=imaging,
            studies=imaging,
            history=history,
            evidence=BuiltinGuidance(),
            chat=chat,
            clock=clock,
            new_id=lambda: uuid.uuid4().hex,
        ),
        case=CaseReader(history, decoding),
        audit=audit,
        clock=clock,
    )

    async def close_records() -> None:
        if learned is not None:
            learned.close()
        database.close()

    return Services(
        studies=studies,
        store=store,
        intake=Intake(studies, store, decoding, ingest),
        analyses=analyses,
        audit=audit,
        bindings=bindings,
        queue=queue,
        conversations=conversations,
        compute=compute,
        clock=clock,
        software_version=place.software_version,
        inbox=folder / "inbox",
        page=place.page,
        allowed_hosts=place.allowed_hosts,
        limits=place.limits,
        user=place.user,
        shutdown=(boards.aclose, queue.aclose, close_history, close_records),
        models=fleet.catalogue.rows,
        traffic=fleet.traffic.snapshot,
        learning=learned,
        history=uploaded,
        boards=boards,
        signing=Signing(audit, analyses, approvals, clock, folder / "delivered"),
    )


def _history(source: HistorySource, uploaded: HistoryRecords, audit: AuditLedger) -> tuple[CombinedHistory, Close]:
    """What is uploaded here, and the EHR where one is configured."""
    if not source.fhir_url:

        async def nothing() -> None:
            return

        return CombinedHistory([uploaded]), nothing
    client = httpx.AsyncClient(follow_redirects=False)
    bounds = FhirBounds(page_size=source.page_size, pages=source.pages, seconds=source.seconds)
    server = FhirServer(source.fhir_url, source.token, client, bounds)
    record = AuditedHistory(FhirHistory(server, source.identifier_systems, bounds), audit, "FHIR")
    return CombinedHistory([uploaded, record]), client.aclose
