"""What the transports of a process have in common, and who is told what they do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from inference.transport.circuit import CircuitPolicy
from inference.transport.quota import QuotaAlert, QuotaStore
from inference.transport.result_cache import ResultCache
from inference.transport.shared_limits import SharedLimits
from inference.transport.traffic import CallRecord, Traffic

_logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Shared:
    """What the transports of a process have in common; the defaults keep everything in this process.

    Attributes:
        cache: of answers; None for none.
        quotas: counts of daily quotas.
        traffic: counters by endpoint.
        limits: shared by the workers of several processes; None where there is one.
        on_call: told of every call that ended, cached ones too. on_alert: told of quotas nearly used up.
    """

    cache: ResultCache | None = None
    quotas: QuotaStore | None = None
    traffic: Traffic | None = None
    limits: SharedLimits | None = None
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    on_call: Callable[[CallRecord], None] | None = None
    on_alert: Callable[[QuotaAlert], None] | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def guarded(told: Callable[[T], None] | None) -> Callable[[T], None] | None:
    """An observer whose own failure costs no call."""
    if told is None:
        return None

    def tell(value: T) -> None:
        try:
            told(value)
        except Exception:
            _logger.exception("An observer of calls failed.")

    return tell
