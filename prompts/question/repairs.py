"""What takes back or takes up again something said before: "left, no, right kidney", "can you exclude one?"."""

from __future__ import annotations

from collections.abc import Sequence, Set

from prompts.question.items import BREAKS, Item
from prompts.words import Word

AHEAD = 8
"""Items after a correction in which its replacement begins."""
BACK = 14
"""Words between what is taken back and the correction."""
ALL = frozenset({"all", "everything", "alles", "alle", "todo", "todos", "todas"})
"""Words of what an exception is made from."""
_OTHER = frozenset({"other", "opposite", "contralateral", "andere", "anderen", "anderer", "anderes", "otro", "otra"})
_PRONOUNS = frozenset(
    (
        *("one", "it", "them", "that", "this", "those", "these", "any", "einen", "eine", "eins", "ihn", "es", "das"),
        *("dies", "diese", "uno", "una", "lo", "la", "los", "las", "eso", "esto"),
    )
)
_AFTER_PRONOUN = frozenset({"out", "please", "for", "me", "anyway", "bitte", "aus", "ausschliessen", "too", "again"})
_SKIPPED = frozenset({"comma", "filler", "correction", "but", "assess", "outline", "inert", "word", "joining"})
_NAMES = frozenset({"concept", "adjective", "sign", "left", "right", "both"})
_ARTICLES = frozenset({"der", "die", "das", "den", "el", "la", "los", "las"})
_GENERAL_SIDE = frozenset({"one", "side", "seite", "lado", "please", "bitte", "pls"})
_AFTER_SERIES = BREAKS | {"examination", "projection", "word"}
DENIALS = frozenset({"no", "nein", "nee"})
_PAINS = frozenset(
    (
        *("pain", "pains", "ache", "aches", "aching", "tenderness", "tender", "discomfort", "cramp", "cramps", "colic"),
        *("painful", "sore", "schmerz", "schmerzen", "dolor", "dolores", "beschwerden", "druckschmerz"),
    )
)
_ANYTHING = frozenset(
    (
        *("anything", "something", "wrong", "abnormality", "abnormalities", "abnormal", "unusual", "pathology"),
        *("irgendetwas", "irgendwas", "etwas", "auffalligkeit", "auffalligkeiten", "auffalliges", "auffallig"),
        *("algo", "alteracion", "alteraciones", "anormal", "anomalia"),
    )
)
_WISHES = frozenset(
    (
        *("write", "tell", "sing", "give", "what", "whats", "who", "how", "recommend", "book", "order", "play", "show"),
        *(
            "can",
            "could",
            "please",
            "is",
            "are",
            "do",
            "does",
            "make",
            "bitte",
            "schreib",
            "erzahl",
            "was",
            "wie",
            "dime",
        ),
        *("cuenta", "escribe", "que", "cual", "draw", "find", "which", "when", "where", "will", "should"),
    )
)
_SORE = frozenset(("painful", "sore", "tender", "swollen", "aching", "schmerzhafte", "schmerzhaftes", "geschwollenes"))
_WHERE = frozenset(
    (
        "under",
        "over",
        "around",
        "below",
        "above",
        "behind",
        "near",
        "along",
        "with",
        "unter",
        "mit",
        "con",
        "uber",
        "um",
        "bajo",
        "sobre",
    )
)


def denies(row: Sequence[Item], at: int, written: Sequence[Word]) -> bool:
    """Whether the "no" at `at` stands alone between commas and so takes back what was said: "left, no, right"."""
    item = row[at]
    if item.end - item.start > 1 or written[item.start].folded not in DENIALS:
        return False
    return at > 0 and row[at - 1].role == "comma" and at + 1 < len(row) and row[at + 1].role == "comma"


def other_ahead(row: Sequence[Item], at: int, written: Sequence[Word]) -> int:
    """The item after "the other one" or "die andere Seite" where it begins at `at` and says no more; 0 elsewhere."""
    before = at
    while at < len(row) and not _is_other(row[at], written) and _leads(row[at], written):
        at += 1
    if at >= len(row) or at - before > AHEAD or not _is_other(row[at], written):
        return 0
    at += 1
    while at < len(row) and written[row[at].start].folded in _GENERAL_SIDE:
        at += 1
    return at if at >= len(row) or row[at].role in BREAKS else 0


def _leads(item: Item, written: Sequence[Word]) -> bool:
    return item.role in {"filler", "comma", "correction"} or written[item.start].folded in _ARTICLES


def _is_other(item: Item, written: Sequence[Word]) -> bool:
    return any(written[place].folded in _OTHER for place in range(item.start, item.end))


def replaced(row: Sequence[Item], at: int) -> bool:
    """Whether something else is named after the correction that ends before `at`."""
    joined = False
    for place in range(at, min(at + AHEAD, len(row))):
        role = row[place].role
        if role in _NAMES:  # "on the arterial, no, on the portal venous" takes back the series alone
            return not (
                joined and role == "adjective" and (place + 1 == len(row) or row[place + 1].role in _AFTER_SERIES)
            )
        joined = joined or role == "joining"
        colon = role == "stop" and place == at
        if role not in _SKIPPED and not colon:
            return False
    return False


def points(row: Sequence[Item], at: int, written: Sequence[Word]) -> bool:
    """Whether the object of the verb that ends before `at` is a pronoun and no more: "exclude one?", "rule it out"."""
    said = [written[place].folded for item in row[at : at + 4] for place in range(item.start, item.end)]
    while said and said[0] in {"please", "also", "bitte", "still", "trotzdem"}:
        said.pop(0)
    if not said or said[0] not in _PRONOUNS:
        return False
    roles = [item.role for item in row[at + 1 : at + 3]]
    return not roles or roles[0] in BREAKS or said[1:2] == [] or said[1] in _AFTER_PRONOUN


def pointed(row: Sequence[Item], at: int, written: Sequence[Word]) -> bool:
    """The same with the pronoun before the verb at `at`: "bitte einen ausschließen"."""
    return at > 0 and written[row[at - 1].start].folded in _PRONOUNS


def vague(row: Sequence[Item], at: int, written: Sequence[Word]) -> bool:
    """Whether the structure at `at` is where anything is looked for: "anything in the pleura?"."""
    return _stands_in(row, at, written, _ANYTHING)


def aches(row: Sequence[Item], at: int, written: Sequence[Word]) -> bool:
    """Whether the structure at `at` is where it hurts: "pain under the right ribs"."""
    before = written[row[at].start - 1].folded if row[at].start else ""
    place = row[at].concept
    limb = place is not None and bool(place.regions & {"arm", "leg"})
    return (before in _SORE and limb) or _stands_in(row, at, written, _PAINS)


def wished(row: Sequence[Item], at: int, written: Sequence[Word]) -> bool:
    """Whether a word before the item that ends before `at`, in its part of the sentence, wants something."""
    for place in range(at - 1, -1, -1):
        if row[place].role in BREAKS:
            return False
        if any(written[p].folded in _WISHES for p in range(row[place].start, row[place].end)):
            return True
    return False


def _stands_in(row: Sequence[Item], at: int, written: Sequence[Word], heads: Set[str]) -> bool:
    """Whether a structure says where something is: one of some words stands before it, with "in the" between."""
    for place in range(at - 1, max(-1, at - AHEAD), -1):
        item = row[place]
        word = written[item.start].folded
        if any(written[p].folded in heads for p in range(item.start, item.end)):
            return True
        if item.role not in {"joining", "filler", "left", "right", "both"} and word not in _WHERE:
            return False
    return False
