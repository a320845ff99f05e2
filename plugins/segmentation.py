"""`segmentation-segment`: asks the first model that may answer, then the next, and says which one did."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from semantic_kernel.functions import kernel_function

from domain.analysis import PromptRecord
from domain.errors import BurnedInTextSuspected, GeometryInvalid, MedImageError, ModelError, TargetRefused
from domain.mask import Mask
from domain.model import Window
from inference.catalogue import Model, unavailable
from inference.series.mask import SeriesMask
from inference.volume_models import VolumeModel
from plugins.asking import Answered, ask
from plugins.results import names, result
from plugins.workspace import UnknownName, Workspace
from prompts.crafting.plan import CraftedPrompt
from tools.windowing import window_for_volume

WHOLE_RANGE = Window("whole range")
"""A model of volumes gets the values themselves."""


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

    async def _first_answer(self, name: str, prompts: list[CraftedPrompt], models: list[Model]) -> list[Mask]:
        workspace = self._workspace
        uid = workspace.series(name).series_uid
        last: MedImageError | None = None
        for model in models:
            try:
                return await self._ask(name, prompts, model)
            except (ModelError, BurnedInTextSuspected, TargetRefused, GeometryInvalid) as error:
                last = error
                workspace.warn(f"{model.identity.name} gave no answer in {name}: {error}")
        workspace.partial = workspace.partial or isinstance(last, ModelError)
        for prompt in prompts:
            workspace.unanswered[(uid, prompt.target)] = str(last)
        return []

    async def _ask(self, name: str, prompts: list[CraftedPrompt], model: Model) -> list[Mask]:
        workspace = self._workspace
        volume = workspace.volume(name)
        identity = str(model.identity)
        windows = {p.text: self._window(name, p, model) for p in prompts}

        async def work() -> Answered:
            return await ask(workspace, volume, model, windows)

        answered, step = await workspace.runner.run(
            "segmentation",
            "segment",
            work,
            model=identity,
            inputs={"series": name, "prompts": list(windows), "windows": [w.name for w in windows.values()]},
            outputs=_outputs,
        )
        for doubt in answered.doubts:
            workspace.warn(f"{name}: {model.identity.name}: {doubt}")
        workspace.model_versions[model.identity.name] = model.identity.version
        masks = []
        for prompt in prompts:
            key = prompt.text.casefold().strip()
            answer = answered.masks[key]
            workspace.prompts.append(
                PromptRecord(
                    volume.series.series_uid,
                    prompt.target,
                    prompt.text,
                    windows[prompt.text].name,
                    prompt.known,
                    prompt.published_dice,
                    f"{prompt.reason} ({step.step_id})",
                )
            )
            mask = Mask(
                mask_id=workspace.next_mask_id(),
                target=prompt.target,
                category=answer.category,
                series_uid=volume.series.series_uid,
                geometry=volume.geometry,
                array=answer.array,
                model=identity,
                step_id=step.step_id,
                probability=answer.levels,
            )
            workspace.add_mask(mask)
            if key in answered.agreement:
                found = answered.agreement[key]
                workspace.agreement[mask.mask_id] = (found.confidence, found.confidence_source)
            if not answer.slices.complete:
                workspace.warn(f"{name}: {prompt.target}: {answer.slices.caveat}", mask.mask_id)
            masks.append(mask)
        return masks

    def _window(self, name: str, prompt: CraftedPrompt, model: Model) -> Window:
        """The model's own wish, else the protocol's, else the contract's rule."""
        volume = self._workspace.volume(name)
        known = model.known(volume.series.modality, prompt.target, prompt.region)
        if known is not None and known.window is not None:
            return known.window
        if isinstance(model, VolumeModel):
            return WHOLE_RANGE
        return prompt.window or window_for_volume(volume, prompt.target, prompt.region)


def _outputs(answered: Answered) -> dict[str, Any]:
    found: dict[str, Any] = {target: _summary(mask) for target, mask in answered.masks.items()}
    return {**found, "repeats": dict(answered.record)} if answered.record else found


def _summary(answer: SeriesMask) -> dict[str, Any]:
    return {"voxels": int(np.count_nonzero(answer.array)), "category": answer.category, "values": answer.kind}
