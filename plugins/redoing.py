"""Another outline because a reader is not content: QA decides which one stands; where it cannot, both are kept."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from domain.analysis import Complaint, Refinement
from domain.errors import MedImageError
from domain.mask import Mask, Outcome, Quality
from memory.prompt_advice import fit_to_send
from plugins.complaint import CHANGES, NAMED_WINDOWS, Wish, answers, setting_of, wished
from plugins.redone import vain_text
from plugins.refinement import Try, better, key_of, standing, windowed
from plugins.refining import Attempt, NothingToRefine, attempt
from plugins.two_outlines import Redone, both_kept, doubt, exchanged, judged, replaced
from plugins.wording import Worded, worded
from plugins.workspace import UnknownName, Workspace
from prompts.crafting.plan import CraftedPrompt, PromptPlan
from tools.deidentification_text import scrub_text

AT_ONCE = 3
"""Tries for one complaint: the reader looks at what came of them before more are made."""
KEPT, BESIDE, NO_USE = "kept", "beside", ""
"""What becomes of the outline of a try."""


class RefinementsUsedUp(MedImageError):
    """As many further tries as a conversation allows were made for this outline."""

    remedy_default = (
        "Correct the outline by hand in the viewer; the correction also teaches the next prompts. "
        "Who runs this server may allow more tries."
    )


def wish_of(complaint: str, change: str, to: str) -> Wish:
    """A wish as a tool call words it. Raises UnknownName."""
    kinds = [c.value for c in Complaint]
    if complaint not in kinds:
        raise UnknownName(f"A complaint is one of {', '.join(kinds)}.", where="complaint", remedy="Give one of them.")
    if change not in ("", *CHANGES):
        raise UnknownName(f"A change is one of {', '.join(CHANGES)}.", where="change", remedy="Give one, or none.")
    if change == "window" and to and to not in NAMED_WINDOWS:
        there = ", ".join(NAMED_WINDOWS)
        raise UnknownName(f"A window is one of {there}.", where="to", remedy="Give one of them, or none.")
    return Wish(Complaint(complaint), change, to if change in {"prompt", "window"} else "")


async def redo(workspace: Workspace, mask: Mask, wish: Wish) -> Redone:
    """Answer a complaint about an outline that stands, whenever it was made.

    An outline of which QA thinks more, and which is what the complaint asks for, takes the place of the earlier one.
    Where QA does not decide, the earlier one stands, doubted, and the other is kept beside it.

    Raises:
        RefinementsUsedUp: this outline had its tries.
        NothingToRefine: it was not judged, nothing is kept beside it to choose, or nothing is left to change.
    """
    async with workspace.writing:
        workspace.asked.add(mask.target)
        if wish.change == "choice":
            return exchanged(workspace, mask, wish)
        if mask.quality is None:
            raise NothingToRefine(
                f"QA has not judged {mask.mask_id}.", remedy="Call quality-assess first.", where="mask"
            )
        mask = doubt(workspace, mask, wish)
        left = workspace.requested_tries - _requested(workspace, mask)
        if left <= 0:
            raise RefinementsUsedUp(
                f"{workspace.requested_tries} further tries at {mask.target!r} were made at readers' requests in this "
                "conversation, which is as many as it allows.",
                where="mask",
            )
        _check_words(workspace, mask, wish)
        return await _tried(workspace, mask, wish, min(AT_ONCE, left))


async def _tried(workspace: Workspace, mask: Mask, wish: Wish, most: int) -> Redone:
    advised = await _advised(workspace, mask)
    made: list[Refinement] = []
    for one in islice(wished(workspace, mask, wish, advised), most):
        done = await attempt(workspace, mask, one)
        if done.mask is not None:  # a model that was down may be asked again
            workspace.settings.setdefault(key_of(mask), set()).add(setting_of(workspace, mask, one))
        verdict = await _verdict(workspace, mask, wish, one, done)
        made.append(_record(mask, wish, one, done, verdict, judged(workspace, mask)))
        workspace.refinements.append(made[-1])
        if verdict == KEPT:
            return replaced(workspace, mask, done, made)
        if verdict == BESIDE:
            return await both_kept(workspace, mask, done, made)
    if not made:
        reason, remedy = _why_nothing(workspace, mask, wish)
        raise NothingToRefine(reason, remedy=remedy, where="mask")
    return Redone(mask, workspace.beside.get(key_of(mask)), tuple(made), vain_text(mask, wish, made))


async def _verdict(workspace: Workspace, mask: Mask, wish: Wish, one: Try, done: Attempt) -> str:
    """KEPT, BESIDE or NO_USE."""
    new, quality, before = done.mask, done.quality, judged(workspace, mask)
    if new is None or quality is None or quality.outcome is Outcome.REJECT:
        return NO_USE
    volume = workspace.volume(workspace.name_of(mask.series_uid))
    answered = await workspace.compute.run(answers, new, mask, wish.complaint, volume)
    if one.change == "contour":  # a tighter contour holds surer voxels: its confidence tells nothing
        before, quality = replace(before, confidence=None), replace(quality, confidence=None)
    preferred = better(quality, before)
    if preferred and answered:
        return KEPT
    return BESIDE if answered or (preferred and new.voxel_count) else NO_USE


def _requested(workspace: Workspace, mask: Mask) -> int:
    """Tries that readers' complaints made at this outline in this conversation."""
    mine = (r for r in workspace.refinements if (r.series_uid, r.target) == key_of(mask))
    return sum(bool(r.complaint) and r.change != "choice" for r in mine)


async def _advised(workspace: Workspace, mask: Mask) -> CraftedPrompt | None:
    """The prompt as the feedback memory words it now, as a step; None when it says nothing new."""
    stands = standing(workspace, mask)
    if stands is None or workspace.around.advice is None:
        return None
    name, prompt = workspace.name_of(mask.series_uid), stands.prompt

    async def work() -> Worded:
        return await worded(workspace, name, PromptPlan((prompt,)), ())

    done, _ = await workspace.runner.run(
        "prompt-crafting",
        "advise",
        work,
        inputs={"series": name, "target": mask.target},
        outputs=lambda found: {"advice": [dict(row) for row in found.advice]},
    )
    (advised,) = done.plan.prompts
    return None if (advised.text, advised.window) == (prompt.text, prompt.window) else advised


def _check_words(workspace: Workspace, mask: Mask, wish: Wish) -> None:
    """Words that a reader gives are sent only where they name the target and nobody."""
    if wish.change != "prompt" or not wish.to:
        return
    patient = workspace.ingested.study.patient
    if not fit_to_send(mask.target, wish.to) or scrub_text(wish.to, patient).value != wish.to:
        raise NothingToRefine(
            f"The words that were given are no plain name of {mask.target!r}.",
            remedy="Give a name of the same structure, or ask for the other one by its name.",
            where="to",
        )


def _why_nothing(workspace: Workspace, mask: Mask, wish: Wish) -> tuple[str, str]:
    """Reason and remedy where no try is left."""
    by_hand = "Correct the outline by hand in the viewer, or name another change: wording, window, slices or model."
    stands, name = standing(workspace, mask), workspace.name_of(mask.series_uid)
    if stands is None:
        return f"How {mask.target!r} was asked for is not known any more, or its model is not here.", by_hand
    if wish.change == "window" and not windowed(workspace, mask, stands):
        return f"A window cannot be chosen for {name}: only for CT, and models that get grey values.", by_hand
    if wish.change == "model":
        return f"No other model here outlines {mask.target!r} in {name}.", by_hand
    what = {"prompt": "wording", "": "change"}.get(wish.change, wish.change)
    return f"No {what} that was not tried is left for {mask.target!r} in {name}.", by_hand


def _record(mask: Mask, wish: Wish, one: Try, done: Attempt, verdict: str, before: Quality) -> Refinement:
    beside = {KEPT: mask.mask_id, BESIDE: done.mask.mask_id if done.mask else ""}.get(verdict, "")
    return Refinement(
        series_uid=mask.series_uid,
        target=mask.target,
        change=one.change,
        before=one.before,
        after=one.after,
        why=one.why,
        outcome_before=before.outcome.value,
        outcome_after=done.quality.outcome.value if done.quality else "",
        kept=verdict == KEPT,
        steps=done.steps,
        complaint=wish.complaint.value,
        beside=beside,
    )
