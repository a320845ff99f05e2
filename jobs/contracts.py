"""What jobs and the API ask of the engine: a turn of conversation, a queue."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.access import AccessContext
from domain.ports import JobQueue, Listener
from plugins.workspace import Workspace


@dataclass(frozen=True)
class ChatAnswer:
    """What a turn of conversation came to.

    Attributes:
        analysis_id: the analysis that the turn ran, "" when it ran none.
        needs_review: something passed with doubt, or a question could not be answered.
    """

    text: str
    analysis_id: str = ""
    needs_review: bool = False


class Conversations(Protocol):
    """Turns of the planner about one patient."""

    def turn(
        self, access: AccessContext, study_uid: str, conversation_id: str, text: str, listener: Listener
    ) -> Awaitable[ChatAnswer]:
        """Answer `text`; events go to `listener` as they happen, on the event loop's thread."""

    def held(
        self, access: AccessContext, study_uid: str, conversation_id: str, text: str
    ) -> AbstractAsyncContextManager[Workspace]:
        """The conversation's workspace while no turn works on it; `text` is asked where the study has to be read."""


class Queue(JobQueue, Protocol):
    """A job queue that can say which study a job is about, so that a caller can be bound to its patient."""

    async def study_of(self, job_id: str) -> str:
        """Study UID of a job. Raises JobNotFound."""
