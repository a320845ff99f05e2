"""Labels that an image is to be ranked for: "pneumonia or effusion", "A vs B vs C", "classify as …"."""

from __future__ import annotations

import re

from agents.routing.grammar import grammar
from prompts.lexicon import lexicon
from prompts.words import fold, phrase

READ = 300
"""Characters of a clause that are read for labels."""
LONGEST = 6
"""Words of the longest label."""

_BETWEEN = re.compile(r"\s*(?:,|;|/|\s[-–]\s|\b(?:vs|versus|or|oder|o|u|and|und|y)\b\.?)\s*", re.IGNORECASE)
_VERB = r"(?:classify|klassifizier\w*|clasifica\w*|categori[sz]e|label|rank)"
_LEADS = (
    rf"{_VERB}\b.*?\b(?:as|als|como|into|in|en|between|for)",
    r"between|zwischen|entre|from|likely|probable|call (?:it|this)|looks? (?:more )?like|better|best|following|eher",
    r"typical of|differentiate|tell|distinguish|diferencia",
)
_LEAD = re.compile(rf"^.*?\b(?:{'|'.join(_LEADS)})\b", re.IGNORECASE)
_WHICH = re.compile(
    r"\bwhich (?:one )?(?:of (?:the|these|those) \w+ )?is (?:it|this|that|more (?:probable|likely))(?: here)?\b"
    r"|\bwhich one\b|\b(?:was|welches|welche) (?:ist|davon)\b|\bcu[aá]l(?: de (?:los|las) \w+)? (?:es|ser[ií]a)\b",
    re.IGNORECASE,
)
_APART = re.compile(
    r"\b(differentiate|distinguish|tell|unterscheide|diferencia|distingue)\b(.+?)\b(?:from|von|de)\b", re.IGNORECASE
)


def labels_of(text: str) -> tuple[str, ...]:
    """Two labels or more in the words of the clause, in lower case; () when it does not name as many.

    A German or Spanish label that the lexicon knows is given in its canonical English: the model reads English.
    """
    body = _APART.sub(r"\1 \2 or ", text[:READ].split(":", 1)[-1].strip(" ?.!¿¡"))
    body = _WHICH.sub(" ", body).strip(" ,?.-–")
    lead = _LEAD.match(body)
    rest = body[lead.end() :] if lead and len(_BETWEEN.split(body[lead.end() :])) > 1 else body
    parts = [_trimmed(p) for p in _BETWEEN.split(rest)]
    foreign = not text.isascii() or bool({*phrase(text)} & grammar().foreign)
    named = tuple(dict.fromkeys(_canonical(p) if foreign else p for p in parts if p))
    return named if len(named) > 1 and all(_is_label(p) for p in named) else ()


def _is_label(part: str) -> bool:
    """Whether a part names something: no "not", no sentence."""
    return len(part.split()) <= LONGEST and not {*phrase(part)} & grammar().label_never


def _trimmed(part: str) -> str:
    edges = grammar().label_edges
    words = part.lower().split()
    while words and fold(words[0].strip(",:?")) in edges:
        words.pop(0)
    while words and fold(words[-1].strip(",:?")) in edges:
        words.pop()
    return " ".join(words).strip(" ,:?.")


def _canonical(label: str) -> str:
    concept = lexicon().named(label)
    if concept is None or {*phrase(concept.text)} & {*phrase(label)}:
        return label
    return concept.text
