"""Workspaces over images that are read from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.data import get_testdata_file

from domain.access import AccessContext
from domain.mask import Mask, Outcome, Quality
from domain.ports import RunEvent
from domain.study import IngestedStudy, Order, Patient
from inference.catalogue import Catalogue
from jobs.compute import ThreadCompute
from jobs.steps import RecordingStepRunner, SystemClock
from plugins.workspace import Surroundings, Workspace
from tests.tools.outputs_builders import write_phantom
from tools.ingest import ingest

JANE = Patient(patient_id="MRN4711", name="Doe^Jane")


def slice_study(patient: Patient = JANE) -> IngestedStudy:
    """pydicom's CT slice."""
    return _of([Path(str(get_testdata_file("CT_small.dcm", download=False)))], patient)


def volume_study(folder: Path, slices: int = 12, patient: Patient = JANE) -> IngestedStudy:
    """A CT phantom of 48 × 64 pixels, the more of it bright the higher the slice."""
    study = phantom_study(folder, slices, patient)
    for uid, volume in study.volumes.items():
        array = volume.array.copy()
        for index in range(slices):
            array[index, : 48 * (index + 1) // slices] = 400
        study = replace(study, volumes={**study.volumes, uid: replace(volume, array=array)})
    return study


def phantom_study(folder: Path, slices: int, patient: Patient = JANE, **header: Any) -> IngestedStudy:
    """A CT phantom of the abdomen; see `write_phantom`."""
    return _of(write_phantom(folder, slices=slices, BodyPartExamined="ABDOMEN", **header), patient)


def _of(paths: Sequence[Path], patient: Patient) -> IngestedStudy:
    (read,) = ingest(list(paths)).studies
    return replace(read, study=replace(read.study, patient=patient))


def room(
    study: IngestedStudy, question: str = "kidneys", events: list[RunEvent] | None = None, **around: Any
) -> Workspace:
    """A workspace of that study; what happens is appended to `events`."""
    return Workspace(
        ingested=study,
        order=Order(indication=question),
        access=AccessContext("tester", study.study.patient.key),
        catalogue=Catalogue([]),
        runner=RecordingStepRunner(SystemClock(), None if events is None else events.append),
        compute=ThreadCompute(),
        around=Surroundings(**around),
    )


def outline(
    workspace: Workspace, target: str, rows: int, *, outcome: Outcome | None = Outcome.PASS, step: str = "s1"
) -> Mask:
    """A box over all slices, `rows` rows high, as a mask; with QA's verdict unless that is None."""
    series = workspace.series("series-1")
    array = np.zeros(series.geometry.shape, bool)
    array[:, :rows, 10:20] = True
    made = Mask(
        workspace.next_mask_id(), target, "organ", series.series_uid, series.geometry, array, "MedImageParse@3", step
    )
    reasons = () if outcome is Outcome.PASS else ("The volume is implausible.",)
    workspace.add_mask(
        made if outcome is None else made.judged(Quality(outcome, reasons, 0.87, "agreement of 3 answers"))
    )
    return workspace.mask(made.mask_id)
