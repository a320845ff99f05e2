"""`evidence-lookup`: published imaging guidance that a claim may lean on, with source and year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.errors import ConfigurationError
from domain.evidence import Guidance
from plugins.results import result
from plugins.workspace import Statement, Workspace
from tools.deidentification_text import scrub_text

LIMIT = 3
LONGEST_QUESTION = 1_000


class EvidencePlugin:
    """The guidance specialist; there only where a library is configured."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="lookup",
        description="What published imaging guidance says: follow-up intervals, categories of reporting systems, size "
        "borders, response criteria. Name organ, finding, size with unit, category and risk. Answers with rows, source "
        "and year, or with none.",
    )
    async def lookup(
        self, question: Annotated[str, "organ, finding, size with unit, category, risk; no identity"]
    ) -> Annotated[str, "JSON: step, text, guidance with source and year"]:
        """Rows that fit, kept as facts of this turn. The question leaves without identity.

        Raises:
            ConfigurationError: no library is configured.
        """
        workspace = self._workspace
        library = workspace.around.evidence
        if library is None:
            raise ConfigurationError("No library of guidance is configured.", where="evidence")
        asked = scrub_text(question[:LONGEST_QUESTION], workspace.ingested.study.patient).value

        async def work() -> Sequence[Guidance]:
            return await library.lookup(asked, limit=LIMIT)

        rows, step = await workspace.runner.run(
            "evidence",
            "lookup",
            work,
            inputs={"question": asked, "library": library.name},
            outputs=lambda found: {"guidance": [g.guidance_id for g in found]},
        )
        statements = [Statement(sentence(g), f"guidance: {g.source}", step.step_id) for g in rows]
        workspace.facts.extend(statements)
        lines = [f"{s.text} [{s.step_id}]" for s in statements]
        return result(
            {
                "step": step.step_id,
                "text": "\n".join(lines) or f"The {library.name} has nothing that fits this question.",
                "guidance": [
                    {
                        "id": g.guidance_id,
                        "topic": g.topic,
                        "applies": g.applies,
                        "recommendation": g.recommendation,
                        "source": g.source,
                        "year": g.year,
                    }
                    for g in rows
                ],
            }
        )


def sentence(guidance: Guidance) -> str:
    """A row as one sentence with its source."""
    applies = guidance.applies.rstrip(".")
    return f"Guidance for {guidance.topic} ({applies}): {guidance.recommendation} ({guidance.source})"
