"""What a question or an indication asks for: targets, exclusions, measurements. Pure text in, nothing executed.

A text is data: words that look like instructions change nothing but the targets that they name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from prompts.cues import cues
from prompts.lexicon import ANYWHERE, Concept, lexicon
from prompts.protocols import protocols
from prompts.question.grammar import read
from prompts.question.objects import unnamed_objects
from prompts.question.reading import Mention, Place, Polarity
from prompts.question.wording import worded
from prompts.terms import Terms
from prompts.words import Word, phrase, readable

T = TypeVar("T")
_TOLD = "small talk"
"""What no image shows and may be told beside a question: "tripped over the cat. Fracture?"."""
_GENERAL = frozenset({"lesion"})
"""Concepts that say no more than a lesion's own name."""


@dataclass(frozen=True)
class AskedTarget:
    """A structure or abnormality that was asked for.

    Attributes:
        text: canonical prompt text, sides included ("left kidney").
        side: "left", "right" or "".
        kind: organ, substructure, lesion, fluid, device, tissue; "unknown" outside the lexicon.
        category: MedImageParse's category expected of an answer, "" when unknown.
        in_lexicon: the lexicon has it, or composes it of a site and a lesion.
        span: the words it was read from.
        concept: what it is in the lexicon, None outside of it.
    """

    text: str
    side: str = ""
    kind: str = "unknown"
    category: str = ""
    in_lexicon: bool = False
    span: str = ""
    concept: Concept | None = None


@dataclass(frozen=True)
class Question:
    """What is wanted.

    Attributes:
        targets: in the order of the text.
        excluded: canonical texts that are said to be absent or not wanted.
        measurements: volume, diameter, area, cardiothoracic_ratio, hu, thickness.
        region: body region that the text names, "" when none.
        modality: DICOM modality that the text names, "" when none.
        not_imaging: (what was asked, what it is) that no image shows.
        not_understood: objects of a request that name nothing.
        recognised: the text is empty, or names something that is known here: a structure, a region, a modality, a
            complaint that a protocol answers, or what no image shows.
        text: the question itself without unreadable characters, for choosing a protocol.
    """

    targets: tuple[AskedTarget, ...] = ()
    excluded: tuple[str, ...] = ()
    measurements: tuple[str, ...] = ()
    region: str = ""
    modality: str = ""
    compare_with_prior: bool = False
    count: bool = False
    not_imaging: tuple[tuple[str, str], ...] = ()
    not_understood: tuple[str, ...] = ()
    recognised: bool = True
    text: str = ""


def understand(text: str, *, modality: str = "", body_part: str = "") -> Question:
    """What a text asks of an examination.

    Args:
        text: a clinician's words; the first 20 000 characters are read.
        modality, body_part: the examination's, to tell which known conditions it can show. May be empty.
    """
    text = readable(text)
    written = worded(text)
    reading = read(written)
    placed_mentions = (_placed(m, text, modality, body_part) for m in reading.mentions)
    mentions = tuple(m for m in placed_mentions if m is not None)
    objects = unnamed_objects(written, reading)
    placed = [(m.start, t) for m in mentions for t in _targets((m,), text, Polarity.ASKED)]
    placed += [(u.start, AskedTarget(u.text, span=text[u.start : u.end])) for u in objects.unknown]
    asked = [t for _, t in sorted(placed, key=lambda p: p[0])]
    if not asked:
        known = _targets(mentions, text, Polarity.KNOWN)
        asked = [t for t in known if t.concept and _visible(t.concept, modality, body_part)]
    left_out = _texts(mentions, text, Polarity.LEFT_OUT)
    asked = _without_general([t for t in _unique(asked) if t.text not in left_out])
    wanted = {t.text for t in asked}
    excluded = [t for t in (*left_out, *_texts(mentions, text, Polarity.ABSENT)) if t not in wanted]
    recognised = bool(asked or reading.not_imaging or _recognised(written))
    told = tuple(n for n in reading.not_imaging if n.requested or n.what != _TOLD or not asked)
    elsewhere = told if recognised else _not_imaging_alone(written)
    return Question(
        targets=tuple(asked),
        excluded=tuple(dict.fromkeys(excluded)),
        measurements=_measurements(written, mentions),
        region=_first(cues().region, written),
        modality=_first(cues().modality, written),
        compare_with_prior=bool(_first(cues().prior, written)),
        count=bool(_first(cues().count, written)),
        not_imaging=tuple(dict.fromkeys((text[n.start : n.end], n.what) for n in elsewhere)),
        not_understood=tuple(dict.fromkeys(objects.not_understood)),
        recognised=recognised or bool(elsewhere) or not text.strip(),
        text=text,
    )


def _recognised(written: tuple[Word, ...]) -> bool:
    """Whether any word belongs to a term that says what to look at."""
    known: tuple[Terms[Any], ...] = (
        lexicon().names,
        lexicon().adjectives,
        cues().signs,
        cues().region,
        cues().modality,
        cues().indication,
    )
    return any(_found(terms, written) for terms in known) or protocols().mentioned([w.folded for w in written])


def _not_imaging_alone(written: tuple[Word, ...]) -> tuple[Place, ...]:
    """What no image shows, in a text that says nothing else."""
    found = (
        (written[at].start, written[end - 1].end, value) for at, end, value in _found(cues().not_imaging_alone, written)
    )
    return tuple(Place(start, end, value.what) for start, end, value in found)


def _target(mention: Mention, text: str, side: str) -> AskedTarget:
    concept = mention.concept
    side = side if concept.paired else ""
    return AskedTarget(
        text=f"{side} {concept.text}".strip(),
        side=side or _own_side(concept),
        kind=concept.kind,
        category=concept.category.value,
        in_lexicon=mention.in_lexicon,
        span=text[mention.start : mention.end],
        concept=concept if mention.in_lexicon else None,
    )


def _own_side(concept: Concept) -> str:
    first = concept.text.split(" ", 1)[0]
    return first if first in {"left", "right"} else ""


def _targets(mentions: tuple[Mention, ...], text: str, polarity: Polarity) -> list[AskedTarget]:
    return [_target(m, text, side) for m in mentions if m.polarity is polarity for side in m.sides or ("",)]


def _placed(mention: Mention, text: str, modality: str, body_part: str) -> Mention | None:
    """A short name ("effusion") means something else where its usual meaning cannot be; "fluid" may mean nothing."""
    concept = mention.concept
    if concept.means:
        meant = [lexicon().concepts[name] for name in concept.means if body_part]
        own = {*protocols().regions(body_part)}
        of_part = [c for c in meant if own & {*c.regions} and lexicon().shows(c, modality)]
        shown = next((c for c in (*of_part, *meant) if _visible(c, modality, body_part)), None)
        return None if shown is None else replace(mention, concept=shown)
    if not concept.elsewhere or phrase(concept.text)[0] in phrase(text[mention.start : mention.end]):
        return mention
    other = lexicon().concepts[concept.elsewhere]
    swap = not _visible(concept, modality, body_part) and _visible(other, modality, body_part)
    return replace(mention, concept=other) if swap else mention


def _visible(concept: Concept, modality: str, body_part: str) -> bool:
    regions = {*protocols().regions(body_part), *protocols().partly(body_part), ANYWHERE}
    return lexicon().shows(concept, modality) and (len(regions) == 1 or bool(regions & {*concept.regions}))


def _texts(mentions: tuple[Mention, ...], text: str, polarity: Polarity) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t.text for t in _targets(mentions, text, polarity)))


def _unique(targets: list[AskedTarget]) -> list[AskedTarget]:
    first: dict[str, AskedTarget] = {}
    for target in targets:
        first.setdefault(target.text.casefold(), target)
    return list(first.values())


def _without_general(targets: list[AskedTarget]) -> list[AskedTarget]:
    """Targets without "lesion" beside one that has a name: "white matter lesions, lesion load"."""
    named = [t for t in targets if t.kind == "lesion" and t.text not in _GENERAL]
    return [t for t in targets if t.text not in _GENERAL or not named]


def _measurements(written: tuple[Word, ...], mentions: tuple[Mention, ...]) -> tuple[str, ...]:
    signs = (m.measurements for m in mentions if m.polarity is Polarity.ASKED)
    return tuple(dict.fromkeys([*_all(cues().measurements, written), *(name for names in signs for name in names)]))


def _first(terms: Terms[str], written: tuple[Word, ...]) -> str:
    return next(iter(_all(terms, written)), "")


def _all(terms: Terms[str], written: tuple[Word, ...]) -> list[str]:
    return [value for _, _, value in _found(terms, written)]


def _found(terms: Terms[T], written: tuple[Word, ...]) -> list[tuple[int, int, T]]:
    """(first word, word after the last, value) of each term in order."""
    folded = [w.folded for w in written]
    found, place = [], 0
    while place < len(folded):
        match = terms.longest(folded, place)
        length = match[0] if match else 1
        if match and not _common_word(written, place, length):
            found.append((place, place + length, match[1]))
        place += length
    return found


def _common_word(written: tuple[Word, ...], place: int, length: int) -> bool:
    word = written[place]
    return length == 1 and word.folded in cues().capitals_only and not word.raw.isupper()
