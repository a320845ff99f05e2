"""What stands behind an id, with its texts read: which structures it names, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from agents.evidence import Behind
from prompts.statements.quantities import Quantity
from prompts.statements.reading import Mention, Stance, Statement, read
from prompts.statements.text import sentences
from prompts.words import phrase

LESIONS = frozenset({"lesion", "fluid", "device"})
"""Kinds of the lexicon that may be absent; an organ is there."""
GENERIC = "lesion"
"""The name that anything abnormal answers to."""


@dataclass(frozen=True, eq=False)
class Source:
    """One id's evidence as a reader of it.

    Attributes:
        behind: what the tools gave.
    """

    behind: Behind

    @cached_property
    def spoken(self) -> tuple[Statement, ...]:
        """Its texts, sentence by sentence."""
        return tuple(read(s) for text in self.behind.texts for s in sentences(text))

    @cached_property
    def own(self) -> tuple[Mention, ...]:
        """The structures in its target's name; the last one is the target itself."""
        return tuple(m for m in read(self.behind.target).mentions) if self.behind.target else ()

    @cached_property
    def told(self) -> tuple[Mention, ...]:
        """What its texts say of structures; nothing for an outline, which speaks for itself."""
        return () if self.behind.target else tuple(m for s in self.spoken for m in s.mentions)

    @cached_property
    def words(self) -> frozenset[str]:
        """Folded words of its target, texts and numbers."""
        rows = (*(n.name.replace("_", " ") for n in self.behind.numbers), *(c.how for c in self.behind.changes))
        named = (self.behind.target, *self.behind.texts, *rows)
        return frozenset(word for text in named for word in phrase(text))

    @cached_property
    def quoted(self) -> tuple[Quantity, ...]:
        """Numbers in its texts."""
        return () if self.behind.target else tuple(q for s in self.spoken for q in s.quantities)

    @property
    def sides(self) -> frozenset[str]:
        """Sides that it names at all."""
        own = {self.behind.side} if self.behind.side else set()
        return frozenset(own).union(*(m.sides for m in self.told))

    def sides_of(self, mention: Mention) -> frozenset[str]:
        """Sides on which it has a structure."""
        own = {self.behind.side} if self.behind.side else set()
        return frozenset(own).union(*(m.sides for m in self.told if answers(mention, m)))

    def is_about(self, mention: Mention) -> bool:
        """Whether a mention names what it is about, not only where that lies."""
        changed = not self.own and any(target_answers(mention, c.target) for c in self.behind.changes)
        return changed or any(answers(mention, m) for m in (*self.told, *self.own[-1:]))

    def lies_in(self, mention: Mention) -> bool:
        """Whether a mention names where it lies ("liver" of a liver tumor)."""
        words = {*self.behind.target.lower().split(), *(w for m in (*self.told, *self.own) for w in m.name.split())}
        spoken = mention.kind not in LESIONS and set(mention.name.split()) <= self.words
        return spoken or set(mention.name.split()) <= words

    def stances(self, mention: Mention, *, judged: bool) -> Iterable[Stance]:
        """What it says of a structure.

        Args:
            mention: the structure. judged: the sentence is about QA's verdict, which a rejected outline has, too.
        """
        if self.own and answers(mention, self.own[-1]):
            if self.behind.present is None:
                yield Stance.AFFIRMED if judged else Stance.UNDONE
            else:
                yield Stance.AFFIRMED if self.behind.present else Stance.EMPTY
        yield from (m.stance for m in self.told if answers(mention, m))
        if not self.own:
            changes = [c for c in self.behind.changes if target_answers(mention, c.target)]
            yield from (Stance.PAST if c.state == "gone" else Stance.AFFIRMED for c in changes)


def answers(mention: Mention, target: Mention) -> bool:
    """Whether a target answers to a name: the same, any lesion to "lesion", a "lung nodule" to "nodule"."""
    if mention.name == target.name or (mention.name == GENERIC and target.kind in LESIONS):
        return True
    said, own = mention.name.split(), target.name.split()
    return said[-1] == own[-1] and set(said) <= set(own)


def target_answers(mention: Mention, target: str) -> bool:
    """Whether a target's text answers to a name, on the same side where both have one."""
    named = read(target).mentions if target else ()
    if not named or not answers(mention, named[-1]):
        return False
    return not mention.sides or not named[-1].sides or bool(mention.sides & named[-1].sides)
