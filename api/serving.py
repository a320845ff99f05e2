"""What `app.py serve` does: the page, the API, and a worker for their jobs, until it is stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvicorn

from api.application import create_app
from api.demo import load_demo
from api.listening import listen
from api.services import Services
from domain.ports import Clock, Compute, PromptAdvice
from jobs.collector import set_aside
from jobs.composition import Composition, Engine
from jobs.compute import PoolCompute
from jobs.steps import SystemClock

Assemble = Callable[[Engine, Compute, Clock, Compute], Services]
"""From models, CPU work, clock and decoding to the services of the HTTP layer."""


@dataclass(frozen=True)
class Serving:
    """How a server runs.

    Attributes:
        processes: for CPU work; slots: jobs at once. deadline_s: of a piece of CPU work.
        demo: loads the demonstration's studies first.
    """

    host: str
    port: int
    processes: int
    slots: int
    deadline_s: float
    demo: bool = False


async def serve(
    how: Serving,
    composition: Composition,
    assemble: Assemble,
    *,
    advice: Callable[[], Awaitable[PromptAdvice | None]],
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        advice: opens what reviewers taught, once nobody else can have the address.
        ready: told the address when it is about to answer.

    Raises:
        MedImageError: it cannot begin.
    """
    # The server hands a SIGTERM on when it has stopped: then the workers must still be ended below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    listening = listen(how.host, how.port)
    compute = PoolCompute(how.processes, ["tools.ingest", "tools.artifacts"], how.deadline_s)
    # One more than jobs: neither an upload nor STAT waits for a study that is being read.
    decoding, clock = PoolCompute(how.slots + 1, ["tools.ingest"], how.deadline_s), SystemClock()
    try:
        async with composition.engine(compute, clock, await advice(), durable=True) as parts:
            services = assemble(parts, compute, clock, decoding)
            try:
                await services.start()
                if how.demo:
                    await load_demo(services)
                server = uvicorn.Server(uvicorn.Config(create_app(services), log_level="warning", server_header=False))
                set_aside()
                ready(f"http://{how.host}:{listening.getsockname()[1]}")
                await server.serve(sockets=[listening])
            finally:
                await services.close()
    finally:
        compute.close()
        decoding.close()
        listening.close()
