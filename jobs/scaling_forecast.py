"""What is to come in the next hour, from what came in the hours of the past weeks."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from zoneinfo import ZoneInfo

from domain.errors import MedImageError
from domain.ports import Clock
from jobs.scheduling.demand import Demand
from records.database import Database
from records.queue_arrivals import HOUR, QueueArrivals

WEEKS = 8
"""How far back hours are counted; older ones would hardly weigh."""
READ_S = 2.0
"""The first count of a busy installation takes longer: until it ends, nothing is known."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Forecast:
    """Jobs that come in the next 60 minutes.

    Attributes:
        high: upper end of the interval that 95 of 100 such hours lie in: what capacity is planned for.
        weeks: in how many of them this hour of the week was seen; 0 where it is taken from other hours.
    """

    mean: float
    high: float
    weeks: int

    @property
    def high_per_s(self) -> float:
        """Jobs a second at the upper end."""
        return self.high / HOUR.total_seconds()


class ArrivalForecast:
    """Counts each hour once, behind the questions.

    Args:
        zone: IANA name of the hospital's time zone: its hours of a week are alike, in summer as in winter.
        read_s: how long a question waits for the hours to be counted.
    """

    def __init__(
        self, database: Database, clock: Clock, zone: str = "UTC", weeks: int = WEEKS, *, read_s: float = READ_S
    ) -> None:
        self._arrivals = QueueArrivals(database)
        self._clock = clock
        self._zone = ZoneInfo(zone)
        self._weeks = weeks
        self._read_s = read_s
        self._demand = Demand()
        self._until: datetime | None = None
        self._counting: asyncio.Task[None] | None = None

    async def now(self) -> Forecast | None:
        """The forecast; None while nothing is known. It needs a whole hour of the past."""
        moment = self._clock.now()
        hour = moment.replace(minute=0, second=0, microsecond=0)
        if self._until != hour:
            if self._counting is None or self._counting.done():
                self._counting = asyncio.create_task(self._count(hour), name="arrivals of past hours")
            await asyncio.wait([self._counting], timeout=self._read_s)
        # Half an hour ahead is the middle of the next 60 minutes.
        ahead = (moment + timedelta(minutes=30)).astimezone(self._zone)
        of_week = hour_of_week(ahead)
        mean, high = self._demand.rate(of_week, ahead.minute / 60)
        seconds = HOUR.total_seconds()
        if not isfinite(high):
            return None
        return Forecast(mean * seconds, high * seconds, self._demand.expect(of_week).weeks)

    async def aclose(self) -> None:
        """Count no further."""
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.wait([self._counting])

    async def _count(self, until: datetime) -> None:
        since = self._until or until - timedelta(weeks=self._weeks)
        try:
            hours = await self._arrivals.hours(since, until)
        except MedImageError as error:
            _log.warning("Arrivals cannot be counted (%s).", type(error).__name__)
            return
        self._demand = self._demand.after_all((hour_of_week(start.astimezone(self._zone)), n) for start, n in hours)
        self._until = until


def hour_of_week(moment: datetime) -> int:
    """0 is Monday from 0 to 1 o'clock, in the time zone of `moment`."""
    return moment.weekday() * 24 + moment.hour
