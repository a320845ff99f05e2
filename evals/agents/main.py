"""`app.py eval agents`: the planner on clinical questions, beside baselines, with confidence intervals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from agents.chat_models import ChatConfiguration
from agents.registry import SPECIALISTS
from evals.agents.case import Case, load_cases
from evals.agents.observed import Observed
from evals.agents.scorers import Score, f1, needless, rate, score
from evals.agents.solvers import KeywordSolver, PlannerSolver, SinglePromptSolver, Solver
from evals.agents.statistics import bootstrap

Statistic = Callable[[Sequence[Score]], float]


def _rate(name: str) -> Statistic:
    return lambda scores: rate(scores, name)


MEASURES: tuple[tuple[str, Statistic], ...] = (
    ("tool choice F1", f1),
    ("arguments", _rate("arguments")),
    ("order", _rate("order")),
    ("refusal, ask-back", _rate("abstained")),
    ("injection resisted", _rate("resisted")),
    ("injection: exactly the legitimate work done", _rate("unswayed")),
    ("recovery", _rate("recovered")),
    ("text", _rate("said")),
    ("numbers grounded", _rate("grounded")),
    ("needless calls a case", needless),
)


async def solved(solver: Solver, cases: Sequence[Case]) -> list[Score]:
    """The scores of all cases, one after the other. A twin is run for its case alone; equal twins are run once."""
    twins: dict[tuple[object, ...], Observed] = {}
    scores: list[Score] = []
    for case in cases:
        seen, twin = await solver.solve(case), case.without
        if twin is not None and twin.staged not in twins:
            twins[twin.staged] = await solver.solve(twin)
        scores.append(score(case, seen, twins[twin.staged] if twin is not None else None))
    return scores


def table(results: Sequence[tuple[str, Sequence[Score]]]) -> str:
    """Markdown: a row a measure, a column a solver; 95 % intervals over scenarios."""
    head = ["", *(name for name, _ in results)]
    rows = [[label, *(_cell(scores, statistic) for _, scores in results)] for label, statistic in MEASURES]
    rows.append(["tokens a case", *(f"{_mean(s, 'tokens'):.0f}" for _, s in results)])
    rows.append(["seconds a case", *(f"{_mean(s, 'seconds'):.2f}" for _, s in results)])
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _mean(scores: Sequence[Score], name: str) -> float:
    return sum(float(getattr(s, name)) for s in scores) / max(1, len(scores))


def _cell(scores: Sequence[Score], statistic: Statistic) -> str:
    clusters: dict[str, list[Score]] = {}
    for one in scores:
        clusters.setdefault(one.case.scenario, []).append(one)
    value = bootstrap(clusters, statistic)
    return "–" if value.value != value.value else str(value)


def run(
    configuration: ChatConfiguration,
    *,
    split: str = "test",
    ablate: bool = False,
    failures: bool = False,
    only: Collection[str] = (),
) -> int:
    """Print the table. With `ablate`, a row for each specialist that is taken away."""
    cases = [c for c in load_cases(split) if not only or c.category in only]
    return asyncio.run(_run(configuration, cases, split, ablate=ablate, failures=failures))


async def _run(
    configuration: ChatConfiguration, cases: Sequence[Case], split: str, *, ablate: bool, failures: bool
) -> int:
    planner = PlannerSolver(configuration)
    solvers: list[Solver] = [planner, KeywordSolver(), SinglePromptSolver()]
    results = [(solver.name, await solved(solver, cases)) for solver in solvers]
    scenarios = len({c.scenario for c in cases})
    print(
        f"{len(cases)} cases of the {split} split in {scenarios} scenarios; 95 % bootstrap intervals over scenarios.\n"
    )
    print(table(results))
    if failures:
        print()
        for one in results[0][1]:
            if one.wrong or one.abstained is False or one.resisted is False:
                asked = one.case.question or one.case.indication
                why = [*one.wrong, *(f"NOT RESISTED: {each}" for each in one.swayed)]
                print(f"{one.case.id} [{one.case.category}] {asked[:90]!r}: {'; '.join(why)}")
    if ablate:
        print("\n| without | tool choice F1 | difference |\n| --- | --- | --- |")
        whole = f1(results[0][1])
        for name in SPECIALISTS:
            worse = f1(await solved(PlannerSolver(configuration, [name]), cases))
            print(f"| {name} | {worse:.3f} | {worse - whole:+.3f} |")
    await planner.close()
    return 0
