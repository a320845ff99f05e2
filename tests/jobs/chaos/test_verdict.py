"""The verdict is not blind: each thing that must not happen is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.chaos.left import STORED, Left
from benchmarks.chaos.verdict import compare, table

JOBS = 2


def left(calls: int = 4) -> Left:
    """What a run of two jobs leaves."""
    audited = Counter({("job.finish", "j0"): 1, ("job.finish", "j1"): 1, (STORED, "a0"): 1, (STORED, "a1"): 1})
    return Left(
        states={"j0": "done", "j1": "done"},
        files={"j0": {"report.json": "00"}, "j1": {"report.json": "11"}},
        segmentations=("1.2", "1.3"),
        rows={"analyses": JOBS, "steps": 12},
        analyses={"a0": "x", "a1": "y"},
        audited=audited,
        litter=(),
        dbos=0,
        calls=calls,
    )


def disturbed() -> Left:
    """The same, after a kill that made one call happen twice."""
    plain = left(calls=5)
    return replace(plain, audited=plain.audited + Counter({("job.orphan", "j0"): 1}))


def broken(undisturbed: Left, after: Left, struck: int = 1) -> list[str]:
    return [f.what for f in compare(undisturbed, after, jobs=JOBS, kills=1, struck=struck) if not f.kept]


def test_a_run_that_only_repeated_what_was_in_flight_is_fine() -> None:
    assert broken(left(), disturbed()) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param(lambda b: replace(b, states={"j0": "done", "j1": "failed"}), "jobs done", id="lost"),
        pytest.param(
            lambda b: replace(b, files=b.files | {"j1": {"report.json": "12"}}), "jobs whose", id="other file"
        ),
        pytest.param(lambda b: replace(b, files=b.files | {"j1": {}}), "jobs whose", id="missing file"),
        pytest.param(lambda b: replace(b, analyses=b.analyses | {"a1": "z"}), "analyses on record", id="other record"),
        pytest.param(lambda b: replace(b, rows=b.rows | {"steps": 13}), "tables with", id="orphan row"),
        pytest.param(lambda b: replace(b, segmentations=("1.2", "1.2")), "SEG series", id="series twice"),
        pytest.param(lambda b: replace(b, calls=9), "model calls", id="asked too often"),
        pytest.param(lambda b: replace(b, calls=3), "model calls", id="asked too seldom"),
        pytest.param(
            lambda b: replace(b, audited=b.audited + Counter({("job.fail", "j0"): 1})), "jobs with one", id="two ends"
        ),
        pytest.param(
            lambda b: replace(b, audited=b.audited + Counter({(STORED, "a0"): 2})), "analyses stored", id="stored again"
        ),
        pytest.param(lambda b: replace(b, litter=("a0/.steps",)), "left of runs on disk", id="litter"),
        pytest.param(lambda b: replace(b, dbos=1), "left of runs in DBOS", id="rows of DBOS"),
    ],
)
def test_what_must_not_happen_is_found(change: Callable[[Left], Left], what: str) -> None:
    found = broken(left(), change(disturbed()))
    assert len(found) == 1
    assert found[0].startswith(what)


def test_a_run_without_enough_kills_proves_nothing() -> None:
    assert broken(left(), disturbed(), struck=0) == ["workers killed by SIGKILL"]
    assert broken(left(), left()) == ["attempts cut short"]


def test_the_table_has_a_line_a_check() -> None:
    findings = compare(left(), replace(disturbed(), dbos=3), jobs=JOBS, kills=1, struck=1)
    lines = table(findings).splitlines()
    assert len(lines) == len(findings)
    assert next(line for line in lines if "BROKEN" in line).startswith("left of runs in DBOS")
