"""What a run leaves, and in what one run's remains differ from another's."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from sqlalchemy import create_engine, inspect, text

from benchmarks.chaos.place import Post
from jobs.durable.opening import SCHEMA, system_url
from jobs.durable.run import STAGING, STEPS
from records.database import Database
from records.schema import metadata

ENDS = ("job.finish", "job.fail", "job.cancel")
STORED = "analysis.store"
OF_A_RUN = frozenset({"audit_events", "job_events", "workers"})
"""Tables that tell what happened on the way: they say that workers died."""
OF_DBOS = ("workflow_status", "operation_outputs")


@dataclass(frozen=True)
class Left:
    """Remains of a run.

    Attributes:
        states: job → state.
        files: job → name of an artifact → SHA-256. segmentations: series UID of each SEG object.
        rows: table → number of rows, without `OF_A_RUN`. analyses: analysis → its rows.
        audited: (action, object) → events.
        litter: what only a run needs and should be gone. dbos: rows that DBOS still holds.
        calls: requests that the model scored.
    """

    states: Mapping[str, str]
    files: Mapping[str, Mapping[str, str]]
    segmentations: tuple[str, ...]
    rows: Mapping[str, int]
    analyses: Mapping[str, str]
    audited: Counter[tuple[str, str]]
    litter: tuple[str, ...]
    dbos: int
    calls: int

    def ends(self) -> Counter[str]:
        """Job → ends that the audit knows of."""
        return Counter(job for (action, job), count in self.audited.items() if action in ENDS for _ in range(count))

    def audited_as(self, action: str) -> int:
        """Events of an action."""
        return sum(count for (name, _), count in self.audited.items() if name == action)


def left_by(post: Post, calls: int) -> Left:
    """Look at everything. Nothing may work there any more."""
    database = Database(post.database)
    with database.engine.begin() as session:

        def ask(statement: str) -> list[Any]:
            return list(session.execute(text(statement)))

        jobs = ask("SELECT job_id, state, analysis_id FROM jobs")
        rows = {name: ask(f"SELECT count(*) FROM {name}")[0][0] for name in metadata.tables if name not in OF_A_RUN}
        audited = ask("SELECT action, object_id, count(*) FROM audit_events GROUP BY action, object_id")
        documents = ask("SELECT id, study_uid, patient_key, status, document FROM analyses ORDER BY id")
        steps = ask("SELECT analysis_id, number, step_id, agent, tool, ok FROM steps ORDER BY analysis_id, number")
        known: dict[str, list[object]] = {row[0]: [*map(_plain, row[1:])] for row in documents}
        for row in steps:
            known.setdefault(row[0], []).append([*map(_plain, row[1:])])
    database.close()
    root = Path(post.folder) / "analyses"
    return Left(
        states={job: state for job, state, _ in jobs},
        files={job: _hashes(root / analysis) for job, _, analysis in jobs},
        segmentations=tuple(str(dcmread(p, stop_before_pixels=True).SeriesInstanceUID) for p in _segmentations(root)),
        rows=rows,
        analyses={name: json.dumps(facts, sort_keys=True, default=str) for name, facts in known.items()},
        audited=Counter({(action, thing): count for action, thing, count in audited}),
        litter=tuple(sorted(_litter(root, {analysis for _, _, analysis in jobs}))),
        dbos=_dbos_rows(post.database),
        calls=calls,
    )


def _plain(value: object) -> object:
    """A JSON column or a truth value as it comes from either kind of database."""
    if isinstance(value, bool):
        return int(value)
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def _hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*")) if p.is_file()}


def _segmentations(root: Path) -> Iterator[Path]:
    yield from sorted(root.glob("*/*.seg.dcm"))


def _litter(root: Path, analyses: set[str]) -> Iterator[str]:
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.name not in analyses:
            yield folder.name
        for thing in folder.iterdir():
            if thing.name == STEPS or thing.name.startswith((STAGING, ".")):
                yield f"{folder.name}/{thing.name}"


def _dbos_rows(records_url: str) -> int:
    url = system_url(records_url)
    engine = create_engine(url)
    schema = None if url.startswith("sqlite") else SCHEMA
    try:
        with engine.connect() as connection:
            there = set(inspect(engine).get_table_names(schema))
            names = [name if schema is None else f"{schema}.{name}" for name in OF_DBOS if name in there]
            return sum(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names)
    finally:
        engine.dispose()
