"""What may be changed when an outline is poor, in the order in which it is tried. Pure: nothing is asked here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from domain.mask import Mask, Outcome, Quality
from domain.model import Window
from inference.catalogue import Model
from plugins.workspace import Workspace
from prompts.crafting.plan import CraftedPrompt
from prompts.lexicon import lexicon
from tools.quality import suggest
from tools.windowing import CT_WINDOWS

RANK = {Outcome.REJECT: 0, Outcome.REVIEW: 1, Outcome.PASS: 2}
CLEAR_GAIN = 0.05
"""Difference of confidence that makes one of two equally judged outlines the better one: a judgement."""
MARGIN_MM = 15.0
"""Kept on both sides of the largest part when a scattered outline is asked for again in fewer slices."""


@dataclass(frozen=True)
class Try:
    """One change.

    Attributes:
        change: "prompt", "window", "slices" or "model"; before, after: what it was and becomes, in words.
        model: asked in place of the first that answers; None leaves the choice.
        near: ask only about slices near the largest part of this mask.
    """

    change: str
    before: str
    after: str
    why: str
    prompt: CraftedPrompt
    model: Model | None = None
    near: Mask | None = None


def refinable(workspace: Workspace, mask: Mask) -> bool:
    """Whether another try may help: QA says what to change, and something is left to change."""
    return next(tries(workspace, mask), None) is not None


def tries(workspace: Workspace, mask: Mask) -> Iterator[Try]:
    """The changes worth trying for a poor outline that were not tried before, best first."""
    prompt = workspace.crafted(mask.series_uid, mask.target)
    if mask.quality is None or prompt is None:
        return
    hints = suggest(mask.quality, mask.target)
    if not hints:
        return
    done = {(r.change, r.after) for r in workspace.refinements if (r.series_uid, r.target) == _key(mask)}
    found = (
        *_in_other_words(workspace, mask, prompt, hints),
        *_in_another_window(workspace, mask, prompt, hints),
        *_in_fewer_slices(mask, prompt, hints),
        *_by_another_model(workspace, mask, prompt),
    )
    # A window is what an empty outline most often lacks; words are what a wrong one lacks.
    first = "window" if any("window" in h for h in hints) else "prompt"
    for one in sorted(found, key=lambda t: t.change != first):
        if (one.change, one.after) not in done:
            yield one


def better(new: Quality, old: Quality) -> bool:
    """Whether QA thinks more of the new outline."""
    if RANK[new.outcome] != RANK[old.outcome]:
        return RANK[new.outcome] > RANK[old.outcome]
    if new.confidence is None or old.confidence is None:
        return False
    return new.confidence - old.confidence >= CLEAR_GAIN


def _in_other_words(workspace: Workspace, mask: Mask, prompt: CraftedPrompt, hints: tuple[str, ...]) -> Iterator[Try]:
    name = workspace.name_of(mask.series_uid)
    modality = workspace.series(name).modality
    if prompt.reason.startswith("named by the requester"):
        return  # the requester's own words are not exchanged
    for words in prompt.alternatives:
        models = [c.model for c in workspace.candidates(name, prompt.target, prompt.region)]
        if any(m.accepts(modality, words) for m in models):
            yield Try("prompt", prompt.text, words, hints[0], replace(prompt, text=words))


def _in_another_window(
    workspace: Workspace, mask: Mask, prompt: CraftedPrompt, hints: tuple[str, ...]
) -> Iterator[Try]:
    series = workspace.series(workspace.name_of(mask.series_uid))
    if lexicon().family(series.modality) != "CT" or not any("window" in h for h in hints):
        return
    sent = next((p.window for p in reversed(workspace.prompts) if (p.series_uid, p.target) == _key(mask)), "")
    for window in _windows():
        if window.name != sent:
            yield Try("window", sent, window.name, hints[0], replace(prompt, window=window))


def _windows() -> tuple[Window, ...]:
    return CT_WINDOWS["abdomen"], CT_WINDOWS["lung"], CT_WINDOWS["liver"]


def _in_fewer_slices(mask: Mask, prompt: CraftedPrompt, hints: tuple[str, ...]) -> Iterator[Try]:
    if mask.geometry.slices >= 3 and any("other words" in h for h in hints) and mask.voxel_count:
        after = f"slices within {MARGIN_MM:g} mm of the largest part"
        yield Try("slices", "every slice", after, "the outline is in pieces", prompt, near=mask)


def _by_another_model(workspace: Workspace, mask: Mask, prompt: CraftedPrompt) -> Iterator[Try]:
    candidates = workspace.candidates(workspace.name_of(mask.series_uid), prompt.target, prompt.region)
    for candidate in candidates:
        if str(candidate.model.identity) != mask.model:
            why = f"{mask.model} did poorly"
            yield Try("model", mask.model, str(candidate.model.identity), why, prompt, model=candidate.model)


def _key(mask: Mask) -> tuple[str, str]:
    return mask.series_uid, mask.target
