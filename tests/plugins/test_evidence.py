"""`evidence-lookup`: rows with their source, kept as facts with their step, asked without identity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from domain.access import AccessContext
from domain.errors import ConfigurationError
from domain.evidence import EvidenceLookup, Guidance
from domain.study import IngestedStudy, Order, Patient
from inference.catalogue import Catalogue
from jobs.compute import ThreadCompute
from jobs.steps import RecordingStepRunner, SystemClock
from plugins.evidence import EvidencePlugin
from plugins.workspace import Surroundings, Workspace
from prompts.guidance import BuiltinGuidance
from tools.ingest import ingest


@pytest.fixture(scope="module")
def study() -> IngestedStudy:
    """pydicom's CT slice, of a patient with a name."""
    (read,) = ingest([Path(str(get_testdata_file("CT_small.dcm", download=False)))]).studies
    patient = Patient(patient_id="MRN4711", name="Doe^Jane")
    return replace(read, study=replace(read.study, patient=patient))


def workspace(study: IngestedStudy, evidence: EvidenceLookup | None) -> Workspace:
    return Workspace(
        ingested=study,
        order=Order(indication="nodule"),
        access=AccessContext("tester", study.study.patient.key),
        catalogue=Catalogue([]),
        runner=RecordingStepRunner(SystemClock()),
        compute=ThreadCompute(),
        around=Surroundings(evidence=evidence),
    )


class Library:
    """A hospital's own library, somewhere else."""

    name = "library"

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def lookup(self, question: str, *, limit: int = 3) -> Sequence[Guidance]:
        self.asked.append(question)
        return ()


async def test_rows_come_with_source_and_year_and_are_facts_with_their_step(study: IngestedStudy) -> None:
    room = workspace(study, BuiltinGuidance())
    said = json.loads(await EvidencePlugin(room).lookup("solid pulmonary nodule 7 mm, follow-up?"))
    assert said["guidance"][0]["id"] == "fleischner-2017-solid-6-8"
    assert said["guidance"][0]["year"] == 2017
    (step,) = room.runner.steps
    assert said["step"] == step.step_id
    assert step.outputs["guidance"][0] == "fleischner-2017-solid-6-8"  # type: ignore[index]
    fact = room.facts[0]
    assert fact.step_id == step.step_id
    assert fact.model.startswith("guidance: MacMahon")
    assert "6 to 12 months" in fact.text
    assert fact.text in said["text"]
    assert "Radiology 2017" in said["text"]


async def test_where_nothing_fits_it_says_so_and_there_is_no_fact(study: IngestedStudy) -> None:
    room = workspace(study, BuiltinGuidance())
    said = json.loads(await EvidencePlugin(room).lookup("Is the patient married?"))
    assert said["guidance"] == []
    assert "nothing that fits" in said["text"]
    assert room.facts == []


async def test_the_question_leaves_without_identity(study: IngestedStudy) -> None:
    library = Library()
    room = workspace(study, library)
    await EvidencePlugin(room).lookup("Jane Doe, MRN4711, born 03.04.1950: nodule of 8 mm")
    kept = json.dumps([library.asked, room.runner.steps[0].inputs])
    assert "8 mm" in library.asked[0]
    for identity in ("Jane", "Doe", "4711", "1950"):
        assert identity not in kept


async def test_without_a_library_the_remedy_is_told(study: IngestedStudy) -> None:
    with pytest.raises(ConfigurationError, match="No library"):
        await EvidencePlugin(workspace(study, None)).lookup("BI-RADS 3")
