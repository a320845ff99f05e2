"""The tables' history: both databases end at the classes, rows of before are kept, nobody is in the way of another."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from records.database import Database
from records.errors import SchemaMismatch
from records.migrations import HEAD, UNVERSIONED, SchemaState, configuration, current
from records.migrations.command import db
from records.schema import metadata

HERE = Path(__file__).parent


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.close()
        return
    cluster = request.getfixturevalue("postgres")
    name = cluster.create()
    database = Database(cluster.url(name))
    yield database
    database.close()
    cluster.drop(name)


def run(database: Database, statement: str, **values: Any) -> Any:
    def work(session: Any) -> Any:
        result = session.execute(text(statement), values)
        return result.all() if result.returns_rows else None

    return database.transact_now(work)


def before_migrations(database: Database) -> None:
    """Make what 0.1.0 made, in its own words."""
    script = (HERE / f"before_migrations.{database.engine.dialect.name}.sql").read_text()
    with database.engine.begin() as connection:
        for line in script.splitlines():
            if line and not line.startswith("--"):
                connection.exec_driver_sql(line.removesuffix(";"))


def drift(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def shape(database: Database) -> dict[str, Any]:
    """Columns, keys, indexes and references of every table."""
    with database.engine.connect() as connection:
        found = inspect(connection)
        return {
            name: (
                [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)],
                found.get_pk_constraint(name)["constrained_columns"],
                sorted((k["name"], k["column_names"], k["unique"]) for k in found.get_indexes(name)),
                sorted((f["constrained_columns"], f["referred_table"]) for f in found.get_foreign_keys(name)),
            )
            for name in sorted(found.get_table_names())
        }


def test_an_empty_database_ends_at_the_classes(empty: Database) -> None:
    assert current(empty.engine) == SchemaState("")
    assert empty.upgrade() == SchemaState("")
    assert current(empty.engine).current
    assert drift(empty) == []
    assert set(shape(empty)) == {*metadata.tables, "alembic_version"}
    assert empty.upgrade() == SchemaState(HEAD), "and again changes nothing"


def test_the_head_is_the_last_revision_and_none_has_two_successors(empty: Database) -> None:
    with empty.engine.connect() as connection:
        scripts = ScriptDirectory.from_config(configuration(connection))
    assert scripts.get_heads() == [HEAD]
    assert len(list(scripts.walk_revisions())) == int(HEAD)


def test_rows_of_before_there_were_migrations_are_kept(empty: Database) -> None:
    before_migrations(empty)
    document = {
        "status": "in_review",
        "findings": [{"id": "f1", "text": "Leber größer"}],
        "steps": [
            {"id": "s1", "agent": "qa", "tool": "check", "model": None, "started": "2026-03-01T10:00:00+02:00",
             "seconds": 0.25, "ok": False, "error": "no"},
            "not a step",
            {"id": "s2", "agent": "report", "tool": "write"},
        ],
        "reviews": [{"action": "start", "by": "reader", "at": "2026-03-01T09:00:00+00:00", "reason": "why",
                     "from": "draft", "to": "in_review", "edited": ["f1"]}],
    }  # fmt: skip
    run(
        empty,
        "INSERT INTO studies VALUES ('1.2', '|P', 'P', 'CT', 'd', 'b', NULL, 'A1', :t, :t, '1.2', '[]', '[\"w\"]')",
        t="2026-03-01 08:00:00",
    )
    for name in ("a1", "a2"):
        run(
            empty,
            "INSERT INTO analyses VALUES (:id, '1.2', '|P', 'in_review', :t, 'liver?', 'STAT', :document)",
            id=name,
            t="2026-03-01 08:00:00",
            document=json.dumps(document if name == "a1" else []),
        )
    run(
        empty,
        'INSERT INTO audit_events ("when", "user", action, patient, object_type, object_id, outcome, detail) '
        "VALUES (:t, 'u', 'study.read', '', 'study', '1.2', 'ok', '')",
        t="2026-03-01 08:00:00",
    )
    run(
        empty,
        "INSERT INTO approvals VALUES ('p1', 'sign', 'a1', '1.2', '|P', 'u', :t, :t, 'pending', '', NULL, '', '{}')",
        t="2026-03-01 08:00:00",
    )
    assert empty.upgrade() == SchemaState(UNVERSIONED)
    assert drift(empty) == []
    assert run(empty, "SELECT id, order_id, version, indication FROM analyses ORDER BY id") == [
        ("a1", "a1", 1, "liver?"),
        ("a2", "a2", 1, "liver?"),
    ]
    assert run(empty, "SELECT order_id, source, priority_asked, priority FROM orders ORDER BY order_id") == [
        ("a1", "unknown", "STAT", "STAT"),
        ("a2", "unknown", "STAT", "STAT"),
    ]
    steps = run(empty, "SELECT number, step_id, tool, model, seconds, ok, error FROM steps ORDER BY number")
    assert steps == [(1, "s1", "check", "", 0.25, False, "no"), (2, "s2", "write", "", 0.0, False, "")]
    assert run(empty, "SELECT analysis_id, number, reviewer, becomes FROM reviews") == [
        ("a1", 1, "reader", "in_review")
    ]
    assert run(empty, "SELECT analysis_id FROM approvals") == [("a1",)], "what refers to an analysis is still there"
    assert run(empty, "SELECT action FROM audit_events") == [("study.read",)]
    with pytest.raises(DBAPIError, match="append-only"):
        run(empty, "DELETE FROM audit_events")
    with pytest.raises(IntegrityError):
        run(empty, "INSERT INTO approvals SELECT 'p2', effect, 'a9', study_uid, patient_key, asked_by, asked, expires, "
            "decision, decided_by, decided, reason, details FROM approvals")  # fmt: skip


def test_a_database_of_before_ends_with_the_same_tables_as_a_new_one(
    empty: Database, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("sqlite_url" if empty.engine.dialect.name == "sqlite" else "postgres_url")
    new = Database(url)
    before_migrations(empty)
    run(empty, "DROP TABLE board_messages")  # an early one had fewer tables
    empty.upgrade()
    assert shape(empty) == shape(new)
    new.close()


def test_what_a_newer_version_made_is_refused(empty: Database) -> None:
    empty.upgrade()
    run(empty, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer version") as refused:
        empty.upgrade()
    assert "Start the version that made it" in refused.value.remedy
    assert (refused.value.where, current(empty.engine).revision) == ("MEDIMAGE_DATABASE_URL", "9999")


def test_another_programs_tables_are_left_alone(empty: Database) -> None:
    run(empty, "CREATE TABLE studies (name TEXT)")
    with pytest.raises(SchemaMismatch, match="not this program's"):
        empty.upgrade()
    assert set(shape(empty)) == {"studies"}


def test_starters_at_once_make_the_tables_once(empty: Database) -> None:
    url = empty.engine.url.render_as_string(hide_password=False)
    program = "import sys; from records.database import Database; Database(sys.argv[1]).upgrade(); print('up')"
    with ThreadPoolExecutor(3) as pool:
        done = list(
            pool.map(
                lambda _: subprocess.run(
                    [sys.executable, "-c", program, url], capture_output=True, text=True, check=False, timeout=60
                ),
                range(3),
            )
        )
    assert [(d.returncode, d.stdout.strip()) for d in done] == [(0, "up")] * 3, [d.stderr[-400:] for d in done]
    assert drift(empty) == []


def test_a_step_that_fails_leaves_the_database_as_it_was(empty: Database) -> None:
    before_migrations(empty)
    run(empty, "CREATE TABLE feedback (somebody TEXT)")
    was = shape(empty)
    with pytest.raises(DBAPIError, match="feedback"):
        empty.upgrade()
    assert shape(empty) == was
    assert current(empty.engine) == SchemaState(UNVERSIONED)


def test_a_start_with_nothing_to_do_loads_no_alembic(sqlite_url: str) -> None:
    program = (
        "import sys; from records.database import Database; d = Database(sys.argv[1]); d.upgrade(); d.close();"
        "assert not [m for m in sys.modules if m.split('.')[0] in {'alembic', 'mako', 'psycopg'}]"
    )
    subprocess.run([sys.executable, "-c", program, sqlite_url], check=True, timeout=60)


def test_the_command_says_where_the_tables_are(empty: Database) -> None:
    url = empty.engine.url.render_as_string(hide_password=False)
    assert db("current", url) == (f"The tables are at nothing, this version's are revision {HEAD}.", False)
    before_migrations(empty)
    said, done = db("current", url)
    assert ("before there were revisions" in said, done) == (True, False)
    assert db("upgrade", url) == (
        f"The tables were brought from what was made before there were revisions to revision {HEAD}.",
        True,
    )
    assert db("upgrade", url) == (f"The tables are this version's already (revision {HEAD}).", True)
    assert db("current", url) == (f"The tables are this version's (revision {HEAD}).", True)


def test_a_new_database_is_quick_to_make(tmp_path: Path) -> None:
    begun = time.process_time()
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    database.upgrade()
    assert time.process_time() - begun < 0.5
    database.close()
