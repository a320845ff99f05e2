"""The evidence for the memory: prompts get better, nothing leaks, the better strategy is found, chance wins nothing.

`python -m evals.memory` prints one table; exit code 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.memory_arms import World
from evals.memory_learning import Learned, chance_advice, first_and_last, learn
from evals.memory_stream import Stream
from evals.memory_trials import Mode, Race, race
from memory.embedder import Embedder, NgramEmbedder, best_embedder

ALPHA = 0.05
BETTER = World("challenger better by 0.06", 0.06)
WORSE = World("challenger worse by 0.06", -0.06)
CHANCE = (World("no difference", 0.0), World("no difference, both drift by 0.15", 0.0, drift=0.15))


@dataclass(frozen=True)
class Line:
    """A row of the table; `holds` is None where nothing is claimed."""

    what: str
    figure: str
    holds: bool | None = None


def evaluate(embedder: Embedder, *, studies: int, seeds: int, chance_seeds: int, seed: int = 1) -> list[Line]:
    """Every row."""
    lines: list[Line] = []
    for different in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            learned = learn(Stream(seed, studies, different), embedder, Path(folder) / "memory")
        lines += _taught(learned, studies) if different else _untaught(learned, studies)
    lines.append(_unfounded(*chance_advice(seeds=10, studies=studies)))
    modes: tuple[Mode, ...] = ("even", "thompson", "shadow")
    lines += [_found(race(BETTER, mode, seeds=seeds, studies=1000)) for mode in modes]
    lines.append(_found(race(WORSE, "even", seeds=seeds, studies=1000)))
    lines += [_by_chance(race(world, mode, seeds=chance_seeds, studies=500)) for world in CHANCE for mode in modes]
    return lines


def _taught(learned: Learned, studies: int) -> list[Line]:
    lines = []
    for part, rows in first_and_last(studies):
        mean, low, high = learned.difference(rows)
        figure = f"Dice {learned.before[rows].mean():.3f} -> {learned.after[rows].mean():.3f}, "
        lines.append(Line(f"feedback, {part}", f"{figure}{mean:+.3f} [{low:+.3f}, {high:+.3f}]", low > 0))
    figure = f"{learned.advised.sum()} of {studies} studies, first after {_first(learned)}"
    lines.append(Line("  advised", figure))
    kept = f"{learned.kept} kept of {learned.planted} that reviewers wrote"
    lines.append(Line("identifiers of patients", kept, learned.kept == 0 and learned.planted > 0))
    own = f"{learned.own} of {learned.asked} retrievals that leave the patient out"
    return [*lines, Line("patient's own feedback", own, learned.own == 0)]


def _untaught(learned: Learned, studies: int) -> list[Line]:
    mean, low, high = learned.difference(slice(0, studies))
    figure = f"{mean:+.4f} [{low:+.4f}, {high:+.4f}], advised in {learned.advised.sum()} of {studies} studies"
    return [Line("feedback, no wording better: harm", figure, low <= 0 <= high)]


def _unfounded(given: int, looked_at: int) -> Line:
    figure = f"{given} of {looked_at} targets and sites at the ends of 10 streams (allowed {ALPHA:.0%})"
    return Line("feedback, no wording better: advice", figure, given <= ALPHA * looked_at)


def _first(learned: Learned) -> str:
    return str(int(learned.advised.argmax())) if learned.advised.any() else "none"


def _found(result: Race) -> Line:
    right = result.challenger if result.world.difference > 0 else result.default
    wrong = result.challenger + result.default - right
    figure = (
        f"found {right}/{result.seeds}, wrong {wrong}, median {result.median_studies:.0f} studies, "
        f"shown in {result.shown:.0%}, interval right {result.covered}/{result.seeds}"
    )
    holds = right > result.seeds / 2 and wrong <= ALPHA * result.seeds
    return Line(f"{result.world.label}, {result.mode}", figure, holds)


def _by_chance(result: Race) -> Line:
    wins = result.challenger + result.default
    figure = f"false wins {wins}/{result.seeds} ({wins / result.seeds:.1%}; allowed {ALPHA:.0%})"
    label = f"{result.world.label}, {result.mode}, {result.studies} studies"
    return Line(label, f"{figure}, interval right {result.covered}/{result.seeds}", wins <= ALPHA * result.seeds)


def table(lines: Sequence[Line]) -> str:
    """The rows as aligned text."""
    words = {True: "holds", False: "FAILS", None: ""}
    width = max(len(line.what) for line in lines)
    figures = max(len(line.figure) for line in lines)
    return "\n".join(f"{x.what:{width}}  {x.figure:{figures}}  {words[x.holds]}".rstrip() for x in lines)


def main(argv: Sequence[str]) -> int:
    """0 when every claim holds, else 1."""
    parser = argparse.ArgumentParser("evals.memory", description="Evidence for the feedback memory and strategy tests.")
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=60, help="of strategies that differ")
    parser.add_argument("--chance-seeds", type=int, default=200, help="of strategies that do not")
    parser.add_argument("--seed", type=int, default=1, help="of the stream of reviewed studies")
    parser.add_argument("--ngrams", action="store_true", help="take the fallback embedder")
    given = parser.parse_args(argv)
    embedder = NgramEmbedder() if given.ngrams else best_embedder()
    lines = evaluate(
        embedder, studies=given.studies, seeds=given.seeds, chance_seeds=given.chance_seeds, seed=given.seed
    )
    print(f"embedder: {embedder.name} {embedder.version}")
    print(table(lines))
    return 1 if any(line.holds is False for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
