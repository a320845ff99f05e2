"""Days and plans as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.hospital.needs import Needs
from benchmarks.hospital.plan import Plan, Targets
from benchmarks.hospital.rules import RULES
from benchmarks.hospital.tally import Price, Times, Totals

_WIDTH = 9


def show_days(days: Sequence[Totals], price: Price) -> Iterator[str]:
    """One table for all rules: times by priority, then what was busy, and what went wrong."""
    yield f"{'rule':<9}{'priority':<10}{'studies':>8}  {'time to start: p50':>18}{'p90':>9}{'p99':>9}{'max':>9}  " + (
        f"{'time to result: p50':>19}{'p90':>9}{'p99':>9}{'max':>9}"
    )
    for found in days:
        for line in found.lines:
            start, result = _columns(line.start, 18), _columns(line.result, 19)
            yield f"{found.rule:<9}{line.priority:<10}{line.studies:>8,}  {start}  {result}"
    yield ""
    for name, rows in _facts(days, price).items():
        yield f"{name:<46}" + "".join(f"{row:>22}" for row in rows)
    yield ""
    yield from (f"{found.rule}: {RULES[found.rule].about}" for found in days)


def _columns(times: Times, first: int) -> str:
    values = (times.p50, times.p90, times.p99, times.longest)
    return "".join(f"{clock(value):>{first if number == 0 else _WIDTH}}" for number, value in enumerate(values))


def clock(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 100:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _facts(days: Sequence[Totals], price: Price) -> Mapping[str, list[str]]:
    first = days[0]
    facts = {
        "rule": [found.rule for found in days],
        "workers at the end": [f"{found.workers}" for found in days],
        "slots busy, day / busiest hour": [f"{found.slots_day:.0%} / {found.slots:.0%}" for found in days],
        "cores busy, busiest hour": [f"{found.cores:.0%}" for found in days],
        "longest queue": [f"{found.longest_queue:,}" for found in days],
    }
    for name in first.models:
        fleets = [found.models[name] for found in days]
        label = f"{name}, {fleets[0].instances} in {fleets[0].endpoints}: busy day / hour"
        facts[label] = [f"{fleet.busy:.0%} / {fleet.busiest:.0%}" for fleet in fleets]
    models = [list(found.models.values()) for found in days]
    return facts | {
        "ROUTINE start p90, fastest / slowest site": [
            f"{clock(min(f.site_p90.values(), default=0))} / {clock(max(f.site_p90.values(), default=0))}" for f in days
        ],
        "calls": [f"{sum(fleet.tries for fleet in row):,}" for row in models],
        "failed tries": [f"{sum(sum(fleet.failed.values()) for fleet in row):,}" for row in models],
        "retries": [f"{sum(fleet.retries for fleet in row):,}" for row in models],
        "jobs that waited for a model": [f"{found.parked:,}" for found in days],
        "jobs taken over from a dead worker": [f"{found.resumed:,}" for found in days],
        "failed / lost or done twice": [f"{found.failed} / {found.lost}" for found in days],
        "calls above an endpoint's limit": [f"{sum(fleet.over for fleet in row)}" for row in models],
        "worker hours / GPU hours": [f"{found.worker_hours:,.0f} / {found.gpu_hours:,.0f}" for found in days],
        f"cost at {price.gpu:g} a GPU h, {price.core:g} a core h": [f"{found.cost:,.0f}" for found in days],
        "last study ended at": [f"{found.ended_h:.2f} h" for found in days],
    }


def _flow(per_s: float, a_day: float) -> tuple[str, str]:
    return f"{8 * per_s / 1e9:.2f}", f"Gbit/s in the busiest hour; {a_day / 1e12:.2f} TB a day"


def show_plan(plan: Plan, needed: Needs, targets: Targets, others: Mapping[float, Plan]) -> Iterator[str]:
    """What was found, what it needs besides, and what it would be with other latencies."""
    estate, load, found = plan.estate, plan.load, plan.found
    hour = load.studies * 3600
    yield f"{plan.mix.studies:,} studies a day: {hour:,.0f} in the busiest hour, {load.studies:.1f} a second"
    yield (
        f"targets: STAT start p99 ≤ {targets.stat_start:g} s; result p95: STAT ≤ {targets.stat:g} s, "
        f"URGENT ≤ {targets.urgent:g} s, ROUTINE ≤ {targets.routine:g} s"
    )
    yield f"{plan.tried} simulations; {'missed: ' + '; '.join(plan.missed) if plan.missed else 'all hold'}"
    for line in found.lines:
        yield f"  {line.priority:<9} start p99 {clock(line.start.p99):>9}   result p95 {clock(line.result.p95):>9}"
    yield ""
    yield (
        f"{'workers':<28}{estate.workers:>8,}   of {estate.cores} cores, {estate.general} slots and {estate.reserved} "
        f"for STAT; {estate.workers * estate.cores:,} cores, busy {found.cores:.0%}; slots busy {found.slots:.0%}"
    )
    for name, fleet in estate.fleets.items():
        seen = found.models[name]
        yield (
            f"{name:<28}{fleet.instances:>8,}   instances in {fleet.endpoints:,} endpoints; "
            f"slots busy {seen.busiest:.0%}; {load.asked[name]:,.1f} calls/s, {load.sent[name] / 1e6:,.1f} MB/s "
            f"({load.sent[name] / (fleet.endpoints * estate.limits.bytes_per_s):.0%} of the byte limit)"
        )
    yield f"{'GPUs':<28}{estate.instances:>8,}"
    yield ""
    rows = [
        (
            "database",
            f"{needed.statements_per_s:,.0f}",
            f"statements/s ({needed.statements_a_study:.0f} a study), {needed.transactions_per_s:,.0f} transactions/s",
        ),
        ("network, pixels in", *_flow(needed.pixels_in_per_s, needed.pixels_in_bytes)),
        ("network, models", *_flow(needed.models_per_s, needed.models_bytes)),
        (
            "storage, artifacts",
            f"{needed.artifacts_bytes / 1e12:.2f}",
            f"TB a day; rows of jobs {needed.rows_bytes / 1e9:.1f} GB a day",
        ),
    ]
    yield from (f"{name:<28}{figure:>8}   {rest}" for name, figure, rest in rows)
    if others:
        yield ""
        yield f"{'latency':<9}{'cores':>8}{'slots':>8}{'GPUs':>7}" + "".join(f"{name:>18}" for name in estate.fleets)
        for factor, other in sorted({**others, 1.0: plan}.items()):
            one = other.estate
            sizes = "".join(f"{f'{f.instances} in {f.endpoints}':>18}" for f in one.fleets.values())
            slots = one.workers * (one.general + one.reserved)
            yield (
                f"{f'× {factor:g}':<9}{one.workers * one.cores:>8,}{slots:>8,}{one.instances:>7,}{sizes}   "
                f"{'missed: ' + '; '.join(other.missed) if other.missed else 'holds'}"
            )
