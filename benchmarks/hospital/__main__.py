"""Command line: see `benchmarks.hospital`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace

from benchmarks.hospital import __doc__ as about
from benchmarks.hospital.arrivals import Mix, day
from benchmarks.hospital.day import Day, Death, Outage, Scene, sharing
from benchmarks.hospital.estate import Estate, Tightness, busiest, sized
from benchmarks.hospital.models import MODELS, PARSE
from benchmarks.hospital.models import Limits as Rates
from benchmarks.hospital.needs import needs
from benchmarks.hospital.plan import Plan, Planner, Targets
from benchmarks.hospital.rules import RULES
from benchmarks.hospital.scaling import Autoscaler, past
from benchmarks.hospital.table import show_days, show_plan
from benchmarks.hospital.tally import Price, Totals, totals
from jobs.scheduling.policy import Limits

LEAST_WORKERS = 2
"""So that one may die."""
SLOTS = 8
FACTORS = (0.5, 2.0)
"""Of the models' latency, for a plan's sensitivity."""


def outage(text: str) -> tuple[Outage, ...]:
    """`MODEL@HOUR+MINUTES`, or `none`."""
    if text == "none":
        return ()
    model, _, when = text.partition("@")
    hour, _, minutes = (when or "11+30").partition("+")
    if model not in MODELS:
        raise argparse.ArgumentTypeError(f"no such model; there are {', '.join(MODELS)}")
    try:
        return (Outage(model, float(hour), float(minutes or 30)),)
    except ValueError as error:
        raise argparse.ArgumentTypeError("an outage is MODEL@HOUR+MINUTES") from error


def targets(text: str) -> Targets:
    """`stat_start=1,stat=60,urgent=120,routine=600`, any of them."""
    try:
        pairs = dict(part.split("=", 1) for part in text.split(",") if part)
        return Targets(**{name: float(value) for name, value in pairs.items()})
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError("targets are NAME=SECONDS,… of stat_start, stat, urgent, routine") from error


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.hospital", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("--studies", type=int, default=1000, metavar="N", help="of the day (1000)")
    add("--workers", type=int, metavar="N", help="as many as --tight asks for, two at least, unless given")
    add("--slots", type=int, metavar="N", help=f"general slots of a worker (up to {SLOTS})")
    add("--reserved", type=int, default=1, metavar="N", help="STAT slots of a worker (1)")
    add("--cores", type=int, default=2, metavar="N", help="of a worker (2)")
    add("--sites", type=int, default=6, metavar="N", help="hospitals and centres (6)")
    add("--seed", type=int, default=1, metavar="N", help="the same seed gives the same day (1)")
    add(
        "--outage", type=outage, default=(Outage(PARSE),), metavar="MODEL@HOUR+MINUTES", help=f"or none ({PARSE}@11+30)"
    )
    add("--death", type=float, default=10.5, metavar="HOUR", help="a worker is killed then; -1 for never (10.5)")
    add("--policy", choices=[*RULES, "all"], default="all", help="one rule, or all of them compared (all)")
    add("--tight", type=float, default=0.95, help="slots that the busiest hour takes of those there are (0.95)")
    add("--tight-models", type=float, default=0.8, help="the same of endpoints (0.8)")
    add("--stat", type=float, metavar="SHARE", help="of clinical orders; 0.65 is a hospital that orders all STAT")
    add("--equal-sites", action="store_true", help="equal shares for all sites; else by their size")
    add("--no-batch", action="store_true", help="without the nightly research batch")
    add("--latency", type=float, default=1.0, metavar="FACTOR", help="on every model's latency (1)")
    add("--bytes-per-s", type=float, default=Rates().bytes_per_s, help="an endpoint's limit (5e6)")
    add("--autoscale", action="store_true", help="let the forecast and the queue decide how many there are")
    add("--gpu-price", type=float, default=Price().gpu, help="of an instance's hour; an assumption (4)")
    add("--core-price", type=float, default=Price().core, help="of a worker core's hour; an assumption (0.05)")
    add("--plan", type=int, metavar="N", help="search what so many studies a day need")
    add("--targets", type=targets, default=Targets(), metavar="NAME=SECONDS,…", help="of a plan")
    add("--verify", action="store_true", help="play a whole day, with outage, death and batch, on what was planned")
    add("--json", action="store_true", help="print JSON, and nothing else")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Play or plan; 0 when nothing was lost and, of a plan, its targets hold."""
    options = parser().parse_args(arguments)
    return _plan(options) if options.plan else _days(options)


def _mix(options: argparse.Namespace, studies: int) -> Mix:
    return Mix(studies, options.sites, options.seed, options.stat, not options.no_batch)


def _base(options: argparse.Namespace) -> Estate:
    rates = Rates(bytes_per_s=options.bytes_per_s)
    return Estate(1, {}, options.slots or SLOTS, options.reserved, options.cores, rates)


def _scene(options: argparse.Namespace, mix: Mix) -> Scene:
    load = busiest(day(mix), options.latency)
    base = _base(options)
    if options.slots is None:
        base = replace(base, general=max(1, min(SLOTS, round(load.slots / options.tight / LEAST_WORKERS))))
    estate = sized(load, Tightness(options.tight, options.tight_models), base)
    workers = options.workers or max(LEAST_WORKERS, estate.workers)
    deaths = (Death(options.death),) if options.death >= 0 else ()
    estate = replace(estate, workers=workers)
    shares = Limits() if options.equal_sites else sharing(mix.sites)
    return Scene(mix, estate, limits=shares, latency=options.latency, outages=options.outage, deaths=deaths)


def _play(scene: Scene, price: Price, *, autoscale: bool = False) -> tuple[Totals, float]:
    """What a day came to, and the CPU seconds that it took to play."""
    started = time.process_time()
    played = Day(scene)
    if autoscale:
        Autoscaler(played, past(scene.mix), busiest(played.studies, scene.latency))
    found = totals(played.run(), price)
    return found, time.process_time() - started


def _days(options: argparse.Namespace) -> int:
    price = Price(options.gpu_price, options.core_price)
    scene = _scene(options, _mix(options, options.studies))
    rules = list(RULES) if options.policy == "all" else [options.policy]
    played = [_play(replace(scene, rule=rule), price, autoscale=options.autoscale) for rule in rules]
    days = [found for found, _ in played]
    if options.json:
        print(json.dumps({"days": [found.as_json() for found in days]}, indent=1))
    else:
        estate = scene.estate
        print(
            f"{options.studies:,} studies, {options.sites} sites, seed {options.seed}; {estate.workers} workers of "
            f"{estate.cores} cores, {estate.general} + {estate.reserved} slots"
            + ("; autoscaling" if options.autoscale else "")
        )
        print("\n".join(show_days(days, price)))
        print(f"played in {', '.join(f'{seconds:.1f}' for _, seconds in played)} s of CPU")
    return 1 if any(found.lost or found.failed for found in days) else 0


def _plan(options: argparse.Namespace) -> int:
    mix = replace(_mix(options, options.plan), batch=False)

    def tell(line: str) -> None:
        print(line, file=sys.stderr)

    planner = Planner(mix, _base(options), options.targets, latency=options.latency, tell=tell)
    plan = planner.search()
    others = {
        factor: Planner(mix, _base(options), options.targets, latency=options.latency * factor, tell=tell).at(
            plan.tight
        )
        for factor in FACTORS
    }
    needed = needs(day(replace(mix, studies=20_000)), plan.load.studies, plan.estate.workers, options.plan)
    verified = _verified(options, plan) if options.verify else None
    if options.json:
        found = {"found": plan.found.as_json(), "workers": plan.estate.workers, "needs": needed.as_json()}
        fleets = {name: vars(fleet) for name, fleet in plan.estate.fleets.items()}
        whole = None if verified is None else verified.as_json()
        print(json.dumps({**found, "fleets": fleets, "missed": plan.missed, "verified": whole}, indent=1))
    else:
        print("\n".join(show_plan(plan, needed, options.targets, others)))
        if verified is not None:
            misses = options.targets.missed(verified)
            print(f"\nThe whole day on it: {'missed: ' + '; '.join(misses) if misses else 'targets hold'}")
            print("\n".join(show_days([verified], Price(options.gpu_price, options.core_price))))
    return 1 if plan.missed or (verified is not None and (verified.lost or options.targets.missed(verified))) else 0


def _verified(options: argparse.Namespace, plan: Plan) -> Totals:
    scene = Scene(
        _mix(options, options.plan),
        plan.estate,
        limits=sharing(options.sites),
        latency=options.latency,
        outages=options.outage,
        deaths=(Death(options.death),) if options.death >= 0 else (),
    )
    return _play(scene, Price(options.gpu_price, options.core_price))[0]


if __name__ == "__main__":
    sys.exit(main())
