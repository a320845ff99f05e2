"""Population norms: how a measurement compares with published ones. Data and sources are in `norms.yaml`.

A norm says what is usual, not what is healthy, and holds for the people who were measured. Percentiles assume a normal
distribution, which volumes follow only roughly; where a study published no spread there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from domain.finding import Measurement
from domain.mask import Mask
from tools.anatomy import anatomy
from tools.quality_remark import Remark, note, review

UNUSUAL_SD = 2.0
IMPROBABLE_SD = 4.0
IMPROBABLE_FACTOR = 2.0
"""A value this many times the mean, limit or largest observed, or this fraction of the smallest, needs a look."""
CHECK = "norm"

Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class Norm:
    """What one study or guideline says of one measurement. None and "" where it is silent.

    Attributes:
        unit: UCUM, of all values.
        sex: "M", "F" or "" for both.
        ages: youngest and oldest in years that it holds for.
        observed: smallest and largest value of the study.
        limit: agreed limits of normal; one side may be None.
        population: who was measured, and how.
        source: citation.
        certainty: "abstract" (numbers stand in the study's abstract) or "guideline" (an agreed cut-off).
    """

    target: str
    measurement: str
    unit: str
    ages: tuple[float, float]
    population: str
    source: str
    certainty: str
    sex: str = ""
    mean: float | None = None
    sd: float | None = None
    observed: tuple[float, float] | None = None
    limit: Limits | None = None

    def z_score(self, value: float) -> float | None:
        """Standard deviations above the mean; None where the study gives no spread."""
        if self.mean is None or self.sd is None:
            return None
        return (value - self.mean) / self.sd

    def percentile(self, value: float) -> float | None:
        """Percent of the population below a value, if it is normally distributed; None without a spread."""
        z = self.z_score(value)
        return None if z is None else 50 * (1 + math.erf(z / math.sqrt(2)))

    @property
    def citation(self) -> str:
        """First author, year and population in short form."""
        author, _, rest = self.source.partition(" ")
        year = next(part for part in rest.replace(";", " ").split() if part.isdigit() and len(part) == 4)
        return f"{author} {year}; {self.population}"


def norm(target: str, measurement: str, *, sex: str = "", age: float | None = None) -> Norm | None:
    """The norm that fits best; None when nothing is published here.

    Args:
        target: a structure's text ("left kidney", "Liver").
        sex: DICOM's M, F, O or "". Norms of one sex are not used for others.
        age: in years; None when it is not known, which counts as adult.
    """
    names = {" ".join(target.lower().split())}
    facts = anatomy(target)
    if facts is not None and facts.kind != "lesion":
        names.add(facts.title)
    fitting = [
        one
        for one in _norms()
        if one.target in names and one.measurement == measurement and _fits(one, sex.upper(), age)
    ]
    return max(fitting, key=lambda one: (bool(one.sex), one.sd is not None), default=None)


def statistical(
    mask: Mask, measurements: Sequence[Measurement], *, sex: str = "", age: float | None = None
) -> Iterator[Remark]:
    """Remarks of quality assurance: measurements of a mask that are unusual in the population.

    Beyond 2 SD, an agreed limit or the range of a study it is a note, for the reader; beyond 4 SD, or twice or half
    of what is usual, a review: the mask is as likely wrong as the patient ill. Small sizes of a mask that reaches the
    edge of the images are those of a part and are not judged.
    """
    partial = _reaches_edge(mask)
    for one in measurements:
        if one.mask_id and one.mask_id != mask.mask_id:
            continue
        known = norm(one.target, one.name, sex=sex, age=age)
        if known is None or known.unit != one.unit or (partial and _is_low(known, one.value)):
            continue
        yield from _judged(known, one, "" if age is not None else ", if the patient is an adult")


def _judged(known: Norm, one: Measurement, proviso: str) -> Iterator[Remark]:
    sentence = _sentence(known, one.value)
    if not sentence:
        return
    what = f"{one.target}: {one.name.replace('_', ' ')} {one.value:.4g}{_shown(one.unit)} {sentence}"
    remark = review if _improbable(known, one.value) else note
    yield remark(CHECK, f"{what} ({known.citation}{proviso})")


def _sentence(known: Norm, value: float) -> str:
    """How a value departs from a norm; "" when it does not."""
    unit = _shown(known.unit)
    low, high = known.limit or (None, None)
    if high is not None and value >= high:
        return f"is not below the limit of {high:g}{unit}"
    if low is not None and value < low:
        return f"is below the limit of {low:g}{unit}"
    z = known.z_score(value)
    if z is not None:
        beyond = f"is {abs(z):.1f} SD {'above' if z > 0 else 'below'} the mean of {known.mean:g}{unit}"
        return beyond if abs(z) > UNUSUAL_SD else ""
    if known.observed is not None:
        first, last = known.observed
        return "" if first <= value <= last else f"is outside the observed {first:g} to {last:g}{unit}"
    if known.mean is not None and _improbable(known, value):
        return f"is {value / known.mean:.1f} times the mean of {known.mean:g}{unit}"
    return ""


def _improbable(known: Norm, value: float) -> bool:
    z = known.z_score(value)
    if z is not None:
        return abs(z) > IMPROBABLE_SD
    low, high = known.observed or known.limit or (known.mean, known.mean)
    above = high is not None and value > IMPROBABLE_FACTOR * high
    return above or (low is not None and value < low / IMPROBABLE_FACTOR)


def _is_low(known: Norm, value: float) -> bool:
    ends = [known.mean, *(known.observed or ()), *(known.limit or ())]
    return value < min((end for end in ends if end is not None), default=math.inf)


def _reaches_edge(mask: Mask) -> bool:
    array = mask.array
    across = any(bool(face.any()) for face in (array[:, 0], array[:, -1], array[:, :, 0], array[:, :, -1]))
    return across or (array.shape[0] > 1 and bool(np.any(array[0]) or np.any(array[-1])))


def _shown(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _fits(one: Norm, sex: str, age: float | None) -> bool:
    return one.sex in ("", sex) and (age is None or one.ages[0] <= age <= one.ages[1])


@cache
def _norms() -> tuple[Norm, ...]:
    document: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("norms.yaml").read_text("utf-8"))
    found: list[Norm] = []
    for entry in document["norms"]:
        fields = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
        fields["source"] = document["sources"][fields["source"]]
        found.extend(Norm(**{**fields, "target": target}) for target in fields["target"])
    return tuple(found)
