"""A whole application over real records, a real queue and real files; only the planner is a small stand-in."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from fastapi import FastAPI
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from api.application import create_app
from api.services import Services
from domain.access import AccessContext
from domain.analysis import Analysis, Status, Step
from domain.conversation import SaidTurn
from domain.errors import ModelUnavailable
from domain.ports import EventKind, Listener, RunEvent
from domain.study import IngestedStudy, Order, Refusal
from inference.catalogue import Catalogue
from jobs.compute import ThreadCompute
from jobs.contracts import ChatAnswer
from jobs.queue import DurableQueue
from jobs.reading import read_study
from jobs.steps import RecordingStepRunner, SystemClock
from jobs.workers.attempt import Attempt, Outcome, RunAttempt
from jobs.workers.identity import introduce
from jobs.workers.loop import Pace, Slots, Worker
from plugins.workspace import Workspace
from records.analyses import AnalysisRecords
from records.approvals import ApprovalRecords
from records.audit import AuditLedger
from records.conversations import ConversationRecords
from records.database import Database
from records.files import FileStudyStore
from records.intake import Intake
from records.job_leases import JobLeases
from records.job_listing import JobListing
from records.job_signals import JobSignals
from records.job_workers import JobWorkers
from records.jobs import JobRecords
from records.signing import Signing
from records.studies import StudyRecords
from tools.ingest import ingest
from tools.png import encode_rgb

SECRET = "Secret^Name"


class TickingClock:
    """One second passes at each look."""

    def __init__(self) -> None:
        self._looks = 0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        self._looks += 1
        return float(self._looks)


def ct_slice(study: str = "1.2.826.1", patient: str = "P1", index: int = 0, size: int = 32, value: int = 200) -> bytes:
    """A DICOM CT slice: air, and a square of `value` HU."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"{study}.1.{index + 1}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.1"
    dataset.PatientID, dataset.PatientName, dataset.Modality = patient, "Secret^Name", "CT"
    dataset.StudyDescription, dataset.SeriesNumber, dataset.InstanceNumber = "phantom", 1, index + 1
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.FrameOfReferenceUID = f"{study}.9"
    dataset.Rows = dataset.Columns = size
    dataset.PixelSpacing, dataset.ImagePositionPatient = [0.5, 0.5], [0, 0, 2.0 * index]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "HU"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    pixels = np.full((size, size), -1000, np.int16)
    pixels[8:16, 8:24] = value
    dataset.PixelData = pixels.tobytes()
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


class ThresholdAnalyser:
    """Stands in for the planner: two steps, a report written from the pixels. "wait" in the indication holds it."""

    def __init__(self, clock: TickingClock) -> None:
        self.clock = clock
        self.hold = asyncio.Event()
        self.cancelled = 0
        self.began = asyncio.Event()
        self.order: list[str] = []

    async def analyse(
        self,
        ingested: IngestedStudy,
        order: Order,
        access: AccessContext,
        *,
        out: Path,
        analysis_id: str,
        listener: Listener | None,
        refused: Sequence[Refusal],
    ) -> Analysis:
        tell = listener or (lambda event: None)
        access.require(ingested.study.patient.key)
        self.order.append(order.indication)
        self.began.set()
        step = {"agent": "segmentation", "tool": "segment", "model": "threshold@1"}
        tell(RunEvent(EventKind.STEP_STARTED, {"id": "s1", **step}))
        try:
            if "wait" in order.indication:
                await self.hold.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if "unavailable" in order.indication:
            raise ModelUnavailable("No model for that.", remedy="Configure one.")
        if "explode" in order.indication:
            raise RuntimeError(SECRET)
        tell(RunEvent(EventKind.STEP_FINISHED, {"id": "s1", **step, "ok": True, "seconds": 0.5, "error": ""}))
        voxels = sum(int((v.array > 100).sum()) for v in ingested.volumes.values())
        done = Step("s1", "segmentation", "segment", self.clock.now(), 0.5, True, "threshold@1")
        analysis = Analysis(analysis_id, ingested.study, order, Status.DRAFT, self.clock.now(), steps=(done,))
        (out / "report.json").write_text(json.dumps(_document(analysis, voxels, refused)))
        (out / "report.md").write_text("# Draft\n")
        for uid, volume in ingested.volumes.items():
            square = np.where(volume.array[0] > 100, 255, 0).astype(np.uint8)
            (out / f"{uid}.overlay.png").write_bytes(encode_rgb(square))
        return analysis


def _document(analysis: Analysis, voxels: int, refused: Sequence[Refusal]) -> dict[str, object]:
    series = analysis.study.series[0].series_uid
    qa = {"outcome": "review", "reasons": ["Only a threshold."], "confidence": None}
    return {
        "analysis_id": analysis.analysis_id,
        "study_uid": analysis.study.study_uid,
        "patient_id": analysis.study.patient.patient_id,
        "modality": "CT",
        "body_part": "",
        "indication": analysis.order.indication,
        "status": analysis.status.value,
        "model_versions": {"threshold": "1"},
        "disclaimer": analysis.disclaimer,
        "findings": [{"id": "f1", "text": "A dense square.", "evidence": ["s1"], "confidence": None, "qa": "review"}],
        "measurements": [
            {
                "name": "volume",
                "target": "square",
                "value": voxels * 0.5 * 0.5 * 2 / 1000,
                "unit": "mL",
                "method": "voxel count × voxel volume",
                "series_uid": series,
                "source": "m1 (s1)",
            }
        ],
        "masks": [{"target": "square", "category": "other", "series_uid": series, "voxel_count": voxels, "qa": qa}],
        "warnings": ["A phantom."],
        "refused": [{"file": r.file, "reason": r.reason} for r in refused],
        "steps": [{"id": "s1", "agent": "segmentation", "tool": "segment", "model": "threshold@1", "ok": True}],
    }


ECHO = "say "
"""A question that begins so is answered with the rest of it."""


class AnalysingConversations:
    """Stands in for the planner's turns: runs the analyser, records it, streams a sentence."""

    def __init__(
        self, analyser: ThresholdAnalyser, store: FileStudyStore, analyses: AnalysisRecords, log: ConversationRecords
    ) -> None:
        self.analyser, self._store, self._analyses, self._log = analyser, store, analyses, log
        self._count = 0

    async def turn(
        self, access: AccessContext, study_uid: str, conversation_id: str, text: str, listener: Listener
    ) -> ChatAnswer:
        folder = await self._store.folder(access, study_uid)
        ingested, refused = await read_study(ThreadCompute(), ingest, folder, study_uid, text)
        self._count += 1
        out = self._analyses.folder(f"chat{self._count}")
        out.mkdir(parents=True)
        listener(RunEvent(EventKind.TEXT, {"text": "Looking. "}))
        analysis = await self.analyser.analyse(
            ingested,
            Order(indication=text),
            access,
            out=out,
            analysis_id=out.name,
            listener=listener,
            refused=refused,
        )
        await self._analyses.put(access, analysis)
        listener(RunEvent(EventKind.PLANNER_CHANGED, {"planner": "built-in planner", "reason": "The model is down."}))
        words = (text.removeprefix(ECHO),) if text.startswith(ECHO) else ("One ", "dense ", "square.")
        for word in words:
            listener(RunEvent(EventKind.TEXT, {"text": word}))
            await asyncio.sleep(0)
        spoken = "".join(words)
        said = SaidTurn(text, spoken, study_uid, analysis.created, analysis.analysis_id, "threshold")
        await self._log.append(access, conversation_id, said)
        return ChatAnswer(spoken, analysis.analysis_id, needs_review=True)

    @asynccontextmanager
    async def held(
        self, access: AccessContext, study_uid: str, conversation_id: str, text: str
    ) -> AsyncIterator[Workspace]:
        folder = await self._store.folder(access, study_uid)
        ingested, _ = await read_study(ThreadCompute(), ingest, folder, study_uid, text)
        runner = RecordingStepRunner(SystemClock())
        yield Workspace(ingested, Order(indication=text), access, Catalogue([]), runner, ThreadCompute())


def runs(analyser: ThresholdAnalyser, store: FileStudyStore, analyses: AnalysisRecords) -> RunAttempt:
    """Attempts that are not durable: no steps are kept."""

    async def run(attempt: Attempt) -> Outcome:
        job = attempt.job
        folder = await store.folder(attempt.access, job.study_uid)
        ingested, refused = await read_study(ThreadCompute(), ingest, folder, job.study_uid, attempt.order.indication)
        out = analyses.folder(job.analysis_id)
        out.mkdir(parents=True, exist_ok=True)
        analysis = await analyser.analyse(
            ingested,
            attempt.order,
            attempt.access,
            out=out,
            analysis_id=job.analysis_id,
            listener=attempt.listener,
            refused=refused,
        )
        await analyses.put(attempt.access, analysis, fence=attempt.fence)
        return Outcome(analysis.needs_review)

    return run


def build_services(folder: Path, page: Path | None = None) -> tuple[Services, ThresholdAnalyser]:
    """Everything real but the planner, below `folder`. Jobs run once the services were started."""
    clock = TickingClock()
    database = Database(f"sqlite:///{folder / 'records.db'}")
    database.upgrade()
    audit = AuditLedger(database, clock, b"a key for tests")
    studies = StudyRecords(audit, clock)
    store = FileStudyStore(folder / "studies", studies)
    analyses = AnalysisRecords(audit, folder / "analyses")
    compute = ThreadCompute()
    analyser = ThresholdAnalyser(clock)
    # Heartbeats are older the more often a ticking clock is looked at: jobs have the machine's.
    real, signals = SystemClock(), JobSignals(database)
    crew = JobWorkers(audit, real, signals)
    queue = DurableQueue(
        jobs=JobRecords(audit, real, signals), listing=JobListing(audit), workers=crew, studies=studies, clock=real
    )
    worker = Worker(
        introduce("test", 1),
        leases=JobLeases(audit, real, signals),
        workers=crew,
        run=runs(analyser, store, analyses),
        slots=Slots(1, 0),
        pace=Pace(beat=0.5, reap=0.2, poll=0.05, watch=0.05, settle=0.05),
    )

    async def close() -> None:
        await worker.drain(0.0)
        await queue.aclose()
        database.close()

    bindings = ConversationRecords(audit, clock)
    services = Services(
        studies=studies,
        store=store,
        intake=Intake(studies, store, compute, ingest),
        analyses=analyses,
        audit=audit,
        bindings=bindings,
        queue=queue,
        conversations=AnalysingConversations(analyser, store, analyses, bindings),
        compute=compute,
        clock=clock,
        software_version="0.0.test",
        inbox=folder / "inbox",
        page=page,
        signing=Signing(audit, analyses, ApprovalRecords(audit, clock), clock, folder / "delivered"),
        startup=(worker.start,),
        shutdown=(close,),
    )
    return services, analyser


def limited(services: Services, **limits: int) -> FastAPI:
    """The application with other limits."""
    return create_app(replace(services, limits=replace(services.limits, **limits)))
