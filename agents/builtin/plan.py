"""What the built-in planner does next: from what is needed and what the tools said so far. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents.builtin.answers import answer
from agents.needs import ENDING, Needs
from agents.routing.request import Intent, Request
from prompts.replies import ask, refuse

Call = tuple[str, dict[str, Any]]
Result = tuple[str, dict[str, Any]]
"""Fully qualified tool name, and its JSON."""

DESTINATIONS = {"pacs": {"pacs"}, "ehr": {"ehr", "emr", "his", "kis", "epic", "chart", "akte"}}
QUOTED = 80
"""Characters of a user's words that are said back."""


@dataclass(frozen=True)
class Task:
    """What one turn is about.

    Attributes:
        question: the user's words.
        offered: names of the specialists that this run has.
    """

    question: str
    needs: Needs
    offered: frozenset[str]


def plan_next(task: Task, results: Sequence[Result]) -> list[Call] | str:
    """The next tool calls, independent of each other, or the final answer.

    Args:
        results: of the tools since the user's message, in order.
    """
    seen = [name for name, _ in results]
    if "study-describe" not in seen:
        return [("study-describe", {})]
    for stage in _stages(task, results):
        calls = [(tool, arguments) for tool, arguments in stage if tool not in seen]
        if calls:
            return calls
    return answer(task.needs, results, task.offered)


def _stages(task: Task, results: Sequence[Result]) -> Iterator[list[Call]]:
    """Stages of a turn in their order. Calls of one stage may run in parallel."""
    needs = task.needs
    study = next(data for name, data in results if name == "study-describe")
    series = [s for s in study.get("series", []) if not needs.series or s["name"] in needs.series]
    names = [s["name"] for s in series]
    yield [*_asked_elsewhere(task), *(_crafting(needs, names) if needs.find else ())]
    yield _segmenting(results, names) if needs.find else []
    if needs.chest_report and "chest" in task.offered:
        yield [("chest-report", {"series": s["name"]}) for s in series if s.get("chest_report")]
    again = list(_refining(needs, study))
    if (needs.find and _any_mask(study, results)) or _unassessed(again, study):
        yield [("quality-assess", {"masks": []})]
    if again or (needs.find and _any_mask(study, results)):
        asked = {arguments["mask"] for _, arguments in again}
        yield [*again, *(("segmentation-refine", {"mask": m}) for m in _refinable(results) if m not in asked)]
        yield [("measurement-measure", {"masks": []})]
    yield list(_classifying(needs, names))
    yield list(_comparing(needs))
    if needs.compose:
        yield [("report-compose", {})]
    yield list(_effects(needs))
    yield list(_endings(needs, study))


def _asked_elsewhere(task: Task) -> Iterator[Call]:
    """What does not look at this study's pixels."""
    for request in task.needs.of(Intent.HISTORY):
        yield "history-search", _with({"query": request.text}, kinds=list(request.kinds))
    for request in task.needs.of(Intent.GUIDANCE):
        yield "evidence-lookup", {"question": request.text}
    for request in task.needs.of(Intent.RECALL):
        yield "results-recall", _with({"topic": request.topic or "findings"}, targets=list(request.targets))


def _crafting(needs: Needs, names: Sequence[str]) -> list[Call]:
    return [("prompts-craft", _with({"series": n}, targets=list(needs.targets))) for n in names]


def _segmenting(results: Sequence[Result], names: Sequence[str]) -> list[Call]:
    crafted = {d.get("series") for n, d in results if n == "prompts-craft" and d.get("prompts")}
    return [("segmentation-segment", {"series": n, "targets": []}) for n in names if n in crafted]


def _any_mask(study: dict[str, Any], results: Sequence[Result]) -> bool:
    made = any(d.get("masks") for n, d in results if n == "segmentation-segment")
    return made or any(not (m["assessed"] and m["measured"]) for m in study.get("masks", []))


def _refinable(results: Sequence[Result]) -> list[str]:
    judged = [d for n, d in results if n == "quality-assess"]
    return [row["id"] for d in judged for row in d.get("masks", []) if row.get("refine")]


def _refining(needs: Needs, study: dict[str, Any]) -> Iterator[Call]:
    """Outlines that the user complains of, each once; in all series where there is none in those that are named."""
    done: set[str] = set()
    for request in needs.of(Intent.REFINE):
        meant = [m for m in study.get("masks", []) if m["target"] in request.targets]
        here = [m for m in meant if not request.series or m.get("series") in request.series] or meant
        wish = {k: v for k, v in (("change", request.change), ("to", request.to)) if v}
        for name in (m["id"] for m in here if m["id"] not in done):
            done.add(name)
            yield "segmentation-refine", {"mask": name, "complaint": request.complaint, **wish}


def _unassessed(again: Sequence[Call], study: dict[str, Any]) -> bool:
    asked = {arguments["mask"] for _, arguments in again}
    return any(not m["assessed"] for m in study.get("masks", []) if m["id"] in asked)


def _classifying(needs: Needs, names: Sequence[str]) -> Iterator[Call]:
    for request in needs.of(Intent.CLASSIFY):
        for name in request.series or names[:1]:
            yield "features-classify", {"series": name, "labels": list(request.labels)}


def _comparing(needs: Needs) -> Iterator[Call]:
    for request in needs.of(Intent.COMPARE):
        yield "comparison-compare", _with({"prior": request.prior or "prior-1"}, targets=list(request.targets))


def _effects(needs: Needs) -> Iterator[Call]:
    for request in needs.of(Intent.SIGN, Intent.DELIVER):
        action = request.action or request.intent.value
        destination = _destination(request.text) if request.intent is Intent.DELIVER else ""
        yield "delivery-request", {"action": action, **({"destination": destination} if destination else {})}


def _destination(text: str) -> str:
    """Where the words want it delivered: "pacs", "ehr" or "" when they do not say."""
    words = {w.strip(".,?!").lower() for w in text.split()}
    return next((name for name, said in DESTINATIONS.items() if words & said), "")


def _endings(needs: Needs, study: dict[str, Any]) -> Iterator[Call]:
    facts = {
        "examples": "liver, left kidney or pleural effusion",
        "series": ", ".join(s["name"] for s in study.get("series", [])),
        "priors": ", ".join(p["name"] for p in study.get("priors", [])) or "none",
        "outlines": ", ".join(dict.fromkeys(m["target"] for m in study.get("masks", []))),
    }
    for request in needs.of(*ENDING):
        yield _ending(request, facts)


def _ending(request: Request, facts: dict[str, str]) -> Call:
    words = f'"{request.text[:QUOTED]}"' if request.text.strip() else "the question"
    if request.intent is Intent.REFUSE:
        reason = request.about or "out_of_scope"
        return "dialogue-refuse", {"reason_kind": reason, "text": refuse(reason, what=words)}
    missing = request.about or "question"
    said = missing
    if request.complaint:  # what is there to be made better, if anything
        said = "outline" if facts["outlines"] else "no_outline"
    return "dialogue-ask", {"missing": missing, "question": ask(said, unclear=words, **facts)}


def _with(arguments: dict[str, Any], **optional: list[str]) -> dict[str, Any]:
    return {**arguments, **{k: v for k, v in optional.items() if v}}
