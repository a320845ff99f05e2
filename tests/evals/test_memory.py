from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evals import memory as evaluation
from evals import memory_arms, memory_leaks, memory_stream
from evals.memory_arms import World
from evals.memory_leaks import found_in
from evals.memory_learning import chance_advice, learn, paired_bootstrap
from evals.memory_stream import TOPICS, Stream
from evals.memory_trials import AT, ListOutcomes, race
from memory.embedder import NgramEmbedder
from memory.experiment import Experiment
from memory.outcomes import Arm, OutcomeStore, SqliteOutcomes
from memory.pseudonym import Pseudonyms
from memory.record import Origin
from memory.strategies import StrategyTest
from memory.wording import same_target


@pytest.mark.parametrize("module", [memory_stream, memory_arms, memory_leaks])
def test_simulators_share_nothing_with_the_learner(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    imported = {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    imported |= {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert not imported & {"memory", "tools", "prompts", "domain"}


def test_a_short_stream_is_learned_from_and_keeps_nobodys_name(tmp_path: Path) -> None:
    learned = learn(Stream(3, 200), NgramEmbedder(), tmp_path / "m")
    _, low, _ = learned.difference(slice(100, 200))
    assert low > 0
    assert learned.planted > 100
    assert learned.kept == learned.own == 0
    assert learned.asked == 200


def test_the_stream_without_difference_has_none_and_is_the_same_every_time() -> None:
    cases = list(Stream(5, 400, different=False).cases())
    ways = np.array([(c.dice[0], c.dice[1]) for c in cases])
    assert abs(np.diff(ways.mean(axis=0))[0]) < 0.02
    assert [c.dice for c in Stream(5, 400, different=False).cases()] == [c.dice for c in cases]


def test_most_ways_of_the_stream_may_be_advised_at_all() -> None:
    offered = [(t.target, way.words) for t in TOPICS for way in t.ways]
    assert sum(same_target(target, words) for target, words in offered) >= len(offered) - 3


def test_advice_by_chance_is_rare() -> None:
    wrong, looked_at = chance_advice(seeds=4, studies=150)
    assert wrong <= 0.05 * looked_at


def test_leaks_are_found_in_any_spelling() -> None:
    written = [b"seen: BAXDOQ, Miu; born 03-04-1951", "Kr\u00fcger".encode()]
    assert found_in(written, ["Baxdoq", "03.04.1951", "Kruger", "Nobody", "Baxdoq"]) == 3


def test_bootstrap_draws_clusters_not_rows() -> None:
    differences = np.array([1.0, -1.0] * 20)
    rows = paired_bootstrap(differences, np.arange(40))
    whole = paired_bootstrap(differences, np.repeat(np.arange(20), 2))
    assert rows[1] < 0 < rows[2]
    assert whole == (0.0, 0.0, 0.0)


def test_the_worlds_have_the_difference_that_they_say() -> None:
    rows = np.array([(d, c) for _, _, d, c in World("w", 0.06).studies(1, 4000)])
    assert (rows[:, 1] - rows[:, 0]).mean() == pytest.approx(0.06, abs=0.01)
    assert rows.min() >= 0
    assert rows.max() <= 1


def test_races_find_the_better_and_leave_equals_alone() -> None:
    better = race(World("better", 0.15), "even", seeds=6, studies=400)
    assert (better.challenger, better.default) == (6, 0)
    assert better.median_studies < 200
    equal = race(World("equal", 0.0), "thompson", seeds=12, studies=120)
    assert equal.challenger + equal.default <= 1
    assert equal.median_studies == float("inf")


@pytest.mark.parametrize("mode", ["even", "thompson"])
def test_lists_and_the_file_give_one_verdict(mode: str, tmp_path: Path) -> None:
    def verdict(store: OutcomeStore) -> object:
        test = StrategyTest(Experiment("e", "a", "b", mode=mode), store, Pseudonyms(b"k" * 16))  # type: ignore[arg-type]
        for study, site, default, challenger in World("w", 0.1).studies(2, 80):
            arm = test.assign(study, Origin(site)).arm
            test.record(study, challenger if arm is Arm.CHALLENGER else default, at=AT)
        return test.verdict()

    file = SqliteOutcomes(tmp_path / "s.db")
    assert verdict(ListOutcomes()) == verdict(file)
    file.close()


def test_the_table_says_when_a_claim_fails() -> None:
    lines = [evaluation.Line("a", "1", True), evaluation.Line("b", "2", False), evaluation.Line("c", "3")]
    assert [line.split()[-1] for line in evaluation.table(lines).splitlines()] == ["holds", "FAILS", "3"]
