"""Turns of conversation about a stored study: what one turn found, the next one knows."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agents.planner import PlannerAnswer
from domain.access import AccessContext
from domain.conversation import ConversationLog, SaidTurn
from domain.ports import Clock, Compute, EventKind, Listener, RunEvent
from domain.study import Order, Refusal
from jobs.analyse import Analyser
from jobs.contracts import ChatAnswer
from jobs.reading import read_study
from plugins.workspace import Said, Workspace
from records.analyses import AnalysisRecords
from records.files import FileStudyStore
from records.intake import IngestFunction

KEEP = 4
"""Conversations whose pixels stay in memory; an older one reads its study again."""


@dataclass
class _Open:
    workspace: Workspace
    refused: tuple[Refusal, ...]
    files: frozenset[str]
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class StudyConversations:
    """`jobs.contracts.Conversations` over the study store.

    Args:
        analyser: answers questions and writes artifacts.
        log: where turns are kept.
        ingest: reads a stored study; called in a compute process.
    """

    def __init__(
        self,
        *,
        analyser: Analyser,
        store: FileStudyStore,
        analyses: AnalysisRecords,
        log: ConversationLog,
        clock: Clock,
        compute: Compute,
        ingest: IngestFunction,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._analyser = analyser
        self._store = store
        self._analyses = analyses
        self._log = log
        self._clock = clock
        self._compute = compute
        self._ingest = ingest
        self._new_id = new_id
        self._open: OrderedDict[tuple[str, str], _Open] = OrderedDict()
        self._opening: dict[tuple[str, str], asyncio.Lock] = {}

    async def turn(
        self, access: AccessContext, study_uid: str, conversation_id: str, text: str, listener: Listener
    ) -> ChatAnswer:
        """Answer `text` about a study.

        Raises:
            StudyNotFound, PatientLockViolation.
        """
        said: list[str] = []

        def hear(event: RunEvent) -> None:
            if event.kind is EventKind.PLANNER_CHANGED:
                said.clear()
            elif event.kind is EventKind.TEXT:
                said.append(str(event.data.get("text", "")))
            listener(event)

        opened = await self._opened(access, study_uid, conversation_id, text, hear)
        async with opened.busy:
            workspace = opened.workspace
            workspace.runner.listen(hear)
            turns = await self._log.turns(access, conversation_id)
            workspace.earlier = tuple(Said(t.question, t.answer) for t in turns)
            workspace.analyses = [t.analysis_id for t in turns if t.analysis_id and t.study_uid == study_uid]
            workspace.ask(text)
            reply = await self._analyser.plan(workspace, hear)
            answer = await self._recorded(access, workspace, reply, hear, opened.refused)
            answer = replace(answer, text="".join(said) or answer.text)
            at = self._clock.now()
            kept = SaidTurn(text, answer.text, study_uid, at, answer.analysis_id, reply.planner)
            await self._log.append(access, conversation_id, kept)
        return answer

    async def _recorded(
        self,
        access: AccessContext,
        workspace: Workspace,
        reply: PlannerAnswer,
        hear: Listener,
        refused: tuple[Refusal, ...],
    ) -> ChatAnswer:
        """The turn's analysis on record; a turn that drafted nothing makes none."""
        if not workspace.summary:
            return ChatAnswer(reply.text)
        analysis_id = self._new_id()
        out: Path = self._analyses.folder(analysis_id)
        await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
        analysis = await self._analyser.finish(
            workspace, reply, out=out, analysis_id=analysis_id, listener=hear, refused=refused
        )
        await self._analyses.put(access, analysis)
        workspace.analyses.append(analysis_id)
        return ChatAnswer(analysis.summary, analysis_id, analysis.needs_review)

    @asynccontextmanager
    async def held(
        self, access: AccessContext, study_uid: str, conversation_id: str, text: str
    ) -> AsyncIterator[Workspace]:
        """The conversation's workspace, for tools that are called one by one; turns wait until it is let go.

        Args:
            text: what is asked, where the study has to be read.

        Raises:
            StudyNotFound, PatientLockViolation.
        """
        opened = await self._opened(access, study_uid, conversation_id, text, lambda _: None)
        async with opened.busy:
            opened.workspace.runner.listen(None)
            yield opened.workspace

    async def _opened(
        self, access: AccessContext, study_uid: str, conversation_id: str, text: str, listener: Listener
    ) -> _Open:
        """The conversation's workspace; read anew when files of the study came or went."""
        key = (conversation_id, study_uid)
        folder = await self._store.folder(access, study_uid)
        async with self._opening.setdefault(key, asyncio.Lock()):
            files = await asyncio.to_thread(_names, folder)
            known = self._open.get(key)
            if known is None or known.files != files:
                known = _Open(*await self._read(access, folder, study_uid, text, listener), files)
                self._open[key] = known
            self._open.move_to_end(key)
            self._forget()
            known.workspace.access.require(access.patient_key or "")
            return known

    async def _read(
        self, access: AccessContext, folder: Path, study_uid: str, text: str, listener: Listener
    ) -> tuple[Workspace, tuple[Refusal, ...]]:
        ingested, refused = await read_study(self._compute, self._ingest, folder, study_uid, text)
        return await self._analyser.open(ingested, Order(indication=text), access, listener), refused

    def _forget(self) -> None:
        """Let go of the pixels of the oldest conversations that nobody waits for."""
        for key in [k for k, v in self._open.items() if not v.busy.locked()]:
            if len(self._open) <= KEEP:
                return
            del self._open[key]
            self._opening.pop(key, None)


def _names(folder: Path) -> frozenset[str]:
    return frozenset(p.name for p in folder.iterdir()) if folder.is_dir() else frozenset()
