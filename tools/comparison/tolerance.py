"""How much a measurement must change before the change is more than measuring twice gives. Never a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass

from domain.mask import Mask
from tools.anatomy import anatomy
from tools.findings import LESIONS

_BTS = "BTS 2015"
_FLEISCHNER = "Fleischner 2017"
_RECIST = "RECIST 1.1"
_WHO = "WHO 1979"

SOURCES = {
    _BTS: "Callister MEJ et al. British Thoracic Society guidelines for the investigation and management of pulmonary "
    "nodules. Thorax 2015;70:ii1-ii54: growth is a change of volume of 25 % or more; taken here for every lesion",
    _FLEISCHNER: "MacMahon H et al. Guidelines for management of incidental pulmonary nodules detected on CT images. "
    "Radiology 2017;284:228-243: growth is 2 mm of diameter or more",
    _RECIST: "Eisenhauer EA et al. New response evaluation criteria in solid tumours (RECIST 1.1). Eur J Cancer "
    "2009;45:228-247: 20 % and 5 mm larger, 30 % smaller, there of a sum of diameters; nothing is classified here",
    _WHO: "Miller AB et al. Reporting results of cancer treatment. Cancer 1981;47:207-214: product of diameters 25 % "
    "larger or 50 % smaller; taken here for an area",
    "Heymsfield 1979": "Heymsfield SB et al. Accurate measurement of liver, kidney, and spleen volume and mass by "
    "computerized axial tomography. Ann Intern Med 1979;90:185-187: within 3 to 5 %; two measurements, twice that",
    "ACR": "American College of Radiology, CT accreditation: water within 7 HU of 0; two scans differ by √2 times that",
    "Chon 2011": "Chon SB et al. Calculation of the cardiothoracic ratio from portable anteroposterior chest "
    "radiography. J Korean Med Sci 2011;26(11): standard deviation 0.029 between two films; 1.96 times that",
    "judgement": "judgement, no publication",
}
"""What the short names stand for."""


@dataclass(frozen=True)
class Tolerance:
    """A change beyond it is larger or smaller; both a share and an amount must be passed where both are given.

    Attributes:
        larger, smaller: percent of the earlier value.
        larger_by, smaller_by: amounts in the measurement's own unit.
        source: a key of `SOURCES`. note: what the change may come from besides.
    """

    source: str
    larger: float = 0.0
    smaller: float = 0.0
    larger_by: float = 0.0
    smaller_by: float = 0.0
    unit: str = ""
    note: str = ""

    def state(self, now: float, before: float) -> str:
        """ "larger", "smaller" or "stable". `before` is not 0 where a percentage counts."""
        change = now - before
        share = 100 * change / abs(before) if before else 0.0
        # A border is reached by equality; what floating point leaves of it does not count.
        if change > 0 and share >= self.larger - _SLACK and change >= self.larger_by - _SLACK:
            return "larger"
        if change < 0 and -share >= self.smaller - _SLACK and -change >= self.smaller_by - _SLACK:
            return "smaller"
        return "stable"

    @property
    def words(self) -> str:
        """For a reader: "tolerance +20 % and 5 mm, -30 % (RECIST 1.1)"."""
        up, down = _bound(self.larger, self.larger_by, self.unit), _bound(self.smaller, self.smaller_by, self.unit)
        sides = f"±{up}" if up == down else f"+{up}, -{down}"
        return f"tolerance {sides} ({self.source}{f', {self.note}' if self.note else ''})"


_SLACK = 1e-9
_INSPIRATION = "depends on inspiration"

_RULES: dict[tuple[str, str], Tolerance] = {
    ("lesion", "volume"): Tolerance(_BTS, larger=25, smaller=25),
    ("lesion", "area"): Tolerance(_WHO, larger=25, smaller=50),
    ("lesion", "long_axis"): Tolerance(_RECIST, larger=20, larger_by=5, smaller=30, unit="mm"),
    ("nodule", "long_axis"): Tolerance(_FLEISCHNER, larger_by=2, smaller_by=2, unit="mm"),
    ("organ", "volume"): Tolerance("Heymsfield 1979", larger=10, smaller=10),
    ("organ", "area"): Tolerance("judgement", larger=20, smaller=20, note="depends on slice or projection"),
    ("lung", "volume"): Tolerance("judgement", larger=20, smaller=20, note=_INSPIRATION),
    ("lung", "area"): Tolerance("judgement", larger=20, smaller=20, note=_INSPIRATION),
    ("any", "mean"): Tolerance("ACR", larger_by=10, smaller_by=10, unit="HU"),
    ("any", "cardiothoracic_ratio"): Tolerance("Chon 2011", larger_by=0.06, smaller_by=0.06, note=_INSPIRATION),
}
_WIDER = {"nodule": ("nodule", "lesion", "any"), "lung": ("lung", "organ", "any")}


def kind_of(mask: Mask) -> str:
    """ "nodule", "lesion", "lung" or "organ"."""
    known = anatomy(mask.target)
    if "nodule" in mask.target:
        return "nodule"
    if mask.category in LESIONS or (known is not None and known.kind == "lesion"):
        return "lesion"
    return "lung" if "lung" in mask.target.split() else "organ"


def is_lesion(mask: Mask) -> bool:
    """May be absent, and may come and go."""
    return kind_of(mask) in {"nodule", "lesion"}


def tolerance(kind: str, name: str) -> Tolerance | None:
    """The rule for a measurement; None for one that is not compared."""
    kinds = _WIDER.get(kind, (kind, "any"))
    return next((_RULES[key] for key in ((k, name) for k in kinds) if key in _RULES), None)


def _bound(percent: float, amount: float, unit: str) -> str:
    parts = ([f"{percent:g} %"] if percent else []) + ([f"{amount:g} {unit}".strip()] if amount else [])
    return " and ".join(parts)
