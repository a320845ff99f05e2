"""Sides that contradict each other, and a side that stands for what was named before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.routing.cues import folded_text
from agents.routing.grammar import grammar
from agents.routing.masking import WORD, masked
from prompts.cues import cues
from prompts.lexicon import lexicon
from prompts.question.understanding import understand
from prompts.words import PUNCTUATION, words

REACH = 4
"""Words between a structure with a side and another side ("right kidney on the left side")."""

_ONTO = frozenset(
    {"on", "to", "in", "auf", "der", "the", "a", "la", "el", "side", "seite", "lado", "en", "del", "patients"}
)

_STATES = (
    r"(?:symptomatic|affected|afflicted|painful|sore|aching|hurting|operated|diseased|involved|sick|bad|worse|good|healthy"
    r"|unaffected|ipsilateral|injured|tender|hurt|irradiated|erkrankte[nr]?|verletzte[nr]?|betroffene[nr]?|schmerzhafte[nr]?|kranke[nr]?|gesunde[nr]?|operierte[nr]?|symptomatische[nr]?)"
)
_PAIRED = rf"(?:{WORD}|kidney|lung|breast|eye|ear|knee|hip|shoulder|leg|arm|niere|lunge|brust|auge)"
"""A structure, masked or not: "painful kidney" tells a complaint, and is not masked."""
_OTHER = r"(?:other|opposite|contralateral|andere[nrs]?|gegenuberliegende[nr]?|kontralaterale[nr]?|gegenseitige[nr]?)"
_END = r"(?:$|(?= \.))"
"""Of a sentence."""
_NO_SIDE = (
    r"(?!(?:left|right|both|each|either|safe|same|other|opposite|contralateral|plus|upper|lower|large|small|big|short"
    r"|long|high|low|thick|thin|wide|generous|heavy|full)\b)"
)
"""Before a word with "side" that tells one, or none of a pair: "kidneys on the small side"."""
_NO_SEITE = r"(?!(?:linke[nrs]?|rechte[nrs]?|beide[nr]?|jede[nr]?|andere[nr]?|gleiche[nr]?|sichere[nr]?|gegen)\b)"
_WHOSE = (
    r"(?:i|we|you|he|she|they|that|which|where|with|mentioned|marked|discussed|told|in question|of interest|of the)"
)
_UNTOLD = re.compile(
    rf"\b(?:on|of|at|to|from) (?:the|his|her|that|this) {_NO_SIDE}[a-z]+ side\b"
    rf"|(?<!left )(?<!right )(?<!other )(?<!same )(?<!opposite )\bside {_WHOSE}\b"
    r"|\b(?:only|just) (?:on )?(?:the )?one side\b|\bone side (?:only|is enough|will do|please)\b|\bwhichever side\b"
    r"|\b(?:ipsi|homo)lateral(?:e[nrs]?)?\b"
    rf"|\b{_STATES} (?:{_PAIRED}|one|side|seite)\b"
    rf"|\b{WORD} (?:afectad[oa]|doloros[oa]|mal[oa]|operad[oa]|enferm[oa]|san[oa]|sintomatic[oa]|afect[oa]"
    r"|lesionad[oa])\b"
    rf"|\b(?:only|just) (?:the )?one (?:{WORD}|[a-z]+(?: [a-z]+)? not (?:both|{WORD}))\b"
    rf"|\b(?:only|just) (?:the )?one,? not both\b|\bone {WORD} (?:[a-z]+ )?(?:only|not (?:both|the other))\b"
    rf"|\b{WORD}(?: but| though)? (?:only|just) (?:the )?one(?: of them)?{_END}|\bonly one of them\b"
    rf"|(?:^|\. )one {WORD}(?: length| size| volume| please| will do| is enough|{_END})"
    rf"|(?<!left )(?<!right )\bone of (?:the|his|her|these|those)(?: two)? {WORD}\b"
    rf"|\bnur eine[nr]? [a-z]+(?: [a-z]+)? nicht (?:beide|{WORD})\b"
    rf"|\bnur (?:(?:die|den|das|der) )?eine[nr]?(?: seite| davon| {WORD}|{_END})"
    rf"|\b(?:eine[rs]?|eine) (?:von|de[rn]) (?:beiden )?{WORD}\b|\beine[rs]? von beiden\b"
    rf"|\b(?:auf|an|von|in) (?:der|jener) (?:{_NO_SEITE}[a-z]+ )?seite\b|\bder {_NO_SEITE}[a-z]+n seite\b"
    r"|(?<!linken )(?<!rechten )\bseite (?:die (?:ich|wir|er|sie|man|der|weh)|wo|mit de[rm]|um die)\b"
    rf"|\bsol[oa]? un[ao]? (?:de los )?(?:dos )?{WORD}\b|\bun[ao]? {WORD} (?:nada mas|solamente|solo|sola)\b"
    rf"|\b{WORD}(?: pero)? (?:solo|solamente|unicamente) (?:el|la|un|una) (?:uno|una|de ellos|de ellas)\b"
    rf"|\b{WORD}(?: pero)? (?:solo|solamente|unicamente) un[oa]{_END}|\buno de los dos\b|\buna de las dos\b"
    r"|\b(?:el|del|al|un) (?:solo )?lado (?:que|donde|afectado|doloroso|malo|operado|enfermo|sano|sintomatico"
    r"|del que|de la|de interes|bueno)\b"
    r"|\b(?:un solo|del mismo) lado\b|\blado (?:afectado|doloroso|operado|enfermo|sintomatico)\b"
    rf"|\bleft or (?:the )?right {WORD} \S* ?(?:i|we) (?:forget|forgot|cannot|cant|dont|do not|am not|was not|didnt)\b"
)
_NOT_BOTH = re.compile(r" (?:not both|nicht beide|no (?:las|los) dos|no amb[oa]s) ")
_OPPOSITE = re.compile(
    rf"\b{_OTHER} (?:{WORD}|one|side|seite|eine|lado)\b|\b(?:die|das|der) andere (?:bitte|auch|noch|jetzt|nun)\b"
    rf"|\b(?:{WORD}|one|side) (?:opposite|contralateral)\b|\bopposite number\b|\bcounterparts?\b"
    r"|\bgegenseite\b|\bpendant\b"
    rf"|\b(?:el otro|la otra)(?: (?:{WORD}|lado|tambien|por favor))?{_END}|\b(?:otro|otra) (?:{WORD}|lado)\b"
    rf"|\b(?:{WORD}|lado) (?:contrari[oa]|opuest[oa]|contralateral)\b|\bcontralateral\b(?! {WORD})"
    rf"|\b(?:die|das) andere(?: {WORD})?{_END}"
)
_ENDS = frozenset({".", "?", "!", ";"})
_BOTH = {"left": "right", "right": "left"}


def conflicting(text: str) -> bool:
    """Whether one structure gets both sides: "left right kidney", "right kidney on the left side"."""
    row = _sides(text)
    for place, (side, _) in enumerate(row):
        if not side:
            continue
        for other, (again, _) in enumerate(row[place + 1 : place + 2 + REACH], place + 1):
            between = [word for _, word in row[place + 1 : other]]
            if again and again != side and (not between or (between[-1] in _ONTO and _one_structure(between))):
                return True
            if again:
                break
    return False


def untold(text: str) -> bool:
    """Whether one of a pair is meant and not said which: "the kidney on the painful side", "just one lung"."""
    return _UNTOLD.search(_folded(text)) is not None or _NOT_BOTH.search(folded_text(text)) is not None


def points_across(text: str) -> bool:
    """Whether the other one of a pair is meant: "and the contralateral one?", "the lung opposite"."""
    return _OPPOSITE.search(_folded(text)) is not None and not any(side for side, _ in _sides(text))


def opposite(found: Sequence[str], questions: Sequence[str], concept: str = "") -> str:
    """The other one of the pair of which one side was found, or asked for, last; "" when there is none.

    Args:
        concept: the structure where the words name it.
    """
    asked = [t.text for q in reversed(questions) for t in reversed(understand(q).targets)]
    for target in (*reversed(found), *asked):
        side, _, name = target.partition(" ")
        if side in _BOTH and concept in {"", name}:
            both = f"{_BOTH[side]} {name}" in found
            return "" if both else f"{_BOTH[side]} {name}"
    return ""


def _folded(text: str) -> str:
    """Folded words with structures masked, so that a word is seen to stand beside one."""
    return " ".join(
        "." if w.folded in _ENDS else w.folded
        for w in words(masked(text))
        if w.folded in _ENDS or w.folded not in PUNCTUATION
    )


def _one_structure(between: list[str]) -> bool:
    if "|" in between:
        return False
    nouns = [w for w in between if w not in _ONTO]
    if not nouns:
        return "lado" in between
    return lexicon().named(" ".join(nouns)) is not None


def _sides(text: str) -> list[tuple[str, str]]:
    """(side, word) of each word; punctuation and coordinators end the row with a side of their own."""
    row: list[tuple[str, str]] = []
    for word in words(text):
        if word.folded in PUNCTUATION or word.folded in grammar().coordinators or word.folded in {"or", "oder", "o"}:
            row.append(("", "|"))
            continue
        role = cues().roles.get((word.folded,))
        row.append((role if role in {"left", "right"} else "", word.folded))
    return row


def side_of_earlier(text: str, questions: tuple[str, ...], found: tuple[str, ...]) -> str:
    """The target of "and the left one?": the last paired structure that was asked for, on this side; "" without one."""
    sides = {side for side, _ in _sides(text) if side}
    if len(sides) != 1:
        return ""
    asked = [t for q in reversed(questions) for t in reversed(understand(q).targets)]
    paired = [t.concept.text for t in asked if t.concept is not None and t.concept.paired]
    paired += [name.split(" ", 1)[1] for name in reversed(found) if name.split(" ", 1)[0] in {"left", "right"}]
    return f"{sides.pop()} {paired[0]}" if paired else ""
