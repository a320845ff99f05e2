"""The structures that a sentence names, and the side of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from prompts.cues import cues
from prompts.lexicon import Concept, lexicon
from prompts.statements.claim import Cue, Mention
from prompts.statements.cues import SIDES, statement_cues
from prompts.statements.stance import found_cues
from prompts.words import Word

REACH = 4
"""Words between a side and its structure ("left lower lobe lung nodule")."""


def mentions_of(written: Sequence[Word], folded: Sequence[str]) -> list[Mention]:
    """The structures that words name; places of examinations ("chest report") are none."""
    table, found, place = lexicon(), [], 0
    while place < len(folded):
        named = table.names.longest(folded, place)
        more = statement_cues().names.longest(folded, place)
        site = table.adjectives.longest(folded, place)
        hits = [
            (h[0], h[1], kind)
            for h, kind in ((named, ""), (more, ""), (site, "adjective"))
            if h and _meant(written, place, h)
        ]
        if not hits:
            place += 1
            continue
        length, concept, kind = max(hits, key=lambda h: (h[0], not h[2]))
        if concept.kind == "region" and (
            _examination(folded, place + length) or _plain(folded[place : place + length])
        ):
            place += length  # "chest report", "came back": no place in the patient
            continue
        found.append(Mention(concept.text, kind or concept.kind, place, place + length))
        place += length
    return found


def _examination(folded: Sequence[str], place: int) -> bool:
    return place < len(folded) and (folded[place] == "report" or cues().examination.longest(folded, place) is not None)


def _plain(folded: Sequence[str]) -> bool:
    return set(folded) <= statement_cues().vocabulary


def _meant(written: Sequence[Word], place: int, hit: tuple[int, Concept]) -> bool:
    """Short names that are words of a language too count in capitals only ("ICH", "CA")."""
    length, concept = hit
    word = written[place]
    if length > 1 or word.folded in {concept.text, "eye", "gut"}:
        return True
    short = len(word.folded) <= 3 or word.folded in cues().capitals_only
    return not short or word.raw.isupper()


def sides_of(folded: Sequence[str], named: Sequence[Mention]) -> list[Cue]:
    """The words for sides that are not part of a structure's name."""
    table = statement_cues()
    starts, taken = {m.start for m in named}, {i for m in named for i in range(m.start, m.end)}
    neutral = {i for c in found_cues(table.roles, folded) if c.role == "neutral" for i in range(c.start, c.end)}
    found = [c for c in found_cues(table.sides, folded) if not {c.start} & (taken | neutral)]
    letters = [
        Cue(table.side_letters[f], i, i + 1)
        for i, f in enumerate(folded)
        if f in table.side_letters and i + 1 in starts and i not in taken
    ]
    return sorted([*found, *letters], key=lambda c: c.start)


def with_sides(
    folded: Sequence[str], segments: Sequence[int], named: Sequence[Mention], sides: Sequence[Cue]
) -> tuple[list[Mention], frozenset[str]]:
    """The mentions with the sides that stand at them, and the sides that stand alone."""
    given: list[set[str]] = [set(_own_sides(m)) for m in named]
    loose: set[str] = set()
    for cue in sides:
        if folded[cue.start] in _COUNTING and not _at_structure(folded, named, cue):
            continue  # "both were outlined"
        owner = _owner(folded, segments, named, cue)
        (loose if owner is None else given[owner]).update(SIDES[cue.role])
    for place in range(1, len(named)):
        # "left apical pneumothorax": one side for the whole phrase
        if named[place].start == named[place - 1].end and not given[place]:
            given[place] |= given[place - 1]
    within = [_within(folded, segments, named, i) for i in range(len(named))]
    found = []
    for place, mention in enumerate(named):
        inside = within[place]
        inherited = given[inside] if inside is not None and not given[place] else set[str]()
        found.append(replace(mention, sides=frozenset(given[place] | inherited), within=inside))
    return found, frozenset(loose)


_COUNTING = frozenset({"both", "either", "beide", "beiden", "beider", "ambos", "ambas"})


def _at_structure(folded: Sequence[str], named: Sequence[Mention], cue: Cue) -> bool:
    return any(0 <= m.start - cue.end <= 1 for m in named) or set(folded[cue.end : cue.end + 2]) & _SIDE_WORDS != set()


_SIDE_WORDS = frozenset({"side", "sides", "seite", "seiten", "lado", "lados"})


def _own_sides(mention: Mention) -> Iterable[str]:
    concept = lexicon().concepts.get(mention.name)
    words_ = mention.name.split()
    return [w for w in ("left", "right") if w in words_ and concept is not None and concept.paired]


def _owner(folded: Sequence[str], segments: Sequence[int], named: Sequence[Mention], cue: Cue) -> int | None:
    """The structure behind a side ("left pleural effusion"), else the one before it ("effusion on the left")."""
    for place, mention in enumerate(named):
        gap = mention.start - cue.end
        if (
            0 <= gap <= REACH
            and segments[mention.start] == segments[cue.start]
            and not _broken(folded, cue.end, mention.start)
        ):
            return place
    for place in range(len(named) - 1, -1, -1):
        gap = cue.start - named[place].end
        if 0 <= gap <= REACH + 2 and segments[named[place].start] == segments[cue.start]:
            return place
    return None


def _broken(folded: Sequence[str], start: int, end: int) -> bool:
    return bool(
        {",", "is", "was", "ist", "es", "are", "sind", "son", "measures", "mide", "misst"} & set(folded[start:end])
    )


def _within(folded: Sequence[str], segments: Sequence[int], named: Sequence[Mention], place: int) -> int | None:
    """The structure that a mention is said to lie in: the next one behind a preposition of place."""
    table = statement_cues()
    if place + 1 >= len(named) or named[place].kind not in {"lesion", "fluid", "device"}:
        return None
    here, after = named[place], named[place + 1]
    between = range(here.end, after.start)
    placed = any(table.places.longest(folded, i) for i in between)
    near = after.start - here.end <= 2 * REACH and segments[here.start] == segments[after.start]
    return place + 1 if placed and near and not table.also & {folded[i] for i in between} else None
