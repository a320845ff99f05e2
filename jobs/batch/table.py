"""A table in a file, row by row, and put in place as a whole: CSV, or Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import math
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from domain.errors import ConfigurationError

ROWS_AT_ONCE = 5000
"""Of Parquet: what is kept in memory, and a row group of the file."""
SUFFIXES = (".csv", ".parquet")
_FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212|%]")
"""What a spreadsheet may take for a formula, or for the call of a program (CWE-1236); blanks before it are no help."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_LINES = re.compile("[\t\r\n\x85\u2028\u2029]+")


def require_format(out: Path) -> Path:
    """The file of a table.

    Raises:
        ConfigurationError: not a format that is written here; its folder cannot be written; pyarrow is missing.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(
            f"{out.name}: results are written as .csv or .parquet.", where="--out", remedy="Give one of these endings."
        )
    if out.is_dir():
        raise ConfigurationError(f"{out.name} is a folder.", where="--out", remedy="Give a file.")
    if out.suffix.lower() == ".parquet":
        _pyarrow()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _part(out).open("wb"):
            pass
        _part(out).unlink()
    except OSError as error:
        reason = f"{out.name} cannot be written there ({error.strerror or type(error).__name__})."
        raise ConfigurationError(reason, where="--out", remedy="Give a file in a folder that you may write.") from None
    return out


def failures_beside(out: Path) -> Path:
    """The file of the failures that belongs to a file of results."""
    return out.with_name(f"{out.stem}.failures{out.suffix}")


class Table(ABC):
    """Rows go to a file of another name, which takes its own when all of them are there.

    Args:
        columns: names and the types of their values; what a row lacks is empty.
    """

    def __init__(self, out: Path, columns: Mapping[str, type]) -> None:
        self._out = out
        self._columns = columns
        self.rows = 0

    @abstractmethod
    def add(self, row: Mapping[str, Any]) -> None:
        """One more row."""

    @abstractmethod
    def _end(self) -> None:
        """Write what is left."""

    @abstractmethod
    def _drop(self) -> None:
        """Close, whatever is left."""

    def __enter__(self) -> Table:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._end()
        finally:
            self._drop()
            if kind is None:
                _place(self._out)
            else:
                with suppress(OSError):
                    _part(self._out).unlink()


class CsvTable(Table):
    """CSV as RFC 4180 says, in UTF-8; no cell of text begins like a formula."""

    def __init__(self, out: Path, columns: Mapping[str, type]) -> None:
        super().__init__(out, columns)
        self._file: IO[str] = _part(out).open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(columns)

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row."""
        self._writer.writerow([cell(row.get(name)) for name in self._columns])
        self.rows += 1

    def _end(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _drop(self) -> None:
        self._file.close()


class ParquetTable(Table):
    """Parquet with typed columns, in row groups."""

    def __init__(self, out: Path, columns: Mapping[str, type]) -> None:
        super().__init__(out, columns)
        arrow, parquet = _pyarrow()
        kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
        self._arrow = arrow
        self._schema = arrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
        self._waiting: dict[str, list[Any]] = {name: [] for name in columns}
        self._writer = parquet.ParquetWriter(str(_part(out)), self._schema)

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row."""
        for name, kind in self._columns.items():
            value = row.get(name)
            if value is not None:
                value = text(str(value)) if kind is str else kind(value)
            self._waiting[name].append(value)
        self.rows += 1
        if self.rows % ROWS_AT_ONCE == 0:
            self._write()

    def _write(self) -> None:
        self._writer.write_table(self._arrow.table(self._waiting, schema=self._schema))
        for values in self._waiting.values():
            values.clear()

    def _end(self) -> None:
        self._write()

    def _drop(self) -> None:
        self._writer.close()


def open_table(out: Path, columns: Mapping[str, type]) -> Table:
    """A table in the format that the ending names. Raises ConfigurationError."""
    return (ParquetTable if out.suffix.lower() == ".parquet" else CsvTable)(out, columns)


def write_table(out: Path, columns: Mapping[str, type], rows: Iterable[Mapping[str, Any]]) -> int:
    """A whole table; returns the number of rows."""
    with open_table(out, columns) as table:
        for row in rows:
            table.add(row)
    return table.rows


def cell(value: object) -> str:
    """A value as CSV shows it: numbers as they are, text so that no spreadsheet computes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    shown = text(str(value))
    return f"'{shown}" if _FORMULA.match(shown) else shown


def text(value: str) -> str:
    """Text on one line, without what controls a terminal or what no encoding takes."""
    return _CONTROL.sub("\ufffd", _LINES.sub(" ", value))


def _part(out: Path) -> Path:
    return out.with_name(f".{out.name}.part")


def _place(out: Path) -> None:
    _part(out).replace(out)


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigurationError(
            "Parquet needs the package pyarrow, which is not installed.",
            where="--out",
            remedy="Install it (`uv sync --extra parquet`, or `pip install pyarrow`), or give a .csv file.",
        ) from None
