"""`report-compose`: the draft, from what the steps of this run support."""

from __future__ import annotations

from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.finding import Finding
from plugins.results import result
from plugins.workspace import Workspace
from tools.findings import findings_of, summary_of


class ReportPlugin:
    """The draft of this run."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="compose",
        description="Write the draft report from masks and measurements. Call it last; answer with its findings only.",
    )
    async def compose(self) -> Annotated[str, "JSON: summary, findings with evidence, unanswered, warnings"]:
        """Findings, each with the ids of the steps behind it, and the summary."""
        workspace = self._workspace

        async def work() -> tuple[Finding, ...]:
            return self._findings({m.target for m in workspace.masks.values()})

        findings, _ = await workspace.runner.run(
            "report", "compose", work, inputs={}, outputs=lambda fs: {"findings": len(fs)}
        )
        workspace.findings = list(findings)
        unanswered = workspace.unanswered_texts
        workspace.summary = summary_of(findings, unanswered)
        return result(
            {
                "summary": workspace.summary,
                "answer": summary_of(self._findings(workspace.targets_in_question), unanswered),
                "findings": [{"id": f.finding_id, "text": f.text, "evidence": list(f.evidence)} for f in findings],
                "unanswered": list(unanswered),
                "warnings": list(workspace.warnings),
            }
        )

    def _findings(self, targets: set[str]) -> tuple[Finding, ...]:
        workspace = self._workspace
        uids = [s.series_uid for s in workspace.ingested.study.series]
        chosen = {i: m for i, m in workspace.masks.items() if m.target in targets}
        statements = [s for said in workspace.reported.values() for s in said]
        return findings_of(
            tuple(chosen.values()),
            workspace.measured,
            [(d.measurement, d.mask_ids) for d in workspace.derived if chosen.keys() & set(d.mask_ids)],
            workspace.quality_steps,
            dict(zip(uids, workspace.series_names, strict=True)),
            [(f"{s.model.split('@')[0]} drafts: {s.text}", s.step_id) for s in statements],
        )
