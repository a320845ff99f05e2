"""A command's worth of work: paths in, one analysis a study out; what cannot be used is refused by name."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.access import AccessContext
from domain.analysis import Analysis
from domain.errors import ConfigurationError, MedImageError
from domain.ports import Clock, Compute, Listener
from domain.study import Order, Refusal
from jobs.analyse import Analyser
from jobs.failure import internal_error
from jobs.priors import TogetherPriors
from jobs.reading import read
from tools.artifacts import write_refusal_report, write_refused


@dataclass(frozen=True)
class CommandResult:
    """What came of it.

    Attributes:
        analyses: one a usable study.
        folders: where each analysis' artifacts are; the refusal report's folder when nothing was usable.
        refused: files that were not used.
        failed: studies whose analysis ended with an error, as (study UID, error). They do not stop the others.
    """

    analyses: tuple[Analysis, ...]
    folders: tuple[Path, ...]
    refused: tuple[Refusal, ...]
    failed: tuple[tuple[str, MedImageError], ...] = ()

    @property
    def needs_review(self) -> bool:
        """Something passed with doubt, or could not be answered."""
        return bool(self.failed) or any(a.needs_review for a in self.analyses)


async def analyse_paths(
    analyser: Analyser,
    paths: Sequence[Path],
    order: Order,
    out: Path,
    *,
    user: str,
    compute: Compute,
    decoding: Compute,
    clock: Clock,
    new_id: Callable[[], str],
    listener: Listener | None = None,
) -> CommandResult:
    """Ingest, analyse each study, write the artifacts: into `out` for one study, `out/<study UID>/` for several.

    `decoding` should be processes of their own: native decoders may end the one that they run in.
    Two patients never share a report. A study that fails does not stop the others.
    """
    found = await read(decoding, paths, order.indication)
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    if not found.studies:
        await compute.run(
            write_refusal_report,
            out,
            found.refused,
            order.indication,
            clock.now(),
            priority=order.priority,
        )
        return CommandResult((), (out,), found.refused)
    # A file's name may name a patient: with several patients it goes to no report, but into a list of its own.
    several = len({item.study.patient.key for item in found.studies}) > 1
    told = () if several else found.refused
    if several and found.refused:
        await compute.run(write_refused, out, found.refused)
    analyses: list[Analysis] = []
    folders: list[Path] = []
    failed: list[tuple[str, MedImageError]] = []
    # Studies of one patient that were given together are priors of each other.
    together = analyser.reaching(priors=TogetherPriors(found.studies)) if len(found.studies) > 1 else analyser
    for item in found.studies:
        folder = out if len(found.studies) == 1 else out / item.study.study_uid
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        access = AccessContext(user, item.study.patient.key)
        try:
            analysis = await together.analyse(
                item, order, access, out=folder, analysis_id=new_id(), listener=listener, refused=told
            )
        except MedImageError as error:
            failed.append((item.study.study_uid, error))
            continue
        except Exception as error:
            reason, remedy = internal_error(error)
            failed.append((item.study.study_uid, MedImageError(reason, remedy=remedy)))
            continue
        analyses.append(analysis)
        folders.append(folder)
    return CommandResult(tuple(analyses), tuple(folders), found.refused, tuple(failed))


def writable(folder: Path) -> Path:
    """The folder, made if it is not there.

    Raises:
        ConfigurationError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        reason = f"{folder}: {error.strerror or type(error).__name__}."
        raise ConfigurationError(reason, where="--out", remedy="Give a folder that you may write.") from None
