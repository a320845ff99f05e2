"""`measurement-measure`: numbers from geometry, with unit, method and source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.errors import MedImageError
from domain.finding import Measurement
from domain.mask import Mask, worst
from domain.study import Study, Volume
from plugins.results import names, result
from plugins.workspace import DERIVED, DerivedMeasurement, Workspace
from prompts.own_words import own_words
from prompts.question.understanding import understand
from tools.cardiothoracic import cardiothoracic_ratio
from tools.features import features
from tools.findings import LESIONS
from tools.measurement import measure
from tools.norms import statistical

LARGEST_LESION = 500_000
"""Voxels up to which a lesion's features are computed: texture of millions of voxels takes seconds."""

Found = dict[str, tuple[tuple[Measurement, ...], tuple[str, ...], tuple[dict[str, object], ...]]]
"""Measurements, warnings and feature rows by mask id."""


def measure_all(masks: Sequence[Mask], volume: Volume) -> Found:
    """Measure the masks of one series. The step's id is not known inside the step: it is written in afterwards."""
    return {mask.mask_id: (*measure(mask, volume, step_id=""), lesion_features(mask, volume)) for mask in masks}


def lesion_features(mask: Mask, volume: Volume) -> tuple[dict[str, object], ...]:
    """Image features of a lesion; none of an organ, and none of colour."""
    if mask.category not in LESIONS or not 0 < mask.voxel_count <= LARGEST_LESION or volume.series.colour:
        return ()
    about = {"mask": mask.mask_id, "target": mask.target}
    return tuple({**about, **asdict(feature)} for feature in features(mask, volume))


SIZES = {
    "volume": frozenset({"volume", "area"}),
    "area": frozenset({"area", "volume"}),
    "diameter": frozenset({"long_axis"}),
}
"""What answers a question for a size; one slice has an area for its volume, and says so."""


class MeasurementPlugin:
    """Measurements of the masks of this run."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="measure",
        description="Measure masks that QA has judged and not rejected: area or volume, axes, HU, cardiothoracic "
        "ratio. Empty list: all that are not measured yet.",
    )
    async def measure(
        self, masks: Annotated[list[str] | None, "mask ids"] = None
    ) -> Annotated[str, "JSON: measurements with unit, method, source"]:
        """Measure the masks, series by series."""
        workspace = self._workspace
        chosen = [workspace.mask(m) for m in (names(masks) or workspace.unmeasured)]
        unjudged = [m.mask_id for m in chosen if m.quality is None]
        if unjudged:
            raise NotJudged(f"QA has not judged {', '.join(unjudged)}.", where="masks")
        usable = [m for m in chosen if workspace.usable(m)]
        async with workspace.writing:
            for uid in dict.fromkeys(m.series_uid for m in usable):
                await self._measure(uid, [m for m in usable if m.series_uid == uid])
        rows = [m for mask in usable for m in workspace.measured.get(mask.mask_id, ())]
        return result({"measurements": [_row(m) for m in (*rows, *(d.measurement for d in workspace.derived))]})

    async def _measure(self, uid: str, masks: list[Mask]) -> None:
        workspace = self._workspace
        name = workspace.name_of(uid)

        async def work() -> Found:
            return await workspace.compute.run(measure_all, masks, workspace.volume(name))

        found, step = await workspace.runner.run(
            "measurement",
            "measure",
            work,
            inputs={"series": name, "masks": [m.mask_id for m in masks]},
            outputs=lambda r: {i: {x.name: x.value for x in ms} for i, (ms, _, _) in r.items()},
        )
        for mask_id, (measurements, warnings, rows) in found.items():
            workspace.features[mask_id] = rows
            workspace.measured[mask_id] = tuple(sourced(m, step.step_id) for m in measurements)
            for warning in warnings:
                workspace.warn(f"{name}: {warning}", mask_id)
            self._compare_with_norms(mask_id)
            self._say_what_is_missing(mask_id)
        self._ratio(uid, step.step_id)

    def _say_what_is_missing(self, mask_id: str) -> None:
        """A size that was asked for and that these images cannot give is not answered."""
        workspace = self._workspace
        mask = workspace.masks[mask_id]
        wanted = {m for m in understand(own_words(workspace.question).text).measurements if m in SIZES}
        missing = [m for m in sorted(wanted) if not SIZES[m] & {x.name for x in workspace.measured[mask_id]}]
        if missing and mask.target in workspace.asked and mask.voxel_count:
            reason = f"{' and '.join(missing)}: these images carry no physical size for it."
            remedy = "Send images with PixelSpacing, and two or more slices with positions for a volume."
            workspace.unanswered.setdefault((mask.series_uid, f"{mask.target} ({missing[0]})"), f"{reason} {remedy}")

    def _compare_with_norms(self, mask_id: str) -> None:
        """The statistical check: what is unusual in the population joins the verdict."""
        workspace = self._workspace
        mask, study = workspace.masks[mask_id], workspace.ingested.study
        remarks = list(statistical(mask, workspace.measured[mask_id], sex=study.patient.sex, age=age_at_study(study)))
        if not remarks or mask.quality is None:
            return
        outcome = worst([mask.quality.outcome, *(r.outcome for r in remarks)])
        reasons = tuple(dict.fromkeys((*mask.quality.reasons, *(r.reason for r in remarks))))
        workspace.masks[mask_id] = mask.judged(replace(mask.quality, outcome=outcome, reasons=reasons))

    def _ratio(self, uid: str, step_id: str) -> None:
        """The cardiothoracic ratio, where usable outlines of heart and lungs lie on one frontal projection."""
        workspace = self._workspace
        workspace.derived = [d for d in workspace.derived if d.measurement.series_uid != uid]
        found = [workspace.mask_of(uid, t) for t in ("heart", "lung", "left lung", "right lung")]
        heart, *lungs = [m if workspace.usable(m) else None for m in found]
        sides = [m for m in lungs if m is not None]
        if heart is None or not sides:
            return
        try:
            series = workspace.series(workspace.name_of(uid))
            ratio, warnings = cardiothoracic_ratio(heart, sides, series, step_id=step_id)
        except MedImageError as error:
            workspace.warn(f"Cardiothoracic ratio: {error}")
            return
        for warning in warnings:
            workspace.warn(warning, DERIVED)
        workspace.derived.append(DerivedMeasurement(ratio, tuple(m.mask_id for m in (heart, *sides))))


def age_at_study(study: Study) -> float | None:
    """Years from birth to examination; None when either date is unknown."""
    if study.patient.birth_date is None or study.started is None:
        return None
    return (study.started.date() - study.patient.birth_date).days / 365.25


class NotJudged(MedImageError):
    """A mask that QA has not seen is not measured."""

    remedy_default = "Call quality-assess first."


def sourced(measurement: Measurement, step_id: str) -> Measurement:
    """The measurement with the step that made it: "m1 (s5)"."""
    return replace(measurement, step_id=step_id, source=f"{measurement.mask_id} ({step_id})")


def _row(m: Measurement) -> dict[str, object]:
    return {
        "name": m.name,
        "target": m.target,
        "value": float(f"{m.value:.6g}"),
        "unit": m.unit.value,
        "method": m.method,
        "source": m.source,
    }
