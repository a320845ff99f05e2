"""What stands ahead of a place in a row of items."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from prompts.question.items import BREAKS, Item

_NUMERAL = re.compile(r"[ivx]{1,4}[ab]?|\d[ab]")
_LIST_ROLES = frozenset({"concept", "adjective", "filler", "and", "or", "left", "right", "both", "joining", "comma"})
LONGEST_LIST = 24
"""Items in which a negated list must come to its "or"."""

NEAR = 6
"""Items in which a side finds its structure."""


def numbered(folded: Sequence[str], at: int) -> bool:
    """Whether a number stands at a word: "segment VI" and "mark 2" are names, not wishes."""
    following = folded[at] if at < len(folded) else ""
    return following.isdigit() or _NUMERAL.fullmatch(following) is not None


def names_ahead(row: tuple[Item, ...], at: int) -> bool:
    """Whether a structure is named before the next break."""
    for item in row[at : at + NEAR]:
        if item.concept:
            return True
        if item.role in BREAKS:
            return False
    return False


def list_goes_on(row: tuple[Item, ...], at: int, links: Set[str]) -> bool:
    """Whether a comma before `at` separates members of a list: a link ("or") follows at once or after a name."""
    if at < len(row) and row[at].role in links:
        return True
    named = False
    for item in row[at : at + LONGEST_LIST]:
        if named and item.role in links:
            return True
        if item.role not in _LIST_ROLES:
            return False
        named = named or item.concept is not None
    return False
