"""Whether a cited sentence says no more than what stands behind its ids: structure, side, presence, change, number.

Each check is for one sentence, or for the part of one that a citation closes. What a check cannot decide is not
supported.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from agents.amounts import all_supported, clause
from agents.evidence import Evidence
from agents.sources import Source, target_answers
from prompts.statements.cues import known_word, statement_cues
from prompts.statements.reading import Cue, Mention, Stance, Statement


class Reason(StrEnum):
    """Why a sentence was left out."""

    LENGTH = "it is too long to be one sentence"
    MARKUP = "it carries links, HTML, formulas or pictures"
    NO_ID = "it names no step, outline or finding"
    UNKNOWN_ID = "it names an id that does not exist"
    JUDGEMENT = "it judges what no tool judged"
    WORDS = "its words go beyond its ids"
    DENIAL = "it denies what no tool denied"
    TARGET = "its ids are about another structure"
    SIDE = "its side is not that of its ids"
    EXCLUSION = "it excludes what was only not outlined"
    PRESENCE = "its ids say otherwise of whether something is there"
    QUALITY = "quality assurance said otherwise of its ids"
    PLACE = "nothing behind its ids says that one lies in the other"
    COMPARISON = "no comparison behind its ids says so"
    NUMBER = "its number, with its unit, is not one of its ids"


def unsupported(
    statement: Statement, ids: Sequence[str], evidence: Evidence, context: Sequence[Mention]
) -> Reason | None:
    """The first reason against a statement with ids; None when it is supported.

    Args:
        statement: a sentence, or a part of one.
        ids: that it cites; all of them exist.
        evidence: of the run.
        context: structures of the parts before, which a part without one is about.
    """
    sources = [Source(b) for b in evidence.cited(ids)]
    if statement.judgements:
        return Reason.JUDGEMENT
    for check in (_words, _denial, _targets, _sides, _presence, _quality, _place, _comparison):
        reason = check(statement, sources)
        if reason is not None:
            return reason
    about = statement.mentions or tuple(context)
    return None if all_supported(statement, sources, about, len(set(ids))) else Reason.NUMBER


def _words(statement: Statement, sources: Sequence[Source]) -> Reason | None:
    """Every word is one of reports, of the texts behind the ids, or explained."""
    vocabulary, own = statement_cues().vocabulary, frozenset[str]().union(*(s.words for s in sources))
    return None if all(known_word(w, vocabulary, own) for w in statement.unread) else Reason.WORDS


def _denial(statement: Statement, _: Sequence[Source]) -> Reason | None:
    """A "not" that denies no structure denies something else, which nothing here can check."""
    unclear = any(m.stance is Stance.UNCLEAR for m in statement.mentions)
    return Reason.DENIAL if unclear or statement.loose_denial else None


def _targets(statement: Statement, sources: Sequence[Source]) -> Reason | None:
    named = all(any(s.is_about(m) or s.lies_in(m) for s in sources) for m in statement.mentions)
    return None if named else Reason.TARGET


def _sides(statement: Statement, sources: Sequence[Source]) -> Reason | None:
    for mention in statement.mentions:
        about = [s for s in sources if s.is_about(mention)] or [s for s in sources if s.lies_in(mention)]
        if not mention.sides <= frozenset().union(*(s.sides_of(mention) for s in about)):
            return Reason.SIDE
    return None if statement.loose_sides <= frozenset().union(*(s.sides for s in sources)) else Reason.SIDE


_MAY_SAY = {
    Stance.AFFIRMED: {Stance.AFFIRMED, Stance.POSSIBLE, Stance.UNDONE, Stance.KEPT_OPEN},
    Stance.POSSIBLE: {Stance.POSSIBLE, Stance.KEPT_OPEN, Stance.UNDONE},
    Stance.KEPT_OPEN: {Stance.POSSIBLE, Stance.KEPT_OPEN, Stance.UNDONE},
    Stance.EMPTY: {Stance.EMPTY, Stance.KEPT_OPEN, Stance.UNDONE},
    Stance.DENIED: {Stance.DENIED},
    Stance.PAST: {Stance.PAST},
    Stance.ASKED: {Stance.ASKED},
    Stance.UNDONE: {Stance.UNDONE},
    Stance.UNCLEAR: set[Stance](),
}
"""What may be said where a tool said the key: the same, or less."""


_OPEN = frozenset({"empty", "undone", "kept_open", "asked"})


def _presence(statement: Statement, sources: Sequence[Source]) -> Reason | None:
    if not statement.mentions and not statement.verdicts and not _OPEN & {c.role for c in statement.roles}:
        # "It is there": of what was not outlined nothing can be said without saying so.
        return Reason.PRESENCE if any(s.own and not s.behind.present for s in sources) else None
    for mention in statement.mentions:
        judged = bool(statement.verdicts)
        stances = {x for s in sources for x in s.stances(mention, judged=judged)}
        if mention.stance is Stance.ASKED or (not stances and mention.stance is Stance.AFFIRMED):
            continue
        if mention.stance in {Stance.DENIED, Stance.PAST} and Stance.EMPTY in stances:
            return Reason.EXCLUSION
        contradicted = mention.stance is Stance.DENIED and stances & {Stance.AFFIRMED, Stance.POSSIBLE}
        if contradicted or not any(mention.stance in _MAY_SAY[x] for x in stances):
            return Reason.PRESENCE
    return None


def _quality(statement: Statement, sources: Sequence[Source]) -> Reason | None:
    """A verdict is QA's own. That a person should look may always be said; that nobody needs to, never."""
    for cue in statement.verdicts:
        if statement.stance_at(cue.start, cue.end) in {Stance.DENIED, Stance.UNCLEAR, Stance.PAST}:
            return Reason.QUALITY
        judged = _of_clause(statement, cue)
        outcomes = {s.behind.outcome for s in sources if s.own and (not judged or any(s.is_about(m) for m in judged))}
        if cue.role == "passed" and outcomes != {"pass"}:
            return Reason.QUALITY
        if cue.role == "rejected" and "reject" not in outcomes:
            return Reason.QUALITY
    return None


def _of_clause(statement: Statement, cue: Cue) -> Sequence[Mention]:
    """The structures in the clause of a cue, else all of the statement."""
    start = statement.words[cue.start].start
    left, right = clause(statement.text, start, start)
    inside = [m for m in statement.mentions if left <= statement.words[m.start].start < right]
    return inside or statement.mentions


def _place(statement: Statement, sources: Sequence[Source]) -> Reason | None:
    """That a lesion lies in an organ needs one source that names both."""
    for mention in statement.mentions:
        if mention.within is None:
            continue
        organ = statement.mentions[mention.within]
        if not any(s.is_about(mention) and s.lies_in(organ) for s in sources):
            return Reason.PLACE
    return None


_CHANGED = {"larger", "smaller", "new", "gone"}
_STATES = {"changed": _CHANGED, "compared": _CHANGED | {"stable"}, "unlikened": {"not_comparable"}}


def _comparison(statement: Statement, sources: Sequence[Source]) -> Reason | None:
    """Words of change need a change behind the ids that says the same, or a text that uses them."""
    for cue in statement.states:
        word = {w.folded for w in statement.words[cue.start : cue.end]}
        if _of_two(statement, cue):
            return Reason.COMPARISON
        mentions = statement.mentions
        states = {
            c.state
            for s in sources
            for c in s.behind.changes
            if not mentions or any(target_answers(m, c.target) for m in mentions)
        }
        quoted = any(word <= s.words for s in sources if s.told)
        if quoted and not states:
            continue
        stance = statement.stance_at(cue.start, cue.end)
        plain = stance in {Stance.AFFIRMED, Stance.POSSIBLE, Stance.PAST} or cue.role == "unlikened"
        if not plain or not _STATES.get(cue.role, {cue.role}) & states:
            return Reason.COMPARISON
    return None


def _of_two(statement: Statement, cue: Cue) -> bool:
    """Whether two structures are compared ("larger than the spleen"), which no tool did."""
    behind = [w.folded for w in statement.words[cue.end : cue.end + 2]]
    if not statement_cues().than & set(behind):
        return False
    return any(cue.end < m.start <= cue.end + 4 for m in statement.mentions) or bool(statement.loose_sides)
