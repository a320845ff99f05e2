"""Where something is: sites of the body, sides, and the lesion that a number belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tools.clinical_record.vocabulary import Hit, detail, lexicon

_SIDE = re.compile(r"\b(left|right|bilateral)\b", re.IGNORECASE)


def sites_in(text: str) -> tuple[Hit, ...]:
    """Sites of the body in a text, in order."""
    return tuple(lexicon("sites").find(text))


def side_of(site: str) -> str:
    """ "left", "right" or "": the side that a canonical site lies on."""
    return str(detail("sites", site, "side") or "")


def organ_of(site: str) -> str:
    """The organ of a canonical site: "lung", "node", …"""
    return str(detail("sites", site, "organ") or "")


def same_place(one: str, other: str) -> bool:
    """Whether two sites may be one place: equal, one inside the other, or one of them only a side of the organ."""
    chains = ({one, *_parents(one)}, {other, *_parents(other)})
    if one in chains[1] or other in chains[0]:
        return True
    broad = {f"{side} {organ_of(one)}" for side in ("left", "right")}
    return side_of(one) == side_of(other) and bool({one, other} & broad)


def _parents(site: str) -> Iterable[str]:
    parent = str(detail("sites", site, "parent") or "")
    return (parent, *_parents(parent)) if parent else ()


def nearest_side(text: str, start: int, end: int, reach: int = 25) -> str:
    """The side that is said right before or right after some words, in the same clause."""
    before = re.split(r"[,;:.]", text[max(0, start - reach) : start])[-1]
    after = re.split(r"[,;:.(]", text[end : end + reach])[0]
    hits = _SIDE.findall(before) or _SIDE.findall(text[start:end]) or _SIDE.findall(after)
    return str(hits[-1]).lower() if hits else ""
