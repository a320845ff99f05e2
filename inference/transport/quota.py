"""What an endpoint may be asked in a day (UTC): an alert at 80 %, a refusal at 100 %.

The counts live in a `QuotaStore`, so that they outlast a process and are shared by several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

from domain.errors import ModelRefused


class QuotaExhausted(ModelRefused):
    """The day's requests or bytes of an endpoint are used up."""

    remedy_default = "Wait for the next day (UTC), or raise the endpoint's daily quota."


@dataclass(frozen=True)
class DailyQuota:
    """What a day may use; None is unlimited. `alert_at` is the share that raises the alert."""

    requests: int | None = None
    bytes: int | None = None
    alert_at: float = 0.8


@dataclass(frozen=True)
class Used:
    """What a day has used: tries that were sent, and bytes both ways."""

    requests: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class QuotaAlert:
    """A quota that is nearly used up. `kind` is "requests" or "bytes"."""

    endpoint: str
    day: date
    kind: str
    used: int
    limit: int


class QuotaStore(Protocol):
    """Counts by endpoint and day. `add` is one atomic step where processes share the store."""

    def used(self, endpoint: str, day: date) -> Used:
        """What is counted; zeros for a day that nobody has touched."""

    def add(self, endpoint: str, day: date, requests: int, bytes_: int) -> Used:
        """Count, and say what is counted then."""


class MemoryQuotaStore:
    """Counts of this process; days before the latest one are dropped."""

    def __init__(self) -> None:
        self._days: dict[str, tuple[date, Used]] = {}

    def used(self, endpoint: str, day: date) -> Used:
        """What is counted."""
        counted, used = self._days.get(endpoint, (day, Used()))
        return used if counted == day else Used()

    def add(self, endpoint: str, day: date, requests: int, bytes_: int) -> Used:
        """Count."""
        before = self.used(endpoint, day)
        after = Used(before.requests + requests, before.bytes + bytes_)
        self._days[endpoint] = (day, after)
        return after


class Quota:
    """The daily quota of one endpoint.

    Args:
        endpoint: its label, which is also the store's key.
        now: aware time, for the day.
        on_alert: called when a count passes the alert's share, once for each passing.
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

    def refusal(self, size: int) -> QuotaExhausted | None:
        """Why a request of `size` bytes is not sent today; None when it may be."""
        if self._daily.requests is None and self._daily.bytes is None:
            return None
        used = self._store.used(self._endpoint, self._day())
        if self._daily.requests is not None and used.requests >= self._daily.requests:
            return self._exhausted(f"{self._daily.requests} requests")
        if self._daily.bytes is not None and used.bytes + size > self._daily.bytes:
            return self._exhausted(f"{self._daily.bytes} bytes")
        return None

    def charge(self, requests: int, bytes_: int) -> None:
        """Count what was sent or received; a limit may be passed by one answer, never by a request."""
        if self._daily.requests is None and self._daily.bytes is None:
            return
        day = self._day()
        after = self._store.add(self._endpoint, day, requests, bytes_)
        self._alert(day, "requests", self._daily.requests, after.requests - requests, after.requests)
        self._alert(day, "bytes", self._daily.bytes, after.bytes - bytes_, after.bytes)

    def _alert(self, day: date, kind: str, limit: int | None, before: int, after: int) -> None:
        if limit is None or self._on_alert is None:
            return
        threshold = self._daily.alert_at * limit
        if before < threshold <= after:
            self._on_alert(QuotaAlert(self._endpoint, day, kind, after, limit))

    def _exhausted(self, limit: str) -> QuotaExhausted:
        return QuotaExhausted(f"Today's quota of {limit} is used up.", where=self._endpoint)

    def _day(self) -> date:
        return self._now().astimezone(UTC).date()
