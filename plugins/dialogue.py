"""`dialogue-…`: a question back where something is missing, a refusal where it is not ours; both end the turn."""

from __future__ import annotations

from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.errors import MedImageError
from plugins.results import result
from plugins.workspace import Reply, UnknownName, Workspace
from tools.deidentification_text import scrub_text

MISSING = ("target", "side", "series", "prior", "analysis", "question")
REASONS = ("not_imaging", "other_patient", "out_of_scope", "treatment", "identity", "unsafe")
LONGEST = 600
"""Characters of what is said back."""


class NothingSaid(MedImageError):
    """A question or refusal without words."""

    remedy_default = "Say it in one or two sentences."


class DialoguePlugin:
    """How a turn ends that cannot, or must not, be answered as it was asked."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="ask",
        description="Ask the user back when something needed is missing: target, side, series, prior, analysis or "
        "question. Only when no tool can find it out.",
    )
    async def ask(
        self,
        missing: Annotated[str, "target, side, series, prior, analysis or question"],
        question: Annotated[str, "what to ask, one or two sentences"],
    ) -> Annotated[str, "JSON: kind, about, text"]:
        """The question is kept as the turn's reply."""
        if missing not in MISSING:
            raise UnknownName(
                f"What is missing is one of {', '.join(MISSING)}.", where="missing", remedy="Give one of them."
            )
        return await self._end("ask", missing, question)

    @kernel_function(
        name="refuse",
        description="Decline what is not this system's work: not_imaging, other_patient, out_of_scope, treatment, "
        "identity or unsafe.",
    )
    async def refuse(
        self,
        reason_kind: Annotated[str, "not_imaging, other_patient, out_of_scope, treatment, identity or unsafe"],
        text: Annotated[str, "what to say, one or two sentences, with what can be done instead"],
    ) -> Annotated[str, "JSON: kind, about, text"]:
        """The refusal is kept as the turn's reply."""
        if reason_kind not in REASONS:
            raise UnknownName(
                f"A reason is one of {', '.join(REASONS)}.", where="reason_kind", remedy="Give one of them."
            )
        return await self._end("refuse", reason_kind, text)

    async def _end(self, kind: str, about: str, text: str) -> str:
        workspace = self._workspace
        said = _short(" ".join(scrub_text(text, workspace.ingested.study.patient).value.split()))
        if not said:
            raise NothingSaid("There is nothing to say.", where="text")

        async def work() -> str:
            return said

        _, step = await workspace.runner.run("dialogue", kind, work, inputs={"about": about})
        # A turn may refuse one part of a question and ask about another: the first gives the kind, all is said.
        before = workspace.reply
        if before is None:
            workspace.reply = Reply(kind, about, said, step.step_id)
        elif said not in before.text.splitlines():
            workspace.reply = Reply(before.kind, before.about, f"{before.text}\n{said}", before.step_id)
        return result({"step": step.step_id, "kind": kind, "about": about, "text": said})


def _short(text: str) -> str:
    """At most LONGEST characters, cut between words."""
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 1].rpartition(' ')[0] or text[: LONGEST - 1]}…"
