"""Where experiments, assignments and outcomes are kept: a port, and one SQLite file behind it.

An assignment is made once and stays; an outcome is taken once and numbered in the order of arrival, which is the
order in which the test reads them.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from memory.errors import MemoryUnavailable, StrategyConflict

BUSY_TIMEOUT_S = 10.0


class Arm(StrEnum):
    """Which strategy is shown."""

    DEFAULT = "default"
    CHALLENGER = "challenger"


@dataclass(frozen=True)
class Assignment:
    """How a study was assigned.

    Attributes:
        study: keyed pseudonym.
        stratum: "site" or "site|scanner"; "" without strata.
        propensity: probability that the challenger had; 0 in shadow mode, where the default is always shown.
    """

    experiment: str
    study: str
    stratum: str
    arm: Arm
    propensity: float


@dataclass(frozen=True)
class Trial:
    """An assigned study with its outcome.

    Attributes:
        seq: order of arrival.
        value: 0–1, of the strategy that was shown.
        shadow: 0–1, of the challenger that ran unseen; None outside of shadow mode.
    """

    seq: int
    stratum: str
    arm: Arm
    propensity: float
    value: float
    shadow: float | None


class OutcomeStore(Protocol):
    """Keeps what an experiment needs. Calls block."""

    def define(self, experiment: str, definition: str) -> None:
        """Keep an experiment's definition. Raises StrategyConflict when another is kept under the name."""

    def assignment(self, experiment: str, study: str) -> Assignment | None:
        """How a study was assigned; None when it was not."""

    def assign(self, assignment: Assignment) -> Assignment:
        """Keep an assignment, unless there is one: then that one."""

    def record(self, experiment: str, study: str, value: float, shadow: float | None, at: datetime) -> bool:
        """Keep a study's outcome; False when it has one already. Raises StrategyConflict for an unassigned study."""

    def trials(self, experiment: str, after: int = 0) -> Sequence[Trial]:
        """Outcomes with a greater number, in the order of arrival."""


_SCHEMA = """
CREATE TABLE IF NOT EXISTS experiment (name TEXT PRIMARY KEY, definition TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS assignment (
    experiment TEXT NOT NULL REFERENCES experiment, study TEXT NOT NULL, stratum TEXT NOT NULL,
    arm TEXT NOT NULL, propensity REAL NOT NULL, PRIMARY KEY (experiment, study)
);
CREATE TABLE IF NOT EXISTS outcome (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, experiment TEXT NOT NULL, study TEXT NOT NULL,
    value REAL NOT NULL CHECK (value BETWEEN 0 AND 1), shadow REAL CHECK (shadow BETWEEN 0 AND 1), at TEXT NOT NULL,
    UNIQUE (experiment, study), FOREIGN KEY (experiment, study) REFERENCES assignment
);
CREATE INDEX IF NOT EXISTS outcome_order ON outcome (experiment, seq);
"""


class SqliteOutcomes:
    """`OutcomeStore` in one file, or in memory for None; several processes may use the file.

    Raises:
        MemoryUnavailable: the file cannot be opened or written, here and from every call.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path or ":memory:", timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from error

    def define(self, experiment: str, definition: str) -> None:
        """See `OutcomeStore.define`."""
        self._run("INSERT OR IGNORE INTO experiment VALUES (?, ?)", experiment, definition)
        rows = self._run("SELECT definition FROM experiment WHERE name = ?", experiment)
        if rows[0][0] != definition:
            raise StrategyConflict("The experiment runs with another definition.", where=experiment)

    def assignment(self, experiment: str, study: str) -> Assignment | None:
        """See `OutcomeStore.assignment`."""
        rows = self._run("SELECT * FROM assignment WHERE experiment = ? AND study = ?", experiment, study)
        if not rows:
            return None
        name, key, stratum, arm, propensity = rows[0]
        return Assignment(name, key, stratum, Arm(arm), propensity)

    def assign(self, assignment: Assignment) -> Assignment:
        """See `OutcomeStore.assign`."""
        self._run("INSERT OR IGNORE INTO assignment VALUES (?, ?, ?, ?, ?)", *astuple(assignment))
        kept = self.assignment(assignment.experiment, assignment.study)
        if kept is None:
            raise StrategyConflict("The assignment was not kept.", where=assignment.experiment)
        return kept

    def record(self, experiment: str, study: str, value: float, shadow: float | None, at: datetime) -> bool:
        """See `OutcomeStore.record`."""
        if self.assignment(experiment, study) is None:
            raise StrategyConflict(
                "The study was not assigned.", where=experiment, remedy="Assign it before its analysis runs."
            )
        statement = "INSERT OR IGNORE INTO outcome (experiment, study, value, shadow, at) VALUES (?, ?, ?, ?, ?)"
        return bool(self._run(f"{statement} RETURNING seq", experiment, study, value, shadow, at.isoformat()))

    def trials(self, experiment: str, after: int = 0) -> Sequence[Trial]:
        """See `OutcomeStore.trials`."""
        rows = self._run(
            "SELECT seq, stratum, arm, propensity, value, shadow FROM outcome "
            "JOIN assignment USING (experiment, study) WHERE experiment = ? AND seq > ? ORDER BY seq",
            experiment,
            after,
        )
        return [Trial(seq, stratum, Arm(arm), *rest) for seq, stratum, arm, *rest in rows]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _run(self, statement: str, *values: object) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise _unavailable(error) from error


def _unavailable(error: Exception) -> MemoryUnavailable:
    return MemoryUnavailable(
        f"The file of strategy outcomes cannot be used ({type(error).__name__}).",
        where="strategies.db",
        remedy="Check the disk and the file's rights; move a broken file aside.",
    )
