"""Staging a world: its study, priors, record and models become a workspace that the real planner works on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time

import numpy as np
from numpy.typing import NDArray

from domain.access import AccessContext
from domain.codes import Unit
from domain.geometry import Geometry
from domain.history import HistoryDocument
from domain.prior import PriorStudy
from domain.study import IngestedStudy, Order, Patient, Series, Study, Volume
from evals.agents.actors import (
    StagedApprovals,
    StagedChestReport,
    StagedEvidence,
    StagedHistory,
    StagedInsight,
    StagedParse,
    StagedPriors,
)
from evals.agents.case import Case, World, WorldPrior, WorldSeries, load_worlds
from inference.catalogue import Catalogue
from jobs.compute import ThreadCompute
from jobs.steps import RecordingStepRunner, SystemClock
from plugins.workspace import Surroundings, Workspace
from prompts.guidance import BuiltinGuidance

SIZE = 64
"""Rows and columns of a prior."""
PATIENT_ID = "EVAL-1"
AXIAL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def stage(case: Case) -> Workspace:
    """A fresh workspace in the case's world, before anything was asked."""
    world = load_worlds()[case.world]
    study = study_of(world)
    return Workspace(
        ingested=study,
        order=Order(indication=case.indication or case.question),
        access=AccessContext("evaluator", study.study.patient.key),
        catalogue=Catalogue(_models(world)),
        runner=RecordingStepRunner(SystemClock()),
        compute=ThreadCompute(),
        around=_around(world, study.study.patient),
    )


def study_of(world: World) -> IngestedStudy:
    """The study at hand."""
    uid = "1.2.840.99999.1"
    series = [_series(s, uid, n) for n, s in enumerate(world.series, 1)]
    found = _ingested(uid, _patient(world), series, world.date, world.description)
    return replace(found, study=replace(found.study, referring_physician=world.referrer))


def _patient(world: World) -> Patient:
    if not world.identified:
        return Patient()
    born = date(world.birth_year, 7, 1) if world.birth_year else None
    return Patient(PATIENT_ID, name=world.patient, birth_date=born, sex=world.sex)


def _models(world: World) -> list[StagedParse]:
    if "medimageparse" not in world.models:
        return []
    return [StagedParse(world.finds, world.faults.get("medimageparse", ""))]


def _around(world: World, patient: Patient) -> Surroundings:
    faults = world.faults
    chest = StagedChestReport(world.drafts, faults.get("cxrreportgen", faults.get("chest-report", "")))
    insight = StagedInsight(faults.get("medimageinsight", faults.get("features-classify", "")))
    priors = [_prior(p, patient, number) for number, p in enumerate(world.priors, 1)]
    documents = [HistoryDocument(d.id, d.kind, d.title, d.text, d.dated, "record") for d in world.history]
    return Surroundings(
        chest_report=chest if "cxrreportgen" in world.models else None,
        insight=insight if "medimageinsight" in world.models else None,
        priors=StagedPriors(priors, faults.get("comparison-compare", "")),
        history=StagedHistory(documents, faults.get("history-search", "")),
        evidence=StagedEvidence(BuiltinGuidance(), faults.get("evidence-lookup", "")),
        approvals=StagedApprovals(),
    )


def _prior(prior: WorldPrior, patient: Patient, number: int) -> tuple[PriorStudy, IngestedStudy]:
    uid = f"1.2.840.99999.2.{number}"
    grid = WorldSeries(
        prior.modality,
        prior.body_part,
        "",
        prior.description,
        prior.slices,
        SIZE,
        SIZE,
        prior.pixel_spacing_mm,
        prior.slice_spacing_mm,
    )
    study = _ingested(uid, patient, [_series(grid, uid, 1)], prior.date, prior.description)
    at = datetime.combine(prior.date, time(9))
    return PriorStudy(uid, prior.modality, prior.body_part, prior.description, at, "earlier"), study


def _ingested(uid: str, patient: Patient, volumes: list[Volume], day: date | None, description: str) -> IngestedStudy:
    started = datetime.combine(day, time(9)) if day else None
    study = Study(uid, patient, tuple(v.series for v in volumes), description=description, started=started)
    return IngestedStudy(study, {v.series.series_uid: v for v in volumes})


def _series(series: WorldSeries, study_uid: str, number: int) -> Volume:
    shape = (series.slices, series.rows, series.columns)
    made = Series(
        series_uid=f"{study_uid}.{number}",
        study_uid=study_uid,
        modality=series.modality,
        geometry=_geometry(series, shape),
        instances=(),
        body_part=series.body_part,
        description=series.description,
        view_position=series.view,
        image_type=series.image_type,
        colour=series.colour,
        value_unit=Unit.HU if series.modality == "CT" else Unit.ONE,
        burned_in_annotation=False,
        protocol=series.protocol,
        contrast=series.contrast,
        scanner=series.scanner,
        institution=series.institution,
        source_format=series.source_format,
    )
    return Volume(made, _pixels(series, shape))


def _geometry(series: WorldSeries, shape: tuple[int, int, int]) -> Geometry:
    spacing = (series.pixel_spacing_mm,) * 2 if series.pixel_spacing_mm else None
    if spacing is None or series.slice_spacing_mm is None:
        return Geometry(shape, spacing, spacing_source="PixelSpacing" if spacing else "")
    places = np.zeros((shape[0], 3))
    places[:, 2] = np.arange(shape[0]) * series.slice_spacing_mm
    return Geometry(shape, spacing, AXIAL, places, "PixelSpacing")


def _pixels(series: WorldSeries, shape: tuple[int, int, int]) -> NDArray[np.generic]:
    """A body of soft tissue in air; colour images are an even pink."""
    if series.colour:
        return np.full((*shape, 3), (210, 160, 170), dtype=np.uint8)
    rows, columns = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    inside = (rows / 0.85) ** 2 + (columns / 0.95) ** 2 < 1
    low, high = (-1000, 45) if series.modality == "CT" else (20, 600)
    plane = np.where(inside, high, low).astype(np.int16)
    return np.broadcast_to(plane, shape).copy()
