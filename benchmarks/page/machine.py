"""What stands beside figures, so that they can be compared: processor, memory, browser, load."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine(browser: str) -> str:
    """One line of facts."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()}, Chromium {browser}"


def load() -> float:
    """Processes that wanted to run in the last minute, on average; more than the cores means that they waited."""
    return os.getloadavg()[0]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
