"""Rules by which waiting jobs are chosen: the product's, and two that it is compared with.

All have the same slots, so that what differs is the order alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jobs.scheduling.policy import RANK, Choice, Limits, Load, Slot, Waiting, Why, choose

Pick = Callable[[Sequence[Waiting], Load, Limits, float], Choice | None]


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        reserves: keeps reserved slots; without, they are general ones.
        urgent_calls: calls to models overtake each other by priority.
    """

    name: str
    about: str
    pick: Pick
    reserves: bool = False
    urgent_calls: bool = True


def fifo(heads: Sequence[Waiting], load: Load, limits: Limits, now: float) -> Choice | None:
    """The oldest, whatever it is."""
    del limits, now
    oldest = min(heads, key=lambda job: (job.since, job.number), default=None)
    return None if oldest is None or load.general < 1 else Choice(oldest, Slot.GENERAL, Why.TURN)


def strict(heads: Sequence[Waiting], load: Load, limits: Limits, now: float) -> Choice | None:
    """The most urgent, of equals the oldest; nobody ages, nothing is reserved, sites have no shares."""
    del limits, now
    first = min(heads, key=lambda job: (RANK[job.priority], job.since, job.number), default=None)
    return None if first is None or load.general < 1 else Choice(first, Slot.GENERAL, Why.TURN)


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("product", "reserved STAT slots, ageing, shares of sites", choose, reserves=True),
        Rule("strict", "strict priority: no ageing, no reserve, no shares", strict),
        Rule("fifo", "first in, first out, also in front of the models", fifo, urgent_calls=False),
    )
}
