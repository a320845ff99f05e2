"""Names put together of a site and a lesion: "hepatic cyst", "mass in the left kidney", "liver capsule"."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.cues import cues
from prompts.lexicon import Concept, lexicon
from prompts.question.examination import measured, named_by_adjective
from prompts.question.items import BREAKS, Item
from prompts.words import Word, phrase

REACH = 6
"""Fillers that may stand between a lesion and its site."""

_CLOSING = BREAKS | {"and", "or", "left", "right", "both", "joining", "known", "but"}
"""Roles of what may follow an adjective that ends a name."""
_SIDES = {"left": ("left",), "right": ("right",), "both": ("left", "right")}


@dataclass(frozen=True)
class Composed:
    """One structure out of some words."""

    concept: Concept
    sides: tuple[str, ...]
    start: int
    end: int
    in_lexicon: bool = True


@dataclass(frozen=True)
class Composition:
    """Structures that an item and what follows it name, and the item after them."""

    parts: tuple[Composed, ...]
    next: int


def compose(row: tuple[Item, ...], at: int, written: tuple[Word, ...]) -> Composition | None:
    """What the name or adjective at `at` names together with its neighbours; None for an adjective alone."""
    item = row[at]
    if item.place is not None:
        return _of_place(row, at, item.place, written)
    return _of_lesion(row, at)


def _of_place(row: tuple[Item, ...], at: int, place: Concept, written: tuple[Word, ...]) -> Composition | None:
    return (
        _compound(row, at, place, written)
        or _with_lesion(row, at, place)
        or _sharing_lesion(row, at, place, written)
        or _alone(row, at, place, written)
    )


def _with_lesion(row: tuple[Item, ...], at: int, place: Concept) -> Composition | None:
    """ "Hepatic cyst", or an abnormality named after where it is ("left lower lobe pneumonia")."""
    after, sides = _skip(row, at + 1)
    abnormal = _abnormality(row, after)
    if abnormal is None:
        return None
    whole = _located(abnormal, place, sides, row[at].start, row[after].end)
    return Composition((whole,), after + 1)


def _sharing_lesion(row: tuple[Item, ...], at: int, place: Concept, written: tuple[Word, ...]) -> Composition | None:
    shared = _shared_lesion(row, at, written)
    if shared is None:
        return None
    return Composition((Composed(joined(place, shared), (), row[at].start, row[at].end),), at + 1)


def _alone(row: tuple[Item, ...], at: int, place: Concept, written: tuple[Word, ...]) -> Composition | None:
    item = row[at]
    if item.role == "adjective" and not (
        measured(written, item.end) or named_by_adjective(row, at, written) or _measured_before(row, at, written)
    ):
        return None
    alone = Composed(place, (), item.start, item.end)
    lesion_at = _sought(row, at, written)
    lesion = _joins(row, lesion_at) if lesion_at else None
    if lesion is None:
        return Composition((alone,), at + 1)
    return Composition((alone, Composed(joined(place, lesion), (), item.start, row[lesion_at].end)), lesion_at + 1)


def _measured_before(row: tuple[Item, ...], at: int, written: tuple[Word, ...]) -> bool:
    """ "Volumen prostático": a measurement of what an adjective behind it names."""
    first = row[at].start
    ends = at + 1 == len(row) or row[at + 1].role in _CLOSING
    return ends and first > 0 and cues().measurements.get((written[first - 1].folded,)) is not None


def _sought(row: tuple[Item, ...], at: int, written: tuple[Word, ...]) -> int:
    """Where the lesion of "the liver for metastases" stands; 0 without one."""
    if at + 1 >= len(row) or written[row[at + 1].start].folded != "for":
        return 0
    return _skip(row, at + 2)[0]


def _abnormality(row: tuple[Item, ...], at: int) -> Concept | None:
    concept = row[at].concept if at < len(row) and row[at].role == "concept" else None
    return concept if concept is not None and concept.kind in {"lesion", "fluid"} else None


def _shared_lesion(row: tuple[Item, ...], at: int, written: tuple[Word, ...]) -> Concept | None:
    """The lesion of "hepatic and renal cysts" for its first site; nouns share metastases only."""
    link = at + 1
    if link >= len(row) or row[link].role not in {"and", "or", "comma"}:
        return None
    second, _ = _skip(row, link + 1)
    if second >= len(row) or row[second].concept is None:
        return None
    head, _ = _skip(row, second + 1)
    lesion = _joins(row, head) if row[second].place else lexicon().named(written[row[second].end - 1].folded)
    if lesion is None or not lesion.joins:
        return None
    shares = row[at].role == "adjective" or lesion.text == "metastasis"
    return lesion if shares and row[second].end - row[second].start + (head - second) > 1 else None


def _of_lesion(row: tuple[Item, ...], at: int) -> Composition | None:
    item, lesion = row[at], row[at].concept
    if lesion is None or item.role == "adjective":
        return None
    parts: list[Composed] = []
    following = at + 1
    after, sides = _skip(row, following)
    if not sides and after < len(row) and row[after].role == "joining":  # "nodes anywhere in the retroperitoneum"
        following = after
    if following < len(row) and row[following].role == "joining":
        parts, following = _in_sites(row, at, following, lesion)
    else:
        parts, following = _in_sites(row, at, at, lesion)
    if not parts:
        return Composition((Composed(lesion, (), item.start, item.end),), at + 1)
    return Composition(tuple(parts), following)


def _in_sites(row: tuple[Item, ...], at: int, joining: int, lesion: Concept) -> tuple[list[Composed], int]:
    parts: list[Composed] = []
    link, following = joining, at + 1
    while link < len(row) and (not parts or row[link].role in {"and", "or"}):
        place_at, sides = _skip(row, link + 1)
        bare = link == at
        place = row[place_at].place if place_at < len(row) and _is_site(row, place_at, bare) else None
        after, _ = _skip(row, place_at + 1)
        if place is None or ((parts or bare) and _abnormality(row, after) is not None):
            break
        if bare and not (lesion.joins or place.kind == "region" or _in_lobe(lesion, place, bool(sides))):
            break
        parts.append(_located(lesion, place, sides, row[at].start, row[place_at].end))
        link = following = place_at + 1
        if not lesion.joins:
            break
    return parts, following


def _is_site(row: tuple[Item, ...], at: int, bare: bool) -> bool:
    """Whether a name, or an adjective behind its lesion ("quistes renales"), says where a lesion is."""
    if row[at].role == "adjective" and bare:
        return at + 1 == len(row) or row[at + 1].role in _CLOSING
    return row[at].role == "concept"


def _in_lobe(lesion: Concept, place: Concept, given: bool) -> bool:
    """ "Consolidation RLL", "hydronephrosis lt kidney": a part or organ with a side tells the side of what is in it."""
    sided = (phrase(place.text)[0] in _SIDES and place.kind == "substructure") or (given and place.paired)
    return sided and lesion.paired and lesion.kind in {"lesion", "fluid"} and bool(lesion.regions & place.regions)


def _located(lesion: Concept, place: Concept, sides: tuple[str, ...], start: int, end: int) -> Composed:
    if lesion.joins:
        return Composed(joined(place, lesion), sides, start, end)
    own = phrase(place.text)[0]
    return Composed(lesion, sides or (_SIDES.get(own, ())), start, end)


def _skip(row: tuple[Item, ...], at: int) -> tuple[int, tuple[str, ...]]:
    """The next item that is neither filler nor an examination's word, and the sides passed on the way."""
    sides: tuple[str, ...] = ()
    last = at + REACH
    while at < len(row) and at < last:
        role = row[at].role
        if role in _SIDES:
            sides = (*sides, *_SIDES[role])
        elif role not in {"filler", "examination"} and not (role == "assess" and row[at].end - row[at].start == 1):
            break
        at += 1
    return at, sides


def _joins(row: tuple[Item, ...], at: int) -> Concept | None:
    concept = row[at].concept if at < len(row) and row[at].role == "concept" else None
    return concept if concept is not None and concept.joins else None


def joined(place: Concept, lesion: Concept) -> Concept:
    """The lexicon's own concept for a lesion in a place, or one made of both."""
    names = (f"{place.text} {lesion.text}", f"{place.attributive} {lesion.text}")
    own = next((c for c in (lexicon().named(n) for n in names) if c is not None), None)
    if own is not None:
        return own
    return Concept(
        text=f"{place.attributive} {lesion.text}",
        kind=lesion.kind,
        category=lesion.category,
        paired=place.paired,
        site=place.site,
        table=(lesion.text, place.site) if place.site else None,
        regions=place.regions,
        modalities=(lesion.modalities & place.modalities) or place.modalities,
    )


def _compound(row: tuple[Item, ...], at: int, place: Concept, written: tuple[Word, ...]) -> Composition | None:
    """A part of an organ that the lexicon does not have, in the text's own words."""
    item = row[at]
    if at + 1 >= len(row) or row[at + 1].role != "word" or place.kind == "region":
        return None
    head = row[at + 1]
    if written[head.start].folded not in cues().compound_heads:
        return None
    name = place.text if item.role == "concept" else " ".join(w.raw.lower() for w in written[item.start : item.end])
    text = f"{name} {written[head.start].folded if item.role == 'concept' else written[head.start].raw.lower()}"
    part = Concept(
        text,
        "unknown",
        place.category,
        place.paired,
        site=place.site,
        regions=place.regions,
        modalities=place.modalities,
    )
    return Composition((Composed(part, (), item.start, head.end, in_lexicon=False),), at + 2)
