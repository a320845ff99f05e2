"""What a reader's complaint about an outline makes one try, and whether a new outline answers it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

import numpy as np

from domain.analysis import Complaint
from domain.mask import Mask, Outcome
from domain.model import Window
from domain.study import Volume
from plugins.outlining import EVERY, window_of
from plugins.refinement import (
    NEAR,
    REQUESTED,
    Standing,
    Try,
    by_another_model,
    in_another_window,
    in_fewer_slices,
    in_other_words,
    key_of,
    sent_window,
    standing,
)
from plugins.workspace import Sent, Workspace
from prompts.crafting.plan import CraftedPrompt
from tools.anatomy import side_of
from tools.laterality import lies_on
from tools.quality_confidence import dice
from tools.windowing import CT_WINDOWS

LEVELS: Mapping[Complaint, tuple[float, ...]] = {
    Complaint.TOO_LARGE: (0.65, 0.8, 0.9),
    Complaint.TOO_SMALL: (0.35, 0.2, 0.1),
}
"""Probabilities at which a soft answer is drawn tighter or wider, the nearest first: a judgement."""
CHANGED = 0.02
"""Fraction of the voxels by which an outline is smaller, larger or another one: a judgement."""
SAME_PLACE = 0.5
"""Fraction of the smaller of two outlines that lies in the larger when both are of the same thing."""
NAMED_WINDOWS = {
    **CT_WINDOWS,
    "bone": Window("bone", -450, 1050),
    "brain": Window("brain", 0, 80),
    "mediastinum": Window("mediastinum", -160, 240),
}
"""Windows that a reader may name, in HU: the contract's, and usual ones of reading (a judgement)."""
SAYS: Mapping[Complaint, str] = {
    Complaint.TOO_LARGE: "A reader says that it is too large.",
    Complaint.TOO_SMALL: "A reader says that a part is missing.",
    Complaint.WRONG_SIDE: "A reader says that it is on the wrong side.",
    Complaint.POOR: "A reader is not content with it.",
}
CHANGES = ("prompt", "window", "slices", "model", "choice")
"""What a reader may want changed."""
_ORDER: Mapping[str, tuple[str, ...]] = {
    Complaint.TOO_LARGE: ("contour", "prompt", "window", "slices", "model"),
    Complaint.TOO_SMALL: ("contour", "slices", "window", "prompt", "model"),
    Complaint.WRONG_SIDE: ("side", "prompt", "model"),
    Complaint.POOR: ("prompt", "window", "slices", "model"),
}


@dataclass(frozen=True)
class Wish:
    """A complaint, what the reader wants changed ("" for anything), and to what ("" for any value)."""

    complaint: Complaint
    change: str = ""
    to: str = ""

    @property
    def why(self) -> str:
        """The reason of a try."""
        return SAYS[self.complaint].rstrip(".")


def wished(workspace: Workspace, mask: Mask, wish: Wish, advised: CraftedPrompt | None = None) -> Iterator[Try]:
    """Changes that may answer a complaint, best first; none that was tried for one, or whose outline QA rejected.

    What QA's own tries gave was not better for QA; it may still be what the reader means.

    Args:
        advised: the prompt as the feedback memory words it now; None without advice.
    """
    stands = standing(workspace, mask)
    if stands is None:
        return
    seen, vain = _seen(workspace, mask), _rejected(workspace, mask)

    def untried(change: str) -> Iterator[Try]:
        found = _TRIES[change](workspace, mask, stands, wish, advised)
        new = (one for one in found if (one.change, one.after) not in vain)
        return (one for one in new if setting_of(workspace, mask, one) not in seen)

    # One change of each kind after the other: a second window shows less that is new than other words do.
    changes = (wish.change,) if wish.change else _ORDER[wish.complaint]
    rounds = zip_longest(*(untried(change) for change in changes))
    yield from (one for one in chain.from_iterable(rounds) if one is not None)


def answers(new: Mask, old: Mask, complaint: Complaint, volume: Volume) -> bool:
    """Whether a new outline is what the complaint about the old one asks for."""
    if not new.voxel_count:
        return False
    if not old.voxel_count:
        return True
    if complaint is Complaint.WRONG_SIDE:
        side, before = lies_on(new, volume), lies_on(old, volume)
        return side == side_of(new.target) if side_of(new.target) else bool(side) and side != before
    shared = int(np.count_nonzero(new.array & old.array))
    same = shared >= SAME_PLACE * min(new.voxel_count, old.voxel_count)
    if complaint is Complaint.TOO_LARGE:
        return same and new.voxel_count <= (1 - CHANGED) * old.voxel_count
    if complaint is Complaint.TOO_SMALL:
        return same and new.voxel_count >= (1 + CHANGED) * old.voxel_count
    return dice(new.array, old.array) < 1 - CHANGED


def setting_of(workspace: Workspace, mask: Mask, one: Try) -> tuple[str, ...]:
    """How a try asks for the target; see `Sent.setting`."""
    sent = workspace.sent.get(mask.mask_id)
    name, model = workspace.name_of(mask.series_uid), str(one.model.identity)
    window = window_of(workspace, name, one.prompt, one.model, chosen_window=one.chosen_window)
    if one.level is not None and sent is not None:
        return replace(sent, level=one.level).setting(model)
    return Sent(one.prompt, window, slices=NEAR if one.near is not None else EVERY, side=one.side).setting(model)


def _seen(workspace: Workspace, mask: Mask) -> set[tuple[str, ...]]:
    """Settings that were tried for complaints, and those of the outlines that are kept."""
    kept = [m for m in (mask, workspace.beside.get(key_of(mask))) if m is not None and m.mask_id in workspace.sent]
    return workspace.settings.get(key_of(mask), set()) | {workspace.sent[m.mask_id].setting(m.model) for m in kept}


def _rejected(workspace: Workspace, mask: Mask) -> set[tuple[str, str]]:
    mine = (r for r in workspace.refinements if (r.series_uid, r.target) == key_of(mask))
    return {(r.change, r.after) for r in mine if r.outcome_after == Outcome.REJECT.value}


def _contour(workspace: Workspace, mask: Mask, stands: Standing, wish: Wish, _: object) -> Iterator[Try]:
    """The model's own soft answer, drawn tighter or wider."""
    now = workspace.sent[mask.mask_id].level if mask.mask_id in workspace.sent else 0.5
    for level in LEVELS.get(wish.complaint, ()) if mask.probability is not None else ():
        if (level > now) is (wish.complaint is Complaint.TOO_LARGE) and level != now:
            before, after = (f"probability from {p:g} on" for p in (now, level))
            yield Try("contour", before, after, wish.why, stands.prompt, stands.model, level=level)


def _words(
    workspace: Workspace, mask: Mask, stands: Standing, wish: Wish, advised: CraftedPrompt | None
) -> Iterator[Try]:
    if wish.to:
        yield from in_other_words(workspace, mask, stands, [wish.to], wish.why)
        return
    if stands.prompt.reason.startswith(REQUESTED) and not wish.change:
        return  # the requester's own words are exchanged only where that is asked for
    if advised is not None:
        reason = f"{wish.why}; {advised.reason.rpartition('; ')[2]}"
        yield from in_other_words(workspace, mask, stands, [advised.text], reason)
    yield from in_other_words(workspace, mask, stands, stands.prompt.alternatives, wish.why)


def _window(
    workspace: Workspace, mask: Mask, stands: Standing, wish: Wish, advised: CraftedPrompt | None
) -> Iterator[Try]:
    if wish.to:
        yield from in_another_window(workspace, mask, stands, [NAMED_WINDOWS[wish.to]], wish.why)
        return
    if advised is not None and advised.window is not None:
        yield from in_another_window(workspace, mask, stands, [advised.window], f"{wish.why}; reviewers prefer it")
    yield from in_another_window(workspace, mask, stands, _ordered(sent_window(workspace, mask), wish), wish.why)


def _ordered(sent: str, wish: Wish) -> list[Window]:
    """The contract's windows, those first that may help: a narrow one parts neighbours, a wide one shows the whole."""
    widths = {name: (w.high or 0) - (w.low or 0) for name, w in CT_WINDOWS.items()}
    now = widths.get(sent, 0.0)
    if wish.complaint is Complaint.TOO_LARGE:
        named = sorted(widths, key=lambda name: (widths[name] >= now, abs(widths[name] - now)))
    elif wish.complaint is Complaint.TOO_SMALL:
        named = sorted(widths, key=lambda name: (widths[name] <= now, abs(widths[name] - now)))
    else:  # what differs most
        named = sorted(widths, key=lambda name: -abs(widths[name] - now))
    return [CT_WINDOWS[name] for name in named]


def _slices(workspace: Workspace, mask: Mask, stands: Standing, wish: Wish, _: object) -> Iterator[Try]:
    sent = workspace.sent.get(mask.mask_id)
    if sent is not None and sent.slices != EVERY:
        yield Try("slices", sent.slices, EVERY, wish.why, stands.prompt, stands.model, stands.chosen_window)
    elif wish.complaint is not Complaint.TOO_SMALL:
        yield from in_fewer_slices(mask, stands, wish.why)


def _model(workspace: Workspace, mask: Mask, stands: Standing, wish: Wish, _: object) -> Iterator[Try]:
    yield from by_another_model(workspace, mask, stands, wish.why)


def _side(_: Workspace, mask: Mask, stands: Standing, wish: Wish, __: object) -> Iterator[Try]:
    """The structure without a side, of which the part on the right side is kept."""
    side = side_of(mask.target)
    plain = " ".join(w for w in stands.prompt.text.split() if w.lower() != side)
    if side and plain:
        asked = replace(stands.prompt, text=plain)
        after = f"{plain}, the part on the {side}"
        yield Try("prompt", stands.prompt.text, after, wish.why, asked, stands.model, stands.chosen_window, side=side)


_Make = Callable[[Workspace, Mask, Standing, Wish, CraftedPrompt | None], Iterator[Try]]
_TRIES: Mapping[str, _Make] = {
    "contour": _contour,
    "prompt": _words,
    "window": _window,
    "slices": _slices,
    "model": _model,
    "side": _side,
}
