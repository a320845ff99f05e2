"""Where jobs wait: a line for each priority and site, oldest first, as the jobs table keeps them."""

from __future__ import annotations

from heapq import heappop, heappush

from benchmarks.hospital.arrivals import Study
from domain.study import Priority
from jobs.scheduling.policy import Waiting

_Line = list[tuple[float, int, Study]]


class Lines:
    """Waiting jobs. A job that is put back stands where it stood: by when it came."""

    def __init__(self) -> None:
        self._lines: dict[tuple[Priority, str], _Line] = {}
        self._open: dict[tuple[Priority, str], _Line] = {}
        self.waiting = dict.fromkeys(Priority, 0)

    def __len__(self) -> int:
        return sum(self.waiting.values())

    def put(self, study: Study) -> None:
        """Queue it, or put it back."""
        key = (study.priority, study.waiting.site)
        line = self._lines.setdefault(key, [])
        heappush(line, (study.waiting.since, study.waiting.number, study))
        self._open[key] = line
        self.waiting[study.priority] += 1

    def heads(self) -> list[Waiting]:
        """The oldest of each line."""
        return [line[0][2].waiting for line in self._open.values()]

    def take(self, chosen: Waiting) -> Study:
        """Remove a head."""
        key = (chosen.priority, chosen.site)
        line = self._open[key]
        study = heappop(line)[2]
        if study.waiting is not chosen:
            raise ValueError("only the oldest of a line is taken")
        if not line:
            del self._open[key]
        self.waiting[chosen.priority] -= 1
        return study
