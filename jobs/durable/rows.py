"""Steps as JSON rows, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any

from domain.analysis import Step


def as_row(step: Step) -> dict[str, Any]:
    """A step as JSON-able values."""
    return {f.name: json_able(getattr(step, f.name)) for f in fields(step)}


def step_of(row: Mapping[str, Any]) -> Step:
    """The step that a row was made of; sequences in its facts come back as lists."""
    return Step(**{**row, "started": datetime.fromisoformat(row["started"])})


def json_able(value: object) -> Any:
    """Plain JSON values: enumerations by value, times in ISO 8601, NumPy's scalars and arrays as Python's.

    Raises:
        TypeError: it has no JSON form.
    """
    if isinstance(value, Mapping):
        return {str(key): json_able(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_able(item) for item in value]
    return _scalar(value)


def _scalar(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | str | int | float):
        return value
    plain = getattr(value, "tolist", None)
    if plain is None:
        raise TypeError(f"{type(value).__name__} has no JSON form")
    return plain()


def foreign(kind: str) -> Exception:
    """An exception of a kind that is not ours, as its record knows it: by name, without its text."""
    made: type[Exception] = type(kind if kind.isidentifier() else "ForeignError", (Exception,), {})
    return made("as an earlier attempt recorded it")
