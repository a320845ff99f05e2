"""When a call is tried again, and how long to wait: exponential backoff with full jitter, Retry-After first."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]*)?")


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of the patience with one call.

    Attributes:
        tries: requests in all, the first one included.
        base_s: upper bound of the first wait; doubles with every try.
        longest_s: no wait is longer; an endpoint that asks for more is given up, not hurried.
        total_s: no try starts later than this after the call's beginning, time in queues not counted. With an
            endpoint's deadline it bounds the whole call.
    """

    tries: int = 3
    base_s: float = 0.5
    longest_s: float = 60.0
    total_s: float = 300.0

    def wait_s(self, failures: int, asked_s: float | None, chance: random.Random, spent_s: float = 0.0) -> float | None:
        """Seconds until the next try after `failures` ≥ 1 failed ones; None when there shall be no other."""
        if failures >= self.tries or (asked_s is not None and asked_s > self.longest_s):
            return None
        jitter = chance.uniform(0.0, min(self.longest_s, self.base_s * 2.0 ** (failures - 1)))
        wait = jitter if asked_s is None else max(asked_s, min(asked_s + jitter, self.longest_s))
        return wait if spent_s + wait <= self.total_s else None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110 10.2.3: a number or a date); None without a usable one."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (_aware(then) - _sent(headers)).total_seconds())


def _sent(headers: Mapping[str, str]) -> datetime:
    """The server's own clock where it tells it, so that a difference between clocks does not matter."""
    try:
        return _aware(parsedate_to_datetime(headers["date"]))
    except (KeyError, ValueError):
        return datetime.now(UTC)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_transient(status: int) -> bool:
    """429 and 5xx (and 408, the server's own time-out) may succeed another time; other 4xx do not."""
    return status in (408, 429) or status >= 500
