"""The day itself: studies come, wait, are run step by step, fail, wait again, and end; once each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.hospital.arrivals import DAY_S, HOUR_S, Mix, Study, day
from benchmarks.hospital.clock import VirtualClock
from benchmarks.hospital.curves import Patients, sites, volumes
from benchmarks.hospital.estate import Estate
from benchmarks.hospital.models import MODELS, Faults
from benchmarks.hospital.pool import Asked, Pool
from benchmarks.hospital.rules import RULES
from benchmarks.hospital.workers import Crew, Worker
from jobs.scheduling.policy import RANK, Choice, Limits
from jobs.workers.attempt import Patience

CLAIM_S = 0.02
"""From a study's arrival, or a slot's, to the begin of its work: a signal and a transaction. An assumption."""
BEAT_S, MISSED_S, REAP_S = 2.0, 6.0, 1.0
"""Heartbeat, and when a worker is taken for dead, as in `jobs.workers` and `records.job_workers`."""
SAMPLE_S = 60.0
_MANY = 1_000_000


@dataclass(frozen=True)
class Outage:
    """One endpoint of a model is out of order."""

    model: str
    at_h: float = 11.0
    minutes: float = 30.0


@dataclass(frozen=True)
class Death:
    """A worker that runs something is killed, and a new one is there after a while."""

    at_h: float = 10.5
    back_s: float = 60.0


@dataclass(frozen=True)
class Scene:
    """A day as it is to be played.

    Attributes:
        latency: factor on every model's.
    """

    mix: Mix
    estate: Estate
    rule: str = "product"
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    latency: float = 1.0
    outages: tuple[Outage, ...] = ()
    deaths: tuple[Death, ...] = ()


def sharing(count: int) -> Limits:
    """The product's own limits, with a site's weight by the clinical studies that it has."""
    weights: dict[str, float] = {}
    for (name, patients), studies in volumes(sites(count), _MANY).items():
        weights[name] = weights.get(name, 0.0) + (studies if patients is not Patients.RESEARCH else 0)
    return Limits(weights={name: weight / _MANY for name, weight in weights.items() if weight})


@dataclass
class Sample:
    """What was going on at a moment: shares that are busy, and what waits."""

    at: float
    slots: float
    cores: float
    waiting: int
    models: Mapping[str, float]


class Day:
    """One day under one rule.

    Attributes:
        studies: of the day. done: how many have a result. failed: how many were given up.
    """

    def __init__(
        self, scene: Scene, studies: list[Study] | None = None, watch: Callable[[Choice], None] | None = None
    ) -> None:
        self.scene = scene
        self.clock = VirtualClock()
        self.studies = day(scene.mix) if studies is None else studies
        self.done = self.failed = self.parked = self.resumed = self.claims = self.steps = 0
        self.results_at: dict[Study, float] = {}
        self.samples: list[Sample] = []
        chance = random.Random(f"{scene.mix.seed} workers")
        rule = RULES[scene.rule]
        self._urgent_calls = rule.urgent_calls
        self.crew = Crew(rule, scene.limits, self.clock, chance=chance, start=self._start, watch=watch)
        self.pools = {
            name: Pool(
                MODELS[name],
                fleet,
                scene.estate.limits,
                self.clock,
                chance=random.Random(f"{scene.mix.seed} {name}"),
                faults=scene.faults,
                latency=scene.latency,
            )
            for name, fleet in scene.estate.fleets.items()
        }
        self._patience = Patience()
        self._waiting: dict[str, dict[Study, int]] = {}
        self._chance = random.Random(f"{scene.mix.seed} deaths")
        self._set_up()

    def _set_up(self) -> None:
        estate = self.scene.estate
        for _ in range(estate.workers):
            self.crew.hire(estate.general, estate.reserved, estate.cores)
        for outage in self.scene.outages:
            self.clock.at(outage.at_h * HOUR_S, self._break, outage)
        for death in self.scene.deaths:
            self.clock.at(death.at_h * HOUR_S, self._kill, death)
        if self.studies:
            self.clock.at(self.studies[0].arrival, self._arrive, 0)
            self.clock.at(self.studies[0].arrival, self._sample)

    @property
    def over(self) -> bool:
        """Every study has come and ended."""
        return self.done + self.failed == len(self.studies)

    def run(self) -> Day:
        """Play it to its end; returns itself."""
        while not self.over and self.clock.step():
            pass
        return self

    @property
    def waiting_for_models(self) -> int:
        """Studies that wait for one that is down."""
        return sum(map(len, self._waiting.values()))

    @property
    def end(self) -> float:
        """When the last one ended, midnight at the earliest."""
        return max(DAY_S, self.clock.now)

    @property
    def lost(self) -> int:
        """Studies that came and are nowhere, or have more than one result."""
        return sum(study.results + study.failed != 1 for study in self.studies)

    def _arrive(self, number: int) -> None:
        # The chain first: whoever looks at the clock while this one starts must find the next one.
        if number + 1 < len(self.studies):
            self.clock.at(self.studies[number + 1].arrival, self._arrive, number + 1)
        self.crew.queue(self.studies[number])

    def _start(self, worker: Worker, study: Study) -> None:
        study.attempt += 1
        self.claims += 1
        if study.started < 0:
            study.started = self.clock.now + CLAIM_S
        self.clock.after(CLAIM_S, self._go, worker, study, study.attempt)

    def _go(self, worker: Worker, study: Study, attempt: int) -> None:
        """Read the study (again, where steps are on record), then go on with the first step that is not."""

        def ready() -> None:
            if study.stage == 0:
                self._kept(study)
            self._next(worker, study, attempt)

        if worker.lives and study.attempt == attempt:
            self.crew.compute(worker, study.kind.cpu_parts[0], ready)

    def _next(self, worker: Worker, study: Study, attempt: int) -> None:
        kind, number = study.kind, study.stage - 1
        if number == len(kind.calls):
            self.crew.compute(worker, kind.cpu_parts[1], lambda: self._finish(worker, study))
            return
        rank = RANK[study.priority] if self._urgent_calls else 0
        order = (rank, self.clock.now)
        asked = Asked(study, attempt, worker, kind.calls[number], study.luck[number], order, self._answered)
        self.pools[kind.calls[number].model].ask(asked)

    def _answered(self, asked: Asked, ok: bool) -> None:
        if asked.stale:
            return
        if ok:
            self._wake(asked.call.model)
            self._kept(asked.study)
            self._next(asked.worker, asked.study, asked.attempt)
        else:
            self._park(asked.worker, asked.study, asked.call.model)

    def _kept(self, study: Study) -> None:
        study.stage += 1
        self.steps += 1

    def _park(self, worker: Worker, study: Study, model: str) -> None:
        """What it needs is down: it waits until that answers anybody, or longer each time; then not any more."""
        waited_s = self.clock.now - study.started
        pause = self._patience.pause_s(study.waits, waited_s=waited_s, priority=study.priority, woken=study.woken)
        self.crew.leave(worker, study, ended=False)
        if pause is None:
            study.failed = True
            self.failed += 1
            return
        study.waits += 1
        self.parked += 1
        waiting = self._waiting.setdefault(model, {})
        if not waiting:  # somebody must ask now and then
            pause = min(pause, self._patience.probe_s)
        waiting[study] = study.waits
        self.clock.after(pause + REAP_S / 2, self._due, model, study, study.waits)

    def _due(self, model: str, study: Study, waits: int) -> None:
        if self._waiting[model].get(study) == waits:  # it was not woken meanwhile
            self._go_on(model, study, woken=False)

    def _wake(self, model: str) -> None:
        """It has answered: an outage is over for all who wait for it."""
        for study in list(self._waiting.get(model, ())):
            self._go_on(model, study, woken=True)

    def _go_on(self, model: str, study: Study, *, woken: bool) -> None:
        del self._waiting[model][study]
        study.woken = woken
        self.crew.queue(study)

    def _finish(self, worker: Worker, study: Study) -> None:
        study.results += 1
        self._kept(study)
        self.results_at[study] = self.clock.now
        self.done += 1
        self.crew.leave(worker, study, ended=True)

    def _break(self, outage: Outage) -> None:
        self.pools[outage.model].routes[0].down_until = self.clock.now + 60 * outage.minutes

    def _kill(self, death: Death) -> None:
        """The worker with most work dies, as soon as one has any; others notice by its heartbeat."""
        worker = max(self.crew.open_workers, key=lambda one: (len(one.running), -one.number), default=None)
        if worker is None or not worker.running:
            if not self.over:
                self.clock.after(1.0, self._kill, death)
            return
        self.crew.kill(worker)
        last_beat = self.clock.now - self._chance.uniform(0, BEAT_S)
        self.clock.at(last_beat + MISSED_S + self._chance.uniform(0, REAP_S), self._take_over, worker)
        estate = self.scene.estate
        self.clock.after(death.back_s, self.crew.hire, estate.general, estate.reserved, estate.cores)

    def _take_over(self, worker: Worker) -> None:
        held = list(worker.running)
        self.crew.bury(worker)
        self.resumed += len(held)
        for study in held:
            self.crew.queue(study)

    def _sample(self) -> None:
        crew, estate = self.crew, self.scene.estate
        workers = len(crew.open_workers) or 1
        slots = workers * (estate.general + estate.reserved)
        busy = sum(estate.cores - worker.cores for worker in crew.workers if worker.lives)
        models = {
            name: sum(route.limiter.in_flight for route in pool.routes)
            / sum(route.limiter.concurrency for route in pool.routes)
            for name, pool in self.pools.items()
        }
        share = crew.running / slots, busy / (workers * estate.cores)
        self.samples.append(Sample(self.clock.now, *share, len(crew.lines), models))
        if not self.over:
            self.clock.after(SAMPLE_S, self._sample)
