"""The index of a batch: which studies it has, of which files, and what was ordered for each. A SQLite file of its own.

It is what a batch remembers when it is killed. Every change is idempotent: what is done once more changes nothing.
Numbers of studies are given in the order in which they are found, and stay.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.study import Priority, Refusal
from jobs.batch.entries import BatchBroken, BatchBusy, BatchStudy, Ordered, Question, StudyState
from jobs.batch.heads import Archive, Head, Look, Refused
from jobs.batch.walking import Place

FORMAT = "1"
_PAGE = 200
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS questions (
    number INTEGER PRIMARY KEY, indication TEXT NOT NULL, priority TEXT NOT NULL, UNIQUE (indication, priority));
CREATE TABLE IF NOT EXISTS studies (
    number INTEGER PRIMARY KEY, question INTEGER NOT NULL, grp TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '', remedy TEXT NOT NULL DEFAULT '', UNIQUE (question, grp));
CREATE INDEX IF NOT EXISTS studies_by_state ON studies (state, number);
CREATE TABLE IF NOT EXISTS files (
    path BLOB NOT NULL, member INTEGER NOT NULL, question INTEGER NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
    changed INTEGER NOT NULL, study INTEGER, unnamed INTEGER NOT NULL, PRIMARY KEY (path, member, question)
    ) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_study ON files (study);
CREATE TABLE IF NOT EXISTS refused (
    key BLOB PRIMARY KEY, study INTEGER, name TEXT NOT NULL, reason TEXT NOT NULL, remedy TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    study INTEGER NOT NULL, study_uid TEXT NOT NULL, question INTEGER NOT NULL, patient_key TEXT NOT NULL,
    job_id TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (study, study_uid),
    UNIQUE (question, study_uid));
CREATE INDEX IF NOT EXISTS orders_by_job ON orders (job_id);
"""


class BatchIndex:
    """The index in a folder, held by this process alone.

    Raises:
        BatchBusy: another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._lock = threading.RLock()
        self._held = (folder / "lock").open("w")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._held.close()
            raise BatchBusy("Another process works on this batch.", where=folder.name) from error
        self._rows = sqlite3.connect(folder / "index.sqlite", check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-4000"):
            self._rows.execute(f"PRAGMA {pragma}")
        self._rows.executescript(_TABLES)

    def close(self) -> None:
        """Let another process have it."""
        self._rows.close()
        self._held.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._rows.execute("BEGIN IMMEDIATE")
            try:
                yield self._rows
                self._rows.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    self._rows.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise BatchBroken("What the batch has found cannot be written down.") from error
                raise

    def _ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            return self._rows.execute(query, values).fetchall()

    def facts(self) -> Mapping[str, str]:
        """What is known of the batch as a whole."""
        return {str(name): str(value) for name, value in self._ask("SELECT name, value FROM facts")}

    def note(self, **facts: str) -> None:
        """Remember facts."""
        with self._change() as rows:
            rows.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def question(self, indication: str, priority: Priority) -> Question:
        """The question with these words, numbered."""
        with self._change() as rows:
            values = (indication, priority.value)
            rows.execute("INSERT OR IGNORE INTO questions (indication, priority) VALUES (?, ?)", values)
            query = "SELECT number FROM questions WHERE indication = ? AND priority = ?"
            return Question(rows.execute(query, values).fetchone()[0], indication, priority)

    def unknown(self, places: Sequence[Place], question: Question) -> list[Place]:
        """Those that were not looked at, or have changed since."""
        query = "SELECT 1 FROM files WHERE path = ? AND member = ? AND question = ? AND size = ? AND changed = ?"
        with self._lock:
            return [
                p
                for p in places
                if not self._rows.execute(query, (*_key(p), question.number, p.size, p.changed)).fetchone()
            ]

    def add(self, looked: Iterable[Look], question: Question) -> int:
        """Take in what was looked at; returns how many studies are new. An archive counts as looked at after `add`."""
        fresh = 0
        with self._change() as rows:
            for item in looked:
                if isinstance(item, Refused):
                    _refuse(rows, _text(item.place), item.refusal)
                elif isinstance(item, Archive):
                    _file(rows, item.place, question, None, unnamed=False)
                else:
                    fresh += self._add_head(rows, item, question)
        return fresh

    def _add_head(self, rows: sqlite3.Connection, head: Head, question: Question) -> int:
        insert = "INSERT OR IGNORE INTO studies (question, grp, state) VALUES (?, ?, 'found')"
        fresh = rows.execute(insert, (question.number, head.group)).rowcount
        query = "SELECT number, state FROM studies WHERE question = ? AND grp = ?"
        number, state = rows.execute(query, (question.number, head.group)).fetchone()
        rows.execute("DELETE FROM refused WHERE key = ?", (_text(head.place),))
        if state != StudyState.FOUND:
            reason = "The file came, or changed, after its study was taken into the batch."
            _refuse(
                rows, _text(head.place), Refusal(head.place.name, reason, "Start a batch with another --batch name.")
            )
            return fresh
        _file(rows, head.place, question, number, unnamed=head.unnamed)
        return fresh

    def add_stored(self, study_uids: Iterable[str], question: Question) -> int:
        """Take in studies that are on record; returns how many are new."""
        insert = "INSERT OR IGNORE INTO studies (question, grp, state) VALUES (?, ?, 'found')"
        with self._change() as rows:
            return sum(rows.execute(insert, (question.number, f"stored {uid}")).rowcount for uid in study_uids)

    def refuse(self, refused: Iterable[Refusal], study: int | None = None) -> None:
        """Remember files that were passed over, by name."""
        with self._change() as rows:
            for refusal in refused:
                _refuse(rows, f"{study or ''} {refusal.file}".encode("utf-8", "replace"), refusal, study)

    def studies(
        self, state: StudyState | None = None, *, limit: int | None = None, after: int = 0
    ) -> Iterator[BatchStudy]:
        """Studies by number, a page at a time; the first `limit` numbers only."""
        only = "" if state is None else "AND s.state = :state"
        query = f"""
            SELECT s.number, q.number, q.indication, q.priority, s.grp, s.state, s.reason, s.remedy
            FROM studies s JOIN questions q ON q.number = s.question
            WHERE s.number > :after AND s.number <= :last {only} ORDER BY s.number LIMIT {_PAGE}
        """  # noqa: S608 - own words only
        last = limit if limit is not None else 1 << 62
        while True:
            values = {"after": after, "last": last, "state": state.value if state else ""}
            with self._lock:
                page = self._rows.execute(query, values).fetchall()
            for n, number, indication, priority, group, now, reason, remedy in page:
                question = Question(number, indication, Priority(priority))
                yield BatchStudy(n, question, group, StudyState(now), reason, remedy)
                after = n
            if len(page) < _PAGE:
                return

    def files(self, study: int) -> list[tuple[Place, bool]]:
        """The files of a study in the order of their names, and whether each lacks a modality."""
        query = "SELECT path, name, size, changed, member, unnamed FROM files WHERE study = ? ORDER BY name, member"
        with self._lock:
            rows = self._rows.execute(query, (study,)).fetchall()
        return [(Place(Path(os.fsdecode(p)), n, s, c, m), bool(u)) for p, n, s, c, m, u in rows]

    def order(self, study: BatchStudy, study_uid: str, patient_key: str, job_id: str, tries: int = 0) -> bool:
        """Remember the job of a study; False where another study of the batch has it already."""
        insert = """
            INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (study, study_uid) DO UPDATE SET job_id = excluded.job_id, tries = excluded.tries
            ON CONFLICT (question, study_uid) DO NOTHING
        """
        with self._change() as rows:
            values = (study.number, study_uid, study.question.number, patient_key, job_id, tries)
            return rows.execute(insert, values).rowcount > 0

    def first_with(self, study_uid: str, question: Question) -> int | None:
        """Number of the study that a job was ordered for."""
        query = "SELECT study FROM orders WHERE study_uid = ? AND question = ?"
        row = self._ask(query, study_uid, question.number)
        return int(str(row[0][0])) if row else None

    def settle(self, study: int, state: StudyState, reason: str = "", remedy: str = "") -> None:
        """Say what was done with a study."""
        with self._change() as rows:
            update = "UPDATE studies SET state = ?, reason = ?, remedy = ? WHERE number = ?"
            rows.execute(update, (state.value, reason, remedy, study))

    def reopen_failed(self, limit: int | None = None) -> None:
        """Take studies that could not be taken in for ones that were just found."""
        last = limit if limit is not None else 1 << 62
        failed = "SELECT number FROM studies WHERE state = 'failed' AND number <= ?"
        with self._change() as rows:
            rows.execute(f"DELETE FROM refused WHERE study IN ({failed})", (last,))  # noqa: S608 - own words only
            update = (
                "UPDATE studies SET state = 'found', reason = '', remedy = '' WHERE state = 'failed' AND number <= ?"
            )
            rows.execute(update, (last,))

    def orders(self, study: int) -> list[Ordered]:
        """Jobs of a study: one, or one for each patient whose images carry its UID."""
        query = """
            SELECT o.study, o.study_uid, o.patient_key, o.job_id, o.tries, q.number, q.indication, q.priority
            FROM orders o JOIN questions q ON q.number = o.question WHERE o.study = ? ORDER BY o.study_uid
        """
        with self._lock:
            rows = self._rows.execute(query, (study,)).fetchall()
        return [Ordered(n, uid, key, job, Question(q, i, Priority(p)), t) for n, uid, key, job, t, q, i, p in rows]

    def order_of(self, job_id: str) -> Ordered | None:
        """The study that a job is about; None for a job of something else."""
        row = self._ask("SELECT study FROM orders WHERE job_id = ?", job_id)
        found = self.orders(int(str(row[0][0]))) if row else []
        return next((order for order in found if order.job_id == job_id), None)

    def refused(self) -> Iterator[tuple[int | None, Refusal]]:
        """(number of its study where it is known, refusal) of files, by name."""
        after = ("", b"")
        query = f"""
            SELECT name, key, study, reason, remedy FROM refused WHERE (name, key) > (?, ?)
            ORDER BY name, key LIMIT {_PAGE}
        """  # noqa: S608 - own words only
        while True:
            with self._lock:
                page = self._rows.execute(query, after).fetchall()
            for name, key, study, reason, remedy in page:
                yield study, Refusal(name, reason, remedy)
                after = (name, key)
            if len(page) < _PAGE:
                return

    def count(self, state: StudyState | None = None, limit: int | None = None) -> int:
        """Studies, of a state or all, with numbers up to `limit`."""
        query = "SELECT count(*) FROM studies WHERE number <= ? AND (? = '' OR state = ?)"
        wanted = state.value if state else ""
        return int(str(self._ask(query, limit if limit is not None else 1 << 62, wanted, wanted)[0][0]))

    def count_refused(self) -> int:
        """Files that were passed over."""
        return int(str(self._ask("SELECT count(*) FROM refused")[0][0]))


def _key(place: Place) -> tuple[bytes, int]:
    return os.fsencode(place.path), place.member


def _text(place: Place) -> bytes:
    return os.fsencode(place.path) + (f"\0{place.member}".encode() if place.member >= 0 else b"")


def _file(rows: sqlite3.Connection, place: Place, question: Question, study: int | None, *, unnamed: bool) -> None:
    values = (*_key(place), question.number, place.name, place.size, place.changed, study, unnamed)
    rows.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def _refuse(rows: sqlite3.Connection, key: bytes, refusal: Refusal, study: int | None = None) -> None:
    values = (key, study, refusal.file, refusal.reason, refusal.remedy)
    rows.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?)", values)
