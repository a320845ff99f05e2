"""A PostgreSQL server of the tests' own: unprivileged, on loopback, in a temporary folder, gone at the end."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL

from records.database import Database

INSTALL = "apt-get install -y --no-install-recommends postgresql"
USER = "medimage"
_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "jit": "off",
}
"""Fast, and not safe from the end of the machine; what was committed survives the end of the server all the same."""
_ROOMY = 4 << 30
"""Bytes free in memory's own file system from which on a cluster lies there."""


def programs() -> Path | None:
    """Folder of `initdb` and `postgres`: the newest of Debian's, or that on the PATH; None where there is none."""
    versions = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb") if (p.parent / "postgres").exists()]
    if versions:
        return max(versions, key=lambda p: float(p.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Cluster:
    """One server with its data folder; databases in it are made and dropped by the tests.

    Args:
        binaries: folder of its programs.
        folder: made for it alone; owned by the user that it runs as.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder = binaries, folder
        self._names = itertools.count()
        self._server: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_hex(16)
        self._as: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:  # the server refuses to run as root
            account = _unprivileged()
            os.chown(folder, account.pw_uid, account.pw_gid)
            self._as |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._server is not None
        return self._server.pid

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's form."""
        made = URL.create("postgresql+psycopg", USER, self._password, "127.0.0.1", self.port, database)
        return made.render_as_string(hide_password=False)

    def initialise(self) -> None:
        """Make the data folder."""
        secret = self._folder / "password"
        secret.write_text(self._password)
        if "user" in self._as:
            os.chown(secret, self._as["user"], self._as["group"])
        command = [str(self._binaries / "initdb"), "-D", str(self._folder / "data"), "-U", USER, "-A", "scram-sha-256"]
        options = [f"--pwfile={secret}", "--no-sync", "--locale=C", "--encoding=UTF8"]
        subprocess.run([*command, *options], check=True, capture_output=True, **self._as)

    def start(self) -> None:
        """Run it until it answers."""
        settings = _FAST | {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        command = [str(self._binaries / "postgres"), "-D", str(self._folder / "data")]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, **self._as)
        for _ in range(600):
            with contextlib.suppress(psycopg.OperationalError):
                self._connect().close()
                return
            if self._server.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT closes sessions and ends in order; SIGQUIT at once, as a crash does."""
        if self._server is None:
            return
        self._server.send_signal(how)
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None

    def create(self, template: str = "template0") -> str:
        """The name of a new database, a copy of `template`."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside of a transaction; the rows it gives."""
        with contextlib.closing(self._connect(database)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self._password, dbname=database, autocommit=True
        )


class MigratedDatabases:
    """Databases with this version's tables and no rows; what a test gives back is used again where it left no trace."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._template = cluster.create()
        self._spare: list[str] = []
        database = Database(cluster.url(self._template))
        database.upgrade()
        database.close()
        self._expected = cluster.execute(_STRUCTURE, self._template)

    def take(self) -> str:
        """The name of one."""
        return self._spare.pop() if self._spare else self._cluster.create(self._template)

    def give_back(self, name: str) -> None:
        """Empty it, or drop it where it is not what it was."""
        with contextlib.suppress(psycopg.Error):
            self._cluster.execute(_EMPTY, name)
            if self._cluster.execute(_STRUCTURE, name) == self._expected:
                self._spare.append(name)
                return
        self._cluster.drop(name)


_EMPTY = """
DO $$ DECLARE name text; BEGIN
    SET LOCAL lock_timeout = '2s';
    SET LOCAL session_replication_role = replica;  -- the ledger's triggers and foreign keys rest
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$
"""
_OURS = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
_STRUCTURE = f"""
SELECT n.nspname, c.relname, a.attname, t.tgname, NULL
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal WHERE {_OURS}
UNION ALL SELECT n.nspname, NULL, NULL, NULL, p.proname
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_OURS} ORDER BY 1, 2, 3, 4, 5
"""
"""Names of everything that a test could make."""


@contextlib.contextmanager
def running(binaries: Path) -> Iterator[Cluster]:
    """A server that answers; ended and removed afterwards."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() and shutil.disk_usage(memory).free > _ROOMY else None
    with tempfile.TemporaryDirectory(prefix="medimage-postgres-", dir=where, ignore_cleanup_errors=True) as folder:
        cluster = Cluster(binaries, Path(folder))
        cluster.initialise()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop(signal.SIGQUIT)  # nothing of it is kept


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("no unprivileged user to run PostgreSQL as")
