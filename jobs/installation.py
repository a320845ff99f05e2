"""One installation: the records and files of a data folder, and an analyser whose runs may reach them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from domain.approval import Requests
from domain.ports import Clock, Compute
from interop.fhir import FhirHistory
from interop.fhir_server import FhirBounds, FhirServer
from jobs.analyse import Analyser
from jobs.priors import StoredPriors
from records.analyses import AnalysisRecords
from records.audit import AuditLedger, pseudonym_key
from records.database import Database
from records.files import FileStudyStore
from records.history import AuditedHistory, CombinedHistory, HistoryRecords
from records.intake import Intake
from records.studies import StudyRecords
from tools.ingest import ingest


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
class Installation:
    """What the server, the workers and the commands of one data folder have in common.

    Attributes:
        database_url: SQLAlchemy URL.
        uploaded: history that was uploaded here; history: that and the EHR's.
        analyser: its runs reach history, priors and approvals.
        decoding: processes in which studies are read.
    """

    folder: Path
    database_url: str
    database: Database
    audit: AuditLedger
    studies: StudyRecords
    store: FileStudyStore
    intake: Intake
    analyses: AnalysisRecords
    uploaded: HistoryRecords
    history: CombinedHistory
    analyser: Analyser
    decoding: Compute
    clock: Clock
    client: httpx.AsyncClient | None

    async def close(self) -> None:
        """Close the connections to the EHR and the database."""
        if self.client is not None:
            await self.client.aclose()
        self.database.close()


def open_installation(
    folder: Path,
    database_url: str,
    *,
    analyser: Analyser,
    decoding: Compute,
    clock: Clock,
    requests: Callable[[AuditLedger], Requests],
    history: HistorySource | None = None,
) -> Installation:
    """Open a data folder; its database's tables are brought to this version.

    Args:
        analyser: plans and writes; what its runs may reach on record is added here.
        requests: the door through which runs ask for approvals. What decides on them is not to be had here.

    Raises:
        ConfigurationError: the database cannot be used. DatabaseUnavailable: it does not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(database_url)
    try:
        database.upgrade()
        audit = AuditLedger(database, clock, pseudonym_key(folder / "audit.key"))
        studies = StudyRecords(audit, clock)
        store = FileStudyStore(folder / "studies", studies)
        uploaded = HistoryRecords(audit, clock)
        source = history or HistorySource()
        client = httpx.AsyncClient(follow_redirects=False) if source.fhir_url else None
        known = CombinedHistory([uploaded, *([_ehr(source, client, audit)] if client is not None else [])])
        return Installation(
            folder=folder,
            database_url=database_url,
            database=database,
            audit=audit,
            studies=studies,
            store=store,
            intake=Intake(studies, store, decoding, ingest),
            analyses=AnalysisRecords(audit, folder / "analyses"),
            uploaded=uploaded,
            history=known,
            analyser=analyser.reaching(
                history=known,
                priors=StoredPriors(studies, store, decoding, ingest),
                approvals=requests(audit),
            ),
            decoding=decoding,
            clock=clock,
            client=client,
        )
    except BaseException:
        database.close()
        raise


def _ehr(source: HistorySource, client: httpx.AsyncClient, audit: AuditLedger) -> AuditedHistory:
    bounds = FhirBounds(page_size=source.page_size, pages=source.pages, seconds=source.seconds)
    server = FhirServer(source.fhir_url, source.token, client, bounds)
    return AuditedHistory(FhirHistory(server, source.identifier_systems, bounds), audit, "FHIR")
