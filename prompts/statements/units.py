"""Units as reports write them, in UCUM, with what they are of a base unit (numbers.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from prompts.data import read_yaml, strings
from prompts.words import fold


@dataclass(frozen=True)
class Scale:
    """A unit as a multiple of the base unit of its kind.

    Attributes:
        base: UCUM code; two units convert when their bases are equal.
    """

    base: str
    factor: float


UNITLESS = Scale("1", 1.0)


def alone(unit: str) -> Scale:
    """The scale of a unit that converts into no other."""
    return Scale(f"?{unit}", 1.0)


@cache
def _scales() -> Mapping[str, Scale]:
    raw = read_yaml("statements/numbers.yaml")
    scales = {
        name: Scale(base, float(factor))
        for base, kinds in raw["units"].items()
        for factor, names in kinds.items()
        for name in strings(names)
    }
    return {**scales, **{name: alone(raw["same"].get(name, name)) for name in strings(raw["alone"])}}


@cache
def _plurals() -> tuple[str, ...]:
    return strings(read_yaml("statements/numbers.yaml")["plurals"])


def scale(unit: str) -> Scale | None:
    """The scale of a written or UCUM unit, plural or singular; None when it is no unit."""
    if not unit:
        return UNITLESS
    written = " ".join(fold(word) for word in unit.lower().split())
    for ending in _plurals():
        if written.endswith(ending) and written.removesuffix(ending) in _scales():
            return _scales()[written.removesuffix(ending)]
    return None


def written_units() -> tuple[str, ...]:
    """All spellings but "1", longest first."""
    return tuple(sorted((name for name in _scales() if name != "1"), key=len, reverse=True))
