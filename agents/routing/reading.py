"""One clause, read: which intent its words tell, by examples, cue phrases and grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.routing.evidence import doubted, likeliest, told
from agents.routing.examples import Label
from agents.routing.facts import Facts, facts_of
from agents.routing.masking import masked
from agents.routing.neighbours import Neighbours
from agents.routing.request import Intent, Situation
from memory.embedder import Embedder

EMBEDDED = 300
"""Characters of a clause that are compared with the examples; they are far shorter."""
DOUBT = 0.3
"""Below this a clause without any cue or structure is not understood."""
TOPIC = 0.2
"""From this on a topic of RECALL counts, whatever the intent."""
UNKNOWN = Label(Intent.UNKNOWN)


@dataclass(frozen=True)
class Read:
    """What a clause tells.

    Attributes:
        label: the likeliest intent; UNKNOWN for what nothing is near to.
        confidence: its share of all intents' evidence, 0–1.
        topic: of RECALL, when the words tell one, whatever the intent; "" otherwise.
    """

    facts: Facts
    label: Label
    confidence: float
    topic: str = ""

    @property
    def text(self) -> str:
        """The words."""
        return self.facts.text

    @property
    def intent(self) -> Intent:
        """The intent without its kind."""
        return self.label.intent


class ClauseReader:
    """Reads clauses with the same embedder that the examples were embedded with."""

    def __init__(self, embedder: Embedder, neighbours: Neighbours) -> None:
        self._embedder = embedder
        self._neighbours = neighbours

    def read(self, text: str, situation: Situation) -> Read:
        """What a clause tells in a situation."""
        facts = facts_of(text, situation)
        nearness = self._neighbours.of(self._embedder.query(masked(text)[:EMBEDDED]))
        shares, said = doubted(nearness.labels, facts), told(facts)
        label, score, confidence = likeliest(shares, said)
        if not said and (not nearness.near or score < DOUBT):
            label = UNKNOWN
        return Read(facts, label, confidence, _topic(shares, said))


def _topic(shares: Mapping[Label, float], said: Mapping[Label, float]) -> str:
    topics = {name: share + said.get(name, 0.0) for name, share in shares.items() if name.intent is Intent.RECALL}
    best = max(topics, key=lambda name: topics[name], default=UNKNOWN)
    return best.group if topics.get(best, 0.0) >= TOPIC else ""
