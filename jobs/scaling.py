"""Scaling endpoints to the queue: what each one's number of instances should be, and the change if it is wanted.

Nothing is changed unless `apply` is asked for. A change stays within its bounds, waits for the cooldown after the last
one, grows at most twofold and shrinks by at most half, and is an event of the audit ledger, before it is asked of the
platform and after it was answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from domain.access import AccessContext
from domain.errors import MedImageError
from domain.ports import Clock
from jobs.scaling_figures import TARGET_S, EndpointFigures, Figures, instances_of, work_of_instances
from jobs.scheduling.demand import Bounds, needed
from records.endpoint_scalings import EndpointScalings, Scaling

COOLDOWN_S = 900.0


@dataclass(frozen=True)
class Scalable:
    """An endpoint whose instances may be changed.

    Attributes:
        endpoint: its label, as limits and traffic know it. deployment: that is scaled.
        least, most: instances.
    """

    endpoint: str
    deployment: str
    least: int = 1
    most: int = 4
    cooldown_s: float = COOLDOWN_S
    target_s: float = TARGET_S


class Platform(Protocol):
    """Who runs the instances: `inference.azure.scaling` for one endpoint."""

    async def instances(self) -> int:
        """How many there are."""

    async def scale(self, instances: int) -> None:
        """Have so many."""


@dataclass(frozen=True)
class Decision:
    """What was found about one endpoint.

    Attributes:
        wanted: instances it should have, within bounds.
        reason: in words. applied: it was changed. error: why that failed.
    """

    endpoint: str
    deployment: str
    present: int
    wanted: int
    reason: str
    applied: bool = False
    error: str = ""

    def __str__(self) -> str:
        change = f"{self.present} → {self.wanted}" if self.wanted != self.present else f"{self.present}"
        done = "changed" if self.applied else "not changed"
        return f"{self.endpoint}, {self.deployment}: {change} instances ({done}: {self.error or self.reason})"


class Autoscaler:
    """Decides, and changes where that is asked for."""

    def __init__(self, scalings: EndpointScalings, clock: Clock) -> None:
        self._scalings = scalings
        self._clock = clock

    async def run(
        self,
        access: AccessContext,
        figures: Figures,
        endpoints: Sequence[tuple[Scalable, Platform]],
        *,
        apply: bool = False,
    ) -> tuple[Decision, ...]:
        """Decide about every endpoint, each for itself: one that fails keeps none from another's change."""
        return tuple([await self._one(access, figures, of, platform, apply=apply) for of, platform in endpoints])

    async def _one(
        self, access: AccessContext, figures: Figures, of: Scalable, platform: Platform, *, apply: bool
    ) -> Decision:
        try:
            present = await platform.instances()
        except MedImageError as error:
            return Decision(of.endpoint, of.deployment, 0, 0, "", error=str(error))
        wanted, reason = decide(figures, of, present)
        decision = Decision(of.endpoint, of.deployment, present, wanted, reason)
        if wanted == present or not apply:
            return decision if wanted == present else replace(decision, reason=f"{reason}; give --apply to change it")
        rest_s = await self._rest_s(of)
        if rest_s > 0:
            return replace(
                decision, reason=f"{reason}; the last change was just now, the next is possible in {rest_s:.0f} s"
            )
        return await self._change(access, of, platform, decision)

    async def _change(self, access: AccessContext, of: Scalable, platform: Platform, decision: Decision) -> Decision:
        step = Scaling(of.endpoint, of.deployment, decision.present, decision.wanted, self._clock.now(), access.user)
        if not await self._scalings.begin(access, step, of.cooldown_s):
            return replace(decision, reason=f"{decision.reason}; somebody else is changing it")
        try:
            await platform.scale(decision.wanted)
        except MedImageError as error:
            await self._scalings.note(access, step, "failed", type(error).__name__)
            return replace(decision, error=str(error))
        await self._scalings.note(access, step, "ok", decision.reason)
        return replace(decision, applied=True)

    async def _rest_s(self, of: Scalable) -> float:
        last = await self._scalings.last(of.endpoint)
        if last is None:
            return 0.0
        return (last.at + timedelta(seconds=of.cooldown_s) - self._clock.now()).total_seconds()


def decide(figures: Figures, of: Scalable, present: int) -> tuple[int, str]:
    """Instances that an endpoint should have now, and why."""
    queue, endpoint = figures.queue, figures.endpoints.get(of.endpoint, EndpointFigures())
    coming_per_s = figures.forecast.high_per_s if figures.forecast else 0.0
    ideal = instances_of(queue, endpoint, present, Bounds(of.least, of.most), of.target_s, coming_per_s)
    # By halves and doubles: the throughput that this is reckoned from changes with it.
    wanted = max(of.least, min(of.most, 2 * max(present, 1), max(ideal, (present + 1) // 2)))
    drain = f"{queue.depth / queue.per_s / 60:.0f} min to work off" if queue.per_s else "no throughput measured"
    reason = f"{queue.depth} jobs wait, {drain}, endpoint {endpoint.busy:.0%} busy"
    if figures.forecast is not None:
        reason = f"{reason}, up to {figures.forecast.high:.0f} jobs in the next hour"
    return wanted, reason


def recommended(figures: Figures, endpoints: Mapping[Scalable, int]) -> Mapping[str, int]:
    """Instances by endpoint label, for metrics; `endpoints`: with the numbers that they have."""
    return {of.endpoint: decide(figures, of, present)[0] for of, present in endpoints.items()}


def foreseen(figures: Figures, endpoints: Mapping[Scalable, int]) -> Mapping[str, int]:
    """Instances by endpoint label that the next hour needs, queue apart; none where nothing is known or measured."""
    found = {}
    for of, present in endpoints.items():
        endpoint = figures.endpoints.get(of.endpoint, EndpointFigures())
        work = work_of_instances(figures.queue, endpoint, present, of.target_s)
        if work is not None and figures.forecast is not None:
            alone = replace(work, queued=0.0, per_s=figures.forecast.high_per_s)
            found[of.endpoint] = needed(alone, Bounds(of.least, of.most))
    return found
