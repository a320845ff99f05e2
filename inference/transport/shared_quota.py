"""Daily counts that outlast a process and are shared by workers: written behind the calls, about once a second.

A count is what the ledger said last and what this worker has not written yet, so that a quota may be passed by what
other workers send in a second. What a killed worker had not written is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Protocol

from inference.transport.quota import DailyQuota, QuotaAlert, Used
from inference.transport.timing import LoopTiming, Timing

_logger = logging.getLogger("medimage.quota")

WRITE_S = 1.0
NEAR_S = 0.1
"""Between writes once the last share before the end was reached."""

Key = tuple[str, date]


class QuotaLedger(Protocol):
    """Counts on record."""

    async def add(
        self,
        endpoint: str,
        day: date,
        more: Mapping[str, float],
        limits: Mapping[str, float],
        shares: Sequence[float],
    ) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Count in one step; what is counted now, and by kind the share that was newly reached."""


class SharedQuotas:
    """`inference.transport.quota.QuotaStore` on a ledger; for one event loop.

    Args:
        on_alert: told of every alert that this worker's counts raised, besides the log.
    """

    def __init__(
        self,
        ledger: QuotaLedger,
        *,
        on_alert: Callable[[QuotaAlert], None] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._ledger = ledger
        self._on_alert = on_alert
        self._timing = timing or LoopTiming()
        self._known: dict[Key, Used] = {}
        self._unwritten: dict[Key, Used] = {}
        self._daily: dict[str, DailyQuota] = {}
        self._writing: asyncio.Task[None] | None = None
        self._scheduled = False

    def used(self, endpoint: str, day: date, daily: DailyQuota) -> Used:
        """What is counted, as far as it is known here; the first question reads it, and knows nothing yet."""
        key = (endpoint, day)
        if key not in self._known and key not in self._unwritten:
            self.add(endpoint, day, Used(), daily)
        return self._known.get(key, Used()) + self._unwritten.get(key, Used())

    def add(self, endpoint: str, day: date, more: Used, daily: DailyQuota) -> Sequence[QuotaAlert]:
        """Count; alerts come when it is written."""
        key = (endpoint, day)
        self._daily[endpoint] = daily
        self._unwritten[key] = self._unwritten.get(key, Used()) + more
        if not self._scheduled:
            self._scheduled = True
            self._timing.call_later(0.0 if key not in self._known else self._pause_s(key), self._start)
        return ()

    async def flush(self) -> None:
        """Write everything now; at the end of a process."""
        if self._writing is not None:
            await self._writing
        await self._write()

    def _pause_s(self, key: Key) -> float:
        daily, used = self._daily[key[0]], self._known[key]
        last = max((share for share in daily.alerts if share < 1), default=1.0)
        near = any(used.of(kind) >= last * limit for kind, limit in daily.limits.items())
        return NEAR_S if near else WRITE_S

    def _start(self) -> None:
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_and_go_on())

    async def _write_and_go_on(self) -> None:
        try:
            await self._write()
        finally:
            self._writing = None
            self._scheduled = bool(self._unwritten)
            if self._scheduled:
                self._timing.call_later(WRITE_S, self._start)

    async def _write(self) -> None:
        pending, self._unwritten = self._unwritten, {}
        for key, more in pending.items():
            endpoint, day = key
            daily = self._daily[endpoint]
            counts = {"requests": more.requests, "bytes": more.bytes, "cost": more.cost}
            self._known[key] = self._known.get(key, Used()) + more  # counted meanwhile
            try:
                used, reached = await self._ledger.add(endpoint, day, counts, daily.limits, daily.alerts)
            except Exception as error:
                _logger.warning("Quotas cannot be written (%s); they are counted here.", type(error).__name__)
                self._known[key] = _less(self._known[key], more)
                self._unwritten[key] = self._unwritten.get(key, Used()) + more
                continue
            self._known[key] = Used(int(used["requests"]), int(used["bytes"]), used["cost"])
            for kind, share in reached.items():
                self._alert(QuotaAlert(endpoint, day, kind, used[kind], daily.limits[kind], share))
        latest = max((day for _, day in self._known), default=date.min)
        self._known = {key: used for key, used in self._known.items() if (latest - key[1]).days <= 1}

    def _alert(self, alert: QuotaAlert) -> None:
        _logger.warning("%s", alert)
        if self._on_alert is not None:
            try:
                self._on_alert(alert)
            except Exception:
                _logger.exception("An observer of quotas failed.")


def _less(used: Used, more: Used) -> Used:
    return Used(used.requests - more.requests, used.bytes - more.bytes, used.cost - more.cost)
