"""Who solves a case: the planner with any chat model, and two baselines that show what the specialists are worth."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol

from agents.chat_models import ChatConfiguration
from agents.planner import Planner
from agents.registry import SPECIALISTS
from domain.errors import MedImageError
from evals.agents.actors import StagedApprovals
from evals.agents.case import Case
from evals.agents.observed import Observed
from evals.agents.stage import stage
from inference.targets import all_targets
from plugins.workspace import Said, ToolCall, Workspace

FIND = ("prompts-craft", "segmentation-segment", "quality-assess", "measurement-measure", "report-compose")
ENDINGS = {"dialogue-ask": "ask", "dialogue-refuse": "refuse"}
STUDY = "study-describe"


class Solver(Protocol):
    """Solves one case at a time; nothing of a case stays in it."""

    @property
    def name(self) -> str:
        """For the table."""

    async def solve(self, case: Case) -> Observed:
        """What it did."""


class PlannerSolver:
    """The real planner with its real tools in a staged world.

    Args:
        configuration: the chat model; the built-in planner without a remote one.
        without: specialists that are taken away, to see what they are worth.
    """

    def __init__(self, configuration: ChatConfiguration, without: Collection[str] = ()) -> None:
        rows = {name: row for name, row in SPECIALISTS.items() if name not in without}
        self._planner = Planner(configuration, specialists=rows)
        self._name = configuration.name + "".join(f" without {name}" for name in without)

    @property
    def name(self) -> str:
        """The planner's model, and what it lacks."""
        return self._name

    async def solve(self, case: Case) -> Observed:
        """Run the earlier turns, then the question."""
        workspace = stage(case)
        earlier: list[Observed] = []
        for text in case.turns:
            workspace.ask(text)
            said = (await self._planner.run(workspace)).text
            earlier.append(observed(workspace, said, 0.0))
            workspace.earlier = (*workspace.earlier, Said(text, said))
            if workspace.summary:
                workspace.analyses.append(f"analysis-{len(workspace.analyses) + 1}")
        if case.turns:
            workspace.ask(case.question)
        else:
            workspace.question = workspace.looking_for = case.question or case.indication
            workspace.spoken = bool(case.question)
        started = time.perf_counter()
        try:
            answer = await self._planner.run(workspace)
        except MedImageError as error:
            return Observed(text=str(error), failed=("planner",), seconds=time.perf_counter() - started)
        seen = observed(workspace, answer.text, time.perf_counter() - started)
        return replace(seen, earlier=tuple(earlier))

    async def close(self) -> None:
        """Close the chat model's client."""
        await self._planner.close()


def observed(workspace: Workspace, text: str, seconds: float) -> Observed:
    """What a finished turn did."""
    calls = list(workspace.calls)
    tools = tuple(dict.fromkeys(c.tool for c in calls))
    ended = [ENDINGS[c.tool] for c in calls if c.tool in ENDINGS and c.ok]
    worked = [t for t in tools if t not in ENDINGS and t != STUDY]
    outcome = "answer" if worked or not ended else ended[0]
    return Observed(
        tools=tools,
        repeated=len(calls) - len({(c.tool, json.dumps(c.arguments, sort_keys=True, default=str)) for c in calls}),
        targets={name: _asked(workspace, name) for name in workspace.plans if _asked(workspace, name)},
        prior=_argument(calls, "comparison-compare", "prior"),
        action=_argument(calls, "delivery-request", "action"),
        topic=_argument(calls, "results-recall", "topic"),
        labels=_listed(calls, "features-classify", "labels"),
        kinds=_listed(calls, "history-search", "kinds"),
        outcome=outcome if text.strip() else "",
        about=tuple(
            str(c.arguments.get("missing", c.arguments.get("reason_kind", ""))) for c in calls if c.tool in ENDINGS
        ),
        approvals=_approvals(workspace),
        numbers=tuple(f"{m.target} {m.name} {m.value:.6g} {m.unit.value}" for m in workspace.measurements),
        text=text,
        unsupported=_unsupported(workspace, text),
        failed=tuple(sorted({c.tool for c in calls if not c.ok} - {c.tool for c in calls if c.ok})),
        seconds=seconds,
        usage=dict(workspace.usage),
    )


def _asked(workspace: Workspace, name: str) -> tuple[str, ...]:
    plan = workspace.plans[name]
    return tuple(dict.fromkeys([*(p.target for p in plan.prompts), *(target for target, _, _ in plan.refused)]))


def _approvals(workspace: Workspace) -> tuple[str, ...]:
    """Effects that were asked for, each with its destination."""
    asked = workspace.around.approvals
    requests = asked.asked if isinstance(asked, StagedApprovals) else ()
    return tuple(" ".join([a.effect.value, *(v for _, v in sorted(a.details.items()))]) for a in requests)


def _argument(calls: Iterable[ToolCall], tool: str, name: str) -> str:
    return next((str(c.arguments.get(name, "")) for c in calls if c.tool == tool), "")


def _listed(calls: Iterable[ToolCall], tool: str, name: str) -> tuple[str, ...]:
    found: list[Any] = [c.arguments.get(name) or [] for c in calls if c.tool == tool]
    return tuple(dict.fromkeys(str(v).lower() for values in found if isinstance(values, list) for v in values))


def _unsupported(workspace: Workspace, text: str) -> tuple[str, ...]:
    """Numbers of the text, outside of names, that no tool of the turn said: what an invented figure looks like."""
    facts = " ".join([*(c.said for c in workspace.calls), workspace.question])
    numbers = set(re.findall(r"\d+(?:\.\d+)?", facts))
    return tuple(n for n in re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w-])", text) if n not in numbers)


class KeywordSolver:
    """Routing by words, as a first version of such a product would: the published targets and a list of cues."""

    name = "keyword routing"
    _CUES = (
        ("compar", "comparison-compare"),
        ("prior", "comparison-compare"),
        ("previous", "comparison-compare"),
        ("history", "history-search"),
        ("lab", "history-search"),
        ("guideline", "evidence-lookup"),
        ("follow-up", "evidence-lookup"),
        ("sign", "delivery-request"),
        ("send", "delivery-request"),
        ("classify", "features-classify"),
        ("report", "chest-report"),
    )

    async def solve(self, case: Case) -> Observed:
        """The tools and targets whose words occur."""
        text = (case.question or case.indication).lower()
        targets = tuple(sorted({t.target for t in all_targets() if re.search(rf"\b{re.escape(t.target)}s?\b", text)}))
        tools = [tool for cue, tool in self._CUES if cue in text]
        if targets or not tools:
            tools = [*FIND[:-1], *tools, FIND[-1]]
        action = "sign" if "sign" in text else "deliver" if "send" in text else ""
        return Observed(
            tools=tuple(dict.fromkeys(tools)),
            targets={"series-1": targets} if targets else {},
            prior="prior-1" if "comparison-compare" in tools else "",
            action=action,
            approvals=(action,) if action else (),
            outcome="answer",
            text=text,
        )


class SinglePromptSolver:
    """No specialists: the words of the question are the model's one prompt."""

    name = "single prompt"

    async def solve(self, case: Case) -> Observed:
        """One call with the whole question."""
        text = (case.question or case.indication).lower()
        return Observed(tools=FIND, targets={"series-1": (text,)}, outcome="answer", text=text)
