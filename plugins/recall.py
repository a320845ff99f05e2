"""`results-recall`: answers from what this conversation has found already; no model is called."""

from __future__ import annotations

from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.errors import MedImageError
from domain.mask import Mask
from plugins.recalled import TOPICS, Recalled, about
from plugins.results import names, result
from plugins.workspace import UnknownName, Workspace
from prompts.lexicon import lexicon


class NothingFoundYet(MedImageError):
    """There is no earlier result in this conversation, or none about that."""

    remedy_default = "Ask for a structure to be outlined and measured first."


class RecallPlugin:
    """What was found before, and who found it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="recall",
        description="What this conversation found before: findings, measurements, quality (how sure, why rejected), "
        "models (which one said what), prompts (what was sent), changes (against priors), report. Calls no model.",
    )
    async def recall(
        self,
        topic: Annotated[str, "findings, measurements, quality, models, prompts, changes or report"],
        targets: Annotated[list[str] | None, "only about these targets; empty for all"] = None,
    ) -> Annotated[str, "JSON: rows, text with the ids behind each sentence"]:
        """Rows for a model and a text for a reader.

        Raises:
            UnknownName: no such topic.
            NothingFoundYet: nothing was found at all, or nothing about any of the targets.
        """
        workspace = self._workspace
        if topic not in TOPICS:
            raise UnknownName(f"A topic is one of {', '.join(TOPICS)}.", where="topic", remedy="Give one of them.")
        if not _anything(workspace):
            raise NothingFoundYet("Nothing has been found in this conversation yet.", where="topic")
        chosen, missing = self._chosen(names(targets))
        if missing and not chosen:
            raise NothingFoundYet(f"Nothing has been found about {', '.join(missing)} yet.", where="targets")

        async def work() -> tuple[Recalled, ...]:
            return about(topic, workspace, chosen, all_of_it=not names(targets))

        found, step = await workspace.runner.run(
            "recall",
            topic,
            work,
            inputs={"topic": topic, "targets": [m.target for m in chosen]},
            outputs=lambda rows: {"rows": len(rows)},
        )
        said = [row.text for row in found if row.text]
        if not said:
            said.append(_nothing(topic))
        if missing:
            said.append(f"Nothing has been found about {', '.join(missing)} yet; ask for it to be outlined.")
        return result(
            {"step": step.step_id, "topic": topic, "rows": [row.facts for row in found], "text": "\n".join(said)}
        )

    def _chosen(self, targets: list[str]) -> tuple[list[Mask], list[str]]:
        """Outlines of these targets, and the targets without one; without targets those that were asked for last."""
        masks = list(self._workspace.masks.values())
        if not targets:
            last = [m for m in masks if m.target in self._workspace.targets_in_question]
            return last or masks, []
        by_target = {target: [m for m in masks if _named(target, m.target)] for target in targets}
        wanted = {m.mask_id for found in by_target.values() for m in found}
        return [m for m in masks if m.mask_id in wanted], [t for t, found in by_target.items() if not found]


def _anything(workspace: Workspace) -> bool:
    found = (workspace.masks, workspace.findings, workspace.reported, workspace.classified, workspace.changes)
    return any(found)


def _named(asked: str, target: str) -> bool:
    """Whether a name asks for a target: "kidneys" and "kidney" for "left kidney", "right kidney" for no left one."""
    asked_side, asked_name = _parts(asked)
    side, name = _parts(target)
    return (not asked_side or asked_side == side) and (asked_name == name or name.endswith(f" {asked_name}"))


def _parts(text: str) -> tuple[str, str]:
    """(side, canonical name) of a target's text."""
    words = [w for w in text.lower().split() if w not in {"the", "both"}]
    side = next((w for w in words if w in {"left", "right"}), "")
    rest = " ".join(w for w in words if w != side)
    concept = lexicon().named(rest) or (lexicon().named(rest.removesuffix("s")) if rest.endswith("s") else None)
    return side, concept.text if concept is not None else rest


def _nothing(topic: str) -> str:
    if topic == "changes":
        return "Nothing was compared with a prior study yet; ask for a comparison."
    return f"Nothing is recorded about {topic} yet."
