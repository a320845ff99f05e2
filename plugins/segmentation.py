"""`segmentation-…`: asks the first model that may answer, then the next, and says which; refines what is poor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.analysis import Refinement
from domain.errors import (
    BurnedInTextSuspected,
    GeometryInvalid,
    MedImageError,
    ModelError,
    ModelResponseInvalid,
    TargetRefused,
)
from domain.mask import Mask
from inference.catalogue import Model, unavailable
from plugins.outlining import outline
from plugins.redoing import redo, wish_of
from plugins.refining import refine
from plugins.results import names, result
from plugins.workspace import UnknownName, Workspace
from prompts.crafting.plan import CraftedPrompt


class SegmentationPlugin:
    """Text-prompted segmentation of whole series."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="segment",
        description="Outline crafted targets in every slice of one series. Independent series may be called in "
        "parallel. Returns mask ids with voxel counts, or why a target could not be outlined.",
    )
    async def segment(
        self,
        series: Annotated[str, "series name from study-describe"],
        targets: Annotated[list[str], "targets from prompts-craft; empty for all that are open"],
    ) -> Annotated[str, "JSON: masks, unanswered"]:
        """New masks by the first model in the catalogue that answers."""
        workspace = self._workspace
        wanted = self._wanted(series, names(targets))
        groups = self._by_candidates(series, wanted)
        answers = await asyncio.gather(*(self._first_answer(series, *group) for group in groups))
        fresh = [mask for masks in answers for mask in masks]
        uid = workspace.series(series).series_uid
        open_ = {t: why for (s, t), why in workspace.unanswered.items() if s == uid}
        return result(
            {
                "masks": [
                    {
                        "id": m.mask_id,
                        "target": m.target,
                        "voxels": m.voxel_count,
                        "category": m.category,
                        "model": m.model,
                    }
                    for m in (*fresh, *self._already(uid, names(targets), fresh))
                ],
                "unanswered": [{"target": t, "reason": why} for t, why in open_.items()],
            }
        )

    @kernel_function(
        name="refine",
        description="Outline again: what quality-assess marks with refine, or what the user complains of, of any turn. "
        "Keeps the better outline, or both, and judges it.",
    )
    async def refine(
        self,
        mask: Annotated[str, "mask id"],
        complaint: Annotated[str, "of the user: too_large (leaks), too_small, wrong_side or poor"] = "",
        change: Annotated[str, "wished: prompt, window, slices, model, or choice (the outline kept beside)"] = "",
        to: Annotated[str, "window or words that the user names"] = "",
    ) -> Annotated[str, "JSON: tries, the mask that stands, the one beside it, text"]:
        """The tries, and the mask that stands at the end."""
        workspace = self._workspace
        if complaint or change:
            redone = await redo(workspace, workspace.mask(mask), wish_of(complaint or "poor", change, to))
            beside = redone.beside.mask_id if redone.beside is not None else None
            return result({**_refined(redone.stands, redone.tries), "beside": beside, "text": redone.text})
        kept, made = await refine(workspace, workspace.mask(mask))
        return result(_refined(kept, made))

    def _already(self, uid: str, targets: list[str], fresh: list[Mask]) -> list[Mask]:
        made = {m.mask_id for m in fresh}
        found = [self._workspace.mask_of(uid, t.lower()) for t in targets]
        return [m for m in found if m is not None and m.mask_id not in made]

    def _wanted(self, name: str, targets: list[str]) -> list[CraftedPrompt]:
        workspace = self._workspace
        workspace.series(name)
        plan = workspace.plans.get(name)
        crafted = {p.target: p for p in plan.prompts} if plan else {}
        unknown = [t for t in targets if t.lower() not in crafted]
        if unknown:
            raise UnknownName(
                f"No prompt was crafted for {', '.join(repr(t) for t in unknown)} in {name}.",
                remedy="Call prompts-craft with these targets first.",
                where="targets",
            )
        pending = {p.target for p in workspace.pending(name)}
        chosen = [t.lower() for t in targets] or list(crafted)
        return [crafted[t] for t in dict.fromkeys(chosen) if t in pending]

    def _by_candidates(
        self, name: str, prompts: Sequence[CraftedPrompt]
    ) -> list[tuple[list[CraftedPrompt], list[Model]]]:
        """Prompts that the same models may answer go together; those that none may are recorded."""
        workspace = self._workspace
        series = workspace.series(name)
        groups: dict[tuple[int, ...], tuple[list[CraftedPrompt], list[Model]]] = {}
        for prompt in prompts:
            models = [c.model for c in workspace.candidates(name, prompt.target, prompt.region)]
            if not models:
                reason = str(unavailable(series.modality, prompt.target))
                workspace.unanswered[(series.series_uid, prompt.target)] = reason
                workspace.warn(f"{prompt.target}: {reason}")
                continue
            groups.setdefault(tuple(id(m) for m in models), ([], models))[0].append(prompt)
        return list(groups.values())

    async def _answer(self, name: str, prompts: list[CraftedPrompt], model: Model) -> list[Mask]:
        """One model's outlines; an answer that cannot be read is asked for once more."""
        try:
            return await outline(self._workspace, name, prompts, model)
        except ModelResponseInvalid:
            return await outline(self._workspace, name, prompts, model)

    async def _first_answer(self, name: str, prompts: list[CraftedPrompt], models: list[Model]) -> list[Mask]:
        workspace = self._workspace
        uid = workspace.series(name).series_uid
        last: MedImageError | None = None
        for model in models:
            try:
                masks = await self._answer(name, prompts, model)
            except (ModelError, BurnedInTextSuspected, TargetRefused, GeometryInvalid) as error:
                last = error
                workspace.warn(f"{model.identity.name} gave no answer in {name}: {error}")
                continue
            for mask in masks:
                workspace.add_mask(mask)
            return masks
        workspace.partial = workspace.partial or isinstance(last, ModelError)
        for prompt in prompts:
            workspace.unanswered[(uid, prompt.target)] = str(last)
        return []


def _refined(kept: Mask, made: Sequence[Refinement]) -> dict[str, object]:
    return {
        "mask": kept.mask_id,
        "target": kept.target,
        "outcome": kept.quality.outcome.value if kept.quality else "",
        "tries": [{"change": r.change, "to": r.after, "outcome": r.outcome_after, "kept": r.kept} for r in made],
    }
