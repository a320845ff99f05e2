"""A manifest: a CSV file with a row for each folder, file or archive to analyse, with its question and priority."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domain.study import Priority, Refusal
from jobs.batch.request import BatchUsage

COLUMNS = ("path", "indication", "priority")
LONGEST_FIELD = 1 << 20


@dataclass(frozen=True)
class ManifestRow:
    """One row.

    Attributes:
        line: of the file, from 1.
        name: the path as it is written there.
        indication, priority: "" and None where the command line's hold.
    """

    line: int
    path: Path
    name: str
    indication: str
    priority: Priority | None


def manifest_rows(path: Path) -> Iterator[ManifestRow | Refusal]:
    """Rows one by one; a row that cannot be used is refused by its line, the others go on.

    Relative paths are below the manifest's own folder.

    Raises:
        BatchUsage: it is not a CSV file in UTF-8 with a column `path`.
    """
    csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="", restkey="")
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            _require_columns(reader.fieldnames, path)
            for row in reader:
                yield _row(row, reader.line_num, path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BatchUsage(
            f"The manifest cannot be read ({type(error).__name__}).",
            where=path.name,
            remedy=f"Save it as CSV in UTF-8 with the columns {', '.join(COLUMNS)}.",
        ) from error


def _require_columns(found: list[str], path: Path) -> None:
    if "path" not in found:
        raise BatchUsage(
            "The manifest has no column `path`.", where=path.name, remedy=f"Its columns are {', '.join(COLUMNS)}."
        )
    unknown = sorted(set(found) - set(COLUMNS) - {""})
    if unknown:
        raise BatchUsage(
            f"The manifest has columns that mean nothing here: {', '.join(unknown)[:100]}.",
            where=path.name,
            remedy=f"Its columns are {', '.join(COLUMNS)}.",
        )


def _row(row: dict[str, str], line: int, manifest: Path) -> ManifestRow | Refusal:
    given = row["path"].strip()
    priority = row.get("priority", "").strip().upper()
    if not given or "\0" in given:
        return Refusal(f"{manifest.name}, line {line}", "The row names no path.", "Fill in its column `path`.")
    if priority and priority not in set(Priority):
        known = ", ".join(Priority)
        return Refusal(f"{manifest.name}, line {line}", "There is no such priority.", f"Give one of {known}.")
    path = Path(given)
    whole = path if path.is_absolute() else manifest.resolve().parent / path
    indication = row.get("indication", "").strip()
    return ManifestRow(line, whole, given, indication, Priority(priority) if priority else None)
