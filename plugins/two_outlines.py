"""Two outlines of one target: one stands, the other is kept beside it, and a reader may exchange them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.analysis import Refinement
from domain.finding import Measurement
from domain.mask import Mask, Quality
from plugins.complaint import SAYS, Wish
from plugins.measurement import measure_all, sourced
from plugins.quality import complained
from plugins.redone import beside_text, chosen_text, kept_text
from plugins.refinement import key_of
from plugins.refining import Attempt, NothingToRefine, keep
from plugins.workspace import Doubted, Workspace


@dataclass(frozen=True)
class Redone:
    """What came of a complaint.

    Attributes:
        stands: the outline that stands. beside: the one kept beside it, None without one.
        tries: in their order. text: for the reader, with the ids behind each sentence.
    """

    stands: Mask
    beside: Mask | None
    tries: tuple[Refinement, ...]
    text: str


def replaced(workspace: Workspace, mask: Mask, done: Attempt, made: Sequence[Refinement]) -> Redone:
    """The new outline stands; the earlier one stays to be taken back."""
    judged_in = workspace.quality_steps.get(mask.mask_id, "")
    before = mask.judged(judged(workspace, mask))
    kept = keep(workspace, done)
    _set_aside(workspace, before, judged_in)
    return Redone(kept, before, tuple(made), kept_text(before, kept, made))


async def both_kept(workspace: Workspace, mask: Mask, done: Attempt, made: Sequence[Refinement]) -> Redone:
    """The earlier outline stands, doubted; the new one is measured and kept beside it."""
    assert done.mask is not None
    assert done.quality is not None
    other = done.mask.judged(done.quality)
    numbers = workspace.measured[other.mask_id] = await _measured(workspace, other)
    workspace.quality_steps[other.mask_id] = done.judged_in
    workspace.beside[key_of(mask)] = other
    workspace.warn(
        f"{mask.target}: two outlines are kept, {mask.mask_id} stands and {other.mask_id} beside it.", mask.mask_id
    )
    text = beside_text(mask, other, workspace.measured.get(mask.mask_id, ()), numbers, made)
    return Redone(mask, other, tuple(made), text)


def exchanged(workspace: Workspace, mask: Mask, wish: Wish) -> Redone:
    """The outline beside takes the place of the one that stands: a reader has chosen.

    Raises:
        NothingToRefine: there is none beside it.
    """
    other = workspace.beside.get(key_of(mask))
    if other is None or other.quality is None:
        raise NothingToRefine(
            f"There is no other outline of {mask.target!r} to choose.",
            remedy="Say what is wrong with it.",
            where="mask",
        )
    before = mask if mask.quality is None else mask.judged(judged(workspace, mask))
    judged_in = workspace.quality_steps.get(mask.mask_id, "")
    workspace.add_mask(other)
    workspace.measured.pop(other.mask_id, None)  # measured anew, with what several outlines give together
    _set_aside(workspace, before, judged_in)
    record = Refinement(
        series_uid=mask.series_uid,
        target=mask.target,
        change="choice",
        before=mask.mask_id,
        after=other.mask_id,
        why="A reader chose it",
        outcome_before=before.quality.outcome.value if before.quality else "",
        outcome_after=other.quality.outcome.value,
        kept=True,
        complaint=wish.complaint.value,
        beside=mask.mask_id,
    )
    workspace.refinements.append(record)
    return Redone(other, before, (record,), chosen_text(before, other))


def doubt(workspace: Workspace, mask: Mask, wish: Wish) -> Mask:
    """The outline with what a reader says of it: it does not pass any more."""
    says, verdict = SAYS[wish.complaint], judged(workspace, mask)
    workspace.doubted[mask.mask_id] = Doubted(says, verdict)
    workspace.masks[mask.mask_id] = mask.judged(complained(verdict, says))
    return workspace.masks[mask.mask_id]


def judged(workspace: Workspace, mask: Mask) -> Quality:
    """QA's own verdict on a judged mask, without what readers said."""
    doubted = workspace.doubted.get(mask.mask_id)
    if doubted is not None:
        return doubted.judged
    assert mask.quality is not None
    return mask.quality


def _set_aside(workspace: Workspace, mask: Mask, judged_in: str) -> None:
    """An outline that stands no more: kept beside, and what was said or compared with it goes."""
    workspace.beside[key_of(mask)] = mask
    workspace.quality_steps[mask.mask_id] = judged_in
    workspace.doubted.pop(mask.mask_id, None)
    stale = [c for c in workspace.changes if c.target.split(", lesion ")[0] == mask.target]
    if stale:
        workspace.changes = [c for c in workspace.changes if c not in stale]
        workspace.warn(
            f"{mask.target}: the comparison with {stale[0].prior} was made with the earlier outline and is left out; "
            "ask for it again."
        )


async def _measured(workspace: Workspace, mask: Mask) -> tuple[Measurement, ...]:
    name = workspace.name_of(mask.series_uid)

    async def work() -> tuple[Measurement, ...]:
        found = await workspace.compute.run(measure_all, [mask], workspace.volume(name))
        return found[mask.mask_id][0]

    numbers, step = await workspace.runner.run(
        "measurement",
        "measure",
        work,
        inputs={"series": name, "masks": [mask.mask_id]},
        outputs=lambda ms: {mask.mask_id: {m.name: m.value for m in ms}},
    )
    return tuple(sourced(m, step.step_id) for m in numbers)
