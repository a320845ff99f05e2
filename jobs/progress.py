"""How work goes, on a terminal: bars and running steps that are drawn anew; plain lines where nobody looks on.

All of it goes to stderr. Nothing here names a patient: studies have numbers and pseudonyms, steps their tools.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from domain.ports import EventKind, Listener, RunEvent
from jobs.batch.state import BatchState, BatchWatcher, Silence, step_name
from jobs.terminal import tell_step

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

PLAIN_EVERY_S = 10.0
"""Between two lines of a batch without a terminal."""
SHOWN = 8
"""Running studies that are drawn."""
REFRESH_PER_S = 4


def looked_at(stream: TextIO | None = None) -> bool:
    """Whether a person sees what is drawn: both streams go to a terminal that can move its cursor."""
    streams = (stream or sys.stderr, sys.stdout)
    return all(s.isatty() for s in streams) and os.environ.get("TERM", "") not in {"", "dumb"}


@contextmanager
def steps_shown(*, quiet: bool = False) -> Iterator[Listener | None]:
    """A listener that shows the steps of analyses while the block runs; None where nothing is to be shown."""
    if quiet:
        yield None
    elif not looked_at():
        yield tell_step
    else:
        steps = LiveSteps()
        with _live(steps.drawn) as live:
            steps.live = live
            yield steps


@contextmanager
def batch_shown(*, quiet: bool = False) -> Iterator[BatchWatcher]:
    """A watcher that shows a batch while the block runs."""
    if quiet:
        yield Silence()
    elif not looked_at():
        yield PlainBatch(sys.stderr)
    else:
        with _live(None) as live:
            yield LiveBatch(live)


@contextmanager
def _live(drawn: Callable[[], RenderableType] | None) -> Iterator[Live]:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    with Live(
        console=console,
        get_renderable=drawn,
        refresh_per_second=REFRESH_PER_S,
        transient=True,
        redirect_stdout=False,
    ) as live:
        yield live


class LiveSteps:
    """A listener: finished steps stand above, what is under way below with its time."""

    def __init__(self) -> None:
        self.live: Live | None = None
        self._running: dict[str, tuple[str, float]] = {}
        self._of = ""

    def __call__(self, event: RunEvent) -> None:
        """Show what happened."""
        data = event.data
        if event.kind is EventKind.STEP_STARTED:
            self._running[str(data.get("id"))] = (step_name(event), time.monotonic())
            self._of = ""
        elif event.kind is EventKind.STEP_FINISHED:
            self._running.pop(str(data.get("id")), None)
            if self.live is not None:
                self.live.console.print(_finished(event), overflow="fold")
        elif event.kind is EventKind.PROGRESS and data.get("total"):
            self._of = f" {data.get('done')} of {data.get('total')}"

    def drawn(self) -> RenderableType:
        """What is under way; asked for with each refresh, so that the seconds go on."""
        from rich.spinner import Spinner
        from rich.text import Text

        now = time.monotonic()
        lines = [f"{name}{self._of} … {now - began:.0f} s" for name, began in self._running.values()]
        return Spinner("dots", Text("\n".join(lines)), style="cyan") if lines else Text("")


def _finished(event: RunEvent) -> RenderableType:
    from rich.text import Text

    data = event.data
    good = bool(data.get("ok"))
    line = Text("✓ " if good else "✗ ", style="green" if good else "red")
    line.append(f"{data.get('id', ''):>4} ", style="dim")
    line.append(f"{data.get('agent')}/{data.get('tool')}", style="default")
    if data.get("model"):
        line.append(f"  {data['model']}", style="cyan")
    line.append(f"  {float(data.get('seconds') or 0.0):.2f} s", style="dim")
    if not good:
        line.append(f"  {data.get('error')}", style="red")
    return line


class PlainBatch:
    """Lines: one now and then, and one at each failure and at the end."""

    def __init__(self, stream: TextIO, every_s: float = PLAIN_EVERY_S) -> None:
        self._stream = stream
        self._every_s = every_s
        self._last = -every_s
        self._before: BatchState | None = None

    def found(self, files: int, studies: int) -> None:
        """A line now and then."""
        if self._due():
            self._print(f"found: {studies} studies in {files} files")

    def state(self, state: BatchState) -> None:
        """A line now and then, when something failed, and at the end."""
        before, self._before = self._before, state
        news = before is None or state.failed > before.failed or _through(state) != _through(before)
        if news or self._due():
            self._last = time.monotonic()
            self._print(line(state))

    def say(self, sentence: str) -> None:
        """A line."""
        self._print(sentence)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._every_s:
            return False
        self._last = now
        return True

    def _print(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


class LiveBatch:
    """A bar over all studies, and a line for each that runs."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def found(self, files: int, studies: int) -> None:
        """Drawn anew."""
        from rich.spinner import Spinner

        self._live.update(Spinner("dots", f"looking for studies: {studies} in {files} files"))

    def state(self, state: BatchState) -> None:
        """Drawn anew."""
        self._live.update(drawn(state))

    def say(self, sentence: str) -> None:
        """Stands above, and stays."""
        from rich.text import Text

        self._live.console.print(Text(sentence), overflow="fold")  # a reason is no markup


def drawn(state: BatchState) -> RenderableType:
    """A batch as it is drawn."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    top = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(state.total, 1), completed=state.ended, width=36)
    top.add_row(bar, f"{state.ended}/{state.total}", Text(_outlook(state), style="cyan"))
    facts = Text(_counts(state), style="red" if state.failed else "dim")
    rows = Table.grid(padding=(0, 1))
    for study in list(state.running)[:SHOWN]:
        number = f"study {study.number}" if study.number is not None else "other job"
        rows.add_row("  ", number, Text(study.patient, style="dim"), Text(study.step), f"{study.seconds:.0f} s")
    more = len(state.running) - SHOWN
    if more > 0:
        rows.add_row("  ", f"and {more} more", "", "", "")
    return Group(top, facts, rows)


def line(state: BatchState) -> str:
    """A batch as a line."""
    running = f"{len(state.running)} running, " if state.running else ""
    outlook = _outlook(state)
    return f"{state.ended}/{state.total} studies, {running}{_counts(state)}{', ' + outlook if outlook else ''}"


def _counts(state: BatchState) -> str:
    parts = [f"{state.failed} failed"]
    if state.refused:
        parts.append(f"{state.refused} files not used")
    if state.waiting:
        parts.append(f"{state.waiting} wait" + (f" ({state.waits_for})" if state.waits_for else ""))
    if state.stopping:
        parts.append("stopping")
    return ", ".join(parts)


def _outlook(state: BatchState) -> str:
    parts = []
    if state.per_hour is not None:
        parts.append(f"{state.per_hour:.0f}/h")
    expected = state.expected
    if expected is not None and expected.low_s is not None and expected.high_s is not None:
        parts.append(f"{span(expected.middle_s)} to go ({span(expected.low_s)} – {span(expected.high_s)})")
    return ", ".join(parts)


def span(seconds: float) -> str:
    """A duration as a person says it: 40 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def _through(state: BatchState) -> bool:
    return state.ended >= state.total
