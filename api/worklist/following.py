"""Who follows the worklist: one look at the database for all of them, and only while there is somebody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from domain.errors import MedImageError
from records.worklist_changes import Changes, WorklistChanges

LOOK_S = 0.5
"""Between two looks at whether anything changed: workers of other processes change it as well."""
AT_MOST_S = 0.5
"""Between two messages to one follower, however much happens."""
_log = logging.getLogger(__name__)


class Following:
    """Tells followers what changed.

    Args:
        look_s: between two looks; tests look more often.
    """

    def __init__(self, changes: WorklistChanges, look_s: float = LOOK_S) -> None:
        self._changes = changes
        self._look_s = look_s
        self._followers: set[asyncio.Event] = set()
        self._watching: asyncio.Task[None] | None = None
        self._look = asyncio.Event()

    def tell(self) -> None:
        """Something was changed here: look at once."""
        self._look.set()

    async def follow(self, place: int | None = None) -> AsyncGenerator[Changes, None]:
        """What changes from a place on, or from now; the first tells where that is. Ends with its reader only.

        Raises:
            DatabaseUnavailable: the reader comes again with the last place.
        """
        told = asyncio.Event()
        self._followers.add(told)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="worklist changes")
        try:
            first = place is None
            at = await self._changes.place() if place is None else place
            if first:
                yield Changes(at, ())
            while True:
                told.clear()
                changes = await self._changes.after(at)
                at = changes.place
                if changes.study_uids != ():
                    yield changes
                await told.wait()
                await asyncio.sleep(min(AT_MOST_S, self._look_s))
        finally:
            self._followers.discard(told)
            if not self._followers:
                await self.aclose()

    async def aclose(self) -> None:
        """Look no more."""
        watching, self._watching = self._watching, None
        if watching is not None and watching is not asyncio.current_task():
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        known: int | None = None
        while True:
            try:
                place = await self._changes.place()
            except MedImageError as error:  # it may come back; whoever follows is told by their own question
                _log.warning("worklist changes: %s", type(error).__name__)
            else:
                if place != known:
                    known = place
                    for follower in self._followers:
                        follower.set()
            self._look.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._look.wait()
