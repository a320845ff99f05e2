"""`chest-report`: what CXRReportGen drafts about a frontal chest radiograph, sentence by sentence."""

from __future__ import annotations

from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.chest_report import ChestCase, ChestReport
from domain.errors import BurnedInTextSuspected, ModelError, TargetRefused
from plugins.results import result
from plugins.workspace import Statement, UnknownName, Workspace
from prompts.own_words import own_words
from tools.deidentification_text import scrub_text

LONGEST = 600
"""Characters of one sentence; a model that says more at once has not said a sentence."""


class ChestReportPlugin:
    """The chest X-ray report specialist; there only where an endpoint is configured."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="report",
        description="Have CXRReportGen draft findings of one frontal chest radiograph. Only for series that "
        "study-describe marks with chest_report. Its sentences are a model's draft, for review.",
    )
    async def report(
        self, series: Annotated[str, "series name from study-describe"]
    ) -> Annotated[str, "JSON: step, sentences with boxes in source pixels, warnings"]:
        """The draft, kept as statements with their step."""
        workspace = self._workspace
        model = workspace.around.chest_report
        shown = workspace.series(series)
        if model is None or not workspace.wants_chest_report(series):
            raise UnknownName(f"{series} is no frontal chest radiograph that a model here reports on.", where="series")
        patient = workspace.ingested.study.patient
        # The model writes on from its indication: only what the requester himself wants of the images gets there.
        indication = scrub_text(own_words(workspace.looking_for).text, patient)
        case = ChestCase(workspace.volume(series), indication=indication, region="chest")

        async def work() -> ChestReport:
            return await model.report(case, released=workspace.released)

        try:
            drafted, step = await workspace.runner.run(
                "chest-report",
                "report",
                work,
                inputs={"series": series},
                model=str(model.identity),
                outputs=lambda r: {"sentences": len(r.sentences)},
            )
        except (ModelError, BurnedInTextSuspected, TargetRefused) as error:
            workspace.reported[shown.series_uid] = ()
            workspace.partial = workspace.partial or isinstance(error, ModelError)
            workspace.unanswered[(shown.series_uid, "chest report")] = str(error)
            raise
        workspace.model_versions[model.identity.name] = model.identity.version
        workspace.reported[shown.series_uid] = tuple(
            Statement(" ".join(s.text.split())[:LONGEST], str(model.identity), step.step_id, s.boxes)
            for s in drafted.sentences
            if s.text.strip()
        )
        for warning in drafted.warnings:
            workspace.warn(f"{series}: {model.identity.name}: {warning}")
        return result(
            {
                "step": step.step_id,
                "sentences": [
                    {"text": s.text, "boxes": [[b.left, b.top, b.right, b.bottom] for b in s.boxes]}
                    for s in workspace.reported[shown.series_uid]
                ],
                "warnings": list(drafted.warnings),
            }
        )
