"""A worker as a process of its own: it works until it is told to end, and then ends in good order."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from jobs.workers.loop import Worker

DEADLINE_S = 30.0
ENDING = (signal.SIGTERM, signal.SIGINT)


async def serve(worker: Worker, deadline_s: float = DEADLINE_S) -> int:
    """Work until SIGTERM or SIGINT; then take nothing more, let what runs end, hand the rest back.

    A second signal is not waited for: the rest is handed back at once.

    Args:
        deadline_s: how long what runs may take to end.

    Returns:
        How many jobs were handed back.
    """
    loop, told, hurried = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def end() -> None:
        (hurried if told.is_set() else told).set()

    for number in ENDING:
        loop.add_signal_handler(number, end)
    try:
        await worker.start()
        await told.wait()
        draining = asyncio.create_task(worker.drain(deadline_s))
        hurry = asyncio.create_task(hurried.wait())
        await asyncio.wait({draining, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not draining.done():
            worker.hand_back_all()
        return await draining
    finally:
        for number in ENDING:
            with suppress(ValueError):
                loop.remove_signal_handler(number)
