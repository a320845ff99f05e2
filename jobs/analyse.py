"""The run of an analysis: an ingested study and an order in, a reviewable draft and its files out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from agents.planner import PlannerAnswer
from domain.access import AccessContext
from domain.analysis import Analysis, Status
from domain.mask import Outcome
from domain.ports import Clock, Compute, EventKind, Listener, RunEvent, StepRunner
from domain.study import IngestedStudy, Order, Refusal
from inference.catalogue import Catalogue
from inference.transport.priority import at_priority
from jobs.steps import RecordingStepRunner
from plugins.study import facts
from plugins.workspace import ALONE, Surroundings, Workspace
from prompts.library import hashes
from tools.artifacts import NOT_WRITTEN, write_artifacts


class Planning(Protocol):
    """Anything that answers a workspace's question."""

    async def run(self, workspace: Workspace, listener: Listener | None = None) -> PlannerAnswer:
        """See `agents.planner.Planner.run`."""


class Analyser:
    """Runs analyses.

    Args:
        planner: who plans.
        catalogue: which models may answer.
        around: what else a run may reach: other models, history, priors, guidance, approvals, advice.
        repeats: varied answers of a model besides its first, whose agreement becomes a confidence.
        released: a person has released images that may carry burned-in text.
        tries: further tries at poor outlines that a turn may make.
        requested_tries: further tries at one outline that readers' complaints may make in a conversation.
    """

    def __init__(
        self,
        planner: Planning,
        catalogue: Catalogue,
        *,
        compute: Compute,
        clock: Clock,
        software_version: str,
        around: Surroundings = ALONE,
        released: bool = False,
        repeats: int = 0,
        tries: int = 4,
        requested_tries: int = 12,
    ) -> None:
        self._planner = planner
        self._catalogue = catalogue
        self._compute = compute
        self._clock = clock
        self._version = software_version
        self._around = around
        self._released = released
        self._repeats = repeats
        self._tries = tries
        self._requested_tries = requested_tries

    def reaching(self, **more: Any) -> Analyser:
        """The same analyser whose runs reach more: fields of `Surroundings` by name."""
        other = copy(self)
        other._around = replace(self._around, **more)
        return other

    async def open(
        self,
        ingested: IngestedStudy,
        order: Order,
        access: AccessContext,
        listener: Listener | None = None,
        runner: StepRunner | None = None,
    ) -> Workspace:
        """A workspace for a study, with the ingest as its first step.

        Args:
            runner: runs the steps, and tells its own listener; without one they are recorded in memory.

        Raises:
            PatientLockViolation: the study is of another patient than the access.
        """
        runner = runner or RecordingStepRunner(self._clock, listener)
        workspace = Workspace(
            ingested=ingested,
            order=order,
            access=access,
            catalogue=self._catalogue,
            runner=runner,
            compute=self._compute,
            around=self._around,
            released=self._released,
            repeats=self._repeats,
            tries=self._tries,
            tries_left=self._tries,
            requested_tries=self._requested_tries,
        )

        async def check() -> tuple[str, ...]:
            series = {name: workspace.series(name) for name in workspace.series_names}
            return (*(f"{n}: {text}" for n, s in series.items() for text in s.warnings), *ingested.study.warnings)

        inputs = {name: facts(workspace.series(name)) for name in workspace.series_names}
        workspace.standing, _ = await runner.run("ingest", "check_series", check, inputs=inputs)
        return workspace

    async def analyse(
        self,
        ingested: IngestedStudy,
        order: Order,
        access: AccessContext,
        *,
        out: Path,
        analysis_id: str,
        listener: Listener | None = None,
        refused: Sequence[Refusal] = (),
    ) -> Analysis:
        """Run everything and write the artifacts into `out`.

        Raises:
            PatientLockViolation: the study is of another patient than the access.
        """
        workspace = await self.open(ingested, order, access, listener)
        return await self.answer(workspace, out=out, analysis_id=analysis_id, listener=listener, refused=refused)

    async def answer(
        self,
        workspace: Workspace,
        *,
        out: Path,
        analysis_id: str,
        listener: Listener | None = None,
        refused: Sequence[Refusal] = (),
    ) -> Analysis:
        """Answer the workspace's question and write the artifacts into `out`."""
        reply = await self.plan(workspace, listener)
        return await self.finish(workspace, reply, out=out, analysis_id=analysis_id, listener=listener, refused=refused)

    async def plan(self, workspace: Workspace, listener: Listener | None = None) -> PlannerAnswer:
        """Answer the workspace's question; what was found is in the workspace."""
        if listener is not None:
            # Ingest, assess, measure and compose, and for each series craft and segment.
            expected = 4 + 2 * len(workspace.series_names)
            listener(RunEvent(EventKind.PROGRESS, {"expected": expected}))
        with at_priority(workspace.order.priority):
            return await self._planner.run(workspace, listener)

    async def finish(
        self,
        workspace: Workspace,
        reply: PlannerAnswer,
        *,
        out: Path,
        analysis_id: str,
        listener: Listener | None = None,
        refused: Sequence[Refusal] = (),
    ) -> Analysis:
        """The analysis that the answer amounts to, with its artifacts in `out`."""
        draft = assemble(workspace, reply, analysis_id=analysis_id, created=self._clock.now(), refused=refused)
        analysis = completed(draft, await self.write(workspace, draft, out))
        if listener is not None:
            listener(RunEvent(EventKind.DONE, {"analysis_id": analysis_id, "needs_review": analysis.needs_review}))
        return analysis

    async def write(self, workspace: Workspace, draft: Analysis, out: Path) -> tuple[str, ...]:
        """Write the artifacts of a draft into `out`; the same draft gives the same files. Returns the warnings.

        Raises:
            OSError: the report itself cannot be written.
        """
        volumes = {m.series_uid: workspace.ingested.volumes[m.series_uid] for m in workspace.masks.values()}
        _, warnings = await self._compute.run(
            write_artifacts,
            draft,
            volumes or workspace.ingested.volumes,
            out,
            when=draft.created,
            software_version=self._version,
            prompt_hashes=hashes(),
        )
        return warnings


def completed(draft: Analysis, warnings: Sequence[str]) -> Analysis:
    """A draft with what came up while its artifacts were written."""
    incomplete = any(NOT_WRITTEN in warning for warning in warnings)
    return replace(draft, warnings=(*draft.warnings, *warnings), needs_review=draft.needs_review or incomplete)


def assemble(
    workspace: Workspace,
    reply: PlannerAnswer,
    *,
    analysis_id: str,
    created: datetime,
    refused: Sequence[Refusal],
) -> Analysis:
    """The Analysis that a finished workspace amounts to."""
    masks = tuple(workspace.masks.values())
    doubtful = any(m.quality is None or m.quality.outcome is not Outcome.PASS for m in masks)
    return Analysis(
        analysis_id=analysis_id,
        study=workspace.ingested.study,
        order=workspace.order,
        status=Status.PARTIAL if workspace.partial else Status.DRAFT,
        created=created,
        findings=tuple(workspace.findings),
        measurements=workspace.measurements,
        masks=masks,
        steps=tuple(workspace.runner.steps),
        prompts=tuple(workspace.prompts),
        warnings=workspace.warnings,
        refused=tuple(refused),
        features=workspace.feature_rows,
        refinements=tuple(workspace.refinements),
        changes=tuple(workspace.changes),
        critical=tuple(workspace.critical),
        usage=dict(workspace.usage),
        model_versions=dict(workspace.model_versions),
        planner=reply.planner,
        summary=workspace.wording or workspace.summary or reply.text,
        needs_review=doubtful
        or bool(workspace.unanswered)
        or bool(workspace.reported)
        or workspace.partial
        or not masks,
        unanswered=(*workspace.unanswered_texts, *((workspace.reply.text,) if workspace.reply else ())),
    )
