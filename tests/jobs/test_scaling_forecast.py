"""Arrivals by hour on both databases, and what is expected of the next hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from jobs.scaling_forecast import ArrivalForecast, hour_of_week
from records.database import Database
from records.job_rows import NewJob, columns_of
from records.job_tables import JobRow
from records.queue_arrivals import QueueArrivals
from tests.jobs.workers.parts import new_job

MONDAY = datetime(2031, 3, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def came(database: Database, moments: list[datetime]) -> None:
    """Jobs that were queued at these moments."""
    jobs: list[NewJob] = [new_job(f"j{number}") for number, _ in enumerate(moments)]
    rows = [columns_of(job, moment) for job, moment in zip(jobs, moments, strict=True)]
    database.transact_now(lambda session: session.execute(insert(JobRow), rows))


def weeks_of(jobs_at_ten: int, weeks: int, zone: str = "UTC", first: datetime = MONDAY) -> list[datetime]:
    """Mondays with so many jobs from 10 to 11 o'clock, one job in every other hour from 8 to 16."""
    moments = []
    for week in range(weeks):
        for hour in range(8, 16):
            start = (first + timedelta(weeks=week)).replace(hour=hour, tzinfo=ZoneInfo(zone)).astimezone(UTC)
            count = jobs_at_ten if hour == 10 else 1
            moments += [start + n * HOUR / count for n in range(count)]
    return moments


async def test_hours_are_counted_from_the_first_whole_one(database: Database) -> None:
    assert await QueueArrivals(database).hours(MONDAY, MONDAY + 2 * HOUR) == ()
    half_past = MONDAY + HOUR / 2
    came(database, [half_past, MONDAY + HOUR, MONDAY + 1.5 * HOUR, MONDAY + 3 * HOUR, MONDAY + 4 * HOUR])
    hours = await QueueArrivals(database).hours(MONDAY - 48 * HOUR, MONDAY + 4 * HOUR)
    assert hours == ((MONDAY + HOUR, 2), (MONDAY + 2 * HOUR, 0), (MONDAY + 3 * HOUR, 1))
    assert await QueueArrivals(database).hours(MONDAY + 2 * HOUR, MONDAY + 3 * HOUR) == ((MONDAY + 2 * HOUR, 0),)


async def test_the_next_hour_is_like_those_of_past_weeks(database: Database) -> None:
    came(database, weeks_of(50, 4))
    clock = Clock(MONDAY + timedelta(weeks=4, hours=10))
    forecast = ArrivalForecast(database, clock, read_s=30)
    rush = await forecast.now()
    assert rush is not None
    assert rush.mean == pytest.approx(50)
    assert rush.weeks == 4
    assert 50 < rush.high < 80
    assert rush.high_per_s == pytest.approx(rush.high / 3600)
    clock.moment += timedelta(hours=10)
    night = await forecast.now()
    assert night is not None
    assert night.mean == pytest.approx(0)
    clock.moment = MONDAY + timedelta(weeks=5, hours=9.5)
    between = await forecast.now()
    assert between is not None
    assert 1 < between.mean < 50, "half an hour before, half of it"
    await forecast.aclose()


async def test_an_hour_is_counted_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    came(database, weeks_of(5, 2))
    asked: list[tuple[datetime, datetime]] = []
    counted = QueueArrivals.hours

    async def watched(self: QueueArrivals, since: datetime, until: datetime) -> object:
        asked.append((since, until))
        return await counted(self, since, until)

    monkeypatch.setattr(QueueArrivals, "hours", watched)
    noon = MONDAY + timedelta(weeks=2, hours=12)
    clock = Clock(noon)
    forecast = ArrivalForecast(database, clock, weeks=3, read_s=30)
    for minutes in (0, 5, 59, 60, 61):
        clock.moment = noon + timedelta(minutes=minutes)
        await forecast.now()
    assert asked == [(noon - timedelta(weeks=3), noon), (noon, noon + HOUR)]


async def test_the_hospitals_hours_count_in_summer_as_in_winter(database: Database) -> None:
    zone = "Europe/Berlin"  # summer time begins on 30 March 2031
    came(database, weeks_of(50, 6, zone))
    now = (MONDAY + timedelta(weeks=6)).replace(hour=10, tzinfo=ZoneInfo(zone))
    there = await ArrivalForecast(database, Clock(now.astimezone(UTC)), zone, read_s=30).now()
    assert there is not None
    assert there.mean == pytest.approx(50)


async def test_without_a_past_nothing_is_expected(database: Database) -> None:
    forecast = ArrivalForecast(database, Clock(MONDAY), read_s=30)
    assert await forecast.now() is None
    came(database, [MONDAY])
    assert await forecast.now() is None, "no whole hour yet"


def test_a_week_begins_on_monday() -> None:
    assert hour_of_week(MONDAY) == 0
    assert hour_of_week(MONDAY - HOUR) == 167
