"""Whether each number of a sentence is one of its ids' numbers: value, unit, structure, kind of measurement, time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from agents.evidence import Number
from agents.sources import Source, target_answers
from prompts.statements.cues import statement_cues
from prompts.statements.quantities import Quantity
from prompts.statements.reading import Cue, Mention, Statement

EITHER = frozenset({"left", "right"})
LENGTHS = frozenset({"long_axis", "short_axis", "max_3d_diameter"})
"""What "diameter" and "size" may mean."""
MIDDLE = frozenset({"mean", "median"})
ENDS = MIDDLE | {"min", "max"}
"""What "density" means: a middle of the values, or the ends of their range."""
COUNTS = frozenset({"component_count", "voxel_count", "slices", "rows", "columns"})
"""Numbers without a unit."""
NAMED = (
    LENGTHS
    | COUNTS
    | frozenset(
        {
            "volume",
            "area",
            "mean",
            "min",
            "max",
            "std",
            "median",
            "cardiothoracic_ratio",
            "confidence",
        }
    )
)
"""Measurements that have words of their own (prompts/statements/cues.yaml)."""
_OF = re.compile(r"[\s(]*(?:(?:in|as|of|its|the|der|die|das|im|als|de|en|su|el|la)\s+){0,3}", re.IGNORECASE)
""" "12 mm in its longest diameter"."""
_CLAUSE = re.compile(
    r"[;()]|(?<!\d),|,(?!\d)|\b(?:and|und|y|while|whereas|während|mientras|but|aber|pero)\b", re.IGNORECASE
)


def all_supported(statement: Statement, sources: Sequence[Source], about: Sequence[Mention], cited: int) -> bool:
    """Whether every number of a statement stands behind its ids.

    Args:
        statement: a sentence, or a part of one.
        sources: of its ids.
        about: its structures; those of the part before where it names none.
        cited: how many ids it names: "two outlines [m1, m2]".
    """
    owners = _owners(statement, about)
    return all(
        (not q.stated and q.limit == 0 and q.value == cited > 1) or _supported(statement, place, sources, owners[place])
        for place, q in enumerate(statement.quantities)
    )


def _supported(statement: Statement, place: int, sources: Sequence[Source], owner: Mention | None) -> bool:
    said = statement.quantities[place]
    kinds, time = _kinds(statement, place), _time(statement, place)
    for one in sources:
        mine = owner is None or one.is_about(owner) or not (one.own or one.told)
        if mine and any(said.repeats(q) for q in one.quoted):
            return True
        rows = [n for n in one.behind.numbers if owner is None or _is_of(owner, n, one)]
        if said.limit == 0 and any(_fits(said, n, kinds, time) for n in rows):
            return True
    return False


def _is_of(owner: Mention, number: Number, one: Source) -> bool:
    """Whether a row is of a structure, on its side where one is said."""
    if not number.target:
        return one.is_about(owner) or not (one.own or one.told)
    wrong_side = owner.sides and one.own and one.behind.side not in owner.sides
    return target_answers(owner, number.target) and not wrong_side


def _fits(said: Quantity, number: Number, kinds: frozenset[str], time: str) -> bool:
    name, _, part = number.name.partition(".")
    if kinds and name in NAMED and name not in kinds:
        return False
    if time and part in {"now", "before"} and part != time:
        return False
    return said.agrees(number.value, number.unit)


def _kinds(statement: Statement, place: int) -> frozenset[str]:
    """Measurements that the words at a number mean; none when they name none."""
    cue = _cue(statement, statement.measures, place)
    unit = statement.quantities[place]
    if cue is None or unit.scale.base.startswith("?") or (cue.role in COUNTS and unit.stated):
        return frozenset()
    if cue.role == "density":
        ranged = statement_cues().ranges & {w.folded for w in statement.words}
        return ENDS if ranged and len(statement.quantities) > 1 else MIDDLE
    return LENGTHS if cue.role == "diameter" else frozenset({cue.role})


_FROM = re.compile(r"\b(?:from|von|de|desde)\s*$", re.IGNORECASE)
_TO = re.compile(r"\s*(?:to|auf|bis|a|hasta|->|→)\s*", re.IGNORECASE)


def _time(statement: Statement, place: int) -> str:
    """ "before" or "now" of a number: by words at it, or by "from … to …"; "" when neither is said."""
    text, numbers = statement.text, statement.quantities
    joined = [bool(_TO.fullmatch(text[a.end : b.start])) for a, b in pairwise(numbers)]
    if place < len(joined) and joined[place] and _FROM.search(text[: numbers[place].start]):
        return "before"
    if place and joined[place - 1] and _FROM.search(text[: numbers[place - 1].start]):
        return "now"
    cue = _cue(statement, statement.times, place)
    return cue.role if cue else ""


def _cue(statement: Statement, cues: Sequence[Cue], place: int) -> Cue | None:
    """The last cue between the number before and this one, else the first behind it in its clause."""
    numbers, said = statement.quantities, statement.quantities[place]
    floor = numbers[place - 1].end if place else 0
    ceiling = numbers[place + 1].start if place + 1 < len(numbers) else len(statement.text)
    starts = [(cue, statement.words[cue.start].start) for cue in cues]
    at_once = [cue for cue, start in starts if start >= said.end and not statement.text[said.end : start].strip()]
    if at_once:
        return at_once[0]  # "23 mm now"
    before = [cue for cue, start in starts if floor <= start < said.start]
    if before:
        return before[-1]
    after = (c for c, s in starts if said.end <= s < ceiling and _OF.fullmatch(statement.text[said.end : s]))
    return next(after, None)


def _owners(statement: Statement, about: Sequence[Mention]) -> list[Mention | None]:
    """The structure that each number is said of; None where the parts before leave it open."""
    numbers = statement.quantities
    heads = [m for i, m in enumerate(about) if not _only_place(about, i)]
    if len(heads) == 1 and len(numbers) == 2 and statement.mentions:
        heads = _one_each(statement, heads[0])
    if not statement.mentions:
        return [heads[0] if len(heads) == 1 else None] * len(numbers)
    starts = [statement.words[m.start].start for m in heads]
    if len(heads) == len(numbers) > 1 and starts[-1] < numbers[0].start:
        return list(heads)  # "liver and spleen measure 1523 mL and 213 mL"
    return [_on_side(statement, i, _owner(statement, heads, starts, q)) for i, q in enumerate(numbers)]


def _one_each(statement: Statement, pair: Mention) -> list[Mention]:
    """ "left and right kidneys": the left one, and the right one; the pair where no order is said."""
    words = [w for w in statement.words if w.end <= statement.quantities[0].start]
    sides = [side for w in words if (side := statement_cues().sides.get((w.folded,))) in EITHER]
    order = list(dict.fromkeys(sides))
    return [replace(pair, sides=frozenset({str(side)})) for side in order] if len(order) == 2 else [pair]


def _on_side(statement: Statement, place: int, owner: Mention | None) -> Mention | None:
    """The structure on the side that is said between the number before and this one ("on the right, 172 mL") or in
    brackets behind it ("172 mL (right)")."""
    numbers, words = statement.quantities, statement.words
    floor, said = numbers[place - 1].end if place else 0, numbers[place]
    cues = [c for c in statement.sides if c.role in EITHER]
    behind = [c for c in cues if statement.text[said.end : words[c.start].start].strip(" ") in {"(", "/"}]
    before = [c for c in cues if floor <= words[c.start].start < said.start and place]
    chosen = behind[:1] or [c for c in before if owner is not None and c.start >= owner.end][-1:]
    return replace(owner, sides=frozenset({chosen[0].role})) if owner is not None and chosen else owner


def _only_place(about: Sequence[Mention], place: int) -> bool:
    """A mention that only says where another one lies."""
    here, after = about[place], about[place + 1] if place + 1 < len(about) else None
    attribute = here.kind == "adjective" and after is not None and after.start == here.end
    return attribute or any(m.within == place for m in about)


def clause(text: str, start: int, end: int) -> tuple[int, int]:
    """First and last character of the clause around a place of a sentence."""
    breaks = [m.start() for m in _CLAUSE.finditer(text)]
    left = max((b for b in breaks if b <= start), default=0)
    return left, min((b for b in breaks if b >= end and b > left), default=len(text))


def _owner(statement: Statement, heads: Sequence[Mention], starts: Sequence[int], said: Quantity) -> Mention:
    """The structure of the number's own clause; without one there the last before it, else the first."""
    left, right = clause(statement.text, said.start, said.end)
    placed = list(zip(heads, starts, strict=True))
    inside = [(m, s) for m, s in placed if left <= s < right]
    earlier = [m for m, s in inside or placed if s < said.start]
    return earlier[-1] if earlier else (inside or placed)[0][0]
