"""Crafted prompts as reviewers of other patients would word them; what the requester named stays as it is.

Advice is data. It is followed only where it asks for the same target in a short and plain text, names nobody, does not
fall together with another prompt of the series, and is understood by the model that is asked first. Words that were
not followed leave the default in place; the arm of an experiment stays, because a study counts for the arm that it
was drawn into.

An advised window takes the place of the protocol's window and of the contract's rule. It does not take the place of
the window that a model states as its own: that one was trained with it, and reviews are pooled over models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.codes import Unit
from domain.model import Window
from domain.ports import PromptAdvice, Wording
from memory.prompt_advice import fit_to_send, region_of
from plugins.workspace import Workspace
from prompts.crafting.plan import WIRE_SEPARATOR, CraftedPrompt, PromptPlan
from prompts.words import readable
from tools.deidentification_text import scrub_text


@dataclass(frozen=True)
class Worded:
    """A plan with advice followed.

    Attributes:
        advice: for the step's record: target, default and sent words, sent window, arm, evidence.
        doubts: warnings of this turn: advice that was not followed, and why.
    """

    plan: PromptPlan
    advice: tuple[dict[str, Any], ...] = ()
    doubts: tuple[str, ...] = ()


async def worded(workspace: Workspace, name: str, plan: PromptPlan, exactly: Sequence[str]) -> Worded:
    """The plan with the wordings that the memory advises.

    Args:
        name: of the series.
        exactly: what the requester named; these words stay.
    """
    advice = workspace.around.advice
    named = {_plain(part) for text in exactly for part in text.split(WIRE_SEPARATOR)}
    asked = [p for p in plan.prompts if p.target not in named]
    if advice is None or not asked:
        return Worded(plan)
    found = await asyncio.gather(*(_wording(workspace, advice, name, p) for p in asked))
    by_target = {p.target: w for p, w in zip(asked, found, strict=True)}
    taken = {p.text.casefold() for p in (*plan.prompts, *_kept(workspace, name, plan))}
    prompts: list[CraftedPrompt] = []
    rows: list[dict[str, Any]] = []
    doubts: list[str] = []
    for prompt in plan.prompts:
        wording = by_target.get(prompt.target, Wording(prompt.text))
        changed, doubt = _followed(workspace, name, prompt, wording, taken)
        doubts += [doubt] if doubt else []
        taken.add(changed.text.casefold())
        prompts.append(changed)
        if wording.reason:
            rows.append(_row(prompt, wording, changed))
    warnings = dict.fromkeys((*plan.warnings, *(w.warning for w in found if w.warning)))
    return Worded(replace(plan, prompts=tuple(prompts), warnings=tuple(warnings)), tuple(rows), tuple(doubts))


async def _wording(workspace: Workspace, advice: PromptAdvice, name: str, prompt: CraftedPrompt) -> Wording:
    series = workspace.series(name)
    region = region_of(series.body_part)
    return await advice.wording(workspace.ingested.study, series, prompt.target, region, Wording(prompt.text))


def _followed(
    workspace: Workspace, name: str, prompt: CraftedPrompt, wording: Wording, taken: Collection[str]
) -> tuple[CraftedPrompt, str]:
    """The prompt as advised, or as it was and a warning that says why."""
    if not wording.reason:
        return prompt, ""
    words, window = wording.prompt, _window(workspace, name, prompt, wording)
    same = words == prompt.text
    refusal = "" if same else _refusal(workspace, name, prompt, words, taken)
    if same and wording.window is not None and window is None:
        refusal = "its window is not for this series or model"
    if refusal:
        doubt = f"{prompt.target}: advice of the feedback memory was not followed: {refusal}."
        return replace(prompt, reason=f"{prompt.reason}; not as advised, because {refusal}{_arm(wording)}"), doubt
    reason = f"{prompt.reason}; {wording.reason}"
    if same:
        return replace(prompt, reason=reason, window=window or prompt.window), ""
    others = (prompt.text, *(a for a in prompt.alternatives if a.casefold() != words.casefold()))
    return replace(prompt, text=words, reason=reason, window=window or prompt.window, alternatives=others), ""


def _refusal(workspace: Workspace, name: str, prompt: CraftedPrompt, words: str, taken: Collection[str]) -> str:
    """Why advised words are not sent; "" when they are."""
    if not fit_to_send(prompt.target, words):
        return "it is no plain name of the target"
    if scrub_text(words, workspace.ingested.study.patient).value != words:
        return "the words may name a person"
    if words.casefold() in taken:
        return "another prompt of the series has these words"
    first = next(iter(workspace.candidates(name, prompt.target, prompt.region)), None)
    if first is not None and not first.model.accepts(workspace.series(name).modality, words):
        return f"{first.model.identity.name} does not know these words"
    return ""


def _window(workspace: Workspace, name: str, prompt: CraftedPrompt, wording: Wording) -> Window | None:
    """The advised window where it means something and is used: limits are Hounsfield units."""
    known = workspace.known(name, prompt.target, prompt.region)
    stated = known is not None and known.window is not None
    return None if stated or workspace.series(name).value_unit is not Unit.HU else wording.window


def _kept(workspace: Workspace, name: str, plan: PromptPlan) -> list[CraftedPrompt]:
    """Prompts of an earlier plan that stay beside this one's."""
    earlier = workspace.plans.get(name)
    again = {p.target for p in plan.prompts}
    return [p for p in earlier.prompts if p.target not in again] if earlier is not None else []


def _arm(wording: Wording) -> str:
    """The experiment's note at the end of a reason."""
    return f" {wording.reason[wording.reason.rindex('[') :]}" if wording.arm and "[" in wording.reason else ""


def _row(prompt: CraftedPrompt, wording: Wording, changed: CraftedPrompt) -> dict[str, Any]:
    return {
        "target": prompt.target,
        "default": prompt.text,
        "sent": changed.text,
        "window": changed.window.name if changed.window is not None else "",
        "arm": wording.arm,
        "evidence": list(wording.evidence),
    }


def _plain(text: str) -> str:
    return " ".join(readable(text).split()).lower()
