"""A PostgreSQL server of a benchmark's own: unprivileged, on loopback, in a temporary folder, with Debian's settings.

Commits are waited for (`fsync` is on) unless the caller says otherwise.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

USER = "benchmark"


class Server:
    """One server; `stop` and `start` it at will.

    Args:
        folder: of its data, made for it alone.
        settings: of `postgresql.conf`.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._binaries, self._folder = _programs(), folder
        self._as: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if os.geteuid() == 0:  # the server refuses to run as root
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._as |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        own = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        self._options = " ".join(f"-c {name}={value}" for name, value in (own | settings).items())
        make = [str(self._binaries / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8"]
        subprocess.run([*make, "--no-sync", "--locale=C"], check=True, **self._as)

    def start(self) -> None:
        """Run until it answers."""
        self._control("-o", self._options, "-l", str(self._folder / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """End it: "fast" in order, "immediate" as a crash does."""
        self._control("-m", mode, "stop")

    @property
    def pid(self) -> int:
        """Of the running server."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])

    def create(self) -> str:
        """SQLAlchemy's URL of a new database."""
        name = f"b{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._address(name).replace("postgresql:", "postgresql+psycopg:")

    def _address(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def _control(self, *what: str) -> None:
        command = [str(self._binaries / "pg_ctl"), "-D", str(self._folder / "data"), "-w", *what]
        subprocess.run(command, check=True, **self._as)


@contextlib.contextmanager
def running(**settings: str) -> Iterator[Server]:
    """A server that answers; ended and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="medimage-pg-"))
    server = Server(folder, settings)
    server.start()
    try:
        yield server
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            server.stop("immediate")
        time.sleep(0.1)
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found:
        raise SystemExit("PostgreSQL is missing: apt-get install -y --no-install-recommends postgresql")
    return max(found, key=lambda p: float(p.parent.name))
