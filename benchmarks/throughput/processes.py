"""CPU time and memory of processes, as Linux counts them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def cpu_s(pids: Sequence[int]) -> dict[int, float]:
    """Seconds of user and system time of each process that lives."""
    spent = {}
    for pid in pids:
        with suppress(OSError):
            spent[pid] = sum(int(field) for field in _stat(pid)[11:13]) / _TICKS
    return spent


def spent_since(before: dict[int, float], pids: Sequence[int]) -> float:
    """Seconds that processes that live have spent since."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in cpu_s(pids).items())


def resident_mb(pid: int | None = None) -> float:
    """Resident memory of a process, this one by default."""
    return _memory(pid, "VmRSS")


def peak_mb(pid: int) -> float:
    """Largest resident memory of a process so far."""
    return _memory(pid, "VmHWM")


def children_of(pid: int) -> list[int]:
    """Processes that a process has started and that live."""
    found = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                if int(_stat(int(entry.name))[1]) == pid:
                    found.append(int(entry.name))
    return found


def _stat(pid: int) -> list[str]:
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _memory(pid: int | None, name: str) -> float:
    for line in (_PROC / str(pid or "self") / "status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0
