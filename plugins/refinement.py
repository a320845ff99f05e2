"""What may be changed when an outline is poor, in the order in which it is tried. Pure: nothing is asked here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from domain.analysis import Refinement
from domain.mask import Mask, Outcome, Quality
from inference.catalogue import Model
from inference.volume_models import VolumeModel
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
FEWEST_SLICES = 3
"""Of a series of which fewer can be asked about."""
OTHER_WINDOWS = ("abdomen", "lung", "liver")
"""The contract's CT windows that differ most, in the order in which they are tried."""
REQUESTED = "named by the requester"
"""How the reason of a prompt begins whose words the requester chose."""


@dataclass(frozen=True)
class Try:
    """One change.

    Attributes:
        change: "prompt", "window", "slices" or "model"; before, after: what it was and becomes, in words.
        prompt: what is asked: what stands, with that one change.
        model: the one that is asked: that of the outline, unless it is what changes.
        chosen_window: the prompt's window goes before the model's wish.
        near: ask only about slices near the largest part of this mask.
    """

    change: str
    before: str
    after: str
    why: str
    prompt: CraftedPrompt
    model: Model
    chosen_window: bool = False
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
    before = [r for r in workspace.refinements if (r.series_uid, r.target) == _key(mask)]
    standing = _standing(workspace, mask, prompt, [r for r in before if r.kept])
    if not hints or standing is None:
        return
    # What an outline had before it was changed was tried as well.
    done = {(r.change, value) for r in before for value in (r.before, r.after)}
    found = (
        *_in_other_words(workspace, mask, standing, hints),
        *_in_another_window(workspace, mask, standing, hints),
        *_in_fewer_slices(mask, standing, hints),
        *_by_another_model(workspace, mask, standing),
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


@dataclass(frozen=True)
class _Standing:
    """How the outline that stands was asked for. `chosen_window`: its window is one that helped before."""

    prompt: CraftedPrompt
    model: Model
    chosen_window: bool


def _standing(workspace: Workspace, mask: Mask, prompt: CraftedPrompt, kept: Sequence[Refinement]) -> _Standing | None:
    """The crafted prompt with what helped so far; None when its model is there no more."""
    models = _models(workspace, mask, prompt)
    model = next((m for m in models if str(m.identity) == mask.model), None)
    if model is None:
        return None
    words = [r.after for r in kept if r.change == "prompt"]
    windows = [w for r in kept if r.change == "window" for w in CT_WINDOWS.values() if w.name == r.after]
    asked = replace(prompt, text=[prompt.text, *words][-1], window=[prompt.window, *windows][-1])
    return _Standing(asked, model, bool(windows))


def _in_other_words(workspace: Workspace, mask: Mask, standing: _Standing, hints: tuple[str, ...]) -> Iterator[Try]:
    prompt, modality = standing.prompt, workspace.series(workspace.name_of(mask.series_uid)).modality
    if prompt.reason.startswith(REQUESTED):
        return  # the requester's own words are not exchanged
    for words in prompt.alternatives:
        if standing.model.accepts(modality, words):
            asked = replace(prompt, text=words)
            yield Try("prompt", prompt.text, words, hints[0], asked, standing.model, standing.chosen_window)


def _in_another_window(workspace: Workspace, mask: Mask, standing: _Standing, hints: tuple[str, ...]) -> Iterator[Try]:
    series = workspace.series(workspace.name_of(mask.series_uid))
    if lexicon().family(series.modality) != "CT" or not any("window" in h for h in hints):
        return
    if isinstance(standing.model, VolumeModel):
        return  # it gets the values themselves
    sent = _sent_window(workspace, mask)
    for window in (CT_WINDOWS[name] for name in OTHER_WINDOWS):
        if window.name != sent:
            asked = replace(standing.prompt, window=window)
            yield Try("window", sent, window.name, hints[0], asked, standing.model, chosen_window=True)


def _sent_window(workspace: Workspace, mask: Mask) -> str:
    """Name of the window in which this outline was asked for."""
    sent = [p for p in workspace.prompts if (p.series_uid, p.target) == _key(mask)]
    return next((p.window for p in reversed(sent) if p.reason.endswith(f"({mask.step_id})")), "")


def _in_fewer_slices(mask: Mask, standing: _Standing, hints: tuple[str, ...]) -> Iterator[Try]:
    if isinstance(standing.model, VolumeModel) or mask.geometry.slices < FEWEST_SLICES or not mask.voxel_count:
        return
    if any("other words" in h for h in hints):
        after = f"slices within {MARGIN_MM:g} mm of the largest part"
        why = "the outline is in pieces"
        yield Try(
            "slices", "every slice", after, why, standing.prompt, standing.model, standing.chosen_window, near=mask
        )


def _by_another_model(workspace: Workspace, mask: Mask, standing: _Standing) -> Iterator[Try]:
    for model in _models(workspace, mask, standing.prompt):
        if model is not standing.model:
            yield Try("model", mask.model, str(model.identity), f"{mask.model} did poorly", standing.prompt, model)


def _models(workspace: Workspace, mask: Mask, prompt: CraftedPrompt) -> list[Model]:
    candidates = workspace.candidates(workspace.name_of(mask.series_uid), prompt.target, prompt.region)
    return [c.model for c in candidates]


def _key(mask: Mask) -> tuple[str, str]:
    return mask.series_uid, mask.target
