"""What changed between two outlines of one target: numbers, and whether they differ by more than measuring twice does.

Nothing is diagnosed: "larger" is a number beyond a tolerance, not progression.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.analysis import Change
from domain.codes import Unit
from domain.finding import Measurement
from domain.mask import Mask
from domain.study import Series, Volume
from tools.comparison.common_field import common_volume_ml, touches_border
from tools.comparison.plausibility import family
from tools.comparison.registration import Registration
from tools.comparison.tolerance import is_lesion, kind_of, tolerance

NOT_COMPARABLE = "not_comparable"
REFUSED = "not compared: "
"""Begins the part of `Change.how` that says why; parts are joined by "; "."""
FEWEST_VOXELS = 27
"""A lesion of less than 3 × 3 × 3 voxels is all border: its volume says little (judgement)."""
THICKNESS = 2.0
"""Slices this many times further apart are told: a volume depends on them (Hori et al., Liver Transpl 2011;17:1427)."""
_SIZES = ("volume", "area")
_OF_LESIONS = ("volume", "area", "long_axis", "mean")
_OF_ORGANS = ("volume", "area", "mean")


@dataclass(frozen=True, eq=False)
class Outlined:
    """A target in one study: its outline, the images it lies on, what was measured of it."""

    mask: Mask
    volume: Volume
    measurements: tuple[Measurement, ...]

    @property
    def series(self) -> Series:
        """The series of the images."""
        return self.volume.series

    def measured(self, name: str) -> Measurement | None:
        """A measurement by name; an empty outline has the size 0 where its images give a size."""
        found = next((m for m in self.measurements if m.name == name), None)
        if found is not None or self.mask.voxel_count or name != self.size:
            return found
        unit = Unit.ML if name == "volume" else Unit.MM2
        return Measurement(name, self.mask.target, 0.0, unit, "empty outline", self.mask.series_uid, self.mask.mask_id)

    @property
    def size(self) -> str:
        """Which size the images give: "volume", "area" or ""."""
        geometry = self.mask.geometry
        if geometry.slices > 1:
            return "volume" if geometry.in_patient else ""
        return "area" if geometry.pixel_spacing_mm is not None else ""


@dataclass(frozen=True, eq=False)
class Laid:
    """How two studies lie to each other.

    Attributes:
        prior: short name of the earlier study.
        registration: moves places of the earlier study to the present one; None where there is none.
        aside: why they are read side by side, "" with a trusted registration.
    """

    prior: str
    registration: Registration | None = None
    aside: str = ""

    @property
    def trusted(self) -> Registration | None:
        """The registration, where places may be compared by it."""
        return self.registration if self.registration is not None and self.registration.trusted else None

    @property
    def words(self) -> str:
        """For a reader."""
        if self.trusted is not None:
            return self.trusted.words
        doubt = self.registration.doubt if self.registration is not None else ""
        return f"side by side: {self.aside or doubt or 'not registered'}"


def changes(now: Outlined, before: Outlined, laid: Laid, *, note: str = "") -> tuple[Change, ...]:
    """Changes of the measurements of one target as a whole, in the order volume or area, long axis, mean HU.

    Args:
        note: how the two outlines were matched, where more than their names says it.
    """
    reason = _other_method(now, before)
    names = _OF_LESIONS if is_lesion(now.mask) else _OF_ORGANS
    shown = [name for name in names if now.measured(name) or before.measured(name)]
    if not now.size or not before.size:
        shown, reason = ["voxel_count"], reason or "these images carry no physical size in one of the studies"
    how = "; ".join(part for part in (laid.words, note, _slices(now, before)) if part)
    return tuple(_change(name, now, before, laid, how, reason) for name in shown)


def ratio_change(now: Measurement, before: Measurement, laid: Laid, views: tuple[str, str] = ("", "")) -> Change:
    """Change of a number that needs no size, as the cardiothoracic ratio.

    Args:
        views: ViewPosition now and before. The heart is nearer to the film, and smaller on it, in PA than in AP.
    """
    made = replace(_numbers(now.name, now.name.replace("_", " "), laid.prior, now, before), how=laid.words)
    rule = tolerance("any", now.name)
    if rule is None:
        return _refused(made, "no tolerance is known")
    if all(views) and views[0].upper() != views[1].upper():
        return _refused(made, f"different projections ({views[0]} now, {views[1]} before)")
    return replace(made, state=rule.state(now.value, before.value), how=f"{made.how}; {rule.words}")


def _change(name: str, now: Outlined, before: Outlined, laid: Laid, how: str, reason: str) -> Change:
    first, second = now.measured(name), before.measured(name)
    made = replace(_numbers(name, now.mask.target, laid.prior, first, second), how=how)
    if name == "volume" and first and second and not reason and _cut(now, before):
        if laid.trusted is None:
            return _refused(made, "the outline reaches the border of the images in one of the studies")
        made = _within_both(made, now, before, laid.trusted)
    reason = reason or _unlike(name, now, before, first, second)
    if reason:
        return _refused(made, reason)
    return _judged(made, now.mask)


def _judged(made: Change, mask: Mask) -> Change:
    rule = tolerance(kind_of(mask), made.name)
    if rule is None or made.now is None or made.before is None:
        return _refused(made, "it was measured in one of the studies only")
    if made.name in _SIZES and 0.0 in (made.now, made.before):
        return _of_nothing(made, mask)
    return replace(made, state=rule.state(made.now, made.before), how=f"{made.how}; {rule.words}")


def _of_nothing(made: Change, mask: Mask) -> Change:
    """One of the outlines is empty: a lesion may come and go, an organ may not."""
    if made.now == made.before:
        return replace(made, state="stable", how=f"{made.how}; nothing was outlined in either study")
    where = made.prior if not made.before else "the present study"
    said = f"nothing was outlined in {where}, which does not exclude it"
    if not is_lesion(mask):
        return _refused(made, said)
    return replace(made, state="gone" if made.before else "new", how=f"{made.how}; {said}")


def _numbers(name: str, target: str, prior: str, now: Measurement | None, before: Measurement | None) -> Change:
    """Values and what lies between them; no percentage of nothing."""
    first, second = now.value if now else None, before.value if before else None
    unit = next((m.unit.value for m in (now, before) if m is not None), Unit.ONE.value)
    made = Change(target, prior, name, first, second, unit, None, None, NOT_COMPARABLE, "")
    return made if first is None or second is None else between(made, first, second)


def between(made: Change, now: float, before: float) -> Change:
    """The change with values, difference and percentage."""
    difference = now - before
    # A percentage of Hounsfield units depends on where their zero was put.
    percent = 100 * difference / abs(before) if before and made.unit != Unit.HU.value else None
    return replace(made, now=now, before=before, change=difference, percent=percent)


def _refused(made: Change, reason: str) -> Change:
    return replace(made, state=NOT_COMPARABLE, change=None, percent=None, how=f"{made.how}; {REFUSED}{reason}")


def _other_method(now: Outlined, before: Outlined) -> str:
    if family(now.series.modality) != family(before.series.modality):
        return f"other modality ({now.series.modality} now, {before.series.modality} before)"
    if now.mask.model != before.mask.model:
        return f"other method ({now.mask.model} now, {before.mask.model} before)"
    return ""


def _unlike(name: str, now: Outlined, before: Outlined, first: Measurement | None, second: Measurement | None) -> str:
    """Why two measurements are not of the same thing; "" when they are."""
    if first is None or second is None:
        return "it was measured in one of the studies only"
    if first.unit is not second.unit:
        return f"different units ({first.unit.value} now, {second.unit.value} before)"
    if name == "mean":
        return _unlike_values(first, now.series, before.series)
    sources = {one.mask.geometry.spacing_source == "ImagerPixelSpacing" for one in (now, before)}
    if name != "volume" and len(sources) > 1:
        return "the pixel spacing is that at the detector in one of the studies only"
    few = min((n for n in (now.mask.voxel_count, before.mask.voxel_count) if n), default=0)
    if name == "volume" and is_lesion(now.mask) and 0 < few < FEWEST_VOXELS:
        return f"an outline of {few} voxels is too small for a volume"
    return ""


def _unlike_values(mean: Measurement, now: Series, before: Series) -> str:
    if mean.unit is not Unit.HU:
        return "a grey value has no meaning beyond its own image"
    return "contrast agent in one of the studies only" if bool(now.contrast) != bool(before.contrast) else ""


def _cut(now: Outlined, before: Outlined) -> bool:
    return touches_border(now.mask) or touches_border(before.mask)


def _within_both(made: Change, now: Outlined, before: Outlined, registration: Registration) -> Change:
    """Volumes of what both studies image: a part that one of them cuts off is left out of both."""
    first = common_volume_ml(now.mask, before.mask.geometry, registration.to_moving)
    second = common_volume_ml(before.mask, now.mask.geometry, registration.to_fixed)
    how = f"{made.how}; the outline reaches the border of the images: only what both studies image is compared"
    return replace(between(made, first, second), how=how)


def _slices(now: Outlined, before: Outlined) -> str:
    gaps = [one.mask.geometry.slice_spacing_mm for one in (now, before)]
    if gaps[0] is None or gaps[1] is None or max(gaps[0], gaps[1]) < THICKNESS * min(gaps[0], gaps[1]):
        return ""
    return f"slices every {gaps[0]:.3g} mm now and every {gaps[1]:.3g} mm before"
