"""Daily counts on record: several workers count into one day, and each share is told once, as an event."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from inference.transport.quota import DailyQuota, Quota, QuotaAlert
from inference.transport.shared_quota import SharedQuotas
from records.audit import AuditLedger
from records.endpoint_quotas import SYSTEM, EndpointQuotaRecords

DAY = date(2031, 3, 1)
NOON = datetime(2031, 3, 1, 12, tzinfo=UTC)
SHARES = (0.8, 0.95, 1.0)


@pytest.fixture
def quotas(audit: AuditLedger) -> EndpointQuotaRecords:
    return EndpointQuotaRecords(audit)


async def events(audit: AuditLedger) -> list[str]:
    return [event.detail for event in await audit.list(SYSTEM) if event.action == "endpoint.quota"]


async def test_workers_count_into_one_day_and_every_share_is_told_once(
    quotas: EndpointQuotaRecords, audit: AuditLedger
) -> None:
    async def count() -> float:
        _, reached = await quotas.add("e", DAY, {"requests": 1, "bytes": 10, "cost": 0.5}, {"requests": 20}, SHARES)
        return reached.get("requests", 0.0)

    told = [share for share in await asyncio.gather(*(count() for _ in range(24))) if share]
    assert sorted(told) == [0.8, 0.95, 1.0]
    (use,) = await quotas.of_days([DAY])
    assert use.used == {"requests": 24, "bytes": 240, "cost": 12.0}
    assert use.limits == {"requests": 20}
    assert await events(audit) == [f"{share} of the requests of 2031-03-01" for share in ("80%", "95%", "100%")]


async def test_one_count_over_several_shares_tells_the_highest(quotas: EndpointQuotaRecords) -> None:
    _, reached = await quotas.add("e", DAY, {"cost": 99.0}, {"cost": 100.0}, SHARES)
    assert reached == {"cost": 0.95}
    assert (await quotas.add("e", date(2031, 3, 2), {"cost": 1.0}, {"cost": 100.0}, SHARES))[1] == {}


async def test_a_used_up_quota_is_refused_by_every_worker_and_after_a_restart(
    quotas: EndpointQuotaRecords, audit: AuditLedger, caplog: pytest.LogCaptureFixture
) -> None:
    alerts: list[QuotaAlert] = []
    daily = DailyQuota(requests=10, bytes=10**12)

    def worker() -> tuple[SharedQuotas, Quota]:
        store = SharedQuotas(quotas, on_alert=alerts.append)
        return store, Quota("ward (x)", daily, store=store, now=lambda: NOON)

    (one, first), (two, second) = worker(), worker()
    for quota in (first, second) * 5:
        quota.charge(1, 5_000_000_000)
    await asyncio.gather(one.flush(), two.flush())
    await one.flush()
    assert {(a.kind, a.share) for a in alerts} >= {("requests", 1.0)}
    assert len(alerts) == len({(a.kind, a.share) for a in alerts}) == len(await events(audit))
    assert "ward (x): 100% of the quota" in caplog.text
    three, third = worker()
    third.refusal(1)  # the first look reads it
    await three.flush()
    refusal = third.refusal(1)
    assert refusal is not None
    assert "10 requests" in refusal.reason
    assert "STAT" in refusal.remedy
