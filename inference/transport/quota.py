"""What an endpoint may be asked in a day: alerts at 80, 95 and 100 %, a refusal at 100 %.

The counts live in a `QuotaStore`, so that they outlast a process and are shared by several. STAT goes on when a quota
is used up, unless it is a hard one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.errors import ConfigurationError, ModelRefused
from domain.study import Priority

ALERTS = (0.8, 0.95, 1.0)
"""Shares of a quota that are told when they are reached."""


class QuotaExhausted(ModelRefused):
    """The day's requests, bytes or cost of an endpoint are used up."""

    remedy_default = "Wait for the next day, or raise the endpoint's daily quota (MEDIMAGE_MODELS__…__ENDPOINTS)."


@dataclass(frozen=True)
class DailyQuota:
    """What a day may use; None is unlimited.

    Attributes:
        cost: in the currency of the endpoint's prices.
        hard: holds for STAT as well.
        zone: IANA name of the time zone whose midnight ends the day.
        alerts: shares that raise an alert, ascending.

    Raises:
        ConfigurationError: there is no such time zone.
    """

    requests: int | None = None
    bytes: int | None = None
    cost: float | None = None
    hard: bool = False
    zone: str = "UTC"
    alerts: tuple[float, ...] = ALERTS

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ValueError, OSError, KeyError) as error:
            raise ConfigurationError(
                f"There is no time zone {self.zone!r}.",
                remedy="Give an IANA name, e.g. Europe/Berlin.",
                where="daily quota",
            ) from error

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits that there are, by kind."""
        kinds = {"requests": self.requests, "bytes": self.bytes, "cost": self.cost}
        return {kind: limit for kind, limit in kinds.items() if limit is not None}

    def day(self, moment: datetime) -> date:
        """The day of an aware time."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def passed(self, kind: str, before: float, after: float) -> float | None:
        """The highest share that a count passed; None for none."""
        limit = self.limits.get(kind)
        shares = [s for s in self.alerts if limit is not None and before < s * limit <= after]
        return max(shares, default=None)


@dataclass(frozen=True)
class Used:
    """What a day has used: tries that were sent, bytes both ways, and what they cost."""

    requests: int = 0
    bytes: int = 0
    cost: float = 0.0

    def __add__(self, more: Used) -> Used:
        return Used(self.requests + more.requests, self.bytes + more.bytes, self.cost + more.cost)

    def of(self, kind: str) -> float:
        """The count of a kind."""
        return {"requests": self.requests, "bytes": self.bytes, "cost": self.cost}[kind]


@dataclass(frozen=True)
class QuotaAlert:
    """A quota that is nearly used up, or is.

    Attributes:
        kind: "requests", "bytes" or "cost".
        share: that was reached, 1 for used up.
    """

    endpoint: str
    day: date
    kind: str
    used: float
    limit: float
    share: float = ALERTS[0]

    def __str__(self) -> str:
        what = f"{self.used:g} of {self.limit:g}{'' if self.kind == 'cost' else f' {self.kind}'}"
        return f"{self.endpoint}: {self.share:.0%} of the quota of {self.day} is used ({self.kind}: {what})."


class QuotaStore(Protocol):
    """Counts by endpoint and day. A count that processes share raises an alert in one of them."""

    def used(self, endpoint: str, day: date, daily: DailyQuota) -> Used:
        """What is counted; zeros for a day that nobody has touched."""

    def add(self, endpoint: str, day: date, more: Used, daily: DailyQuota) -> Sequence[QuotaAlert]:
        """Count; returns the alerts that whoever counts shall tell."""


class MemoryQuotaStore:
    """Counts of this process; days before the latest one are dropped."""

    def __init__(self) -> None:
        self._days: dict[str, tuple[date, Used]] = {}

    def used(self, endpoint: str, day: date, daily: DailyQuota | None = None) -> Used:  # noqa: ARG002
        """What is counted."""
        counted, used = self._days.get(endpoint, (day, Used()))
        return used if counted == day else Used()

    def add(self, endpoint: str, day: date, more: Used, daily: DailyQuota) -> Sequence[QuotaAlert]:
        """Count."""
        before = self.used(endpoint, day)
        after = before + more
        self._days[endpoint] = (day, after)
        return [
            QuotaAlert(endpoint, day, kind, after.of(kind), limit, share)
            for kind, limit in daily.limits.items()
            if (share := daily.passed(kind, before.of(kind), after.of(kind))) is not None
        ]


class Quota:
    """The daily quota of one endpoint.

    Args:
        endpoint: its label, which is also the store's key.
        now: aware time, for the day.
        on_alert: called when a count passes one of the quota's shares, once for each passing.
    """

    def __init__(
        self,
        endpoint: str,
        daily: DailyQuota,
        *,
        store: QuotaStore,
        now: Callable[[], datetime],
        on_alert: Callable[[QuotaAlert], None] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._daily = daily
        self._store = store
        self._now = now
        self._on_alert = on_alert

    def refusal(self, size: int, priority: Priority = Priority.ROUTINE) -> QuotaExhausted | None:
        """Why a request of `size` bytes is not sent today; None when it may be."""
        daily = self._daily
        if not daily.limits or (priority is Priority.STAT and not daily.hard):
            return None
        used = self._store.used(self._endpoint, self._day(), daily)
        for kind, limit in daily.limits.items():
            count = used.of(kind)
            if count + size > limit if kind == "bytes" else count >= limit:
                return self._exhausted(kind, limit)
        return None

    def charge(self, requests: int, bytes_: int, cost: float = 0.0) -> None:
        """Count what was sent or received; a limit may be passed by one answer or by STAT, never by another request."""
        if not self._daily.limits:
            return
        alerts = self._store.add(self._endpoint, self._day(), Used(requests, bytes_, cost), self._daily)
        if self._on_alert is not None:
            for alert in alerts:
                self._on_alert(alert)

    def _exhausted(self, kind: str, limit: float) -> QuotaExhausted:
        amount = f"a cost of {limit:g}" if kind == "cost" else f"{limit:.0f} {kind}"
        goes = "" if self._daily.hard else " STAT orders still go."
        return QuotaExhausted(
            f"Today's quota of {amount} is used up.",
            remedy=f"Wait until midnight ({self._daily.zone}), or raise the endpoint's daily quota "
            f"(MEDIMAGE_MODELS__…__ENDPOINTS, daily_{kind}).{goes}",
            where=self._endpoint,
        )

    def _day(self) -> date:
        return self._daily.day(self._now())
