"""How urgent a call is: carried by a context variable from the order to the queue in front of an endpoint.

A STAT call overtakes every other that still waits; calls of one priority go in the order of their arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

from domain.study import Priority

current_priority: ContextVar[Priority] = ContextVar("current_priority", default=Priority.ROUTINE)
"""Priority of the work that runs in this context; tasks inherit it."""

RANK = {priority: rank for rank, priority in enumerate(Priority)}
_arrivals = count()


@contextmanager
def at_priority(priority: Priority) -> Iterator[None]:
    """Calls made inside wait at this priority."""
    token = current_priority.set(priority)
    try:
        yield
    finally:
        current_priority.reset(token)


class Urgency:
    """Place of one call in every queue; raised when somebody in more of a hurry joins the call.

    Attributes:
        on_raise: told when the place changes; set by whoever keeps the queue, while the call waits there.
    """

    def __init__(self, priority: Priority) -> None:
        self.priority = priority
        self.on_raise: Callable[[], None] | None = None
        self._arrival = next(_arrivals)

    @property
    def order(self) -> tuple[int, int]:
        """What queues sort by: priority, then arrival. A call that is tried again keeps its arrival."""
        return RANK[self.priority], self._arrival

    def raise_to(self, priority: Priority) -> None:
        """Become at least as urgent as `priority`."""
        if RANK[priority] >= RANK[self.priority]:
            return
        self.priority = priority
        if self.on_raise is not None:
            self.on_raise()
