"""DBOS in this process: where it keeps its rows, how quiet it is, and the few things that are asked of it.

An attempt at a job is a workflow with the id "<job>.<attempt>". DBOS is never asked to recover or to queue one: the
queue in `records` says who runs what, and a dead attempt is carried on by the next one, which takes over its steps.
`dbos` is imported when it is opened.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from domain.errors import ConfigurationError, MedImageError
from jobs.durable.opening import configuration, silence, system_url
from jobs.durable.results import not_kept

Row = dict[str, Any]
Body = Callable[[], Awaitable[Row]]


class Superseded(MedImageError):
    """Another attempt carries this job on, or it was cancelled: what this one does no longer counts."""

    remedy_default = "Nothing has to be done: the job goes on elsewhere, or was cancelled."


class AttemptBroken(BaseException):
    """This attempt cannot go on. Not an Exception: no tool, filter or planner may take it for a failed step.

    Args:
        reason: what a user reads.
    """

    def __init__(self, reason: MedImageError) -> None:
        self.reason = reason
        super().__init__(type(reason).__name__)


class _Escaped(BaseException):
    """Carries an exception of a step's work past DBOS, which would record it with its text."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class _AttemptFailed(Exception):
    """What DBOS keeps of an attempt that failed: the kind of the error, nothing that it says."""


class DurableSystem:
    """DBOS, opened for this process; there can be one at a time.

    Args:
        records_url: SQLAlchemy URL of the records.
        version: of the code that runs; what another version began is not continued by DBOS.
    """

    def __init__(self, records_url: str, *, version: str) -> None:
        self.executor_id = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.version = version
        self._url = system_url(records_url)
        self._attempts: dict[str, Body] = {}
        self._open = False

    def launch(self) -> None:
        """Open the database, make or upgrade its tables, start DBOS. Blocks.

        Raises:
            ConfigurationError: the database cannot be opened, or another system is open in this process.
        """
        global _opened
        if _opened is not None:
            raise ConfigurationError("Durable jobs are open already in this process.")
        from dbos import DBOS

        silence()
        _workflow()
        try:
            if self._url.startswith("sqlite"):
                Path(str(make_url(self._url).database)).parent.mkdir(parents=True, exist_ok=True)
            DBOS(config=configuration(self._url, version=self.version, executor_id=self.executor_id))
            DBOS.listen_queues([])
            DBOS.launch()
        except Exception as error:
            DBOS.destroy()
            raise ConfigurationError(
                f"The job database cannot be opened ({type(error).__name__}).",
                where="MEDIMAGE_DATABASE_URL",
                remedy="Check that its server runs, that its user may create a schema, and that its disk has space.",
            ) from error
        _opened, self._open = self, True

    def destroy(self) -> None:
        """Close it; what runs is not waited for and goes on in the next attempt. Blocks for a moment."""
        global _opened
        if not self._open:
            return
        from dbos import DBOS

        DBOS.destroy()
        _opened, self._open = None, False

    async def close(self) -> None:
        """`destroy`, in a thread; `asyncio.to_thread` of the running loop works on, in a pool of its own."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
        await asyncio.to_thread(self.destroy)

    async def run(self, workflow_id: str, facts: Mapping[str, str | int], body: Body) -> Row:
        """Run an attempt in this task: cancelling the task stops it, and leaves it to the next attempt.

        Args:
            facts: references that a person may read in DBOS's tables; no identity.
            body: the attempt; its row is what DBOS keeps as its outcome.

        Raises:
            Superseded: it was begun before, by whomever, or is no longer the one that counts.
            MedImageError, Exception: of the body. AttemptBroken of the body comes as its reason.
        """
        from dbos import SetWorkflowID
        from dbos import error as kinds

        failure: list[BaseException] = []

        async def guarded() -> Row:
            try:
                return await body()
            except AttemptBroken as broken:
                failure.append(broken.reason)
            except Exception as error:
                failure.append(error)
            # DBOS would keep, and log, the text of what is raised here.
            raise _AttemptFailed(type(failure[0]).__name__)

        self._attempts[workflow_id] = guarded
        try:
            with SetWorkflowID(workflow_id, workflow_id_reuse_policy="reject"):
                outcome: Row = await _workflow()(dict(facts))
        except kinds.DBOSWorkflowIDInUseError as error:
            raise Superseded("This attempt was begun before.") from error
        except kinds.DBOSAwaitedWorkflowCancelledError as error:
            raise _superseded() from error
        except Exception as error:
            if failure:
                raise failure[0] from None
            raise not_kept(error) from error
        finally:
            self._attempts.pop(workflow_id, None)
        return outcome

    async def step(self, name: str, work: Body) -> Row:
        """Do `work` as a step of the attempt that this task runs, and keep its row.

        Raises:
            AttemptBroken: the row cannot be kept, or this attempt counts no longer.
            Exception: of the work; nothing was kept.
        """
        from dbos import DBOS
        from dbos import error as kinds

        async def carried() -> Row:
            try:
                return await work()
            except Exception as error:
                raise _Escaped(error) from None

        try:
            return await DBOS.run_step_async({"name": name}, carried)
        except _Escaped as escaped:
            raise escaped.error from None
        except (kinds.DBOSWorkflowCancelledError, kinds.DBOSWorkflowConflictIDError) as error:
            raise AttemptBroken(_superseded()) from error
        except Exception as error:
            raise AttemptBroken(not_kept(error)) from error

    async def take_over(self, workflow_ids: Sequence[str]) -> list[Row]:
        """End attempts, wherever they run, and give the rows of their steps, oldest attempt first.

        From here on they can keep nothing more. An attempt that never began is passed over.

        Raises:
            ProgressNotKept: the database does not answer.
        """
        from dbos import DBOS

        if not workflow_ids:
            return []
        await self.cancel(workflow_ids)
        with _reporting():
            found = [await DBOS.list_workflow_steps_async(workflow_id) for workflow_id in workflow_ids]
        return [step["output"] for steps in found for step in steps if isinstance(step["output"], dict)]

    async def cancel(self, workflow_ids: Sequence[str]) -> None:
        """Let attempts keep nothing more, wherever they run. Raises ProgressNotKept."""
        from dbos import DBOS

        with _reporting():
            await DBOS.cancel_workflows_async(list(workflow_ids))

    async def forget(self, workflow_ids: Sequence[str]) -> None:
        """Remove all rows of attempts. Raises ProgressNotKept."""
        from dbos import DBOS

        with _reporting():
            await DBOS.delete_workflows_async(list(workflow_ids))

    def attempt(self, workflow_id: str) -> Body:
        """The body of an attempt that begins. Raises _AttemptFailed for one that is not of this process."""
        try:
            return self._attempts.pop(workflow_id)
        except KeyError:
            raise _AttemptFailed("An attempt is carried on by the next one, not by DBOS.") from None


_opened: DurableSystem | None = None


@cache
def _workflow() -> Callable[[Row], Awaitable[Row]]:
    """The one workflow; DBOS takes it in once for the life of the process."""
    from dbos import DBOS

    @DBOS.workflow(name="analysis")
    async def analysis(facts: Row) -> Row:  # noqa: ARG001 - DBOS keeps them for a person to read
        if _opened is None or DBOS.workflow_id is None:
            raise _AttemptFailed("Durable jobs are not open.")
        return await _opened.attempt(DBOS.workflow_id)()

    return analysis


def _superseded() -> Superseded:
    return Superseded("This attempt is not the one that counts any more.")


@contextmanager
def _reporting() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise not_kept(error) from error
