"""What a command shows: a line a step on stderr, the result on stdout."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from domain.ports import EventKind, RunEvent
from jobs.command import CommandResult

if TYPE_CHECKING:
    from jobs.batch.command import BatchEnd


def tell_step(event: RunEvent) -> None:
    """One line on stderr for each finished step."""
    data = event.data
    if event.kind is EventKind.STEP_FINISHED:
        model = f" {data['model']}" if data.get("model") else ""
        end = "" if data.get("ok") else f": {data.get('error')}"
        print(f"{data['id']:>4} {data['agent']}/{data['tool']}{model} {data['seconds']:.2f} s{end}", file=sys.stderr)


def show(outcome: CommandResult, *, as_json: bool, written: bool) -> None:
    """The result on stdout: JSON alone, or the report as Markdown when it is written nowhere else."""
    documents = [(folder / "report.json").read_text(encoding="utf-8") for folder in outcome.folders]
    for study_uid, error in outcome.failed:
        print(f"app.py: study {study_uid}: {error}", file=sys.stderr)
    if as_json:
        print(documents[0] if len(documents) == 1 else json.dumps([json.loads(d) for d in documents], indent=2))
        return
    for refusal in outcome.refused:
        print(f"not used: {refusal.file}: {refusal.reason} {refusal.remedy}".rstrip(), file=sys.stderr)
    for folder in outcome.folders:
        if written:
            print(f"report: {folder / 'report.md'}")
        elif (folder / "report.md").exists():
            print((folder / "report.md").read_text(encoding="utf-8"))


def show_batch(ended: BatchEnd, *, as_json: bool) -> None:
    """What a batch came to on stdout; how to go on with one that was stopped."""
    written = ended.written
    if as_json:
        print(json.dumps(ended.summary(), indent=2))
    elif written is not None:
        files = f", {written.refused} files not used" if written.refused else ""
        partial = f", {written.partial} partial" if written.partial else ""
        review = f"{written.needs_review} need review"
        print(f"{written.done} done ({review}){partial}, {written.failed} failed{files}")
        print(f"results: {written.out}")
        if written.failed or written.refused or written.partial:
            print(f"failures: {written.failures}")
    if written is None:
        print(f"Stopped; nothing is lost. Go on with: {ended.resume}", file=sys.stderr)
