"""Refining a poor outline: change one thing, ask again, have it judged, keep the better; stop when it does not help."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from domain.analysis import Refinement
from domain.errors import (
    BurnedInTextSuspected,
    GeometryInvalid,
    MedImageError,
    ModelError,
    SpacingMissing,
    TargetRefused,
)
from domain.mask import Mask, Quality
from inference.series.slice_choice import SliceChoice, around_mask
from plugins.outlining import outline
from plugins.quality import judge, keep_verdict
from plugins.refinement import MARGIN_MM, NEAR, Try, better, tries
from plugins.workspace import Workspace
from tools.one_side import on_side

IN_A_ROW = 2
"""Tries without gain after which better is not coming."""


class NothingToRefine(MedImageError):
    """The outline is good enough, or there is no change left that may help."""

    remedy_default = "Go on; say that the outline needs review."


async def refine(workspace: Workspace, mask: Mask) -> tuple[Mask, list[Refinement]]:
    """The outline that stands after the tries, and the tries.

    Raises:
        NothingToRefine: no try is possible, or the turn's budget of tries is used up.
    """
    if mask.quality is None:
        raise NothingToRefine(f"QA has not judged {mask.mask_id}.", remedy="Call quality-assess first.", where="mask")
    made: list[Refinement] = []
    without_gain = 0
    async with workspace.writing:
        while workspace.tries_left > 0 and without_gain < IN_A_ROW:
            one = next(tries(workspace, mask), None)
            if one is None:
                break
            workspace.tries_left -= 1
            mask, record = await _attempt(workspace, mask, one)
            made.append(record)
            workspace.refinements.append(record)
            without_gain = 0 if record.kept else without_gain + 1
    if not made:
        raise NothingToRefine(f"Nothing is left to try for {mask.target!r} ({mask.mask_id}).", where="mask")
    return mask, made


@dataclass(frozen=True)
class Attempt:
    """What a try gave.

    Attributes:
        mask: not part of the workspace yet; None where there was no answer. quality, judged_in: QA's verdict and step.
        steps: ids of the steps of the try.
    """

    mask: Mask | None
    quality: Quality | None
    judged_in: str
    steps: tuple[str, ...]


async def attempt(workspace: Workspace, mask: Mask, one: Try) -> Attempt:
    """One change, asked for and judged beside the other outlines of the series."""
    count = len(workspace.runner.steps)
    found = await _ask(workspace, mask, one)
    quality, step_id = None, ""
    if found is not None:
        others = [m for m in workspace.masks.values() if m.series_uid == mask.series_uid and m is not mask]
        verdicts, step_id = await judge(workspace, [*others, found])
        quality = verdicts[-1]
    return Attempt(found, quality, step_id, tuple(s.step_id for s in workspace.runner.steps[count:]))


async def _attempt(workspace: Workspace, mask: Mask, one: Try) -> tuple[Mask, Refinement]:
    """One try; the mask that is the better one."""
    before = mask.quality
    assert before is not None
    made = await attempt(workspace, mask, one)
    kept = made.mask is not None and made.quality is not None and better(made.quality, before)
    record = Refinement(
        series_uid=mask.series_uid,
        target=mask.target,
        change=one.change,
        before=one.before,
        after=one.after,
        why=one.why,
        outcome_before=before.outcome.value,
        outcome_after=made.quality.outcome.value if made.quality else "",
        kept=kept,
        steps=made.steps,
    )
    return (keep(workspace, made) if kept else mask), record


def keep(workspace: Workspace, made: Attempt) -> Mask:
    """Put the outline of a try in the place of the earlier one."""
    assert made.mask is not None
    assert made.quality is not None
    workspace.add_mask(made.mask)
    keep_verdict(workspace, made.mask, made.quality, made.judged_in)
    return workspace.masks[made.mask.mask_id]


async def _ask(workspace: Workspace, mask: Mask, one: Try) -> Mask | None:
    """The new outline; None when there is none."""
    name = workspace.name_of(mask.series_uid)
    if one.level is not None:
        return await redrawn(workspace, mask, one.level)
    try:
        slices = None if one.near is None else await workspace.compute.run(near_largest_part, one.near)
        if slices is not None and slices.complete:
            return None  # the largest part is everywhere: the answer would be the same
        (found,) = await outline(
            workspace, name, [one.prompt], one.model, slices=slices, chosen_window=one.chosen_window
        )
    except (ModelError, BurnedInTextSuspected, TargetRefused, GeometryInvalid, SpacingMissing) as error:
        workspace.warn(f"{one.model.identity.name} gave no answer in {name}: {error}")
        return None
    if one.near is not None:
        workspace.sent[found.mask_id] = replace(workspace.sent[found.mask_id], slices=NEAR)
    return await _one_side(workspace, found, one.side) if one.side else found


async def _one_side(workspace: Workspace, found: Mask, side: str) -> Mask | None:
    """The part of a new outline on one side of the patient; None where the images do not say which side is which."""
    name = workspace.name_of(found.series_uid)
    part = await workspace.compute.run(on_side, found, workspace.volume(name), side)
    workspace.sent[found.mask_id] = replace(workspace.sent[found.mask_id], side=side)
    if part is None:
        workspace.warn(f"{found.target} in {name}: the images do not say which side is which.")
    return part


async def redrawn(workspace: Workspace, mask: Mask, level: float) -> Mask:
    """A soft answer drawn again at another level, as a step; no model is asked."""
    drawn: list[Mask] = []

    async def work() -> int:
        drawn.append(await workspace.compute.run(at_level, mask, level))
        return drawn[0].voxel_count

    _, step = await workspace.runner.run(
        "segmentation",
        "redraw",
        work,
        model=mask.model,
        inputs={"mask": mask.mask_id, "target": mask.target, "level": level},
        outputs=lambda voxels: {"voxels": voxels},
    )
    # A step that was done in an earlier life of this run keeps its number, not its voxels: they follow from the mask.
    found = drawn[0] if drawn else await workspace.compute.run(at_level, mask, level)
    found = replace(found, mask_id=workspace.next_mask_id(), step_id=step.step_id, quality=None)
    sent = workspace.sent.get(mask.mask_id)
    if sent is not None:
        workspace.sent[found.mask_id] = replace(sent, level=level)
    return found


def at_level(mask: Mask, level: float) -> Mask:
    """The voxels whose probability is at least `level`. A hard mask stays what it is."""
    if mask.probability is None:
        return mask
    top = 255.0 if mask.probability.dtype == np.uint8 else 1.0
    return replace(mask, array=np.asarray(mask.probability >= level * top, np.bool_))


def near_largest_part(mask: Mask) -> SliceChoice:
    """Slices that show the largest part of an outline, and those near it. Raises SpacingMissing."""
    labels, count = ndimage.label(mask.array)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return around_mask(mask.geometry, labels == int(np.argmax(sizes)) + 1, MARGIN_MM)
