"""Daily counts that are written behind the calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.errors import ConfigurationError
from domain.study import Priority
from inference.transport.quota import DailyQuota, MemoryQuotaStore, Quota, QuotaAlert
from inference.transport.shared_quota import WRITE_S, SharedQuotas
from tests.inference.virtual_time import VirtualTime

DAY = date(2031, 3, 1)


class Ledger:
    """Adds up; can be away."""

    def __init__(self) -> None:
        self.total = {"requests": 0.0, "bytes": 0.0, "cost": 0.0}
        self.writes, self.away = 0, False

    async def add(
        self,
        endpoint: str,
        day: date,
        more: Mapping[str, float],
        limits: Mapping[str, float],
        shares: Sequence[float],
    ) -> tuple[Mapping[str, float], Mapping[str, float]]:
        if self.away:
            raise ConnectionError("secret")
        self.writes += 1
        before = dict(self.total)
        for kind, amount in more.items():
            self.total[kind] += amount
        reached = {
            kind: max((s for s in shares if before[kind] < s * limit <= self.total[kind]), default=0.0)
            for kind, limit in limits.items()
        }
        return dict(self.total), {kind: share for kind, share in reached.items() if share}


def quota_of(ledger: Ledger, time: VirtualTime, daily: DailyQuota, alerts: list[QuotaAlert] | None = None) -> Quota:
    told = alerts.append if alerts is not None else None
    store = SharedQuotas(ledger, on_alert=told, timing=time)
    return Quota("e", daily, store=store, now=time.now)


async def test_many_calls_are_few_writes_and_the_count_is_known_at_once() -> None:
    time, ledger = VirtualTime(), Ledger()
    quota = quota_of(ledger, time, DailyQuota(requests=1000))
    for _ in range(500):
        quota.charge(1, 10)
        await time.pass_by(0.01)
    await time.pass_by(WRITE_S)
    assert ledger.total["requests"] == 500
    assert ledger.writes <= 7
    for _ in range(500):
        assert quota.refusal(1) is None
        quota.charge(1, 10)
    assert quota.refusal(1) is not None, "before it is written"


async def test_what_others_used_counts_after_a_write() -> None:
    time, ledger = VirtualTime(), Ledger()
    one, two = (quota_of(ledger, time, DailyQuota(requests=10)) for _ in range(2))
    for _ in range(9):
        one.charge(1, 0)
    await time.pass_by(WRITE_S + 0.1)
    two.charge(1, 0)
    await time.pass_by(WRITE_S + 0.1)
    assert two.refusal(1) is not None


async def test_while_the_ledger_is_away_counts_are_kept_and_written_later(caplog: pytest.LogCaptureFixture) -> None:
    time, ledger, alerts = VirtualTime(), Ledger(), list[QuotaAlert]()
    quota = quota_of(ledger, time, DailyQuota(requests=4), alerts)
    ledger.away = True
    for _ in range(4):
        quota.charge(1, 7)
    await time.pass_by(5)
    assert quota.refusal(1) is not None
    assert "secret" not in caplog.text
    ledger.away = False
    await time.pass_by(5)
    assert ledger.total == {"requests": 4, "bytes": 28, "cost": 0}
    assert [(alert.share, alert.used) for alert in alerts] == [(1.0, 4)]


def test_stat_goes_on_when_a_soft_quota_is_used_up_and_not_when_it_is_hard() -> None:
    for hard in (False, True):
        daily = DailyQuota(requests=1, hard=hard)
        quota = Quota("e", daily, store=MemoryQuotaStore(), now=lambda: datetime(2031, 3, 1, tzinfo=UTC))
        quota.charge(1, 0)
        refusal = quota.refusal(1, Priority.URGENT)
        assert refusal is not None
        assert (quota.refusal(1, Priority.STAT) is None) is not hard
        assert ("STAT" in refusal.remedy) is not hard
        assert "daily_requests" in refusal.remedy


def test_cost_has_a_quota() -> None:
    alerts: list[QuotaAlert] = []
    quota = Quota(
        "e",
        DailyQuota(cost=10),
        store=MemoryQuotaStore(),
        now=lambda: datetime(2031, 3, 1, tzinfo=UTC),
        on_alert=alerts.append,
    )
    for cost in (7.9, 0.2, 1.5, 0.5):
        assert quota.refusal(1) is None
        quota.charge(1, 1, cost)
    assert [alert.share for alert in alerts] == [0.8, 0.95, 1.0]
    assert "cost of 10" in str(quota.refusal(1))
    assert str(alerts[0]).startswith("e: 80% of the quota of 2031-03-01")


def test_a_day_ends_at_midnight_of_its_zone() -> None:
    daily = DailyQuota(requests=1, zone="America/New_York")
    moment = datetime(2031, 3, 2, 4, 59, tzinfo=UTC)
    assert daily.day(moment) == DAY
    assert daily.day(moment + timedelta(minutes=1)) == date(2031, 3, 2)
    quota = Quota("e", daily, store=MemoryQuotaStore(), now=lambda: moment)
    quota.charge(1, 0)
    assert "America/New_York" in str(quota.refusal(1))
    with pytest.raises(ConfigurationError, match="time zone"):
        DailyQuota(zone="Europe/Atlantis")
