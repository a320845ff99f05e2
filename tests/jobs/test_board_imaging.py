"""The planner on a board: its steps are told as they happen and carry the answer, for the board's patient alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

import app
from api.services import Services
from domain.access import AccessContext
from domain.board import AuthorKind, BoardMessage, BoardState, Claim, Source
from domain.errors import PatientLockViolation
from domain.ports import RunEvent
from jobs.board_case import CaseReader
from jobs.board_imaging import ConversationImaging
from jobs.board_run import BoardSession, Inbox, inside
from jobs.boards import BoardRooms
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from records.boards import BoardRecords
from settings import Settings
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour({"liver": disc(0.45, 0.4, 0.2, "liver")}, (128, 128))


@pytest.fixture
async def services(tmp_path: Path, behaviour: Behaviour) -> AsyncIterator[Services]:
    with endpoint_server(behaviour) as url:
        settings = Settings.model_validate(
            {"data_dir": tmp_path, "models": {"medimageparse": {"endpoints": [{"url": url, "version": "7"}]}}}
        )
        compute, clock = ThreadCompute(), SystemClock()
        async with app.composition(settings).engine(compute, clock) as parts:
            services = app.assemble(settings, parts, compute, clock, compute)
            (tmp_path / "a.dcm").write_bytes(CT.read_bytes())
            await services.intake.admit(services.nobody, [tmp_path / "a.dcm"])
            yield services
            await services.close()


@pytest.fixture
def imaging(services: Services) -> ConversationImaging:
    return ConversationImaging(
        conversations=services.conversations,
        bindings=services.bindings,
        studies=services.studies,
        analyses=services.analyses,
    )


@pytest.fixture
async def bound(services: Services) -> tuple[AccessContext, str]:
    """The patient of the only study, and the study."""
    study = (await services.studies.list(services.nobody))[0]
    return AccessContext("radiologist", study.patient_key), study.study_uid


class ImagingTeam:
    """Asks each study and says what came, with the steps that it rests on."""

    def __init__(self, imaging: ConversationImaging) -> None:
        self._imaging = imaging

    async def run(
        self,
        session: BoardSession,
        tell: Callable[[BoardMessage], Awaitable[None]],
        inbox: Inbox,
        stop: asyncio.Event,
    ) -> None:
        for uid in session.board.study_uids:
            text, analysis_id, steps = await self._imaging.ask(session.access, uid, session.board.question)
            claim = Claim(text, tuple(Source("step", f"{analysis_id}/{s.step_id}") for s in steps if s.ok))
            at = datetime(2026, 1, 2, tzinfo=UTC)
            await tell(BoardMessage("m1", "imaging", AuthorKind.AGENT, at, (claim,)))


async def test_a_board_gets_a_measured_answer_with_the_steps_behind_it(
    services: Services, imaging: ConversationImaging, bound: tuple[AccessContext, str]
) -> None:
    access, uid = bound
    rooms = BoardRooms(
        boards=BoardRecords(services.audit, services.clock),
        team=ImagingTeam(imaging),
        case=CaseReader(None, ThreadCompute()),
        audit=services.audit,
        clock=services.clock,
    )
    board = (await rooms.open(access, "Liver", (uid,), "How large is the liver?")).board_id
    await rooms.start(access, board)
    async with asyncio.timeout(30):
        while await rooms.state(access, board) is not BoardState.OPEN:
            await asyncio.sleep(0.01)
    _, messages, _ = await rooms.get(access, board)
    assert "Liver: " in messages[0].text
    assert "mm²" in messages[0].text
    references = [source.reference for source in messages[0].claims[0].sources]
    analysis_id = references[0].split("/")[0]
    record = await services.analyses.get(access, analysis_id)
    steps = record.document["steps"]
    assert references == [f"{analysis_id}/{s['id']}" for s in steps]
    await rooms.close(access, board)
    told = [e.data["id"] async for _, e in rooms.events(access, board) if e.kind.value == "step_finished"]
    assert set(told) >= {s["id"] for s in steps if s["agent"] != "ingest"}


async def test_on_one_board_a_later_question_knows_what_was_found(
    imaging: ConversationImaging, bound: tuple[AccessContext, str], behaviour: Behaviour
) -> None:
    access, uid = bound
    told: list[RunEvent] = []
    heard: list[RunEvent] = []
    with inside("b1", told.append):
        first, analysis_id, steps = await imaging.ask(access, uid, "How large is the liver?")
        asked = len(behaviour.requests)
        assert asked > 0
        again, _, _ = await imaging.ask(access, uid, "And how large is the liver?", heard.append)
    assert "mm²" in first
    assert "mm²" in again
    assert len(behaviour.requests) == asked
    assert analysis_id
    assert {s.agent for s in steps} >= {"segmentation", "measurement"}
    assert heard == told[-len(heard) :] != []


async def test_another_patients_images_are_not_asked(
    services: Services, imaging: ConversationImaging, bound: tuple[AccessContext, str]
) -> None:
    _, uid = bound
    with pytest.raises(PatientLockViolation):
        await imaging.ask(AccessContext("radiologist", "|P2"), uid, "How large is the liver?")
    assert await services.analyses.of_study(bound[0], uid) == ()
