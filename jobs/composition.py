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
from inference.transport.shared_limits import StoredLimits
from jobs.analyse import Analyser
from jobs.durable.chat import durable_chat_client
from jobs.installation import HistorySource, Installation, open_installation
from jobs.scaling_figures import ScalingFigures
from jobs.scaling_forecast import ArrivalForecast
from jobs.scaling_instances import KnownInstances, ScaledEndpoint
from jobs.service import JobService, Working
from jobs.shared_endpoints import shared_endpoints, shares_limits
from jobs.workers.loop import Slots
from plugins.workspace import Surroundings
from prompts.guidance import BuiltinGuidance
from records.audit import AuditLedger
from records.endpoint_limits import EndpointLimitRecords
from records.endpoint_quotas import EndpointQuotaRecords


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
        scaled: endpoints whose instances may be changed. zone: of the hospital, for the hours of a forecast.
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
    scaled: tuple[ScaledEndpoint, ...] = ()
    zone: str = "UTC"

    @asynccontextmanager
    async def engine(
        self, compute: Compute, clock: Clock, advice: PromptAdvice | None = None, *, durable: bool = False
    ) -> AsyncIterator[Engine]:
        """Put models, planner and analyser together; close their connections at the end.

        Args:
            advice: what reviewers taught.
            durable: runs may be attempts of durable jobs, whose exchanges with the chat model are recorded.

        Raises:
            ConfigurationError: the chat model, an endpoint or the database cannot work as configured.
        """
        self.chat.check()
        async with (
            shared_endpoints(self.fleet, self.folder, self.database, clock) as shared,
            open_fleet(
                self.fleet, compute=compute, limits=shared.limits, quotas=shared.quotas, on_alert=_tell_quota
            ) as fleet,
        ):
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

    def scaling(self, installation: Installation, jobs: JobService) -> ScalingFigures:
        """What an autoscaler asks, read from the records of an installation."""
        database = installation.database
        return ScalingFigures(
            jobs.workers,
            installation.clock,
            limits=StoredLimits(EndpointLimitRecords(database)) if shares_limits(self.database) else None,
            quotas=EndpointQuotaRecords(installation.audit),
            forecast=ArrivalForecast(database, installation.clock, self.zone),
            zones={setting.daily.zone for setting in self.fleet.endpoints} or {"UTC"},
        )

    def instances(self, engine: Engine) -> KnownInstances:
        """Instances of the endpoints that may be scaled."""
        return KnownInstances(engine.fleet.azure, self.scaled)


def _tell_quota(alert: QuotaAlert) -> None:
    """A line in the log when a day's quota of an endpoint is nearly used up."""
    logging.getLogger("medimage.quota").warning("%s", alert)
