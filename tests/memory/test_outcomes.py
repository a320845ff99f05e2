from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from memory.errors import MemoryUnavailable, StrategyConflict
from memory.outcomes import Arm, Assignment, SqliteOutcomes

AT = datetime(2025, 1, 1, tzinfo=UTC)
ONE = Assignment("e", "s1", "north", Arm.CHALLENGER, 0.5)


def test_assignments_and_outcomes_outlive_the_process(tmp_path: Path) -> None:
    first = SqliteOutcomes(tmp_path / "new" / "strategies.db")
    first.define("e", "{}")
    assert first.assign(ONE) == ONE
    assert first.record("e", "s1", 0.8, None, AT)
    first.close()
    second = SqliteOutcomes(tmp_path / "new" / "strategies.db")
    assert second.assignment("e", "s1") == ONE
    (trial,) = second.trials("e")
    assert (trial.arm, trial.value, trial.shadow) == (Arm.CHALLENGER, 0.8, None)
    assert second.trials("e", trial.seq) == []
    second.close()


def test_the_first_assignment_and_the_first_outcome_stay(tmp_path: Path) -> None:
    one, other = (SqliteOutcomes(tmp_path / "s.db") for _ in range(2))
    for store in (one, other):
        store.define("e", "{}")
    one.assign(ONE)
    assert other.assign(Assignment("e", "s1", "south", Arm.DEFAULT, 0.5)) == ONE
    assert other.record("e", "s1", 0.2, 0.3, AT)
    assert not one.record("e", "s1", 0.9, None, AT)
    assert [t.value for t in one.trials("e")] == [0.2]
    one.close()
    other.close()


def test_contradictions_are_refused() -> None:
    store = SqliteOutcomes(None)
    store.define("e", "{}")
    with pytest.raises(StrategyConflict, match="new experiment"):
        store.define("e", '{"alpha": 0.5}')
    with pytest.raises(StrategyConflict, match="not assigned"):
        store.record("e", "nobody", 0.5, None, AT)
    assert store.assignment("e", "nobody") is None
    store.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(MemoryUnavailable, match=r"strategies\.db"):
        SqliteOutcomes(tmp_path / "s.db")


def test_a_closed_store_is_an_error_of_ours() -> None:
    store = SqliteOutcomes(None)
    store.close()
    with pytest.raises(MemoryUnavailable):
        store.trials("e")
