"""`delivery-request` asks, over real records; nothing in a run signs, whatever it is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.chat.events import Translation
from domain.approval import Decision
from domain.errors import PatientLockViolation, TransitionRefused
from domain.ports import EventKind, RunEvent
from domain.study import IngestedStudy, Patient
from plugins.delivery import DeliveryPlugin, NothingToDeliver
from plugins.workspace import UnknownName, Workspace
from records.approvals import ApprovalRequests
from tests.plugins.rooms import room, slice_study
from tests.records.drafts import MINE, STUDY, Desk, desk_with_draft


@pytest.fixture(scope="module")
def study() -> IngestedStudy:
    """Of the patient whose draft is on record."""
    read = slice_study(Patient("P-1", name="Phantom^Test"))
    return replace(read, study=replace(read.study, study_uid=STUDY))


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return await desk_with_draft(tmp_path)


@pytest.fixture
def told() -> list[RunEvent]:
    return []


@pytest.fixture
def workspace(study: IngestedStudy, desk: Desk, told: list[RunEvent]) -> Workspace:
    made = room(study, "Sign it.", told, approvals=ApprovalRequests(desk.approvals))
    made.analyses.append("a1")
    return made


async def request(workspace: Workspace, action: str = "sign", destination: str = "") -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await DeliveryPlugin(workspace).request(action, destination))
    return said


async def test_a_request_is_on_record_and_nothing_is_signed(workspace: Workspace, desk: Desk) -> None:
    said = await request(workspace)
    (asked,) = await desk.approvals.of_study(MINE, STUDY)
    assert (said["approval"], said["state"]) == (asked.approval_id, "pending")
    assert (asked.effect.value, asked.asked_by, asked.decision) == ("sign", "tester", Decision.PENDING)
    assert "waits for a person's approval" in said["text"]
    assert "nothing has been done yet" in said["text"]
    assert await desk.status() == "draft"
    (step,) = workspace.runner.steps
    assert (step.agent, step.inputs) == ("delivery", {"action": "sign", "analysis": "a1"})
    assert f"[{step.step_id}]" in said["text"]
    (fact,) = workspace.facts
    assert (fact.step_id, fact.text in said["text"]) == (step.step_id, True)


async def test_the_user_is_shown_a_card(workspace: Workspace, told: list[RunEvent]) -> None:
    said = await request(workspace, "deliver")
    (card,) = [e for e in told if e.kind is EventKind.APPROVAL]
    assert card.data["approval_id"] == said["approval"]
    assert (card.data["effect"], card.data["state"], card.data["details"]) == (
        "deliver", "pending", {"destination": "folder"},
    )  # fmt: skip
    (event,) = Translation("t", "r").happened(card)
    wire = json.loads(event.model_dump_json(by_alias=True, exclude_none=True))
    assert (wire["type"], wire["name"], wire["value"]["analysis_id"]) == ("CUSTOM", "approval", "a1")


async def test_asked_twice_it_is_one_request_for_the_last_analysis(workspace: Workspace, desk: Desk) -> None:
    first = await request(workspace)
    assert (await request(workspace))["approval"] == first["approval"]
    workspace.analyses.insert(0, "a0")
    assert (await request(workspace))["approval"] == first["approval"]
    assert len(await desk.approvals.of_study(MINE, STUDY)) == 1


async def test_without_an_analysis_or_a_server_the_remedy_is_told(study: IngestedStudy, desk: Desk) -> None:
    with pytest.raises(NothingToDeliver, match="no analysis") as refused:
        await request(room(study, approvals=ApprovalRequests(desk.approvals)))
    assert "Ask for the analysis first" in refused.value.remedy
    with pytest.raises(NothingToDeliver, match="Use the server"):
        await request(room(study))


@pytest.mark.parametrize("action", ["approve", "", "sign; deliver", "delete"])
async def test_there_are_two_actions(workspace: Workspace, action: str) -> None:
    with pytest.raises(UnknownName, match="sign or deliver"):
        await request(workspace, action)


@pytest.mark.parametrize(
    ("destination", "error"),
    [("pacs", TransitionRefused), ("EHR", TransitionRefused), ("https://elsewhere.example", UnknownName)],
    ids=["pacs", "ehr", "a url"],
)
async def test_only_a_configured_destination(
    workspace: Workspace, desk: Desk, destination: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await request(workspace, "deliver", destination)
    assert await desk.approvals.of_study(MINE, STUDY) == ()
    assert workspace.facts == []


async def test_another_patients_analysis_is_not_asked_for(desk: Desk) -> None:
    other = slice_study(Patient("P-2"))
    workspace = room(
        replace(other, study=replace(other.study, study_uid=STUDY)), approvals=ApprovalRequests(desk.approvals)
    )
    workspace.analyses.append("a1")
    with pytest.raises(PatientLockViolation):
        await request(workspace)


def test_nothing_that_a_run_reaches_decides(workspace: Workspace) -> None:
    reached = workspace.around.approvals
    assert not [name for name in dir(reached) if "decide" in name]
    tools = [name for name in dir(DeliveryPlugin) if hasattr(getattr(DeliveryPlugin, name), "__kernel_function__")]
    assert tools == ["request"]
