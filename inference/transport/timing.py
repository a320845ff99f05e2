"""The clock and alarm of the transport, as an argument: tests pass a time that they move themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    """Something that will be called later."""

    def cancel(self) -> None:
        """Do not call it any more."""


class Timing(Protocol):
    """Seconds, and being woken after some."""

    def monotonic(self) -> float:
        """Seconds from any origin, never going back."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Alarm:
        """Call back once, from the event loop."""


class LoopTiming:
    """The machine's monotonic clock and the running event loop."""

    def monotonic(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Alarm:
        """Alarm of the running loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)
