"""How soon a study shall have been read, by its priority: what the clock of the worklist counts against.

Local policy. No standard sets these times: ACR and RCR leave them to each department, which agrees on them with those
who refer to it. The first two are the outer limits within which `prompts/critical_findings.yaml` lets findings of the
same urgency be told (1 hour and 6 hours, after Hanna et al. 2005 and Larson et al. 2014), as a study that is ordered
because of such a finding cannot be read later than that; a working day for the rest is custom. Research has no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from domain.study import Priority

DEFAULT_MINUTES: Mapping[Priority, int] = MappingProxyType(
    {Priority.STAT: 60, Priority.URGENT: 360, Priority.ROUTINE: 1440}
)
"""Minutes from the moment at which there was something to read; a priority that is not here has no clock."""


@dataclass(frozen=True)
class Turnaround:
    """A department's table.

    Attributes:
        minutes: by priority; one that is not in it is never late.
    """

    minutes: Mapping[Priority, int] = field(default_factory=lambda: DEFAULT_MINUTES)

    def limit(self, priority: Priority) -> timedelta | None:
        """How long it may take; None without a clock."""
        minutes = self.minutes.get(priority)
        return None if minutes is None else timedelta(minutes=minutes)

    def due(self, priority: Priority, since: datetime) -> datetime | None:
        """When a study that waits since then shall have been read; None without a clock."""
        limit = self.limit(priority)
        return None if limit is None else since + limit
