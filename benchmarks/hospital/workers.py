"""Workers on the virtual clock: slots, cores, and the scheduling rule that fills them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.hospital.arrivals import Study
from benchmarks.hospital.clock import VirtualClock
from benchmarks.hospital.lines import Lines
from benchmarks.hospital.rules import Rule
from domain.study import Priority
from jobs.scheduling.policy import Choice, Limits, Load, Slot, Why
from records.job_leases import COUNTED_S, SERVED_S


@dataclass(eq=False)
class Worker:
    """A worker process.

    Attributes:
        general, reserved: free slots.
        running: studies and the slots that they take.
        cores: free ones. line: CPU work that waits for one. lives: False when it died, or was given up and is empty.
        leaving: takes nothing more. from_s, to_s: when it was there.
    """

    number: int
    general: int
    reserved: int
    cores: int
    running: dict[Study, Slot] = field(default_factory=dict)
    line: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)
    since_overdue: int = 0
    lives: bool = True
    leaving: bool = False
    from_s: float = 0.0
    to_s: float | None = None

    @property
    def open(self) -> bool:
        """It may take jobs."""
        return self.lives and not self.leaving


class Crew:
    """All workers, and what waits for them.

    Args:
        start: told that a worker begins a study's next attempt, in the same moment.
        watch: told every choice.
    """

    def __init__(
        self,
        rule: Rule,
        limits: Limits,
        clock: VirtualClock,
        *,
        chance: random.Random,
        start: Callable[[Worker, Study], None],
        watch: Callable[[Choice], None] | None = None,
    ) -> None:
        self.lines = Lines()
        self.workers: list[Worker] = []
        self.busy_core_s = 0.0
        self.busy_slot_s = 0.0
        self._rule = rule
        self._limits = limits
        self._clock = clock
        self._chance = chance
        self._start = start
        self._watch = watch
        self._running: dict[tuple[Priority, str], int] = {}
        self._general = _Free()
        self._reserved = _Free()
        self._served: dict[str, float] = {}
        self._ended: deque[tuple[float, str]] = deque()
        self._counted = -COUNTED_S
        self._seen: dict[str, float] = {}
        self._took: dict[Study, float] = {}

    def hire(self, general: int, reserved: int, cores: int) -> Worker:
        """A worker more. Rules without reserved slots use them as general ones."""
        if not self._rule.reserves:
            general, reserved = general + reserved, 0
        worker = Worker(len(self.workers), general, reserved, cores, from_s=self._clock.now)
        self.workers.append(worker)
        self._note(worker)
        self.offer(worker)
        return worker

    def queue(self, study: Study) -> None:
        """It waits; whoever has a slot for it is woken."""
        self.lines.put(study)
        worker = self._general.any(self._chance)
        if worker is None and study.priority is Priority.STAT:
            worker = self._reserved.any(self._chance)
        if worker is not None:
            self.offer(worker)

    def offer(self, worker: Worker) -> None:
        """A worker takes jobs as long as the rule gives it any."""
        while worker.open and len(self.lines) and (worker.general or worker.reserved):
            choice = self._rule.pick(self.lines.heads(), self._load(worker), self._limits, self._clock.now)
            if choice is None:
                break
            self._take(worker, choice)

    def leave(self, worker: Worker, study: Study, *, ended: bool) -> None:
        """A study gives its slot back."""
        slot = worker.running.pop(study)
        self._free(study)
        if slot is Slot.GENERAL:
            worker.general += 1
        else:
            worker.reserved += 1
        if ended:
            site = study.waiting.site
            self._served[site] = self._served.get(site, 0.0) + 1
            self._ended.append((self._clock.now, site))
        self._note(worker)
        if worker.leaving and not worker.running:
            worker.lives, worker.to_s = False, self._clock.now
        self.offer(worker)

    def kill(self, worker: Worker) -> list[Study]:
        """It dies; returns what it held, to be put back when somebody notices."""
        worker.lives, worker.to_s = False, self._clock.now
        held = list(worker.running)
        self._note(worker)
        return held

    def bury(self, worker: Worker) -> None:
        """It was noticed: what it held runs no more."""
        for study in worker.running:
            self._free(study)
        worker.running.clear()

    def give_up(self, worker: Worker) -> None:
        """It takes nothing more and goes when it is empty."""
        worker.leaving = True
        worker.lives = bool(worker.running)
        worker.to_s = None if worker.lives else self._clock.now
        self._note(worker)

    def compute(self, worker: Worker, seconds: float, then: Callable[[], None]) -> None:
        """CPU work of a worker, in the order in which it is asked for."""
        if worker.cores > 0:
            worker.cores -= 1
            self._clock.after(seconds, self._computed, worker, seconds, then)
        else:
            worker.line.append((seconds, then))

    def _computed(self, worker: Worker, seconds: float, then: Callable[[], None]) -> None:
        if not worker.lives:
            return
        self.busy_core_s += seconds
        if worker.line:
            following, what = worker.line.popleft()
            self._clock.after(following, self._computed, worker, following, what)
        else:
            worker.cores += 1
        then()

    def _take(self, worker: Worker, choice: Choice) -> None:
        study = self.lines.take(choice.job)
        key = (study.priority, choice.job.site)
        self._running[key] = self._running.get(key, 0) + 1
        if choice.slot is Slot.GENERAL:
            worker.general -= 1
            # As `jobs.workers.loop` counts.
            worker.since_overdue = 0 if choice.why is Why.OVERDUE else worker.since_overdue + 1
        else:
            worker.reserved -= 1
        worker.running[study] = choice.slot
        self._took[study] = self._clock.now
        self._note(worker)
        if self._watch is not None:
            self._watch(choice)
        self._start(worker, study)

    def _free(self, study: Study) -> None:
        key = (study.priority, study.waiting.site)
        self._running[key] -= 1
        self.busy_slot_s += self._clock.now - self._took.pop(study)

    def _note(self, worker: Worker) -> None:
        self._general.set(worker, worker.open and worker.general > 0)
        self._reserved.set(worker, worker.open and worker.reserved > 0)

    def _load(self, worker: Worker) -> Load:
        return Load(worker.general, worker.reserved, self._running, self._served_of_late(), worker.since_overdue)

    def _served_of_late(self) -> dict[str, float]:
        """Counted anew once a second, as the workers do."""
        now = self._clock.now
        if now - self._counted > COUNTED_S:
            while self._ended and self._ended[0][0] <= now - SERVED_S:
                self._served[self._ended.popleft()[1]] -= 1
            self._seen, self._counted = dict(self._served), now
        return self._seen

    @property
    def free_for_stat(self) -> bool:
        """Some worker has a slot that STAT may take."""
        return bool(len(self._general) or len(self._reserved))

    @property
    def free_general(self) -> bool:
        """Some worker has a general slot."""
        return bool(len(self._general))

    @property
    def running(self) -> int:
        """Studies that hold a slot."""
        return sum(self._running.values())

    @property
    def open_workers(self) -> list[Worker]:
        """Those that take jobs."""
        return [worker for worker in self.workers if worker.open]


class _Free:
    """Workers with a free slot; any of them in constant time."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []
        self._place: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._workers)

    def set(self, worker: Worker, free: bool) -> None:
        """It has one, or has none."""
        place = self._place.get(worker.number)
        if free and place is None:
            self._place[worker.number] = len(self._workers)
            self._workers.append(worker)
        elif not free and place is not None:
            last = self._workers.pop()
            del self._place[worker.number]
            if last is not worker:
                self._workers[place] = last
                self._place[last.number] = place

    def any(self, chance: random.Random) -> Worker | None:
        """One of them, by chance: all are woken, and one is first."""
        return self._workers[int(chance.random() * len(self._workers))] if self._workers else None
