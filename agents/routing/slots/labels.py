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

_BETWEEN = re.compile(
    r"\s*(?:,|;|/|\b(?:better|rather|more likely) than\b|\s[-–]\s|\b(?:vs|versus|or|oder|o|u|and|und|y)\b\.?)\s*",
    re.IGNORECASE,
)
_VERB = r"(?:classify|klassifizier\w*|clasifica\w*|categori[sz]e|label|rank|sort|ordne|einordnen|elige|pick|choose)"
_LEADS = (
    rf"{_VERB}\b.*?\b(?:as|als|como|into|in|en|between|for)",
    r"between|zwischen|entre|from|likely|probable|call (?:it|this|that)|looks? (?:more )?like|better(?! than)|best",
    r"eher|following",
    rf"{_VERB}\s+(?:that|this|the)\s+\w+(?:\s+as)?|under|fits?(?: with| a| an)?|typical of|differentiate",
    r"tell|distinguish|diferencia|would you (?:say|call it|favou?r)|do you think (?:it is)?",
    r"(?:pick|choose) (?:one|between)|ordne\b.*\bzu",
)
_LEAD = re.compile(rf"^.*?\b(?:{'|'.join(_LEADS)})\b", re.IGNORECASE)
_WHICH = re.compile(
    r"\bwhich (?:one )?(?:of (?:the|these|those) \w+ )?is (?:it|this|that|more (?:probable|likely))(?: here)?\b"
    r"|\bwhich one\b|\b(?:was|welches|welche) (?:ist|davon)\b(?: es)?"
    r"|\bwhat (?:is it|would you (?:say|call it|favou?r))\b"
    r"|\bcu[aá]l(?: de (?:los|las) \w+)? (?:es|ser[ií]a)\b|\bqu[eé] (?:es|ser[ií]a)\b",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"\s+(?:on|in|from|auf|im|in|en)\s+(?:this|the|these|my|his|her|diesem|dieser|dem|der|esta|este|la|el)\s+"
    r"(?:\w+\s+){0,2}\w+\s*$|\s+(?:here|hier|aqu[ií])\s*$",
    re.IGNORECASE,
)
_APART = re.compile(
    r"\b(differentiate|distinguish|tell|unterscheide|diferencia|distingue)\b(.+?)\b(?:from|von|de)\b", re.IGNORECASE
)
_REMARK = frozenset(
    (
        *("that", "this", "thing", "question", "guess", "view", "opinion", "in", "on", "for", "she", "he", "s", "your"),
        *("you", "my", "i", "we", "its", "been", "years", "old", "year", "her", "his", "the", "here", "there", "with"),
        *("frage", "hier", "bild", "paciente", "pregunta", "imagen", "clinic", "board", "de"),
    )
)
"""Words of a segment that is no label but a remark."""
_TIMES = frozenset(
    (
        *("now", "today", "before", "earlier", "previous", "prev", "prior", "last", "baseline", "scan", "year", "ago"),
        *("month", "months", "then", "since", "heute", "vor", "letzte", "hoy", "antes", "previo", "ultimo"),
    )
)
"""Words of what is compared in time, not of a label."""
_ALTERNATIVES = re.compile(r"/|\b(?:vs|versus|or|oder|o|u)\b", re.IGNORECASE)
_CHOICE = re.compile(
    r"\b(?:classif|klassifizier|clasific|categori[sz]|sort|rank|call (?:it|this)|label (?:it|this)|pick|choose|decide"
    r"|put (?:it|this)|box|which|fits|likely|between|zwischen|entre|ordne|zuordn"
    r"|einordn|entscheide|welche|elige|escoge|decide|cu[aá]l|distinguish"
    r"|differentiate|tell .{3,60} from)",
    re.IGNORECASE,
)


def labels_of(text: str) -> tuple[str, ...]:
    """Two labels or more in the words of the clause, in lower case; () when it does not name as many.

    A German or Spanish label that the lexicon knows is given in its canonical English: the model reads English.
    """
    if not (_ALTERNATIVES.search(text[:READ]) or _CHOICE.search(text[:READ])):
        return ()
    body = _APART.sub(r"\1 \2 or ", text[:READ].split(":", 1)[-1].strip(" ?.!¿¡"))
    body = _WHERE.sub("", _WHICH.sub(" ", body)).strip(" ,?.-–")
    lead = _LEAD.match(body)
    rest = body[lead.end() :] if lead and len(_BETWEEN.split(body[lead.end() :])) > 1 else body
    rest = _listed(rest)
    parts = [_trimmed(p) for p in _BETWEEN.split(rest)]
    foreign = not text.isascii() or bool({*phrase(text)} & grammar().foreign)
    named = tuple(dict.fromkeys(_canonical(p) if foreign else p for p in parts if p))
    return named if len(named) > 1 and all(_is_label(p, named) for p in named) else ()


def _listed(text: str) -> str:
    """The members of the list that ends in "or": no remark before it, none after it ("A or B, judging from …")."""
    segments = [s for s in re.split(r"\s*(?:[,;]|\s[-–]\s)\s*", text) if s]
    with_or = [place for place, segment in enumerate(segments) if _ALTERNATIVES.search(segment)]
    if not with_or:
        return text
    first = with_or[0]
    while first and not _REMARK & {*phrase(segments[first - 1])} and len(segments[first - 1].split()) <= LONGEST:
        first -= 1
    return ", ".join(segments[first : with_or[-1] + 1])


def asks_to_choose(text: str) -> bool:
    """Whether a clause names labels and says that one of them is to be chosen: "sort it: A / B", "A or B, which?"."""
    return _CHOICE.search(text[:READ]) is not None and bool(labels_of(text))


def _is_label(part: str, named: tuple[str, ...]) -> bool:
    """Whether a part names something: no "not", no sentence; "no fracture" only beside "fracture"."""
    said = phrase(part)
    if not said:
        return False
    if _TIMES & {*said} or any(re.fullmatch(r"(?:19|20)\d\d", w) for w in said):
        return False
    absent = said[0] in {"no", "not", "kein", "keine", "sin", "without"} and " ".join(said[1:]) in map(fold, named)
    return len(part.split()) <= LONGEST and (absent or not {*said} & grammar().label_never)


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
