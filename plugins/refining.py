"""Refining a poor outline: change one thing, ask again, have it judged, keep the better; stop when it does not help."""

from __future__ import annotations

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
from domain.mask import Mask
from inference.series.slice_choice import SliceChoice, around_mask
from plugins.outlining import outline
from plugins.quality import judge, keep_verdict
from plugins.refinement import MARGIN_MM, Try, better, tries
from plugins.workspace import Workspace

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


async def _attempt(workspace: Workspace, mask: Mask, one: Try) -> tuple[Mask, Refinement]:
    """One try; the mask that is the better one."""
    before = mask.quality
    assert before is not None
    count = len(workspace.runner.steps)
    found = await _ask(workspace, mask, one)
    kept, outcome = False, ""
    if found is not None:
        others = [m for m in workspace.masks.values() if m.series_uid == mask.series_uid and m is not mask]
        verdicts, step_id = await judge(workspace, [*others, found])
        outcome = verdicts[-1].outcome.value
        kept = better(verdicts[-1], before)
        if kept:
            workspace.add_mask(found)
            keep_verdict(workspace, found, verdicts[-1], step_id)
            mask = workspace.masks[found.mask_id]
    steps = tuple(s.step_id for s in workspace.runner.steps[count:])
    return mask, Refinement(
        series_uid=mask.series_uid,
        target=mask.target,
        change=one.change,
        before=one.before,
        after=one.after,
        why=one.why,
        outcome_before=before.outcome.value,
        outcome_after=outcome,
        kept=kept,
        steps=steps,
    )


async def _ask(workspace: Workspace, mask: Mask, one: Try) -> Mask | None:
    """The new outline; None when there is none."""
    name = workspace.name_of(mask.series_uid)
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
    return found


def near_largest_part(mask: Mask) -> SliceChoice:
    """Slices that show the largest part of an outline, and those near it. Raises SpacingMissing."""
    labels, count = ndimage.label(mask.array)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return around_mask(mask.geometry, labels == int(np.argmax(sizes)) + 1, MARGIN_MM)
