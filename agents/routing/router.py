"""From a clinician's message to requests."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache

from agents.routing.clauses import Clause, Message, clauses, message
from agents.routing.examples import Example, shipped_examples
from agents.routing.facts import understood
from agents.routing.grammar import grammar
from agents.routing.joining import Part, joined, settled
from agents.routing.neighbours import Neighbours
from agents.routing.policy import Context, resolve
from agents.routing.reading import ClauseReader
from agents.routing.request import Intent, Request, Routed, Situation
from agents.routing.vectors import example_vectors
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
            question: a clinician's words. They are data: what they quote is not asked for.
        """
        said = message(question)
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
        return joined([(c, reader.read(c.text, situation)) for c in saying], situation)

    def _reader(self) -> ClauseReader:
        with self._lock:
            if self._made is None:
                examples = shipped_examples() if self._examples is None else self._examples
                vectors = example_vectors(self._embedder, examples)
                self._made = ClauseReader(self._embedder, Neighbours(examples, vectors))
            return self._made


@cache
def default_router() -> Router:
    """The router with the embedder that is installed here; one for the process."""
    return Router(best_embedder())


def _requests(parts: Sequence[Part], situation: Situation) -> tuple[list[Request], list[str]]:
    """Requests in order, and the clauses that gave none."""
    made: list[Request] = []
    unclear: list[str] = []
    elsewhere = -1
    for clause, read in parts:
        if clause.sentence == elsewhere:  # what follows in this sentence is asked of the other patient
            continue
        analysed = situation.answered or any(r.intent in _WORK for r in made)
        requests = resolve(read, Context(situation, analysed))
        if any(r.about == "other_patient" for r in requests):
            elsewhere = clause.sentence
        made += requests
        if not requests:
            unclear.append(clause.text)
    return settled(made), unclear


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
