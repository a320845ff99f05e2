"""One model's answer to the prompts of one series: slices or a whole volume, once or with repeats."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.model import Window
from domain.study import Volume
from inference.catalogue import Model
from inference.ensemble.agreement import Agreement
from inference.ensemble.ensemble import segment_ensemble
from inference.ensemble.plan import Asked, plan_ensemble
from inference.series.mask import SeriesMask
from inference.series.slice_choice import SliceChoice, every_nth, every_slice
from inference.series.volumes import PromptWindow, segment_series
from inference.volume_models import VolumeModel
from plugins.workspace import Workspace

SAMPLE = 12
"""Slices of a long series that repeats are asked about: agreement needs a sample, not the whole."""


@dataclass(frozen=True)
class Answered:
    """What a model said.

    Attributes:
        masks: by prompt in lower case.
        doubts: what the model's client has to say about the answer.
        agreement: of repeats, by prompt; empty without repeats.
        record: how the repeats were made, for provenance.
    """

    masks: Mapping[str, SeriesMask]
    doubts: tuple[str, ...] = ()
    agreement: Mapping[str, Agreement] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)


async def ask(
    workspace: Workspace,
    volume: Volume,
    model: Model,
    windows: Mapping[str, Window],
    slices: SliceChoice | None = None,
) -> Answered:
    """Ask a model for every prompt of `windows`.

    Args:
        slices: the only ones that a model of single images is asked about; it is not asked twice about them.

    Raises:
        ModelError, BurnedInTextSuspected, TargetRefused, GeometryInvalid.
    """
    if isinstance(model, VolumeModel):
        found = await model.segment_volume(volume, list(windows), released=workspace.released)
        return Answered(found.masks, found.warnings)
    wanted = tuple(PromptWindow(text, window) for text, window in windows.items())
    base = await segment_series(
        model,
        volume,
        wanted,
        compute=workspace.compute,
        released=workspace.released,
        on_progress=workspace.runner.progress,
        slices=slices,
    )
    if not workspace.repeats or slices is not None:
        return Answered(base)
    asked = [Asked(model, wanted)]
    plan = plan_ensemble(asked, volume.series, repeats=workspace.repeats, seed=_seed(volume, wanted))
    count = volume.geometry.slices
    choice = every_slice(volume.geometry) if count <= SAMPLE else every_nth(volume.geometry, -(-count // SAMPLE))
    together = await segment_ensemble(
        plan,
        asked,
        volume,
        compute=workspace.compute,
        base=base,
        slices=choice,
        released=workspace.released,
    )
    agreement = {t: m.agreement for t, m in together.masks.items() if m.agreement is not None}
    masks = {t: m.mask for t, m in together.masks.items()}
    record = {"plan": plan.record(), "extra_images": together.extra_images, "notes": list(together.notes)}
    return Answered(masks, (), agreement, record)


def _seed(volume: Volume, prompts: tuple[PromptWindow, ...]) -> int:
    """The same series and prompts are repeated in the same way: a result can be replayed."""
    text = "\n".join([volume.series.series_uid, *(p.prompt for p in prompts)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
