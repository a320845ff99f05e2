"""Texts that mean the same target, so that a case is about what is looked for and not about its spelling."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from evals.agents.reading import CaseInvalid, parsed, words

NAMES = Path(__file__).with_name("names.yaml")
SIDES = ("left", "right")


def canonical(text: str) -> str:
    """One spelling for all names of a target; the side stays: "Right hepatic mass" → "right liver lesion"."""
    plain = " ".join(text.lower().replace("-", " ").split())
    side, _, rest = plain.partition(" ")
    if side in SIDES and plain not in _names():
        return f"{side} {_names().get(rest, rest)}"
    return _names().get(plain, plain)


@cache
def _names() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, others in parsed(NAMES).items():
        for other in (name, *words(others, NAMES.name)):
            spelt = " ".join(other.lower().replace("-", " ").split())
            if found.setdefault(spelt, name) != name:
                raise CaseInvalid(f"{other!r} has two meanings.", where=NAMES.name)
    return found
