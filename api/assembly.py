"""The services of a data folder: what an installation holds, queue, conversations, boards, signing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from agents.board.team import BoardTeam
from agents.chat_models import ChatConfiguration
from api.services import LOOPBACK, Limits, Services
from domain.ports import Compute
from inference.fleet import Fleet
from jobs.board_case import CaseReader
from jobs.board_imaging import ConversationImaging
from jobs.boards import BoardRooms
from jobs.conversations import StudyConversations
from jobs.installation import Installation
from jobs.scaling_figures import ScalingFigures
from jobs.scaling_instances import KnownInstances
from jobs.service import JobService
from memory.learning import Learning
from prompts.guidance import BuiltinGuidance
from records.approvals import ApprovalRecords
from records.boards import BoardRecords
from records.conversations import ConversationRecords
from records.signing import Signing
from tools.ingest import ingest


@dataclass(frozen=True)
class Front:
    """What a server shows, to whom, and what it takes from them.

    Attributes:
        page: folder of the web page.
    """

    page: Path | None
    user: str
    software_version: str
    allowed_hosts: tuple[str, ...] = LOOPBACK
    limits: Limits = field(default_factory=Limits)


def services(
    front: Front,
    installation: Installation,
    jobs: JobService,
    *,
    fleet: Fleet,
    chat: ChatConfiguration,
    compute: Compute,
    learned: Learning | None = None,
    scaling: ScalingFigures | None = None,
    instances: KnownInstances | None = None,
) -> Services:
    """Everything an endpoint may use.

    Args:
        chat: the chat model, for the agents of a tumour board.
        learned: what reviewers taught; its owner is this process.
        scaling, instances: what an autoscaler asks.
    """
    folder, audit, clock, decoding = installation.folder, installation.audit, installation.clock, installation.decoding
    studies, store, analyses = installation.studies, installation.store, installation.analyses
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    bindings = ConversationRecords(audit, clock)
    conversations = StudyConversations(
        analyser=installation.analyser,
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
            history=installation.history,
            evidence=BuiltinGuidance(),
            chat=chat,
            clock=clock,
            new_id=lambda: uuid.uuid4().hex,
        ),
        case=CaseReader(installation.history, decoding),
        audit=audit,
        clock=clock,
    )

    async def close_learned() -> None:
        if learned is not None:
            learned.close()

    async def close_scaling() -> None:
        for asked in (scaling, instances):
            if asked is not None:
                await asked.aclose()

    return Services(
        studies=studies,
        store=store,
        intake=installation.intake,
        analyses=analyses,
        audit=audit,
        bindings=bindings,
        queue=jobs.queue,
        conversations=conversations,
        compute=compute,
        clock=clock,
        software_version=front.software_version,
        inbox=folder / "inbox",
        page=front.page,
        allowed_hosts=front.allowed_hosts,
        limits=front.limits,
        user=front.user,
        startup=(jobs.start,),
        shutdown=(boards.aclose, close_scaling, jobs.close, close_learned, installation.close),
        models=fleet.catalogue.rows,
        traffic=fleet.traffic.snapshot,
        scaling=scaling,
        instances=instances.now if instances is not None else dict,
        learning=learned,
        history=installation.uploaded,
        boards=boards,
        ordering=jobs.ordering,
        signing=Signing(audit, analyses, ApprovalRecords(audit, clock), clock, folder / "delivered"),
    )
