"""The chest report specialist: a model's draft over real HTTP, sentence by sentence with its step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file

from agents.builtin.chat import NAME
from agents.chat_models import ChatConfiguration
from agents.planner import Planner
from domain.access import AccessContext
from domain.mask import Outcome
from domain.study import Ingest, Order
from inference.catalogue import Catalogue
from inference.cxrreportgen import CXRReportGen
from inference.local.in_process import embedded_models
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from jobs.analyse import Analyser
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from plugins.workspace import Surroundings
from tests.inference.contract_servers import ReportGen, serve
from tools.ingest import ingest

FINDINGS: list[Any] = [
    ["There is a small left pleural effusion.", [[0.1, 0.6, 0.4, 0.9]]],
    ["The heart size is normal.", None],
]


@pytest.fixture(scope="module")
def film() -> Ingest:
    pytest.importorskip("data_store", reason="the demonstration images are not installed")
    return ingest([Path(str(get_testdata_file("RG1_UNCR.dcm", download=False)))])


async def run(film: Ingest, contract: ReportGen, tmp_path: Path, question: str) -> dict[str, Any]:
    compute = ThreadCompute()
    with serve(contract) as url:
        async with open_client(read_s=20) as client:
            model = CXRReportGen(EndpointTransport(Endpoint(url), client), compute=compute)
            analyser = Analyser(
                Planner(ChatConfiguration()),
                Catalogue([], embedded_models()),
                compute=compute,
                clock=SystemClock(),
                software_version="test",
                around=Surroundings(chest_report=model),
            )
            (study,) = film.studies
            access = AccessContext("tester", study.study.patient.key)
            order = Order(indication=question)
            await analyser.analyse(study, order, access, out=tmp_path, analysis_id="a1")
    document: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    return document


async def test_a_chest_film_is_reported_with_the_steps_behind_each_sentence(film: Ingest, tmp_path: Path) -> None:
    document = await run(film, ReportGen(findings=FINDINGS), tmp_path, "cough, fever")
    drafted = [f for f in document["findings"] if f["text"].startswith("CXRReportGen drafts")]
    assert [f["text"].split(": ", 1)[1] for f in drafted] == [words for words, _ in FINDINGS]
    step = next(s for s in document["steps"] if s["agent"] == "chest-report")
    assert step["ok"]
    assert step["model"].startswith("CXRReportGen@")
    assert all(f["evidence"] == [step["id"]] and f["qa"] == Outcome.REVIEW for f in drafted)
    assert document["planner"] == NAME
    assert document["needs_review"]
    assert document["model_versions"]["CXRReportGen"] == "unknown"


async def test_the_question_goes_along_without_the_patient(film: Ingest, tmp_path: Path) -> None:
    contract = ReportGen(findings=FINDINGS)
    patient = film.studies[0].study.patient
    await run(film, contract, tmp_path, f"cough of patient {patient.patient_id}")
    assert "cough" in contract.texts[0]["indication"]
    assert patient.patient_id not in str(contract.texts)


async def test_a_report_that_fails_leaves_a_partial_analysis_with_the_reason(film: Ingest, tmp_path: Path) -> None:
    contract = ReportGen(findings=[["A.", [[10, 20, 300, 400]]]])
    document = await run(film, contract, tmp_path, "cough, fever")
    assert document["status"] == "partial"
    assert any(u.startswith("chest report") for u in document["unanswered"])
    assert not any("drafts" in f["text"] for f in document["findings"])
