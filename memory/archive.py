"""Export and import: one record a line of JSON, with its history; vectors are made anew where it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TextIO

from domain.study import Patient
from memory.entry import Entry, Event, Happening, entry_of
from memory.errors import FeedbackRefused
from memory.intake import without_identity


def write_lines(entries: Iterable[Entry], file: TextIO) -> int:
    """Write the entries by id; how many."""
    by_id = {entry.feedback.feedback_id: entry for entry in entries}
    for _, entry in sorted(by_id.items()):
        file.write(json.dumps(entry.document(), sort_keys=True) + "\n")
    return len(by_id)


def read_lines(lines: Iterable[str], *, now: datetime) -> list[Entry]:
    """The entries of an export, scrubbed once more of what looks like anybody's identity.

    Raises:
        FeedbackRefused: a line is no record of this schema, or its prompts may name a person; says which line.
    """
    return [_entry(number, line, now) for number, line in enumerate(lines, 1) if line.strip()]


def _entry(number: int, line: str, now: datetime) -> Entry:
    try:
        entry = entry_of(json.loads(line))
        clean = without_identity(entry.feedback, Patient())
    except FeedbackRefused as error:
        raise FeedbackRefused(error.reason, where=f"line {number}, {error.where}", remedy=error.remedy) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise FeedbackRefused("This is no record of the memory.", where=f"line {number}") from error
    return Entry(clean, entry.active, (*entry.events, Event(now, Happening.IMPORTED)))
