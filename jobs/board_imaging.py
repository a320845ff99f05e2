"""The planner as a board's imaging agent: a turn of conversation about one study, with the steps it rests on."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from domain.access import AccessContext
from domain.analysis import Step
from domain.ports import Listener, RunEvent
from domain.study import Study
from jobs.board_run import around
from jobs.contracts import Conversations
from records.analyses import AnalysisRecords
from records.conversations import ConversationRecords
from records.studies import StudyRecords


class ConversationImaging:
    """Answers about the studies of a board.

    Each user of a board has one conversation about each study, so that a later question knows the earlier answer.
    """

    def __init__(
        self,
        *,
        conversations: Conversations,
        bindings: ConversationRecords,
        studies: StudyRecords,
        analyses: AnalysisRecords,
    ) -> None:
        self._conversations = conversations
        self._bindings = bindings
        self._studies = studies
        self._analyses = analyses

    async def ask(
        self, access: AccessContext, study_uid: str, question: str, listener: Listener | None = None
    ) -> tuple[str, str, tuple[Step, ...]]:
        """The planner's words, its analysis ("" when it made none), and the steps of that analysis.

        Steps are told to the board whose run asks, and to `listener`.

        Raises:
            StudyNotFound, PatientLockViolation, and what a turn raises.
        """
        run = around()
        hearing = [heard for heard in (run.listener if run else None, listener) if heard is not None]

        def hear(event: RunEvent) -> None:
            for heard in hearing:
                heard(event)

        conversation_id = _conversation(run.board_id if run else uuid.uuid4().hex, access.user, study_uid)
        await self._bindings.bind(access, conversation_id, await self._studies.get(access, study_uid))
        answer = await self._conversations.turn(access, study_uid, conversation_id, question, hear)
        if not answer.analysis_id:
            return answer.text, "", ()
        record = await self._analyses.get(access, answer.analysis_id)
        return answer.text, answer.analysis_id, tuple(_steps(record.document))

    async def study(self, access: AccessContext, study_uid: str, question: str) -> Study:
        """What a study is, for the agents of a board.

        Raises:
            StudyNotFound, PatientLockViolation.
        """
        run = around()
        conversation_id = _conversation(run.board_id if run else uuid.uuid4().hex, access.user, study_uid)
        await self._bindings.bind(access, conversation_id, await self._studies.get(access, study_uid))
        async with self._conversations.held(access, study_uid, conversation_id, question) as workspace:
            return workspace.ingested.study


def _conversation(board_id: str, user: str, study_uid: str) -> str:
    part = hashlib.sha256(f"{user}\n{study_uid}".encode()).hexdigest()[:24]
    return f"board-{board_id}-{part}"


def _steps(document: Mapping[str, Any]) -> Iterator[Step]:
    """Steps as `report.json` has them: without their inputs and outputs."""
    for step in document["steps"]:
        yield Step(
            step_id=step["id"],
            agent=step["agent"],
            tool=step["tool"],
            started=datetime.fromisoformat(step["started"]),
            seconds=step["seconds"],
            ok=step["ok"],
            model=step["model"],
            error=step["error"],
        )
