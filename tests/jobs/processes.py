"""Whether other processes are still there."""

from __future__ import annotations

import asyncio
from pathlib import Path


async def gone(process: int) -> bool:
    """Whether a process is no more, or a corpse that nobody has collected; it is given ten seconds."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        await asyncio.sleep(0.05)
    return False
