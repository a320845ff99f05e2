"""`measurement-measure`: numbers from geometry, with unit, method and source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.errors import MedImageError
from domain.finding import Measurement
from domain.mask import Mask, Outcome
from domain.study import Volume
from plugins.results import names, result
from plugins.workspace import Workspace
from tools.cardiothoracic import cardiothoracic_ratio
from tools.measurement import measure


def measure_all(
    masks: Sequence[Mask], volume: Volume, step_id: str
) -> tuple[dict[str, tuple[Measurement, ...]], list[str]]:
    """Measurements by mask id, and warnings, for the masks of one series."""
    found: dict[str, tuple[Measurement, ...]] = {}
    warnings: list[str] = []
    for mask in masks:
        found[mask.mask_id], said = measure(mask, volume, step_id=step_id)
        warnings += said
    return found, warnings


class MeasurementPlugin:
    """Measurements of the masks of this run."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="measure",
        description="Measure masks that QA did not reject: area or volume, axes, HU, cardiothoracic ratio. "
        "Empty list: all that are not measured yet.",
    )
    async def measure(
        self, masks: Annotated[list[str] | None, "mask ids"] = None
    ) -> Annotated[str, "JSON: measurements with unit, method, source"]:
        """Measure the masks, series by series."""
        workspace = self._workspace
        chosen = [workspace.mask(m) for m in (names(masks) or workspace.unmeasured)]
        usable = [m for m in chosen if m.quality is None or m.quality.outcome is not Outcome.REJECT]
        for uid in dict.fromkeys(m.series_uid for m in usable):
            await self._measure(uid, [m for m in usable if m.series_uid == uid])
        rows = [m for mask in usable for m in workspace.measured.get(mask.mask_id, ())]
        return result({"measurements": [_row(m) for m in (*rows, *workspace.derived)]})

    async def _measure(self, uid: str, masks: list[Mask]) -> None:
        workspace = self._workspace
        name = workspace.name_of(uid)

        async def work() -> tuple[dict[str, tuple[Measurement, ...]], list[str]]:
            # The step's id is not known inside the step; it is written in below.
            return await workspace.compute.run(measure_all, masks, workspace.volume(name), "")

        (found, warnings), step = await workspace.runner.run(
            "measurement",
            "measure",
            work,
            inputs={"series": name, "masks": [m.mask_id for m in masks]},
            outputs=lambda r: {i: {x.name: x.value for x in ms} for i, ms in r[0].items()},
        )
        for mask_id, measurements in found.items():
            workspace.measured[mask_id] = tuple(sourced(m, step.step_id) for m in measurements)
        for warning in warnings:
            workspace.warn(f"{name}: {warning}")
        self._ratio(uid, step.step_id)

    def _ratio(self, uid: str, step_id: str) -> None:
        """The cardiothoracic ratio, where heart and lungs of one frontal projection are outlined."""
        workspace = self._workspace
        heart = workspace.mask_of(uid, "heart")
        lungs = [m for t in ("lung", "left lung", "right lung") if (m := workspace.mask_of(uid, t)) is not None]
        if heart is None or not lungs:
            return
        try:
            ratio, warnings = cardiothoracic_ratio(
                heart, lungs, workspace.series(workspace.name_of(uid)), step_id=step_id
            )
        except MedImageError as error:
            workspace.warn(f"Cardiothoracic ratio: {error}")
            return
        for warning in warnings:
            workspace.warn(warning)
        workspace.derived = [m for m in workspace.derived if (m.series_uid, m.name) != (uid, ratio.name)]
        workspace.derived.append(ratio)


def sourced(measurement: Measurement, step_id: str) -> Measurement:
    """The measurement with the step that made it in its source."""
    place = f"{measurement.mask_id} ({step_id})" if measurement.mask_id else f"{measurement.source} ({step_id})"
    return replace(measurement, step_id=step_id, source=place)


def _row(m: Measurement) -> dict[str, object]:
    return {
        "name": m.name,
        "target": m.target,
        "value": float(f"{m.value:.6g}"),
        "unit": m.unit.value,
        "method": m.method,
        "source": m.source,
    }
