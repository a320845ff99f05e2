"""One clause, read: which intent its words tell, by examples, cue phrases and grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.routing.evidence import SURE, doubted, likeliest, told
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
STRANGE = 0.55
"""The same for a clause that is near to no example."""
REFUSED = 0.4
"""The same for a refusal."""
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
        sure: a cue phrase tells the intent.
    """

    facts: Facts
    label: Label
    confidence: float
    topic: str = ""
    sure: bool = False

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
        shares = doubted(nearness.labels, facts, situation)
        said = told(facts, nearness.labels)
        label, score, confidence = likeliest(shares, said)
        told_so = any(other.intent is label.intent for other in said) if label.intent is Intent.REFUSE else bool(said)
        if not told_so and score < _least(label, nearness.near):
            label = UNKNOWN
        sure = any(weight >= SURE / 2 for told_label, weight in said.items() if told_label.intent is label.intent)
        return Read(facts, label, confidence, _topic(shares, said), sure)


def _least(label: Label, near: bool) -> float:
    """The least score that is believed without a cue phrase; a refusal needs more."""
    if label.intent is Intent.REFUSE:
        return REFUSED
    return DOUBT if near else STRANGE


def _topic(shares: Mapping[Label, float], said: Mapping[Label, float]) -> str:
    topics = {name: share + said.get(name, 0.0) for name, share in shares.items() if name.intent is Intent.RECALL}
    best = max(topics, key=lambda name: topics[name], default=UNKNOWN)
    return best.group if topics.get(best, 0.0) >= TOPIC else ""
