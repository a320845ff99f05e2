"""Whether other words ask for the same target: advice may change how a target is asked for, never which one it is."""

from __future__ import annotations

from functools import lru_cache

from prompts.lexicon import ANYWHERE
from prompts.question.understanding import AskedTarget, understand

_LESIONS = frozenset({"lesion"})


@lru_cache(maxsize=4096)
def same_target(target: str, words: str) -> bool:
    """True when the words ask for the target, on the same side, as far as the lexicon can tell.

    Two lesions are the same target when they lie at the same site ("liver tumor", "hepatic mass"); structures must
    be the same concept. Words outside the lexicon are allowed only for a target outside of it: nobody here could
    tell what they mean.
    """
    wanted, offered = _meaning(target), _meaning(words)
    if " ".join(target.lower().split()) == " ".join(words.lower().split()):
        return True
    if wanted is None or offered is None:
        return wanted is None and offered is None and _sides(target) == _sides(words)
    return wanted.side == offered.side and _alike(wanted, offered)


def _meaning(text: str) -> AskedTarget | None:
    """The one structure that a text names; None when it names none or several."""
    targets = understand(text).targets
    return targets[0] if len(targets) == 1 and targets[0].concept is not None else None


def _alike(wanted: AskedTarget, offered: AskedTarget) -> bool:
    one, other = wanted.concept, offered.concept
    if one is None or other is None:
        return False
    if one.text == other.text:
        return True
    placed = bool(one.site) and one.site == other.site and ANYWHERE not in one.regions
    return placed and {one.kind, other.kind} == _LESIONS and _organ(one.text) == _organ(other.text)


def _organ(text: str) -> str:
    """The words before the lesion's own: "liver" of "liver tumor"; a name of one word has none."""
    return text.rpartition(" ")[0]


def _sides(text: str) -> frozenset[str]:
    return frozenset(text.lower().split()) & {"left", "right", "bilateral"}
