"""Who a worker is: its machine as booted, its process as started, so that a number used again is not taken for it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import uuid
from pathlib import Path

from records.job_workers import WorkerFacts

_PROC = Path("/proc")


def introduce(version: str, slots: int) -> WorkerFacts:
    """A worker of this process."""
    pid = os.getpid()
    host = _host()
    worker_id = f"{host[:8]}-{pid}-{uuid.uuid4().hex[:12]}"
    return WorkerFacts(worker_id, host, pid, _born(pid), version, slots)


def is_gone(worker: WorkerFacts) -> bool:
    """Whether a worker's process is known to have ended: only one of this machine can be looked for."""
    if worker.host != _host():
        return False
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _ended(worker.pid) or (bool(worker.born) and _born(worker.pid) not in {"", worker.born})


def _host() -> str:
    """Name, boot and process namespace: two containers on one machine do not see each other's processes."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append((_PROC / "sys/kernel/random/boot_id").read_text().strip())
    with contextlib.suppress(OSError):
        parts.append(str((_PROC / "self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _stat(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []


def _born(pid: int) -> str:
    """Clock ticks from boot to the start of a process; "" where nobody can tell."""
    stat = _stat(pid)
    return stat[19] if len(stat) > 19 else ""


def _ended(pid: int) -> bool:
    """A corpse that nobody has collected answers signals, too."""
    stat = _stat(pid)
    return bool(stat) and stat[0] in "ZX"
