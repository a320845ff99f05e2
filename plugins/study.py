"""`study-describe`: what there is to work on, without identity."""

from __future__ import annotations

from typing import Annotated, Any

from semantic_kernel.functions import kernel_function

from domain.study import Series
from plugins.comparison import prior_rows
from plugins.results import result
from plugins.tags import shown
from plugins.workspace import Workspace
from tools.deidentification_text import fence, scrub_text


class StudyPlugin:
    """The study of this run, and how far the work on it is."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="describe",
        description="The series of the study, the patient's other studies, the question, and which work is done or "
        "still open. Call it first.",
    )
    async def describe(self) -> Annotated[str, "JSON: question, series, priors, masks, report"]:
        """JSON facts; free text is scrubbed of identity and fenced as data."""
        workspace = self._workspace
        patient = workspace.ingested.study.patient
        return result(
            {
                "question": fence(scrub_text(workspace.question, patient).value, "question"),
                "priority": workspace.order.priority.value,
                "series": [self._series(name) for name in workspace.series_names],
                "priors": [
                    {**r, "body_part": shown(r["body_part"], patient), "description": fence(r["description"], "tag")}
                    for r in await prior_rows(workspace)
                ]
                if workspace.around.priors is not None
                else [],
                "masks": [
                    {
                        "id": m.mask_id,
                        "target": m.target,
                        "series": workspace.name_of(m.series_uid),
                        "assessed": m.quality is not None,
                        "measured": m.mask_id not in workspace.unmeasured,
                    }
                    for m in workspace.masks.values()
                ],
                "report": bool(workspace.summary),
            }
        )

    def _series(self, name: str) -> dict[str, Any]:
        series = self._workspace.series(name)
        plan = self._workspace.plans.get(name)
        patient = self._workspace.ingested.study.patient
        return {
            "name": name,
            **facts(series),
            "body_part": shown(series.body_part, patient),
            "view": shown(series.view_position, patient),
            "description": fence(scrub_text(series.description, patient).value, "tag"),
            "chest_report": self._workspace.wants_chest_report(name),
            "crafted": plan is not None,
            "pending": [p.target for p in self._workspace.pending(name)],
        }


def facts(series: Series) -> dict[str, Any]:
    """Technical facts of a series: modality, size, spacing in mm, orientation letters."""
    geometry = series.geometry
    return {
        "modality": series.modality,
        "body_part": series.body_part,
        "view": series.view_position,
        "slices": geometry.slices,
        "rows": geometry.shape[1],
        "columns": geometry.shape[2],
        "pixel_spacing_mm": geometry.pixel_spacing_mm,
        "slice_spacing_mm": geometry.slice_spacing_mm,
        "columns_increase_to": geometry.row_direction_letter(),
        "rows_increase_to": geometry.column_direction_letter(),
        "colour": series.colour,
    }
