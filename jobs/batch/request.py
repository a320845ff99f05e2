"""What a batch was asked to do, and the name by which the same command goes on with it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

from domain.errors import MedImageError
from domain.study import Priority

QUERY = "query"
"""The word that stands for the studies on record."""
_FILTER = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")
_FILTERS = ("modality", "since", "until", "body_part", "description")


class BatchUsage(MedImageError):
    """The command line asks for what cannot be done."""

    remedy_default = "See `app.py batch --help` and docs/batch.md."


class SourceKind(StrEnum):
    """Where the studies of a batch come from."""

    FILES = "files"
    MANIFEST = "manifest"
    STORED = "stored"


@dataclass(frozen=True)
class StoredFilter:
    """Which studies on record; "" and None for any.

    Attributes:
        modality: of one of their series ("CT"), in capitals.
        since, until: local time of the examination; `until` itself is not taken any more.
        body_part, description: words that the field contains, in whatever case.
    """

    modality: str = ""
    since: datetime | None = None
    until: datetime | None = None
    body_part: str = ""
    description: str = ""


@dataclass(frozen=True)
class BatchSource:
    """Where the studies come from.

    Attributes:
        path: folder, file, zip archive or manifest; None for studies on record.
        which: for studies on record.
    """

    kind: SourceKind
    path: Path | None = None
    which: StoredFilter = StoredFilter()

    @property
    def text(self) -> str:
        """The same source as the same text, in whatever order it was given."""
        if self.path is not None:
            return f"{self.kind.value} {self.path.resolve()}"
        facts = {name: str(value) for name, value in vars(self.which).items() if value}
        return f"{self.kind.value} {json.dumps(facts, sort_keys=True)}"


@dataclass(frozen=True)
class BatchRequest:
    """One batch.

    Attributes:
        name: of the batch: the same one goes on.
        words: that name the source, wherever the command is given.
        limit: studies at most, the first that were found; None for all.
        resume: go on with what was found before; nothing is looked for.
        retry: queue what failed once more.
        out: the table of results; that of failures stands beside it.
        deidentify: pseudonyms instead of UIDs and file names in the tables.
    """

    name: str
    source: BatchSource
    indication: str
    out: Path
    words: tuple[str, ...] = ()
    priority: Priority = Priority.RESEARCH
    limit: int | None = None
    resume: bool = False
    retry: bool = False
    deidentify: bool = False


def source_of(words: Sequence[str]) -> BatchSource:
    """The source that the words of a command line name: a path, or filters of studies on record.

    Raises:
        BatchUsage: neither, or a filter that there is not.
    """
    if not words:
        raise BatchUsage("A batch needs a folder, a manifest, or `query` with filters.")
    rest = [part for word in words for part in _split(word)]
    if rest and rest[0] == QUERY:
        return BatchSource(SourceKind.STORED, which=_filter(rest[1:]))
    path = Path(words[0])
    if len(words) > 1 or (not path.exists() and _FILTER.fullmatch(words[0])):
        if all(_FILTER.fullmatch(part) for part in rest):
            return BatchSource(SourceKind.STORED, which=_filter(rest))
        raise BatchUsage("A batch takes one folder, archive or manifest.", remedy="List several in a manifest.")
    if not path.exists():
        raise BatchUsage("There is no such file or folder.", where=str(path))
    kind = SourceKind.MANIFEST if path.suffix.lower() == ".csv" and path.is_file() else SourceKind.FILES
    return BatchSource(kind, path)


def batch_name(source: BatchSource, indication: str, priority: Priority) -> str:
    """The name of a batch to which nobody gave one: the same command has the same."""
    text = "\n".join((source.text, indication, priority.value))
    return f"batch-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def require_name(name: str) -> str:
    """The name of a batch.

    Raises:
        BatchUsage: it could not be a folder's name everywhere.
    """
    if not _NAME.fullmatch(name):
        raise BatchUsage("A batch's name has letters, digits, - and _, 48 at most.", where="--batch")
    return name


def _split(word: str) -> list[str]:
    """Filters that were given as one word: "query modality=CT since=2025-01-01"."""
    return re.split(rf"\s+(?=(?:{'|'.join(_FILTERS)})=)", word.strip())


def _filter(parts: Sequence[str]) -> StoredFilter:
    given: dict[str, str] = {}
    for part in parts:
        match = _FILTER.fullmatch(part)
        if match is None or match[1] not in _FILTERS:
            raise BatchUsage(f"No such filter; there are {', '.join(_FILTERS)}.", where=part)
        given[match[1]] = match[2].strip()
    until = _moment("until", given.get("until", ""))
    if until is not None and len(given["until"]) == len("2025-01-01"):
        until += timedelta(days=1)  # a day is meant whole
    return StoredFilter(
        modality=given.get("modality", "").upper(),
        since=_moment("since", given.get("since", "")),
        until=until,
        body_part=given.get("body_part", ""),
        description=given.get("description", ""),
    )


def _moment(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        if len(text) == len("2025-01-01"):
            return datetime.combine(date.fromisoformat(text), time())
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise BatchUsage("A date is written as 2025-01-31.", where=f"{name}={text}") from None
