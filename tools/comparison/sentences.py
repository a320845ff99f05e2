"""Changes as sentences for a draft, each with the steps behind it. They hold numbers and a state, never a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.analysis import Change
from domain.codes import Unit
from tools.comparison.change import NOT_COMPARABLE, REFUSED
from tools.findings import quantity

_WORDS = {"long_axis": "longest diameter", "mean": "mean CT number", "voxel_count": "voxels"}
_MORE = {"long_axis": ("longer", "shorter"), "mean": ("higher", "lower"), "cardiothoracic_ratio": ("higher", "lower")}


def sentences(
    changes: Sequence[Change], dates: Mapping[str, str] | None = None
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(text, steps) for each target of each prior, in the order of the changes; the comparison's step comes last.

    Args:
        dates: year and month of each prior by its name, where it is known.
    """
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.prior, change.target), []).append(change)
    return tuple((_sentence(rows, dates or {}), _steps(rows)) for rows in groups.values())


def _sentence(rows: Sequence[Change], dates: Mapping[str, str]) -> str:
    first = rows[0]
    name = first.target[:1].upper() + first.target[1:]
    prior = f"{first.prior} of {dates[first.prior]}" if dates.get(first.prior) else first.prior
    said = "; ".join(_clause(row, prior) for row in rows)
    return f"{name}: {said} ({_how(first)})."


def _clause(row: Change, prior: str) -> str:
    name = _WORDS.get(row.name, row.name.replace("_", " "))
    now, before = _amount(row, row.now), _amount(row, row.before)
    if row.state == "new":
        return f"{name} {now}, new: nothing was outlined there in {prior}"
    if row.state == "gone":
        return f"nothing is outlined any more, {name} {before} in {prior}"
    values = f"{name} {now} now, {before} in {prior}"
    if row.state == NOT_COMPARABLE or row.change is None:
        return f"{values}, not compared{_reason(row)}"
    return f"{values}, {_difference(row)}: {row.state}{_within(row)}"


def _difference(row: Change) -> str:
    if not row.change:
        return "no difference"
    more, fewer = _MORE.get(row.name, ("more", "less"))
    percent = "" if row.percent is None else f" or {quantity(abs(row.percent), Unit.PERCENT)}"
    return f"{_amount(row, abs(row.change))}{percent} {more if row.change > 0 else fewer}"


def _amount(row: Change, value: float | None) -> str:
    return "not measured" if value is None else quantity(value, Unit(row.unit))


def _how(row: Change) -> str:
    """How the target was compared, without what belongs to one measurement."""
    return "; ".join(p for p in row.how.split("; ") if not p.startswith((REFUSED, "tolerance ")))


def _within(row: Change) -> str:
    said = next((p for p in row.how.split("; ") if p.startswith("tolerance ")), "")
    where = "within" if row.state == "stable" else "beyond"
    return f" {where} the tolerance of {said.removeprefix('tolerance ')}" if said else ""


def _reason(row: Change) -> str:
    said = next((p for p in row.how.split("; ") if p.startswith(REFUSED)), "")
    return f": {said.removeprefix(REFUSED)}" if said else ""


def _steps(rows: Sequence[Change]) -> tuple[str, ...]:
    last = rows[-1].steps[-1:]
    return (*dict.fromkeys(s for row in rows for s in row.steps if s not in last), *last)
