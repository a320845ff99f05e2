"""What all workers may ask of one endpoint together: rates and slots, shared out. Pure; times are the store's clock.

Rates are paced as in `inference.transport.limits`: what is granted lasts its own time at the rate, and the next grant
is made when that has passed. STAT need not wait for that: it has a share of the rate (`Terms.reserved`) besides, which
later grants make up for. Over any T seconds, with A the largest single grant, less is granted than
rate × (T + burst_s × (1 + reserved)) + 2 A.

Slots are given to the most urgent first, among equals to the worker that has fewest, then to the one that got one the
longest ago. A slot in use stays with its worker until the call ends; one that is promised counts until it is given
back or its lease ends, so that never more are promised than there are. What a worker holds ends `lease_s` after it was
last heard of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any

from domain.study import Priority
from inference.transport.limits import LATENESS_S, LONGEST_REST_S
from inference.transport.priority import RANK

RANKS = len(Priority)
STAT = 0
SLOTS_A_RESERVE = 8
"""Of so many slots one is kept free of what is not STAT."""
_BACKWARDS_S = 1.0
"""A clock that went back further than this was set; all times go back with it."""


@dataclass(frozen=True)
class Terms:
    """What an endpoint allows, all workers together.

    Attributes:
        requests_per_s, bytes_per_s: None for no limit.
        reserved: share of the rates that STAT has besides.
        burst_s: worth of the rates that may be made up for after a silence.
        lease_s: how long a worker that is not heard of keeps its slots.
    """

    concurrency: int
    requests_per_s: float | None = None
    bytes_per_s: float | None = None
    reserved: float = 0.1
    burst_s: float = LATENESS_S
    lease_s: float = 10.0

    @property
    def reserved_slots(self) -> int:
        """Slots that only STAT gets."""
        return self.concurrency // SLOTS_A_RESERVE


@dataclass(frozen=True)
class Wanted:
    """What one worker asks for.

    Attributes:
        in_use: its calls in flight. waiting: calls in its line, by rank of priority.
        requests, bytes: to grant; least_…: what the first of its line needs, and what STAT gets of its own share.
        owed: bytes that came back and were not granted before.
    """

    worker: str
    in_use: int = 0
    waiting: tuple[int, ...] = (0,) * RANKS
    requests: float = 0.0
    bytes: float = 0.0
    least_requests: float = 0.0
    least_bytes: float = 0.0
    owed: float = 0.0

    @property
    def stat(self) -> bool:
        """The first of its line is STAT."""
        return self.waiting[STAT] > 0


@dataclass(frozen=True)
class Grant:
    """What it gets.

    Attributes:
        slots: it may have so many calls in flight. stat_slots: so many more that are STAT.
        requests, bytes: it may send, soon.
        wait_s: until asking again makes sense, where it got none.
        rest_s: for so long nobody may send, whatever he holds.
        workers: that share the endpoint.
    """

    slots: int = 0
    stat_slots: int = 0
    requests: float = 0.0
    bytes: float = 0.0
    wait_s: float = 0.0
    rest_s: float = 0.0
    workers: int = 1


@dataclass
class Lease:
    """What a worker holds until when, and what it waits for. `served`: when it last got a slot more."""

    slots: int = 0
    in_use: int = 0
    waiting: list[int] = field(default_factory=lambda: [0] * RANKS)
    until: float = 0.0
    served: float = -1.0

    @property
    def rank_in_use(self) -> int:
        """What its calls in flight count as."""
        return RANKS - 1 if self.waiting[-1] and not any(self.waiting[:-1]) else RANK[Priority.ROUTINE]


@dataclass
class Allotment:
    """The state of one endpoint.

    Attributes:
        requests_at, bytes_at: until when what was granted lasts; stat_…: of STAT's own share.
        rest_until: after a 429. changed: when it was last changed.
        terms: as last given, for those who only look.
    """

    requests_at: float = 0.0
    bytes_at: float = 0.0
    stat_requests_at: float = 0.0
    stat_bytes_at: float = 0.0
    rest_until: float = 0.0
    changed: float = 0.0
    leases: dict[str, Lease] = field(default_factory=dict)
    terms: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, document: Mapping[str, Any], now: float) -> Allotment:
        """From JSON, without leases that have ended; on a clock that was set back with it."""
        leases = {name: Lease(**lease) for name, lease in document.get("leases", {}).items()}
        self = cls(**{**document, "leases": leases})
        back = self.changed - now
        if back > _BACKWARDS_S:
            for name in ("requests_at", "bytes_at", "stat_requests_at", "stat_bytes_at", "rest_until"):
                setattr(self, name, getattr(self, name) - back)
            for lease in leases.values():
                lease.until, lease.served = lease.until - back, lease.served - back
        self.leases = {name: lease for name, lease in leases.items() if lease.until > now}
        return self

    def dump(self, now: float) -> dict[str, Any]:
        """As JSON."""
        self.changed = now
        return asdict(self)

    @property
    def in_flight(self) -> int:
        """Calls of all workers, as they last said."""
        return sum(lease.in_use for lease in self.leases.values())

    @property
    def waiting(self) -> int:
        """Calls that wait, in all workers."""
        return sum(sum(lease.waiting) for lease in self.leases.values())

    def acquire(self, terms: Terms, wanted: Wanted, now: float) -> Grant:
        """Give what can be given, and renew the worker's lease."""
        self.terms = asdict(terms)
        self._owe(terms, wanted.owed, now)
        slots, stat_slots = self._slots(terms, wanted, now)
        usable = slots + (stat_slots if wanted.stat else 0) > wanted.in_use
        rest_s = max(0.0, self.rest_until - now)
        if rest_s or not usable or not sum(wanted.waiting):
            return Grant(slots, stat_slots, wait_s=rest_s, rest_s=rest_s, workers=len(self.leases))
        requests, bytes_, wait_s = self._amounts(terms, wanted, now)
        return Grant(slots, stat_slots, requests, bytes_, wait_s, workers=len(self.leases))

    def release(self, worker: str, owed: float, now: float) -> None:
        """A worker has nothing to do here any more."""
        if self.terms:
            self._owe(Terms(**self.terms), owed, now)
        self.leases.pop(worker, None)

    def rest(self, seconds: float, now: float) -> None:
        """The endpoint asked to be left alone."""
        self.rest_until = max(self.rest_until, now + min(max(seconds, 0.0), LONGEST_REST_S))

    def _owe(self, terms: Terms, owed: float, now: float) -> None:
        if owed and terms.bytes_per_s is not None:
            self.bytes_at = max(self.bytes_at, now - terms.burst_s) + owed / terms.bytes_per_s

    def _amounts(self, terms: Terms, wanted: Wanted, now: float) -> tuple[float, float, float]:
        """Requests, bytes, and seconds to wait where there are none."""
        wait_s = max(self.requests_at, self.bytes_at) - now
        if wait_s <= 0:
            self._take(terms, wanted.requests, wanted.bytes, now)
            return wanted.requests, wanted.bytes, 0.0
        if not wanted.stat or not terms.reserved:
            return 0.0, 0.0, wait_s
        stat_wait_s = max(self.stat_requests_at, self.stat_bytes_at) - now
        if stat_wait_s > 0:
            return 0.0, 0.0, min(wait_s, stat_wait_s)
        requests, bytes_ = wanted.least_requests, wanted.least_bytes
        self._take(terms, requests, bytes_, now)
        floor = now - terms.burst_s
        self.stat_requests_at = max(self.stat_requests_at, floor) + _lasts(requests, terms.requests_per_s, terms)
        self.stat_bytes_at = max(self.stat_bytes_at, floor) + _lasts(bytes_, terms.bytes_per_s, terms)
        return requests, bytes_, 0.0

    def _take(self, terms: Terms, requests: float, bytes_: float, now: float) -> None:
        floor = now - terms.burst_s
        if terms.requests_per_s is not None:
            self.requests_at = max(self.requests_at, floor) + requests / terms.requests_per_s
        if terms.bytes_per_s is not None:
            self.bytes_at = max(self.bytes_at, floor) + bytes_ / terms.bytes_per_s

    def _slots(self, terms: Terms, wanted: Wanted, now: float) -> tuple[int, int]:
        """Slots of the worker, and those of them that are for STAT alone."""
        lease = self.leases.setdefault(wanted.worker, Lease())
        lease.in_use, lease.waiting, lease.until = wanted.in_use, list(wanted.waiting), now + terms.lease_s
        others = sum(other.slots for name, other in self.leases.items() if name != wanted.worker)
        left = terms.concurrency - others
        stat, rest = self._shared_out(terms, wanted.worker)
        stat = max(0, min(stat, left - wanted.in_use))
        slots = max(0, min(rest, left - stat - terms.reserved_slots))
        stat_slots = max(stat, wanted.in_use + stat - slots) if stat else 0
        total = slots + stat_slots
        if total > lease.slots:
            lease.served = now
        lease.slots = max(wanted.in_use, total)
        return slots, stat_slots

    def _shared_out(self, terms: Terms, me: str) -> tuple[int, int]:
        """This worker's share of all slots: of those for STAT, and of the rest.

        A call in flight counts as ROUTINE: what it was is not told, and it keeps its slot in any case.
        """
        free = terms.concurrency
        totals = dict.fromkeys(self.leases, 0)
        mine = [0, 0]
        for rank in range(RANKS):
            room = free if rank == STAT else free - terms.reserved_slots
            asking = [
                (totals[name], lease.served, name, calls)
                for name, lease in self.leases.items()
                if (calls := lease.waiting[rank] + (lease.in_use if rank == lease.rank_in_use else 0))
            ]
            heapify(asking)
            while asking and room > 0:
                total, served, name, left = heappop(asking)
                totals[name] = total + 1
                free, room = free - 1, room - 1
                mine[rank != STAT] += name == me
                if left > 1:
                    heappush(asking, (total + 1, served, name, left - 1))
        return mine[0], mine[1]


def _lasts(amount: float, per_s: float | None, terms: Terms) -> float:
    return 0.0 if per_s is None else amount / (per_s * terms.reserved)
