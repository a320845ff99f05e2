"""`report-compose`: the draft, from what the steps of this run support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.finding import Finding
from domain.mask import Mask
from domain.study import Volume
from plugins.comparison import prior_rows
from plugins.results import result
from plugins.workspace import Workspace
from prompts.critical import critical_rows
from prompts.protocols import protocols
from prompts.statements.sided import sided
from tools.comparison.sentences import sentences
from tools.findings import Drafted, conflicts, findings_of, summary_of
from tools.laterality import lies_on

DERIVED_TARGETS = frozenset({"cardiothoracic ratio"})
"""What a change may be about besides an outline's target."""


def sides_of(masks: Sequence[Mask], volumes: Mapping[str, Volume]) -> dict[str, str]:
    """On which side of the patient each mask lies, by mask id."""
    return {m.mask_id: lies_on(m, volumes[m.series_uid]) for m in masks}


class ReportPlugin:
    """The draft of this run."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="compose",
        description="Write the draft report from what was outlined, measured, drafted, ranked and compared. Call it "
        "once, after the last tool that finds something; answer with its findings only.",
    )
    async def compose(self) -> Annotated[str, "JSON: summary, findings with evidence, critical, unanswered, warnings"]:
        """Findings, each with the ids of the steps behind it, what must be told at once, and the summary."""
        workspace = self._workspace
        dates = {row["name"]: row["date"] for row in await prior_rows(workspace)} if workspace.changes else {}

        async def work() -> tuple[tuple[Finding, ...], tuple[str, ...]]:
            findings = self._findings({m.target for m in workspace.masks.values()}, dates)
            return findings, await self._conflicts(findings)

        def told(done: tuple[tuple[Finding, ...], tuple[str, ...]]) -> Mapping[str, object]:
            critical = self._critical(done[0])  # with the step, so that who waits for it need not wait for the rest
            return {"findings": len(done[0]), **({"critical": critical} if critical else {})}

        (findings, doubts), _ = await workspace.runner.run("report", "compose", work, inputs={}, outputs=told)
        for doubt in doubts:
            workspace.warn(doubt)
        workspace.findings = list(findings)
        workspace.critical = self._critical(findings)
        unanswered = workspace.unanswered_texts
        workspace.summary = summary_of(findings, unanswered)
        return result(
            {
                "summary": workspace.summary,
                "answer": summary_of(self._findings(workspace.targets_in_question, dates), unanswered),
                "findings": [{"id": f.finding_id, "text": f.text, "evidence": list(f.evidence)} for f in findings],
                "critical": workspace.critical,
                "unanswered": list(unanswered),
                "warnings": list(workspace.warnings),
            }
        )

    def _findings(self, targets: set[str], dates: Mapping[str, str]) -> tuple[Finding, ...]:
        """Statements about targets; `dates` of prior studies by their names."""
        workspace = self._workspace
        uids = [s.series_uid for s in workspace.ingested.study.series]
        chosen = {i: m for i, m in workspace.masks.items() if m.target in targets}
        drafted = [
            Drafted(f"{s.model.split('@')[0]} drafts: {s.text}", s.step_id, series_uid, s.boxes)
            for series_uid, said in workspace.reported.items()
            for s in said
        ]
        ranked = [s for said in workspace.classified.values() for s in said]
        found = findings_of(
            tuple(chosen.values()),
            workspace.measured,
            [(d.measurement, d.mask_ids) for d in workspace.derived if chosen.keys() & set(d.mask_ids)],
            workspace.quality_steps,
            dict(zip(uids, workspace.series_names, strict=True)),
            [*drafted, *(Drafted(s.text, s.step_id) for s in ranked)],
        )
        changes = [c for c in workspace.changes if c.target.split(", lesion ")[0] in targets | DERIVED_TARGETS]
        compared = [(text, steps) for text, steps in sentences(changes, dates) if steps]
        return (*found, *(Finding(f"f{n}", text, steps) for n, (text, steps) in enumerate(compared, len(found) + 1)))

    async def _conflicts(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """A sentence that puts a structure on the other side than its outline is warned of, not changed."""
        workspace = self._workspace
        masks = [m for m in workspace.masks.values() if workspace.usable(m) and m.voxel_count]
        if not masks or not any(workspace.reported.values()):
            return ()  # our own sentences are made from the outlines
        lies = await workspace.compute.run(sides_of, masks, workspace.ingested.volumes)
        return tuple(conflicts(findings, masks, lies, sided))

    def _critical(self, findings: Sequence[Finding]) -> list[dict[str, object]]:
        """Findings that must be told at once, by the table, each once."""
        workspace = self._workspace
        outlined = [(m.target, workspace.usable(m), m.voxel_count) for m in workspace.masks.values()]
        rows: dict[tuple[object, object], dict[str, object]] = {}
        for series in workspace.ingested.study.series:
            region = next(iter(protocols().regions(series.body_part)), "")
            for row in critical_rows(findings, outlined, workspace.measurements, series.modality, region):
                rows.setdefault((row["finding"], row["rule"]), row)
        return sorted(rows.values(), key=lambda row: int(str(row["minutes"])))
