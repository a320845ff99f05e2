"""Doing something again and again until told to stop, and never stopping in the middle of it.

A thread that is in a transaction cannot be called back: a task that is cancelled meanwhile would leave it behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from domain.errors import MedImageError
from jobs.failure import internal_error

_log = logging.getLogger(__name__)


async def every(seconds: float, stop: asyncio.Event, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work`, wait, and again, until `stop`. What it raises is logged."""
    while not stop.is_set():
        await safely(name, work)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)


async def safely(name: str, work: Callable[[], Awaitable[object]]) -> bool:
    """Do `work` once; False where it raised, which is logged: a database that is away by its name only."""
    try:
        await work()
    except MedImageError as error:
        _log.warning("%s: %s", name, type(error).__name__)
    except Exception as error:
        internal_error(error)
    else:
        return True
    return False
