"""`prompts-craft`: the question becomes prompts that a model knows, or refusals with reasons.

Reviewers' corrections of other patients may change the words of a prompt and its window, never its target.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from semantic_kernel.functions import kernel_function

from plugins.results import names, result
from plugins.wording import Worded, worded
from plugins.workspace import Workspace
from prompts.crafting.plan import CraftedPrompt, PromptPlan, craft
from prompts.question.understanding import understand
from tools.deidentification_text import scrub_text


class PromptsPlugin:
    """Prompt-crafting for the series of this run."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="craft",
        description="Compile the question's targets (always all of them) and any further targets you name into "
        "prompts for one series. Returns the prompts, what was refused and why.",
    )
    async def craft(
        self,
        series: Annotated[str, "series name from study-describe"],
        targets: Annotated[list[str] | None, "further structures or abnormalities, plain anatomical English"] = None,
    ) -> Annotated[str, "JSON: prompts, refused, warnings"]:
        """The plan for a series, extended by `targets` when it exists already."""
        workspace = self._workspace
        workspace.series(series)
        extra = tuple(t.lower() for t in names(targets))

        async def work() -> Worded:
            plan, exactly = self._plan(series, extra)
            return await worded(workspace, series, plan, exactly)

        done, step = await workspace.runner.run(
            "prompt-crafting",
            "craft_prompts",
            work,
            inputs={"series": series, "targets": list(extra)},
            outputs=_outputs,
        )
        plan = done.plan
        for doubt in done.doubts:
            workspace.warn(doubt)
        self._keep(series, plan)
        return result(
            {
                "step": step.step_id,
                "series": series,
                "prompts": [self._row(series, p) for p in workspace.plans[series].prompts],
                "refused": [{"target": t, "reason": why, "remedy": remedy} for t, why, remedy in plan.refused],
                "warnings": list(plan.warnings),
            }
        )

    def _plan(self, name: str, extra: tuple[str, ...]) -> tuple[PromptPlan, tuple[str, ...]]:
        """The protocol's plan, and the targets whose words are the requester's or the planner's own."""
        workspace = self._workspace
        series = workspace.series(name)
        if "LOCALIZER" in series.image_type and len(workspace.series_names) > 1:
            return PromptPlan((), (), (f"{name} is a localizer: it was not analysed.",)), ()
        question = understand(workspace.looking_for, modality=series.modality, body_part=series.body_part)
        asked = {t.text.lower() for t in question.targets}
        explicit = (*workspace.order.prompts, *(t for t in extra if t not in asked))
        if workspace.follow_up and not (question.targets or question.not_imaging or explicit):
            return PromptPlan(()), ()  # "and why?": the answer is about what was found before
        plan = craft(
            question,
            modality=series.modality,
            body_part=series.body_part or question.region,
            view=series.view_position,
            explicit=explicit,
            known=lambda _modality, target, region: workspace.known(name, target, region),
            answerable=lambda target, region: bool(workspace.candidates(name, target, region)),
        )
        return self._without_identity(plan), explicit

    def _without_identity(self, plan: PromptPlan) -> PromptPlan:
        """A prompt leaves for a model: one that may name a person is refused, not changed."""
        patient = self._workspace.ingested.study.patient
        naming = [p for p in plan.prompts if scrub_text(p.text, patient).value != p.text]
        refused = tuple(
            ("[a name]", "The words may name a person.", "Ask for the structure alone.") for _ in naming[:1]
        )
        kept = tuple(p for p in plan.prompts if p not in naming)
        return replace(plan, prompts=kept, refused=(*plan.refused, *refused))

    def _keep(self, name: str, plan: PromptPlan) -> None:
        workspace = self._workspace
        series = workspace.series(name)
        earlier = workspace.plans.get(name)
        known_targets = {p.target for p in plan.prompts}
        kept = tuple(p for p in earlier.prompts if p.target not in known_targets) if earlier else ()
        workspace.plans[name] = replace(plan, prompts=(*plan.prompts, *kept))
        workspace.asked.update(known_targets)
        for target, reason, remedy in plan.refused:
            workspace.unanswered.setdefault((series.series_uid, target), f"{reason} {remedy}".strip())
        for warning in plan.warnings:
            workspace.warn(warning)

    def _row(self, name: str, prompt: CraftedPrompt) -> dict[str, Any]:
        uid = self._workspace.series(name).series_uid
        done = self._workspace.mask_of(uid, prompt.target)
        return {
            "target": prompt.target,
            "known": prompt.known,
            "published_dice": prompt.published_dice,
            "alternatives": list(prompt.alternatives),
            "mask": done.mask_id if done else None,
        }


def _outputs(done: Worded) -> dict[str, Any]:
    plan = done.plan
    crafted = {"prompts": [c.text for c in plan.prompts], "refused": [r[0] for r in plan.refused]}
    return {**crafted, "advice": [dict(row) for row in done.advice]} if done.advice else crafted
