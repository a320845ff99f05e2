"""The audit ledger, and the door that every access to records goes through.

An access and its audit event are one transaction: neither exists without the other. A refused access
is an event too. The ledger names objects by identifier and patients by a keyed pseudonym; its `detail`
carries error classes and counts, never text from a study.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from domain.access import AccessContext
from domain.errors import MedImageError, NotFound
from domain.ports import Clock
from records.database import Database
from records.errors import Conflict, Unstorable
from records.tables import AuditRow

R = TypeVar("R")
_UNIQUE_VIOLATION = "23505"
"""PostgreSQL's word for a row that another transaction made meanwhile; SQLite's writers come one after the other."""


@dataclass(frozen=True)
class Attempt:
    """What somebody is about to do: "study.read" on ("study", uid)."""

    action: str
    object_type: str
    object_id: str = ""
    detail: str = ""


@dataclass(frozen=True)
class AuditEvent:
    """One line of the ledger. `patient` is a pseudonym, "" for work about no single patient."""

    seq: int
    when: datetime
    user: str
    action: str
    patient: str
    object_type: str
    object_id: str
    outcome: str
    detail: str


class AuditLedger:
    """Appends and lists events.

    Args:
        pseudonym_key: secret of this installation; without it pseudonyms cannot be guessed from patient ids.
    """

    def __init__(self, database: Database, clock: Clock, pseudonym_key: bytes) -> None:
        self.database = database
        self._clock = clock
        self._key = pseudonym_key

    def pseudonym(self, patient_key: str | None) -> str:
        """HMAC-SHA-256 of a patient key, 32 hex digits; "" for None."""
        if patient_key is None:
            return ""
        return hmac.new(self._key, patient_key.encode(), hashlib.sha256).hexdigest()[:32]

    def append(self, session: Session, access: AccessContext, attempt: Attempt, outcome: str, detail: str = "") -> None:
        """Add an event to the transaction under way."""
        session.add(
            AuditRow(
                when=self._clock.now(),
                user=access.user[:128],
                action=attempt.action,
                patient=self.pseudonym(access.patient_key),
                object_type=attempt.object_type,
                object_id=attempt.object_id[:128],
                outcome=outcome,
                detail=detail or attempt.detail,
            )
        )

    async def guard(self, access: AccessContext, attempt: Attempt, work: Callable[[Session], R]) -> R:
        """Do `work` and record it, in one transaction.

        Where another writer was in between, `work` is done once more, on what is there now.

        Raises:
            MedImageError: what `work` raised; its changes are undone, the refusal is recorded.
            Conflict: another writer was in between again.
        """
        result, refused = await self.database.transact(lambda session: self._attempt(session, access, attempt, work))
        if refused is not None:
            raise refused
        return result  # type: ignore[return-value]  # None only together with a refusal

    def _attempt(
        self, session: Session, access: AccessContext, attempt: Attempt, work: Callable[[Session], R]
    ) -> tuple[R | None, MedImageError | None]:
        try:
            result = _done(session, work)
        except MedImageError as error:
            outcome = "not_found" if isinstance(error, NotFound) else "refused"
            self.append(session, access, attempt, outcome, type(error).__name__)
            return None, error
        self.append(session, access, attempt, "ok")
        return result, None

    async def note(self, access: AccessContext, attempt: Attempt, outcome: str = "ok", detail: str = "") -> None:
        """Record something that changed no record (a job was cancelled, a login failed)."""
        await self.database.transact(lambda session: self.append(session, access, attempt, outcome, detail))

    async def list(self, access: AccessContext, *, after: int = 0, limit: int = 100) -> tuple[AuditEvent, ...]:
        """Events with `seq` greater than `after`, oldest first. Reading the ledger is an event as well."""

        def work(session: Session) -> tuple[AuditEvent, ...]:
            rows = session.scalars(select(AuditRow).where(AuditRow.seq > after).order_by(AuditRow.seq).limit(limit))
            return tuple(_event(row) for row in rows)

        return await self.guard(access, Attempt("audit.read", "audit"), work)


def _done(session: Session, work: Callable[[Session], R]) -> R:
    """The work's result; twice undone by other writers, it is a Conflict."""
    for last in (False, True):
        try:
            with session.begin_nested():
                return work(session)
        except DataError as error:
            raise Unstorable("A value cannot be stored.") from error
        except (StaleDataError, IntegrityError) as error:
            if isinstance(error, IntegrityError) and getattr(error.orig, "sqlstate", "") != _UNIQUE_VIOLATION:
                raise
            if last:
                raise Conflict("Somebody else changed it at the same time.") from error
    raise AssertionError("unreachable")


def _event(row: AuditRow) -> AuditEvent:
    return AuditEvent(
        row.seq,
        row.when,
        row.user,
        row.action,
        row.patient,
        row.object_type,
        row.object_id,
        row.outcome,
        row.detail,
    )


def pseudonym_key(path: Path) -> bytes:
    """The installation's secret at `path`; made there, readable by its owner only, when it is missing."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # made with mode 0600
            file.write(secrets.token_hex(32))
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)  # whole or not at all, and the first of two wins
    return bytes.fromhex(path.read_text())
