"""What may be changed when an outline is poor, in the order in which it is tried. Pure: nothing is asked here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from domain.mask import Mask, Outcome, Quality
from domain.model import Window
from inference.catalogue import Model
from inference.volume_models import VolumeModel
from plugins.outlining import EVERY
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
NEAR = f"slices within {MARGIN_MM:g} mm of the largest part"


@dataclass(frozen=True)
class Try:
    """One change.

    Attributes:
        change: "prompt", "window", "slices", "model" or "contour"; before, after: what it was and becomes, in words.
        prompt: what is asked: what stands, with that one change.
        model: the one that is asked: that of the outline, unless it is what changes.
        chosen_window: the prompt's window goes before the model's wish.
        near: ask only about slices near the largest part of this mask.
        side: keep only the parts on this side of the patient.
        level: draw the model's soft answer again at this probability; no model is asked.
    """

    change: str
    before: str
    after: str
    why: str
    prompt: CraftedPrompt
    model: Model
    chosen_window: bool = False
    near: Mask | None = None
    side: str = ""
    level: float | None = None


@dataclass(frozen=True)
class Standing:
    """How the outline that stands was asked for. `chosen_window`: its window is one that was tried on purpose."""

    prompt: CraftedPrompt
    model: Model
    chosen_window: bool = False


def refinable(workspace: Workspace, mask: Mask) -> bool:
    """Whether another try may help: QA says what to change, and something is left to change."""
    return next(tries(workspace, mask), None) is not None


def tries(workspace: Workspace, mask: Mask) -> Iterator[Try]:
    """The changes worth trying for a poor outline that were not tried before, best first."""
    stands = standing(workspace, mask)
    hints = suggest(mask.quality, mask.target) if mask.quality is not None else ()
    if not hints or stands is None:
        return
    # What an outline had before it was changed was tried as well.
    mine = [r for r in workspace.refinements if (r.series_uid, r.target) == key_of(mask)]
    done = {(r.change, value) for r in mine for value in (r.before, r.after)}
    windows = OTHER_WINDOWS if any("window" in h for h in hints) else ()
    own_words = stands.prompt.reason.startswith(REQUESTED)  # the requester's own words are not exchanged
    found = (
        *(() if own_words else in_other_words(workspace, mask, stands, stands.prompt.alternatives, hints[0])),
        *in_another_window(workspace, mask, stands, [CT_WINDOWS[name] for name in windows], hints[0]),
        *(in_fewer_slices(mask, stands, "the outline is in pieces") if any("other words" in h for h in hints) else ()),
        *by_another_model(workspace, mask, stands, f"{mask.model} did poorly"),
    )
    # A window is what an empty outline most often lacks; words are what a wrong one lacks.
    first = "window" if windows else "prompt"
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


def standing(workspace: Workspace, mask: Mask) -> Standing | None:
    """How an outline was asked for; None when that is not known, or its model is there no more."""
    sent = workspace.sent.get(mask.mask_id)
    prompt = sent.prompt if sent is not None else workspace.crafted(*key_of(mask))
    if prompt is None:
        return None
    model = next((m for m in _models(workspace, mask, prompt) if str(m.identity) == mask.model), None)
    return None if model is None else Standing(prompt, model, sent is not None and sent.chosen_window)


def sent_window(workspace: Workspace, mask: Mask) -> str:
    """Name of the window in which this outline was asked for."""
    return workspace.sent[mask.mask_id].window.name if mask.mask_id in workspace.sent else ""


def in_other_words(
    workspace: Workspace, mask: Mask, stands: Standing, wordings: Sequence[str], why: str
) -> Iterator[Try]:
    """Wordings that the model takes, as tries."""
    modality = workspace.series(workspace.name_of(mask.series_uid)).modality
    for words in wordings:
        if words.casefold() != stands.prompt.text.casefold() and stands.model.accepts(modality, words):
            asked = replace(stands.prompt, text=words)
            yield Try("prompt", stands.prompt.text, words, why, asked, stands.model, stands.chosen_window)


def windowed(workspace: Workspace, mask: Mask, stands: Standing) -> bool:
    """Whether a window is a matter of choice: of CT, and for models that get grey values."""
    modality = workspace.series(workspace.name_of(mask.series_uid)).modality
    # A model of volumes gets the values themselves.
    return lexicon().family(modality) == "CT" and not isinstance(stands.model, VolumeModel)


def in_another_window(
    workspace: Workspace, mask: Mask, stands: Standing, windows: Sequence[Window], why: str
) -> Iterator[Try]:
    """Windows other than the one that was sent, as tries."""
    sent = sent_window(workspace, mask)
    for window in windows if windowed(workspace, mask, stands) else ():
        if window.name != sent:
            asked = replace(stands.prompt, window=window)
            yield Try("window", sent, window.name, why, asked, stands.model, chosen_window=True)


def in_fewer_slices(mask: Mask, stands: Standing, why: str) -> Iterator[Try]:
    """Only the slices near the largest part, where the model is asked slice by slice."""
    if isinstance(stands.model, VolumeModel) or mask.geometry.slices < FEWEST_SLICES or not mask.voxel_count:
        return
    yield Try("slices", EVERY, NEAR, why, stands.prompt, stands.model, stands.chosen_window, near=mask)


def by_another_model(workspace: Workspace, mask: Mask, stands: Standing, why: str) -> Iterator[Try]:
    """The catalogue's other models for this target."""
    for model in _models(workspace, mask, stands.prompt):
        if model is not stands.model:
            yield Try("model", mask.model, str(model.identity), why, stands.prompt, model)


def key_of(mask: Mask) -> tuple[str, str]:
    """Series UID and target."""
    return mask.series_uid, mask.target


def _models(workspace: Workspace, mask: Mask, prompt: CraftedPrompt) -> list[Model]:
    candidates = workspace.candidates(workspace.name_of(mask.series_uid), prompt.target, prompt.region)
    return [c.model for c in candidates]
