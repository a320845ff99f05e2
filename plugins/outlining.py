"""One call of one model for prompts of one series, as a step; its masks are not part of the workspace yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from domain.analysis import PromptRecord
from domain.mask import Mask
from domain.model import Window
from inference.catalogue import Model
from inference.series.mask import SeriesMask
from inference.series.slice_choice import SliceChoice
from inference.volume_models import VolumeModel
from plugins.asking import Answered, ask
from plugins.workspace import Sent, Workspace
from prompts.crafting.plan import CraftedPrompt
from tools.windowing import window_for_volume

WHOLE_RANGE = Window("whole range")
"""A model of volumes gets the values themselves."""
EVERY = "every slice"


async def outline(
    workspace: Workspace,
    name: str,
    prompts: Sequence[CraftedPrompt],
    model: Model,
    *,
    slices: SliceChoice | None = None,
    chosen_window: bool = False,
) -> list[Mask]:
    """Masks of the prompts, in their order.

    Args:
        name: of the series.
        slices: the only ones to ask about.
        chosen_window: the prompts' own windows go before the model's wishes.

    Raises:
        ModelError, BurnedInTextSuspected, TargetRefused, GeometryInvalid.
    """
    volume = workspace.volume(name)
    identity = str(model.identity)
    # Words that reviewers prefer for one model may mean nothing to another.
    modality = volume.series.modality
    prompts = [p if model.accepts(modality, p.text) else replace(p, text=p.target) for p in prompts]
    windows = {p.text: window_of(workspace, name, p, model, chosen_window=chosen_window) for p in prompts}

    async def work() -> Answered:
        return await ask(workspace, volume, model, windows, slices)

    answered, step = await workspace.runner.run(
        "segmentation",
        "segment",
        work,
        model=identity,
        inputs={
            "series": name,
            "prompts": list(windows),
            "windows": [w.name for w in windows.values()],
            **({"slices": slices.rule} if slices else {}),
        },
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
        rule = slices.rule if slices else EVERY
        workspace.sent[mask.mask_id] = Sent(prompt, windows[prompt.text], chosen_window, rule)
        if key in answered.agreement:
            found = answered.agreement[key]
            workspace.agreement[mask.mask_id] = (found.confidence, found.confidence_source)
        if not answer.slices.complete:
            workspace.warn(f"{name}: {prompt.target}: {answer.slices.caveat}", mask.mask_id)
        masks.append(mask)
    return masks


def window_of(
    workspace: Workspace, name: str, prompt: CraftedPrompt, model: Model, *, chosen_window: bool = False
) -> Window:
    """The prompt's window where it was chosen; the model's own wish, else the protocol's, else the contract's rule."""
    if chosen_window and prompt.window is not None:
        return prompt.window
    volume = workspace.volume(name)
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
