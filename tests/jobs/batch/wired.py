"""`app.py batch` as a process of its own, with the engine of app.py: `python -m tests.jobs.batch.wired ARGUMENTS`.

Without arguments it is a process that others are forked from, so that each of them costs little: it reads an order a
line, tells the number of the process that it forked, and how that ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing.util
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

EXIT_DONE, EXIT_FAILED, EXIT_UNUSABLE, EXIT_REVIEW, EXIT_SOME, EXIT_USAGE = 0, 1, 2, 3, 4, 64


def parser() -> argparse.ArgumentParser:
    """The command's own arguments."""
    batch = argparse.ArgumentParser()
    batch.add_argument("source", nargs="*")
    batch.add_argument("--indication", default="")
    batch.add_argument("--priority", type=str.upper, default="RESEARCH")
    batch.add_argument("--workers", type=int, default=2)
    batch.add_argument("--out", type=Path)
    batch.add_argument("--batch", default="")
    batch.add_argument("--limit", type=int)
    for flag in ("--resume", "--retry-failed", "--deidentify", "--json"):
        batch.add_argument(flag, action="store_true")
    return batch


async def batch(options: argparse.Namespace) -> int:
    """What app.py is to do."""
    import app
    from domain.study import Priority
    from jobs.batch.command import request_of, run_batch
    from jobs.compute import PoolCompute, ThreadCompute
    from jobs.progress import batch_shown
    from jobs.steps import SystemClock
    from jobs.terminal import show_batch

    settings = app.read_settings()
    app.quiet_libraries()
    folder = settings.data_dir.resolve()
    request = request_of(
        options.source,
        folder,
        indication=options.indication,
        priority=Priority(options.priority),
        name=options.batch,
        limit=options.limit,
        resume=options.resume,
        retry=options.retry_failed,
        out=options.out,
        deidentify=options.deidentify,
    )
    clock = SystemClock()
    decoding = PoolCompute(options.workers, ["tools.ingest", "jobs.batch.heads"], settings.server.work_deadline_s)
    try:
        async with app.composition(settings).engine(ThreadCompute(), clock, durable=True) as engine:
            installation, service = app.composition(settings).job_service(engine, clock, decoding, options.workers)
            try:
                await service.open()
                with batch_shown(quiet=options.json) as watcher:
                    ended = await run_batch(
                        request,
                        installation,
                        service,
                        user=app.local_user(),
                        slots=options.workers,
                        watcher=watcher,
                    )
            finally:
                await service.close()
                await installation.close()
    finally:
        decoding.close()
    show_batch(ended, as_json=options.json)
    if ended.end.signal:
        return 128 + ended.end.signal
    written = ended.written
    assert written is not None
    if written.failed:
        return EXIT_SOME
    if not written.done:
        return EXIT_UNUSABLE
    return EXIT_REVIEW if written.needs_review else EXIT_DONE


def run(arguments: list[str]) -> int:
    """Run it with these arguments; the status of its end."""
    from domain.errors import MedImageError
    from jobs.batch.request import BatchUsage

    try:
        return asyncio.run(batch(parser().parse_args(arguments)))
    except BatchUsage as error:
        print(f"app.py batch: {error}", file=sys.stderr)
        return EXIT_USAGE
    except MedImageError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return EXIT_FAILED


@dataclass(frozen=True)
class Done:
    """How a process ended: status, negative for a signal, and what it said."""

    status: int
    out: str
    err: str


class Batches:
    """Processes that run batches."""

    def __init__(self) -> None:
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.batch.wired"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        folder: Path,
        arguments: list[str],
        environment: dict[str, str],
        *,
        signals: list[int] | None = None,
        when: Callable[[], bool] | None = None,
        then: Callable[[], None] | None = None,
    ) -> Done:
        """Run a batch to its end; as soon as `when` holds it is sent the signals, one by one, and `then` is done."""
        out, err = folder / "out.txt", folder / "err.txt"
        order = {"arguments": arguments, "environment": environment, "out": str(out), "err": str(err)}
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()
        child = int(self._zygote.stdout.readline())
        if when is not None:
            until(when)
            for number in signals or []:
                os.kill(child, number)
                time.sleep(0.3)
            if then is not None:
                then()
        status = int(self._zygote.stdout.readline())
        return Done(status, out.read_text(), err.read_text())

    def close(self) -> None:
        """End the process that others are forked from."""
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.wait(10)
        self._zygote.stdout.close()


def until(when: Callable[[], bool], seconds: float = 60.0) -> None:
    """Come back when it is so."""
    give_up = time.monotonic() + seconds
    while not when():
        if time.monotonic() > give_up:
            raise TimeoutError
        time.sleep(0.02)


def light_artifacts(analysis: Any, volumes: Any, out: Path, **_: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """report.json alone: pictures, PDF and DICOM objects are the business of other tests and cost seconds."""
    from tools.report_document import report_document

    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report_document(analysis)))
    return ("report.json",), ()


def fork_batches() -> None:
    """Fork a process for each line."""
    import dbos  # noqa: F401

    import jobs.analyse
    import jobs.batch.command
    import jobs.progress
    import jobs.service
    from jobs.durable import opening
    from prompts.library import hashes

    hashes()
    opening.IDLE_POLL_S = 0.05  # closing waits for a look of DBOS's
    setattr(jobs.analyse, "write_artifacts", light_artifacts)  # noqa: B010 - an import of that module
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _child(order)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _child(order: dict[str, Any]) -> None:
    status = 70
    try:
        os.environ.update(order["environment"])
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        status = run(order["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        # `os._exit` leaves this out: the tracker of semaphores would then tell of them, on what the test reads.
        multiprocessing.util._exit_function()  # type: ignore[attr-defined]
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run(sys.argv[1:]))
    fork_batches()
