"""Feedback over HTTP: facts from the analysis, refusals that say what to do, the patient lock, the ledger."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from api.application import create_app
from api.feedback.reviewed import reviewed
from api.services import Services
from domain.analysis import PromptRecord
from domain.finding import Finding
from domain.mask import Outcome
from domain.study import Order, Patient
from memory.embedder import NgramEmbedder
from memory.learning import Learning, open_learning
from records.feedback import FeedbackRecords
from tests.api.engine import SECRET, ct_slice
from tests.tools.outputs_builders import WHEN, analysis_of, box, mask_on, volume_of
from tools.artifacts import write_artifacts

PATIENT = Patient("P1", name="Secret^Name")
SERIES = "1.2.826.1.1"


@pytest.fixture
async def learning(services: Services, tmp_path: Path) -> AsyncIterator[Learning]:
    opened = open_learning(tmp_path / "learned", b"a key of this test only", embedder=NgramEmbedder())
    yield opened
    opened.close()


@pytest.fixture
async def taught(services: Services, learning: Learning) -> AsyncIterator[httpx.AsyncClient]:
    """The application with a memory."""
    transport = httpx.ASGITransport(create_app(replace(services, learning=learning)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


async def analysed(
    services: Services, http: httpx.AsyncClient, tmp_path: Path, analysis_id: str = "a1", words: str = "liver"
) -> str:
    """A stored analysis with a liver that QA passed and a spleen that it rejected."""
    slices = [ct_slice(index=k) for k in range(3)]
    reply = await http.post("/api/v1/studies", files=[("files", (f"{k}.dcm", s)) for k, s in enumerate(slices)])
    uid = reply.json()["studies"][0]["study_uid"]
    source = tmp_path / f"source-{analysis_id}"
    source.mkdir()
    paths = [source / f"{k}.dcm" for k in range(3)]
    for path, content in zip(paths, slices, strict=True):
        path.write_bytes(content)
    volume = volume_of(paths, body_part="ABDOMEN")
    liver = mask_on(volume, "liver", box(volume.geometry), 1, step_id="s3")
    spleen = mask_on(volume, "spleen", box(volume.geometry, shift=0.2), 2, Outcome.REJECT, step_id="s3")
    analysis = analysis_of(
        [volume],
        [liver, spleen],
        patient=PATIENT,
        analysis_id=analysis_id,
        order=Order(f"Liver of Ms {SECRET.split('^')[0]}?"),
        findings=(Finding("f1", "The liver is large.", ("s3",), None, Outcome.PASS),),
        prompts=(
            PromptRecord(SERIES, "liver", "hepatic parenchyma", "liver", True, 0.9, "asked for as 'liver' (s2)"),
            PromptRecord(SERIES, "liver", words, "-40 to 180", True, 0.9, "asked for as 'liver' (s3)"),
            PromptRecord(SERIES, "spleen", "spleen", "lung", True, 0.9, "asked for (s3)"),
        ),
    )
    access = await services.studies.access("reader", uid)
    folder = services.analyses.folder(analysis_id)
    write_artifacts(analysis, {SERIES: volume}, folder, when=WHEN, software_version="1")
    await services.analyses.put(access, analysis)
    return analysis_id


@pytest.fixture
async def analysis(services: Services, taught: httpx.AsyncClient, tmp_path: Path) -> str:
    return await analysed(services, taught, tmp_path)


def whole() -> dict[str, Any]:
    """A corrected mask: all of the series."""
    return {"shape": [3, 32, 32], "runs": [0, 3 * 32 * 32]}


async def test_facts_come_from_the_analysis(taught: httpx.AsyncClient, analysis: str) -> None:
    body = {"kind": "mask_correction", "analysis_id": analysis, "mask_id": "m1", "corrected_mask": whole()}
    reply = await taught.post("/api/v1/feedback", json={**body, "role": "resident", "note": "Name, Secret: too small"})
    assert reply.status_code == 201, reply.text
    said = reply.json()
    assert (said["modality"], said["region"], said["target"]) == ("CT", "abdomen", "liver")
    assert said["used"] == {"prompt": "liver", "window": "-40 to 180"}  # of the step that made the mask
    assert said["model"] == "MedImageParse@3"
    assert said["note"] == "[NAME], [NAME]: too small"
    inside = np.zeros((3, 32, 32), bool)
    inside[0:1, 8:19, 8:19] = True  # 0.25 to 0.6 of each axis
    assert said["dice_before"] == pytest.approx(2 * inside.sum() / (inside.sum() + inside.size))
    listed = (await taught.get("/api/v1/feedback", params={"analysis_id": analysis})).json()["feedback"]
    assert listed == [said]
    again = await taught.post("/api/v1/feedback", json={**body, "role": "resident", "note": "Name, Secret: too small"})
    assert again.json()["id"] == said["id"]


async def test_a_target_may_be_named_and_a_sentence_edited(taught: httpx.AsyncClient, analysis: str) -> None:
    rejected = {"kind": "rejected_prompt", "analysis_id": analysis, "target": "Spleen"}
    said = (await taught.post("/api/v1/feedback", json=rejected)).json()
    assert said["used"] == {"prompt": "spleen", "window": None}  # the protocol's window is the rule, no setting
    edited = {"kind": "edited_sentence", "analysis_id": analysis, "finding_id": "f1"}
    reply = await taught.post("/api/v1/feedback", json={**edited, "sentence_after": "The liver of Secret is normal."})
    said = reply.json()
    assert (said["sentence_before"], said["sentence_after"]) == (
        "The liver is large.",
        "The liver of [NAME] is normal.",
    )


@pytest.mark.parametrize(
    ("window", "kept", "limits"),
    [("lung", True, (-1000, 1000)), ("lung", False, None), ("-40 to 180", False, (-40, 180)), ("liver", False, None)],
    ids=["refined", "refined in vain", "advised", "of the protocol"],
)
def test_a_window_is_a_setting_where_it_took_the_rules_place(
    window: str, kept: bool, limits: tuple[float, float] | None
) -> None:
    row = {"series_uid": "1.2", "target": "spleen", "text": "spleen", "window": window, "reason": "asked for (s3)"}
    refined = {"series_uid": "1.2", "target": "spleen", "change": "window", "after": "lung", "kept": kept}
    series = {"series_uid": "1.2", "modality": "CT", "body_part": "CHEST", "shape": [1, 4, 4]}
    found = reviewed({"prompts": [row], "refinements": [refined], "series": [series]}, "", "spleen")
    used = found.used.window
    assert (used and (used.low, used.high)) == limits
    assert (found.region, found.voxels, found.outcome) == ("chest", None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "accepted", "mask_id": "m9"}, "mask_id"),
        ({"kind": "accepted"}, "mask_id"),
        ({"kind": "accepted", "target": "kidney"}, "target"),
        ({"kind": "mask_correction", "mask_id": "m1"}, "dice_before"),
        ({"kind": "mask_correction", "mask_id": "m1", "corrected_mask": {"shape": [1, 2, 2], "runs": []}}, "shape"),
        ({"kind": "mask_correction", "mask_id": "m1", "corrected_mask": {"shape": [3, 32, 32], "runs": [9]}}, "runs"),
        ({"kind": "mask_correction", "mask_id": "m2", "corrected_mask": whole()}, "corrected_mask"),
        ({"kind": "preferred_wording", "mask_id": "m1"}, "better"),
        ({"kind": "preferred_wording", "mask_id": "m1", "better": {"prompt": "spleen"}}, "better.prompt"),
        ({"kind": "preferred_wording", "mask_id": "m1", "better": {"prompt": "liver; and ignore"}}, "better.prompt"),
        ({"kind": "preferred_wording", "mask_id": "m1", "better": {"prompt": "liver of Secret"}}, "better"),
        (
            {
                "kind": "preferred_wording",
                "mask_id": "m1",
                "better": {"prompt": "Liver", "window": {"low": -40, "high": 180}},
            },
            "better",
        ),
        ({"kind": "edited_sentence", "finding_id": "f7", "sentence_after": "x"}, "finding_id"),
        ({"kind": "accepted", "mask_id": "m1", "replaces": "fb-" + "0" * 24}, "replaces"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_does_not_fit_is_refused(
    taught: httpx.AsyncClient, analysis: str, learning: Learning, body: dict[str, Any], field: str
) -> None:
    reply = await taught.post("/api/v1/feedback", json={"analysis_id": analysis, **body})
    assert reply.status_code == 422, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["type"] == "urn:medimage:problem:feedback-refused"
    assert field in problem["detail"]
    assert "Secret" not in reply.text
    assert problem["remedy"]
    assert learning.memory().of_analysis("|P1", analysis) == ()


async def test_words_that_were_tried_are_read_from_their_analysis(
    services: Services, taught: httpx.AsyncClient, analysis: str, tmp_path: Path
) -> None:
    other = await analysed(services, taught, tmp_path, "a2", "whole liver")
    body = {
        "kind": "mask_correction",
        "analysis_id": analysis,
        "mask_id": "m1",
        "corrected_mask": whole(),
        "tried": {"analysis_id": other, "mask_id": "m1"},
    }
    said = (await taught.post("/api/v1/feedback", json=body)).json()
    assert said["better"] == {"prompt": "whole liver", "window": "-40 to 180"}
    assert said["dice_after"] == said["dice_before"]  # the same mask
    twice = await taught.post("/api/v1/feedback", json={**body, "better": {"prompt": "whole liver"}})
    assert (twice.status_code, "tried" in twice.json()["detail"]) == (422, True)


async def test_feedback_is_revoked_restored_and_replaced(taught: httpx.AsyncClient, analysis: str) -> None:
    first = (
        await taught.post("/api/v1/feedback", json={"kind": "accepted", "analysis_id": analysis, "mask_id": "m1"})
    ).json()
    change = {"analysis_id": analysis, "reason": "duplicate", "role": "radiologist"}
    revoked = (await taught.post(f"/api/v1/feedback/{first['id']}/revoke", json=change)).json()
    assert (revoked["active"], revoked["history"][-1]["reason"]) == (False, "duplicate")
    restored = (await taught.post(f"/api/v1/feedback/{first['id']}/restore", json=change)).json()
    assert (restored["active"], restored["history"][-1]["role"]) == (True, "radiologist")
    later = {"kind": "rejected_prompt", "analysis_id": analysis, "mask_id": "m1", "replaces": first["id"]}
    assert (await taught.post("/api/v1/feedback", json=later)).status_code == 201
    listed = (await taught.get("/api/v1/feedback", params={"analysis_id": analysis})).json()["feedback"]
    assert {f["kind"]: f["active"] for f in listed} == {"accepted": False, "rejected_prompt": True}


async def test_feedback_is_reached_by_its_own_analysis_only(
    services: Services, taught: httpx.AsyncClient, analysis: str, tmp_path: Path
) -> None:
    other = await analysed(services, taught, tmp_path, "a2")
    body = {"kind": "accepted", "analysis_id": analysis, "mask_id": "m1"}
    said = (await taught.post("/api/v1/feedback", json=body)).json()
    for analysis_id in (other, "a-none"):
        reply = await taught.post(
            f"/api/v1/feedback/{said['id']}/revoke", json={"analysis_id": analysis_id, "reason": "wrong"}
        )
        assert reply.status_code == 404
    listed = (await taught.get("/api/v1/feedback", params={"analysis_id": other})).json()
    assert listed == {"feedback": []}


async def test_the_ledger_knows_what_was_done_and_what_was_refused(
    services: Services, taught: httpx.AsyncClient, analysis: str
) -> None:
    said = {"kind": "accepted", "analysis_id": analysis, "mask_id": "m1"}
    await taught.post("/api/v1/feedback", json=said)
    await taught.post("/api/v1/feedback", json={**said, "replaces": "fb-" + "0" * 24})
    exported = await taught.get("/api/v1/feedback/export")
    assert exported.headers["content-type"].startswith("application/jsonl")
    assert [json.loads(line)["feedback"]["kind"] for line in exported.text.splitlines()] == ["accepted"]
    assert "Secret" not in exported.text
    events = [e for e in await services.audit.list(services.nobody, limit=1000) if e.action.startswith("feedback.")]
    assert [(e.action, e.outcome) for e in events if e.action in ("feedback.add", "feedback.export")] == [
        ("feedback.add", "ok"),
        ("feedback.add", "refused"),
        ("feedback.export", "ok"),
    ]
    access = await services.analyses.access(services.user, analysis)
    given = await FeedbackRecords(services.audit).of_analysis(access, analysis)
    assert [(g.kind, g.target, g.given_by) for g in given] == [("accepted", "liver", services.user)]
    patients = {e.patient for e in events if e.action == "feedback.add"}
    assert patients == {services.audit.pseudonym("|P1")}


@pytest.mark.parametrize("path", ["/api/v1/feedback?analysis_id=a1", "/api/v1/feedback/export", "/api/v1/strategies"])
async def test_where_it_is_switched_off_the_answer_says_how_to_switch_it_on(
    client: httpx.AsyncClient, path: str
) -> None:
    reply = await client.get(path)
    assert reply.status_code == 503
    assert "MEDIMAGE_MEMORY__ENABLED" in reply.json()["remedy"]


async def test_a_memory_of_another_process_is_a_conflict_with_a_remedy(
    services: Services, taught: httpx.AsyncClient, analysis: str, learning: Learning, tmp_path: Path
) -> None:
    learning.begin()
    second = open_learning(tmp_path / "learned", b"a key of this test only", embedder=NgramEmbedder())
    transport = httpx.ASGITransport(create_app(replace(services, learning=second)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as other:
        reply = await other.post(
            "/api/v1/feedback", json={"kind": "accepted", "analysis_id": analysis, "mask_id": "m1"}
        )
    second.close()
    assert reply.status_code == 409
    assert reply.json()["type"] == "urn:medimage:problem:memory-owned"
    assert "chroma run" in reply.json()["remedy"]
