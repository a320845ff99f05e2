"""Drafts on record, with the files that a run writes, and everything that reviews and signs them."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from domain.access import AccessContext
from domain.analysis import Analysis, Status
from domain.approval import Approval, Effect
from domain.finding import Finding
from domain.mask import Outcome
from records.analyses import AnalysisRecords
from records.approvals import ApprovalRecords
from records.audit import AuditLedger
from records.database import Database
from records.signing import Signing
from records.studies import StudyRecord, StudyRecords
from records.tables import AuditRow
from tests.tools.outputs_builders import WHEN, analysis_of, box, mask_on, volume_of, write_phantom
from tools.artifacts import write_artifacts

MINE = AccessContext("reader", "|P-1")
THEIRS = AccessContext("reader", "|P-2")
STUDY = "1.2.3"


class HandClock:
    """The time stands still until somebody moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 4, 1, 8, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class Desk:
    """Records of one installation below `folder`."""

    folder: Path
    url: str = "sqlite://"
    clock: HandClock = field(default_factory=HandClock)

    def __post_init__(self) -> None:
        self.database = Database(self.url)
        self.database.upgrade()
        self.audit = AuditLedger(self.database, self.clock, b"a key for tests")
        self.analyses = AnalysisRecords(self.audit, self.folder / "analyses")
        self.approvals = ApprovalRecords(self.audit, self.clock)
        self.signing = Signing(self.audit, self.analyses, self.approvals, self.clock, self.folder / "delivered")

    async def study(self, uid: str = STUDY, patient: str = "P-1") -> None:
        """A study on record."""
        record = StudyRecord(uid, f"|{patient}", patient, "CT", "", "", None, "", uid, ({"series_uid": "1"},), ())
        await StudyRecords(self.audit, self.clock).put(AccessContext("reader", None), record)

    async def ask(self, effect: Effect = Effect.SIGN, analysis_id: str = "a1", destination: str = "") -> Approval:
        """As a tool asks."""
        details = {"destination": destination} if destination else {}
        return await self.approvals.ask(MINE, effect, analysis_id=analysis_id, study_uid=STUDY, details=details)

    async def status(self, analysis_id: str = "a1") -> str:
        """On record."""
        return (await self.analyses.get(MINE, analysis_id)).status

    def place(self, analysis_id: str = "a1") -> Path:
        """Of its files."""
        return self.analyses.folder(analysis_id)

    def events(self) -> list[tuple[str, str, str, str]]:
        """(user, action, object, outcome) of what changed something or was refused."""
        rows = self.database.transact_now(lambda s: s.scalars(select(AuditRow).order_by(AuditRow.seq)).all())
        quiet = {"analysis.read", "approval.read", "approval.list", "study.store", "artifact.manifest"}
        return [(r.user, r.action, r.object_id, r.outcome) for r in rows if r.action not in quiet]


def drafted(folder: Path, analysis_id: str = "a1", status: Status = Status.DRAFT) -> Analysis:
    """A draft about a phantom whose files are written into `folder`: a sentence on a liver, and its impression."""
    analysis, written = _drafted(analysis_id, status)
    shutil.copytree(written.name, folder, dirs_exist_ok=True)
    return analysis


@functools.cache
def _drafted(analysis_id: str, status: Status) -> tuple[Analysis, tempfile.TemporaryDirectory[str]]:
    """Written once a session: the files of equal drafts are equal."""
    written = tempfile.TemporaryDirectory(prefix="medimage-draft-")
    with tempfile.TemporaryDirectory(prefix="medimage-source-") as source:
        volume = volume_of(write_phantom(Path(source)))
        text = "Liver: volume 70.4 mL (series-1)."
        analysis = analysis_of(
            [volume],
            [mask_on(volume, "liver", box(volume.geometry))],
            analysis_id=analysis_id,
            status=status,
            findings=(Finding("f1", text, ("s1", "s9"), 0.87, Outcome.PASS),),
            summary=f"{text}\nNot answered — gallbladder: no model for it here",
        )
        volumes = {volume.series.series_uid: volume}
        write_artifacts(analysis, volumes, Path(written.name), when=WHEN, software_version="1")
    atexit.register(written.cleanup)
    return analysis, written


async def desk_with_draft(folder: Path, url: str = "sqlite://", status: Status = Status.DRAFT) -> Desk:
    """One study with one draft."""
    desk = Desk(folder, url)
    await desk.study()
    await desk.analyses.put(MINE, drafted(desk.place(), status=status))
    return desk
