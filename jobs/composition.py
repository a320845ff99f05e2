"""What the settings say, in the words of the layers below, and what is put together from it: engine and job service."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agents.chat_models import ChatConfiguration
from agents.guardrails import Budget
from agents.planner import Planner
from domain.approval import Requests
from domain.ports import Clock, Compute, PromptAdvice
from inference.fleet import Fleet, FleetSettings, open_fleet
from inference.transport.quota import QuotaAlert
from jobs.analyse import Analyser
from jobs.durable.chat import durable_chat_client
from jobs.installation import HistorySource, Installation, open_installation
from jobs.service import JobService, Working
from jobs.workers.loop import Slots
from plugins.workspace import Surroundings
from prompts.guidance import BuiltinGuidance
from records.audit import AuditLedger


@dataclass(frozen=True)
class Engine:
    """The analyser and the models that it may ask."""

    analyser: Analyser
    fleet: Fleet


@dataclass(frozen=True)
class Composition:
    """How an installation is set up.

    Attributes:
        folder: of its data. database: SQLAlchemy URL.
        requests: the door through which runs ask for approvals.
        released, repeats, tries, requested_tries: see `jobs.analyse.Analyser`.
    """

    version: str
    folder: Path
    database: str
    fleet: FleetSettings
    chat: ChatConfiguration
    budget: Budget
    working: Working
    history: HistorySource
    requests: Callable[[AuditLedger, Clock], Requests]
    released: bool = False
    repeats: int = 0
    tries: int = 4
    requested_tries: int = 12

    @asynccontextmanager
    async def engine(
        self, compute: Compute, clock: Clock, advice: PromptAdvice | None = None, *, durable: bool = False
    ) -> AsyncIterator[Engine]:
        """Put models, planner and analyser together; close their connections at the end.

        Args:
            advice: what reviewers taught.
            durable: runs may be attempts of durable jobs, whose exchanges with the chat model are recorded.

        Raises:
            ConfigurationError: the chat model or an endpoint cannot work as configured.
        """
        self.chat.check()
        async with open_fleet(self.fleet, compute=compute, on_alert=_tell_quota) as fleet:
            client = durable_chat_client(self.chat) if durable and self.chat.remote else None
            planner = Planner(self.chat, self.budget, client)
            try:
                yield Engine(
                    Analyser(
                        planner,
                        fleet.catalogue,
                        compute=compute,
                        clock=clock,
                        software_version=self.version,
                        around=Surroundings(
                            chest_report=fleet.chest_report,
                            insight=fleet.insight,
                            evidence=BuiltinGuidance(),
                            advice=advice,
                        ),
                        released=self.released,
                        repeats=self.repeats,
                        tries=self.tries,
                        requested_tries=self.requested_tries,
                    ),
                    fleet,
                )
            finally:
                await planner.close()
                if client is not None:
                    await client.close()

    def job_service(
        self, engine: Engine, clock: Clock, decoding: Compute, slots: int
    ) -> tuple[Installation, JobService]:
        """The data folder, and what works on its jobs; nothing runs yet. Raises as `open_installation`."""
        installation = open_installation(
            self.folder,
            self.database,
            analyser=engine.analyser,
            decoding=decoding,
            clock=clock,
            requests=lambda audit: self.requests(audit, clock),
            history=self.history,
        )
        how = replace(self.working, slots=Slots(slots, self.working.slots.reserved))
        return installation, JobService(installation, how)


def _tell_quota(alert: QuotaAlert) -> None:
    """A line in the log when a day's quota of an endpoint is nearly used up."""
    logging.getLogger("medimage.quota").warning("%s", alert)
