"""A chat model's answer keeps the sentences that tools support; the rest is taken out, each with its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from agents.evidence import Evidence
from agents.sources import LESIONS, Source, target_answers
from agents.support import Reason, unsupported
from prompts.statements.cues import known_word, statement_cues
from prompts.statements.reading import Mention, Stance, Statement, read
from prompts.statements.text import marked_up, plain, sentences
from prompts.terms import Terms
from prompts.words import PUNCTUATION, words

__all__ = ["Dropped", "Reason", "grounded"]

_ID = r"(?:[smf]\d+|series-\d+|prior-\d+)"
_GROUP = re.compile(rf"[\[(]\s*({_ID}(?:\s*(?:,|;|&|and|und|y|\s)\s*{_ID})*)\s*[\])]", re.IGNORECASE)
_NAMED = re.compile(rf"(?<![\w-]){_ID}(?![\w-])", re.IGNORECASE)
_FENCED = re.compile(r"<data-([\w-]+)>.*?(?:</data-\1>|$)", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?]$")
LONGEST = 1500
"""Characters of a sentence that is read as one."""
LONGEST_HEADING = 12
"""Words of a heading."""
LEAST_WORDS = 6
"""Words that make a text without a full stop a sentence; labels and names are shorter."""


NOTHING = Evidence()


@dataclass(frozen=True)
class Dropped:
    """A sentence that was left out."""

    sentence: str
    reason: Reason


def grounded(
    answer: str, facts: Iterable[str], ids: Collection[str], evidence: Evidence = NOTHING
) -> tuple[str, tuple[Dropped, ...]]:
    """Split an answer into what is supported and what is not.

    A sentence stays when a tool said it word for word; when it names ids in brackets and says no more of structure,
    side, presence, change and number than what stands behind them; or when it claims nothing: courtesy, the standing
    of a draft, or what could not be done.

    Args:
        answer: what a chat model said.
        facts: the JSON results of the tools; what is fenced in them as data is nobody's statement.
        ids: steps, masks and findings that there are.
        evidence: what stands behind them; without it no cited number or structure is supported.

    Returns:
        The supported text, and the sentences that were left out.
    """
    said = frozenset(one for fact in facts for text in _strings(fact) for one in _said(text))
    known = {i.lower() for i in (*ids, *evidence.behind)}
    kept: list[str] = []
    dropped: list[Dropped] = []
    for sentence in sentences(answer):
        reason = _against(sentence, said, known, evidence)
        if reason is None:
            kept.append(sentence)
        else:
            dropped.append(Dropped(sentence, reason))
    return "\n".join(kept), tuple(dropped)


def _against(sentence: str, said: frozenset[str], known: Collection[str], evidence: Evidence) -> Reason | None:
    """The reason to leave a sentence out; None when it stays."""
    if len(sentence) > LONGEST or marked_up(sentence):
        return Reason.LENGTH if len(sentence) > LONGEST else Reason.MARKUP
    text = plain(sentence)
    named = [n.lower() for n in _NAMED.findall(text)]
    if not set(named) <= set(known):
        return Reason.UNKNOWN_ID
    cited = _cited(text)
    verbatim = _bare(text) in said
    if _normal(text) in said or (verbatim and not cited):
        return None
    if not cited:
        return None if _claims_nothing(text) or _not_done(text, evidence) else Reason.NO_ID
    if verbatim and any(_bare(text) in set(_said(t)) for b in evidence.cited(cited) for t in b.texts):
        return None
    reason = _parts_against(text, evidence)
    lifted = {Reason.JUDGEMENT, Reason.WORDS, Reason.DENIAL, Reason.COMPARISON}
    return None if verbatim and reason in lifted else reason


def _parts_against(text: str, evidence: Evidence) -> Reason | None:
    """The first reason against a part of a sentence; a citation closes a part, the last one takes the rest."""
    context: list[Mention] = []
    gathered: list[str] = []
    for part, ids in _parts(text):
        statement = read(part)
        gathered += ids
        inherited = [] if statement.mentions else context
        reason = unsupported(
            statement, ids if statement.mentions else list(dict.fromkeys(gathered)), evidence, inherited
        )
        if reason is not None:
            return reason
        context = list(statement.mentions) or context
    return None


def _parts(text: str) -> Iterator[tuple[str, list[str]]]:
    groups = list(_GROUP.finditer(text))
    merged: list[tuple[int, int, list[str]]] = []
    for group in groups:
        ids = [n.lower() for n in _NAMED.findall(group.group())]
        if merged and not text[merged[-1][1] : group.start()].strip(" ,;"):
            merged[-1] = (merged[-1][0], group.end(), [*merged[-1][2], *ids])
        else:
            merged.append((group.start(), group.end(), ids))
    start = 0
    for place, (opens, closes, ids) in enumerate(merged):
        last = place + 1 == len(merged)
        yield (text[start:opens] + (" " + text[closes:] if last else "")).strip(), ids
        start = closes


def _cited(text: str) -> list[str]:
    return [n.lower() for group in _GROUP.finditer(text) for n in _NAMED.findall(group.group())]


def _strings(fact: str) -> Iterator[str]:
    """All texts in a tool's JSON, without what is fenced."""
    try:
        loaded = json.loads(fact)
    except ValueError:
        loaded = fact
    stack: list[object] = [loaded]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield _FENCED.sub(" ", value)
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def _said(text: str) -> Iterator[str]:
    """A text, its lines and its sentences, as they compare; names and labels are no sentences."""
    for one in (text, *text.splitlines(), *sentences(text)):
        if _SENTENCE_END.search(one.strip()) or len(one.split()) >= LEAST_WORDS:
            yield _normal(one)
            yield _bare(one)


def _normal(text: str) -> str:
    return plain(text).casefold().rstrip(" .!")


def _bare(text: str) -> str:
    """As `_normal`, without citations."""
    return " ".join(_normal(_GROUP.sub(" ", text)).replace(" .", ".").split()).rstrip(" .!")


def _claims_nothing(text: str) -> bool:
    """Courtesy, advice to check, the standing of a draft, a heading: words that say nothing of the images."""
    statement = read(text)
    table = statement_cues()
    folded = tuple(w.folded for w in words(statement.text) if w.folded not in PUNCTUATION)
    if statement.quantities or statement.states:
        return False
    if text.endswith("?") and any(folded[: len(offer)] == offer for offer in table.offers):
        return not statement.judgements and all(m.kind not in LESIONS for m in statement.mentions)
    if text.endswith(":") and len(folded) <= LONGEST_HEADING and not statement.roles:
        organs = {w for m in statement.mentions if m.kind not in LESIONS for w in folded[m.start : m.end]}
        return all(w in organs or known_word(w, table.vocabulary) for w in folded) and not statement.judgements
    if table.acting & set(folded) and not table.holding & set(folded) and not _stands(table.courtesy_phrases, folded):
        return False
    place = 0
    while place < len(folded):
        standing = table.courtesy_phrases.longest(folded, place)
        if standing is None and folded[place] not in table.courtesy:
            return False
        place += standing[0] if standing else 1
    return True


def _stands(phrases: Terms[str], folded: tuple[str, ...]) -> bool:
    return any(phrases.longest(folded, place) for place in range(len(folded)))


def _not_done(text: str, evidence: Evidence) -> bool:
    """What could not be done, and why: of a structure that was not answered, or that no outline shows."""
    statement = read(text)
    if not any(c.role == "undone" for c in statement.roles) or statement.states or statement.judgements:
        return False
    comparing = any(w.folded.startswith(_COMPARING) for w in statement.words)
    if any(m.stance not in {Stance.UNDONE, Stance.ASKED} for m in statement.mentions if m.kind in LESIONS):
        return False
    return (
        all(_open(m, evidence, comparing=comparing) for m in statement.mentions)
        and _plain_reason(statement, evidence)
        and not statement.quantities
    )


_COMPARING = ("compar", "vergl")


def _open(mention: Mention, evidence: Evidence, *, comparing: bool) -> bool:
    undone = any(m.name == mention.name for target, _ in evidence.undone for m in read(target).mentions)
    shown = any(m.name == mention.name for b in evidence.behind.values() if b.present for m in Source(b).own)
    compared = any(target_answers(mention, c.target) for b in evidence.behind.values() for c in b.changes)
    return undone or not shown or (comparing and not compared)


def _plain_reason(statement: Statement, evidence: Evidence) -> bool:
    own = {w.folded for target, reason in evidence.undone for w in words(f"{target} {reason}")}
    return all(known_word(w, statement_cues().vocabulary) or w in own for w in statement.unread)
