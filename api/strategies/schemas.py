"""Bodies of strategies."""

from __future__ import annotations

import math

from pydantic import BaseModel, Field

from memory.experiment import Effect, Experiment, State, Verdict


class EffectView(BaseModel):
    """Difference candidate - baseline of the outcomes (0-1), over all or at one site and scanner."""

    site: str = Field(description="Empty over all, and where the images name none.")
    scanner: str = Field(description="Manufacturer and model.")
    studies_baseline: int
    studies_candidate: int = Field(description="In shadow mode the same studies.")
    mean_baseline: float | None
    mean_candidate: float | None
    difference: float | None = Field(description="Unbiased, also under unequal shares.")
    cohens_d: float | None
    interval: tuple[float, float] = Field(description="Confidence sequence: right at all times, 1 - alpha.")


class StrategyView(BaseModel):
    """One experiment and where it stands."""

    name: str = Field(examples=["prompt-advice-ab"])
    running: bool
    mode: str = Field(examples=["even", "shadow"])
    baseline: str
    candidate: str
    alpha: float
    state: State
    studies: int = Field(description="With an outcome.")
    decided_after: int | None = Field(description="Studies at the first decision for a side.")
    e_candidate: float = Field(description="Evidence for the candidate; a side wins at 2 / alpha.")
    e_baseline: float
    overall: EffectView
    strata: list[EffectView] = Field(description="By site and scanner: descriptions, no decisions.")


class StrategyList(BaseModel):
    """The experiments of this installation."""

    strategies: list[StrategyView]


def strategy_view(experiment: Experiment, verdict: Verdict, *, running: bool) -> StrategyView:
    """The wire form of an experiment."""
    return StrategyView(
        name=experiment.name,
        running=running,
        mode=experiment.mode,
        baseline=experiment.default,
        candidate=experiment.challenger,
        alpha=experiment.alpha,
        state=verdict.state,
        studies=verdict.studies,
        decided_after=verdict.decided_after,
        e_candidate=verdict.e_challenger,
        e_baseline=verdict.e_default,
        overall=_effect(verdict.effect, "", ""),
        strata=[_effect(effect, *_place(effect.stratum)) for effect in verdict.strata],
    )


def _effect(effect: Effect, site: str, scanner: str) -> EffectView:
    return EffectView(
        site=site,
        scanner=scanner,
        studies_baseline=effect.studies[0],
        studies_candidate=effect.studies[1],
        mean_baseline=_number(effect.means[0]),
        mean_candidate=_number(effect.means[1]),
        difference=_number(effect.difference),
        cohens_d=effect.standardised,
        interval=effect.interval,
    )


def _place(stratum: str) -> tuple[str, str]:
    site, _, scanner = stratum.rpartition("|")
    return site, scanner


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
