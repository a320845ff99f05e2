"""Daily quotas: counted by UTC day, an alert once, a refusal that says when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from domain.errors import ModelRefused
from inference.transport.quota import DailyQuota, MemoryQuotaStore, Quota, QuotaAlert, QuotaExhausted


class Day:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2031, 3, 1, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


def quota_of(daily: DailyQuota, day: Day, alerts: list[QuotaAlert], store: MemoryQuotaStore | None = None) -> Quota:
    return Quota("ward (x)", daily, store=store or MemoryQuotaStore(), now=day, on_alert=alerts.append)


def test_alerts_at_80_and_100_percent_once_and_refusal_at_100() -> None:
    alerts: list[QuotaAlert] = []
    quota = quota_of(DailyQuota(requests=10), Day(), alerts)
    for number in range(10):
        assert quota.refusal(1) is None
        quota.charge(1, 100)
        assert len(alerts) == (number >= 7) + (number >= 9)
    assert (alerts[0].kind, alerts[0].used, alerts[0].limit, alerts[0].endpoint) == ("requests", 8, 10, "ward (x)")
    refusal = quota.refusal(1)
    assert isinstance(refusal, QuotaExhausted)
    assert isinstance(refusal, ModelRefused)
    assert "10 requests" in str(refusal)
    assert "UTC" in refusal.remedy
    assert "ward (x)" in str(refusal)


def test_a_request_that_does_not_fit_into_the_bytes_is_refused_and_a_smaller_one_is_not() -> None:
    alerts: list[QuotaAlert] = []
    quota = quota_of(DailyQuota(bytes=1000), Day(), alerts)
    quota.charge(1, 700)
    assert quota.refusal(301) is not None
    assert quota.refusal(300) is None
    quota.charge(0, 600)
    assert [(a.kind, a.used) for a in alerts] == [("bytes", 1300)]


def test_the_day_is_utc_and_midnight_starts_anew() -> None:
    day, store = Day(), MemoryQuotaStore()
    quota = quota_of(DailyQuota(requests=1), day, [], store)
    quota.charge(1, 1)
    day.moment = day.moment.astimezone(timezone(timedelta(hours=9)))
    assert quota.refusal(1) is not None, "the same moment, told in another zone, where it is tomorrow"
    day.moment += timedelta(minutes=2)
    assert quota.refusal(1) is None


def test_processes_that_share_a_store_share_the_quota_and_one_alert() -> None:
    store, alerts = MemoryQuotaStore(), list[QuotaAlert]()
    one, two = (quota_of(DailyQuota(requests=4, alerts=(0.5,)), Day(), alerts, store) for _ in range(2))
    for quota in (one, two, one, two):
        quota.charge(1, 0)
    assert one.refusal(0)
    assert two.refusal(0)
    assert len(alerts) == 1


def test_without_limits_nothing_is_counted() -> None:
    store, day = MemoryQuotaStore(), Day()
    quota = quota_of(DailyQuota(), day, [], store)
    quota.charge(1, 10**12)
    assert quota.refusal(10**12) is None
    assert store.used("ward (x)", day.moment.date()).requests == 0
