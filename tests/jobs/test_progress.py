"""Progress on a terminal and without one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.live import Live

from domain.ports import EventKind, RunEvent
from jobs.batch.state import BatchState, RunningStudy, Silence
from jobs.progress import LiveBatch, LiveSteps, PlainBatch, batch_shown, drawn, line, span, steps_shown
from jobs.scheduling.expected import Expected
from jobs.terminal import tell_step

STATE = BatchState(
    total=200,
    ended=50,
    failed=2,
    refused=3,
    waiting=1,
    waits_for="the endpoint does not answer",
    running=(RunningStudy(51, "patient-3fa9c1", "segmentation/segment MedImageParse@7", 4.2),),
    per_hour=1800.0,
    expected=Expected(300.0, 240.0, 420.0),
)


def started(step: str = "s1") -> RunEvent:
    inputs = {"prompt": "Verysecret^Patient"}
    data = {"id": step, "agent": "segmentation", "tool": "segment", "model": "MedImageParse@7", "inputs": inputs}
    return RunEvent(EventKind.STEP_STARTED, data)


def finished(step: str = "s1", *, ok: bool = True) -> RunEvent:
    data = {**started(step).data, "ok": ok, "error": "" if ok else "No answer.", "seconds": 1.25, "outputs": {}}
    return RunEvent(EventKind.STEP_FINISHED, data)


def shown(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    console.print(renderable)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_a_batch_is_a_bar_and_what_runs() -> None:
    text = shown(drawn(STATE))
    for part in ("50/200", "1800/h", "5 min to go (4 min – 7 min)", "2 failed", "3 files not used", "1 wait"):
        assert part in text
    assert "study 51" in text
    assert "segmentation/segment MedImageParse@7" in text


def test_many_running_studies_do_not_fill_the_screen() -> None:
    many = BatchState(100, running=[RunningStudy(n, "", "qa/assess", 1.0) for n in range(40)])
    assert "and 32 more" in shown(drawn(many))


def test_without_a_terminal_there_are_lines_now_and_then() -> None:
    stream = io.StringIO()
    batch = PlainBatch(stream, every_s=60.0)
    for ended in range(10):
        batch.state(BatchState(10, ended=ended))
    batch.state(BatchState(10, ended=9, failed=1))
    batch.state(BatchState(10, ended=10, failed=1))
    lines = stream.getvalue().splitlines()
    assert lines == ["0/10 studies, 0 failed", "9/10 studies, 1 failed", "10/10 studies, 1 failed"]
    assert "5 min to go" in line(STATE)


def test_a_captured_stream_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with steps_shown() as listener, batch_shown() as watcher:
        assert listener is tell_step
        assert isinstance(watcher, PlainBatch)
    with steps_shown(quiet=True) as nobody, batch_shown(quiet=True) as silence:
        assert nobody is None
        assert isinstance(silence, Silence)
    assert capsys.readouterr() == ("", "")


def test_steps_on_a_terminal_stand_with_model_and_seconds() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=100, force_terminal=True, color_system=None)
    steps = LiveSteps()
    with Live(console=console, get_renderable=steps.drawn, auto_refresh=False) as live:
        steps.live = live
        steps(started())
        assert "segmentation/segment MedImageParse@7 … 0 s" in shown(steps.drawn())
        steps(RunEvent(EventKind.PROGRESS, {"done": 3, "total": 20}))
        assert "3 of 20" in shown(steps.drawn())
        steps(finished())
        steps(started("s2"))
        steps(finished("s2", ok=False))
        assert shown(steps.drawn()).strip() == ""
    text = screen.getvalue()
    assert "✓   s1 segmentation/segment  MedImageParse@7  1.25 s" in text
    assert "✗   s2 segmentation/segment  MedImageParse@7  1.25 s  No answer." in text
    assert "secret" not in text, "inputs are not shown"


def test_what_is_said_in_a_batch_stays() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=100, force_terminal=True, color_system=None)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        batch = LiveBatch(live)
        batch.found(100, 10)
        assert "10 in 100 files" in shown(live.get_renderable())
        batch.state(STATE)
        assert "50/200" in shown(live.get_renderable())
        batch.say("Stopping.")
    assert "Stopping." in screen.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (100, "2 min"), (5400, "1 h 30 min"), (7200, "2 h"), (200_000, "2 d 7 h")],
)
def test_durations_as_people_say_them(seconds: float, words: str) -> None:
    assert span(seconds) == words
