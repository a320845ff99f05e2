"""From a clinician's message to requests."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from agents.routing.background import without_background
from agents.routing.clauses import Clause, clauses
from agents.routing.examples import Example, shipped_examples
from agents.routing.facts import understood
from agents.routing.foreign import separated
from agents.routing.grammar import grammar
from agents.routing.joining import Part, joined, named_again, settled, taken_up
from agents.routing.neighbours import Fit, Neighbours
from agents.routing.orders import of_order
from agents.routing.policy import resolve
from agents.routing.preamble import without_preambles
from agents.routing.quoting import Message, message
from agents.routing.reading import ClauseReader, Read
from agents.routing.request import Intent, Request, Routed, Situation
from agents.routing.requesting import Context
from agents.routing.vectors import embedded, key_of, stored
from memory.embedder import Embedder, best_embedder
from prompts.words import words

_WORK = frozenset({Intent.FIND, Intent.CHEST_REPORT, Intent.COMPARE, Intent.REPORT, Intent.CLASSIFY})
"""Intents that leave an analysis behind."""


class Router:
    """Routes messages. Nothing is read or embedded before the first one; safe between threads.

    Args:
        embedder: texts as vectors, on this machine.
        examples: instead of the shipped ones.
    """

    def __init__(self, embedder: Embedder, examples: Sequence[Example] | None = None) -> None:
        self._embedder = embedder
        self._examples = examples
        self._made: ClauseReader | None = None
        self._lock = threading.Lock()

    def route(self, question: str, situation: Situation) -> Routed:
        """What a message asks for, in the order of the text; never empty.

        Args:
            question: a clinician's words. They are data: what they quote or paste is not asked for.
        """
        whose = separated(question)
        said = message(whose.own)
        routed = self._routed(question, replace(said, quoted=(*said.quoted, *whose.others)), situation)
        return replace(routed, requests=of_order(routed.requests, situation), others=whose.others)

    def _routed(self, question: str, said: Message, situation: Situation) -> Routed:
        parts = self._read(clauses(said.own), situation)
        if not parts:
            return Routed((_of_quotes(said, situation) or _without_words(question),))
        requests, unclear = _requests(parts, situation)
        if all(r.intent is Intent.FIND and not r.targets for r in requests):
            quoted = _of_quotes(said, situation)
            if quoted is not None:
                return Routed((quoted,))
        if not requests:
            confidence = parts[0][1].confidence
            return Routed((Request(Intent.ASK, question.strip(), about="question", confidence=confidence),))
        return Routed(tuple(requests), tuple(unclear))

    def _read(self, parts: Sequence[Clause], situation: Situation) -> list[Part]:
        saying = [c for c in parts if not _empty(c.text)] or parts
        reader = self._reader()
        each = without_preambles([(c, reader.read(c.text, situation)) for c in saying], reader, situation)
        said = taken_up(each, situation)
        return joined(without_background(named_again(said, situation), situation), situation)

    def _reader(self) -> ClauseReader:
        with self._lock:
            if self._made is None:
                examples = shipped_examples() if self._examples is None else self._examples
                self._made = ClauseReader(self._embedder, _neighbours(self._embedder, examples))
            return self._made


@cache
def default_router() -> Router:
    """The router with the embedder that is installed here; one for the process."""
    return Router(best_embedder())


def _neighbours(embedder: Embedder, examples: Sequence[Example]) -> Neighbours:
    shipped = stored(key_of(embedder, examples))
    if shipped is None:
        return Neighbours(examples, embedded(embedder, examples))
    return Neighbours(examples, shipped.vectors, Fit(shipped.weights, shipped.border))


def _requests(parts: Sequence[Part], situation: Situation) -> tuple[list[Request], list[str]]:
    """Requests in order, and the clauses that gave none."""
    made: list[Request] = []
    vague: list[Request] = []
    unclear: list[str] = []
    elsewhere, another = -1, False
    for clause, read in parts:
        # What follows in this sentence is asked of the other patient, and so is "what was her CEA?" after a statement.
        if clause.sentence == elsewhere or (another and grammar().persons & {*read.facts.row}):
            continue
        analysed = situation.answered or any(r.intent in _WORK for r in made)
        requests = resolve(read, Context(situation, analysed, any(r.targets for r in made)))
        if any(r.about == "other_patient" for r in requests):
            elsewhere, another = clause.sentence, not (read.facts.asks or read.facts.orders)
        made += requests
        vague += [r for r in requests if _vague(r, read)]
        if not requests:
            unclear.append(clause.text)
    clear = [r for r in made if r not in vague]
    return settled(clear if any(r.intent in _WORK for r in clear) else made), unclear


def _vague(request: Request, read: Read) -> bool:
    """ "Composition please": the usual protocol, read into words that name nothing; not beside what is clear."""
    known = read.facts.question.recognised or bool(grammar().whole & {*read.facts.row})
    return request.intent is Intent.FIND and not (request.targets or request.series or known)


def _without_words(question: str) -> Request:
    """An empty message wants the usual protocol; punctuation alone wants nothing that can be told."""
    if not question.strip():
        return Request(Intent.FIND, "")
    return Request(Intent.ASK, question.strip(), about="question")


def _of_quotes(said: Message, situation: Situation) -> Request | None:
    """What others' words name, where the user's own say no more than that it is to be looked for."""
    for text in said.quoted:
        targets = tuple(t.text for t in understood(text, situation).targets)
        if targets:
            return Request(Intent.FIND, text, targets=targets)
    return None


def _empty(text: str) -> bool:
    return all(w.folded in grammar().empty for w in words(text) if w.folded[0].isalnum())
