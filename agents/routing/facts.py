"""What grammar sees in a clause, before anybody asks what it wants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agents.routing.cues import folded_text
from agents.routing.grammar import grammar
from agents.routing.masking import WORD, masked
from agents.routing.request import Situation
from prompts.cues import cues
from prompts.lexicon import lexicon
from prompts.question.grammar import read
from prompts.question.reading import Polarity
from prompts.question.understanding import Question, understand
from prompts.question.wording import worded
from prompts.words import Word

READ = 600
"""Characters of a clause in which cue phrases are sought."""
REQUESTS = frozenset({"outline", "rule_out", "assess"})
_PAINS = ("schmerz", "schmerzen", "beschwerden")
"""Ends of German compounds that tell a complaint."""
_OBJECTS = ("lo", "la", "los", "las", "melo", "mela", "melos", "melas")
_FOR_WHOM = ("me", "nos")
"""Pronouns that Spanish writes at the end of a verb: what it is done to, and for whom."""
_PUNCTUATION = re.compile(r"[?,.!]")


@dataclass(frozen=True)
class Facts:
    """One clause.

    Attributes:
        folded: its words as `cues.folded_text` has them; row: the same, spelling corrected, in a row.
        question: its targets, exclusions and measurements.
        inquires: it opens with a question word.
        asks: it inquires, or ends in a question mark, as an indication may.
        orders: it tells to outline or measure.
        requested: a verb or phrase asks for an object ("segment", "is there").
        states: all structures that it names are said to be known, past, absent or left out.
        complains: it tells a complaint, an event or a reason for imaging.
        bare: it is no more than the name of a structure or of an examination.
    """

    text: str
    folded: str
    row: tuple[str, ...]
    question: Question
    inquires: bool
    asks: bool
    orders: bool
    requested: bool
    states: bool
    complains: bool
    bare: bool


def facts_of(text: str, situation: Situation) -> Facts:
    """Read a clause for the study at hand."""
    written = worded(text)
    row = tuple(w.folded for w in written if w.folded[0].isalnum())
    reading = read(written)
    question = understood(text, situation)
    inquires = _inquires(row)
    named = [m.polarity for m in reading.mentions]
    bare = _bare_name(text) if question.targets else not inquires and _bare_examination(row, question)
    return Facts(
        text=text,
        folded=folded_text(text[:READ]),
        row=row,
        question=question,
        inquires=inquires,
        asks=inquires or text.rstrip().endswith("?"),
        orders=_orders(row),
        requested=any(role in REQUESTS for _, role in reading.requests),
        states=not inquires and bool(named) and Polarity.ASKED not in named,
        complains=not inquires and _complains(written),
        bare=bare,
    )


def understood(text: str, situation: Situation) -> Question:
    """`understand` for the study at hand."""
    modality = next(iter(situation.modalities), "")
    return understand(text, modality=modality, body_part=next(iter(situation.body_parts), ""))


def _orders(row: Sequence[str]) -> bool:
    """A verb that tells to do something; "my own contour" is none."""
    nouns = grammar().articles | grammar().determiners
    verbs = {word for before, word in pairwise(("", *row)) if before not in nouns}
    verbs |= {*row[-1:]} & grammar().infinitives  # "bitte das ausmessen"
    return bool(grammar().commands & {*verbs, *_without_clitics(row, (*_OBJECTS, *_FOR_WHOM))})


def points_back(row: Sequence[str]) -> bool:
    """Whether words stand for what was named before: "it", "that lesion", "mídelo"."""
    known = grammar()
    generic = any(one in known.articles and other in known.generic for one, other in pairwise(row))
    return generic or bool(known.pronouns & {*row}) or any(verb in known.commands for verb in _without_clitics(row))


def _without_clitics(row: Sequence[str], ends: Sequence[str] = _OBJECTS) -> Iterator[str]:
    """ "Mídelo", "segméntala", "medímelo": the verb without its pronouns, and as its infinitive is spelt."""
    return (stem for word in row for end in ends if word.endswith(end) for stem in _spelt(word[: -len(end)]))


def _spelt(stem: str) -> tuple[str, ...]:
    """The stem, and the infinitive of a voseo: "medí" is of "medir"."""
    return stem, f"{stem}r"


def _inquires(row: Sequence[str]) -> bool:
    skipped = grammar().leading | grammar().coordinators
    return next((w in grammar().questions for w in row if w not in skipped), False)


def _complains(written: Sequence[Word]) -> bool:
    folded = [w.folded for w in written]
    pains = any(word.endswith(_PAINS) for word in folded)
    return pains or any(cues().indication.longest(folded, place) for place in range(len(folded)))


def _bare_name(text: str) -> bool:
    said = {*_PUNCTUATION.sub(" ", masked(text).lower()).split()}
    return WORD in said and not said - {WORD} - grammar().fillers


def _bare_examination(row: Sequence[str], question: Question) -> bool:
    """Whether words are no more than the name of an examination: "CT abdomen with contrast"."""
    known = cues()
    vocabulary = known.modality.vocabulary | known.region.vocabulary | known.examination.vocabulary
    said = {*row} - vocabulary - lexicon().names.vocabulary - lexicon().adjectives.vocabulary - grammar().fillers
    contrast = said & grammar().contrast
    return not said - contrast and bool(question.modality or question.region or contrast)
