"""What a command shows: a line a step on stderr, the result on stdout."""

from __future__ import annotations

import json
import sys

from domain.ports import EventKind, RunEvent
from jobs.command import CommandResult


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
