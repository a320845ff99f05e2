"""One batch, from the words of a command line to two tables and what is said at the end."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.access import AccessContext
from domain.ports import JobState
from domain.study import Priority
from jobs.batch.admission import Admission
from jobs.batch.gaps import REMEDY, rows_of
from jobs.batch.index import FORMAT, BatchIndex
from jobs.batch.request import BatchRequest, BatchUsage, batch_name, require_name, source_of
from jobs.batch.results import BatchResults, Written
from jobs.batch.rows import Pseudonyms
from jobs.batch.run import BatchRun, RunEnd
from jobs.batch.state import BatchWatcher
from jobs.batch.stored import stored_studies
from jobs.batch.table import require_format
from jobs.batch.watching import RunningStudies
from jobs.installation import Installation
from jobs.service import JobService
from jobs.workers.loop import Slots
from records.audit import pseudonym_key
from records.job_listing import JobFilter

BATCHES = "batches"
"""Folder of the data folder in which each batch has its own."""
_COUNTS = ("done", "failed", "partial", "refused", "needs_review", "rows")
_BEGUN = ("format", "source", "indication", "priority")


@dataclass(frozen=True)
class BatchEnd:
    """What a batch came to.

    Attributes:
        written: the tables; None where it was stopped before its end.
        end: how the run ended.
    """

    name: str
    written: Written | None
    end: RunEnd
    seconds: float

    def summary(self) -> dict[str, object]:
        """For programs."""
        written = self.written
        counts = {name: getattr(written, name) for name in _COUNTS}
        return {
            "batch": self.name,
            "complete": written is not None,
            **(counts if written else {}),
            **({"gaps": rows_of(written.gaps)} if written else {}),
            "results": str(written.out) if written else None,
            "failures": str(written.failures) if written else None,
            "handed_back": self.end.handed_back,
            "seconds": round(self.seconds, 1),
            "resume": None if written else self.resume,
        }

    @property
    def resume(self) -> str:
        """The command that goes on with it."""
        return f"app.py batch --batch {self.name} --resume"


def request_of(
    words: Sequence[str],
    data: Path,
    *,
    indication: str = "",
    priority: Priority = Priority.RESEARCH,
    name: str = "",
    limit: int | None = None,
    resume: bool = False,
    retry: bool = False,
    out: Path | None = None,
    deidentify: bool = False,
) -> BatchRequest:
    """What a command line asks for.

    Args:
        words: source of the studies; may be empty where a named batch is resumed.
        data: the data folder.

    Raises:
        BatchUsage: it asks for what cannot be done. ConfigurationError: the table cannot be written there.
    """
    if limit is not None and limit < 1:
        raise BatchUsage("A batch has one study at least.", where="--limit")
    if not words:
        begun = _begun(data, require_name(name) if name else "", resume=resume or retry)
        words, indication, priority = json.loads(begun["words"]), begun["indication"], Priority(begun["priority"])
        out = out or (Path(begun["out"]) if begun.get("out") else None)
    source = source_of(words)
    name = require_name(name) if name else batch_name(source, indication, priority)
    if resume and not (data / BATCHES / name / "index.sqlite").exists():
        raise BatchUsage("There is no such batch to go on with.", remedy="Leave out --resume to begin it.")
    target = require_format((out or data / BATCHES / name / "results.csv").absolute())
    return BatchRequest(
        name=name,
        source=source,
        words=tuple(words if source.path is None else [str(source.path.resolve())]),
        indication=indication,
        priority=priority,
        limit=limit,
        resume=resume,
        retry=retry,
        out=target,
        deidentify=deidentify,
    )


async def run_batch(
    request: BatchRequest,
    installation: Installation,
    service: JobService,
    *,
    user: str,
    slots: int,
    watcher: BatchWatcher,
) -> BatchEnd:
    """Run a batch to its end, or until a signal stops it; then write its tables.

    Args:
        service: open; the batch has a worker of its own, and leaves the service's alone.
        slots: studies that this process works on at once.

    Raises:
        BatchUsage, BatchBusy: the name is of another batch; another process works on it.
        MedImageError: the records do not answer, or the disk is full; the batch goes on another time.
    """
    began = time.monotonic()
    index = BatchIndex(installation.folder / BATCHES / request.name)
    try:
        _require_same(request, index.facts())
        index.note(**_facts(request))
        names = Pseudonyms(pseudonym_key(installation.folder / "audit.key"), request.deidentify)
        end = await _run(request, installation, service, index, names, user, slots, watcher)
        written = None
        if not end.signal:
            results = BatchResults(
                index, jobs=service.jobs, analyses=installation.analyses, names=names, user=user, batch=request.name
            )
            written = await results.write(request.out, request.limit)
            for sentence in _said_of(written):
                watcher.say(sentence)
    finally:
        index.close()
    return BatchEnd(request.name, written, end, time.monotonic() - began)


async def _run(
    request: BatchRequest,
    installation: Installation,
    service: JobService,
    index: BatchIndex,
    names: Pseudonyms,
    user: str,
    slots: int,
    watcher: BatchWatcher,
) -> RunEnd:
    running = RunningStudies(index, names)
    everybody = AccessContext(user, None)
    waiting = JobFilter(states=(JobState.WAITING,), batch=request.name)

    def stored() -> AsyncIterator[Sequence[str]]:
        return stored_studies(installation.audit, everybody, request.source.which)

    async def waits_for() -> str:
        page = await service.listing.page(everybody, waiting, limit=1)
        return page.jobs[0].waiting_for if page.jobs else ""

    return await BatchRun(
        request,
        index=index,
        admission=Admission(
            index,
            intake=installation.intake,
            studies=installation.studies,
            queue=service.queue,
            jobs=service.jobs,
            analyses=installation.analyses,
            user=user,
            batch=request.name,
        ),
        worker=service.new_worker(Slots(slots, 0), running.watched(service.run)),
        running=running,
        compute=installation.decoding,
        stored=stored,
        counts=lambda: service.listing.counts(request.name),
        waits_for=waits_for,
        watcher=watcher,
    ).run()


def _begun(data: Path, name: str, *, resume: bool) -> Mapping[str, str]:
    """What a named batch was begun with."""
    if not name or not resume:
        raise BatchUsage("A batch needs a folder, a manifest, or `query` with filters; or --batch with --resume.")
    folder = data / BATCHES / name
    if not (folder / "index.sqlite").exists():
        raise BatchUsage("There is no such batch to go on with.", where=f"--batch {name}")
    index = BatchIndex(folder)
    try:
        return index.facts()
    finally:
        index.close()


def _said_of(written: Written) -> list[str]:
    """What a person should know of studies that lack a model's answer."""
    if not written.partial:
        return []
    why = [f"  {studies}: {reason}" for reason, studies in written.gaps.items()]
    return [f"{written.partial} studies are partial, because a model gave no answer:", *why, REMEDY]


def _facts(request: BatchRequest) -> dict[str, str]:
    return {
        "format": FORMAT,
        "words": json.dumps(request.words),
        "source": request.source.text,
        "indication": request.indication,
        "priority": request.priority.value,
        "out": str(request.out),
    }


def _require_same(request: BatchRequest, begun: Mapping[str, str]) -> None:
    """One name, one batch: another question under the same name would be answered with the first one's jobs."""
    now = _facts(request)
    if any(begun.get(name, now[name]) != now[name] for name in _BEGUN):
        raise BatchUsage(
            "A batch of this name was begun with another source, question or priority.",
            where=f"--batch {request.name}",
            remedy="Give another name, or the same source, question and priority.",
        )
