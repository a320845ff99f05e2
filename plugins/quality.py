"""`quality-assess`: technical, semantic and clinical checks of masks; the verdict is the tool's, not a model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.mask import Mask, Outcome, Quality, worst
from domain.model import KnownTarget
from domain.study import Series, Volume
from plugins.refinement import refinable
from plugins.results import names, result
from plugins.workspace import Workspace
from prompts.crafting.plan import CraftedPrompt
from tools.admission import DOUBT
from tools.quality import assess


def assess_all(
    masks: Sequence[Mask],
    volume: Volume,
    known: Mapping[str, KnownTarget | None],
    expected: Mapping[str, str],
    sides: Mapping[str, str],
    agreement: Mapping[str, tuple[float, str]],
) -> list[Quality]:
    """Verdicts of the masks of one series, each seen beside the others. Keys are mask ids."""
    return [
        doubted(
            assess(
                mask,
                volume,
                known=known[mask.mask_id],
                expected_category=expected[mask.mask_id],
                others=[m for m in masks if m.mask_id != mask.mask_id],
                question_side=sides[mask.mask_id],
                agreement=agreement.get(mask.mask_id),
            ),
            volume.series,
        )
        for mask in masks
    ]


def doubted(quality: Quality, series: Series) -> Quality:
    """No mask of images that are doubtful themselves, or have gaps, passes without a look."""
    doubts = tuple(w for w in series.warnings if w.startswith(DOUBT))
    if not series.geometry.uniform:
        doubts += ("the distances between slices differ, or slices are missing: a volume bridges the gaps",)
    if not doubts:
        return quality
    return replace(quality, outcome=worst([quality.outcome, Outcome.REVIEW]), reasons=(*doubts, *quality.reasons))


class QualityPlugin:
    """Quality assurance of the masks of this run."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="assess",
        description="Judge masks: pass, review or reject, with reasons. Empty list: all that are not judged yet.",
    )
    async def assess(
        self, masks: Annotated[list[str] | None, "mask ids from segmentation-segment"] = None
    ) -> Annotated[str, "JSON: outcome, reasons, confidence of each mask"]:
        """Judge masks together with the others of their series."""
        workspace = self._workspace
        chosen = [workspace.mask(m) for m in (names(masks) or workspace.unassessed)]
        async with workspace.writing:
            for uid in dict.fromkeys(m.series_uid for m in chosen):
                await self._judge(uid)
        judged = [workspace.masks[m.mask_id] for m in chosen if m.mask_id in workspace.masks]
        return result({"masks": [self._row(m) for m in judged]})

    async def _judge(self, uid: str) -> None:
        workspace = self._workspace
        masks = [m for m in workspace.masks.values() if m.series_uid == uid]
        verdicts, step_id = await judge(workspace, masks)
        for mask, verdict in zip(masks, verdicts, strict=True):
            if workspace.masks.get(mask.mask_id) is not mask:
                continue  # replaced while it was judged
            keep_verdict(workspace, mask, verdict, step_id)

    def _row(self, mask: Mask) -> dict[str, object]:
        quality = mask.quality or Quality(Outcome.REVIEW, ("not judged",))
        return {
            "id": mask.mask_id,
            "target": mask.target,
            "outcome": quality.outcome.value,
            "reasons": list(quality.reasons),
            "confidence": quality.confidence,
            "refine": self._workspace.tries_left > 0 and refinable(self._workspace, mask),
        }


async def judge(workspace: Workspace, masks: Sequence[Mask]) -> tuple[list[Quality], str]:
    """Verdicts of masks of one series, each seen beside the others, and the step that gave them."""
    uid = masks[0].series_uid
    name = workspace.name_of(uid)
    prompts = {m.mask_id: workspace.crafted(uid, m.target) for m in masks}
    known = {m.mask_id: workspace.known_to(m, _region(prompts[m.mask_id])) for m in masks}

    async def work() -> list[Quality]:
        return await workspace.compute.run(
            assess_all,
            masks,
            workspace.volume(name),
            known,
            {i: p.expected_category if p else "" for i, p in prompts.items()},
            {i: p.side if p else "" for i, p in prompts.items()},
            dict(workspace.agreement),
        )

    verdicts, step = await workspace.runner.run(
        "qa",
        "assess",
        work,
        inputs={"series": name, "masks": [m.mask_id for m in masks]},
        outputs=lambda qs: {m.mask_id: q.outcome.value for m, q in zip(masks, qs, strict=True)},
    )
    return verdicts, step.step_id


def keep_verdict(workspace: Workspace, mask: Mask, verdict: Quality, step_id: str) -> None:
    """Put a judged mask, and the step that judged it, into the workspace. What a reader said of it stays said."""
    doubt = workspace.doubted.get(mask.mask_id)
    if doubt is not None:
        workspace.doubted[mask.mask_id] = replace(doubt, judged=verdict)
    workspace.masks[mask.mask_id] = mask.judged(verdict if doubt is None else complained(verdict, doubt.says))
    workspace.quality_steps[mask.mask_id] = step_id
    if verdict.outcome is Outcome.REJECT:
        name, why = workspace.name_of(mask.series_uid), " ".join(verdict.reasons)
        workspace.warn(f"{mask.target} in {name} was rejected by QA: {why}", mask.mask_id)


def complained(quality: Quality, says: str) -> Quality:
    """A verdict with a reader's complaint: what a reader doubts does not pass without a look."""
    reasons = tuple(dict.fromkeys((says, *quality.reasons)))
    return replace(quality, outcome=worst([quality.outcome, Outcome.REVIEW]), reasons=reasons)


def _region(prompt: CraftedPrompt | None) -> str:
    return prompt.region if prompt else ""
