"""The situation that a question is read in: the study, its priors, what was found, what is offered here."""

from __future__ import annotations

from datetime import datetime

from agents.routing.foreign import separated
from agents.routing.quoting import message
from agents.routing.request import PriorFacts, Situation
from plugins.comparison import prior_rows
from plugins.workspace import Workspace


async def situation_of(workspace: Workspace) -> Situation:
    """Facts for the router; no identity, no pixels."""
    names = workspace.series_names
    series = [workspace.series(n) for n in names]
    priors = await prior_rows(workspace) if workspace.around.priors is not None else ()
    days = {f"prior-{n}": prior.started for n, prior in enumerate(workspace.prior_list, 1)}
    return Situation(
        modalities=tuple(s.modality for s in series),
        body_parts=tuple(s.body_part for s in series),
        series=names,
        series_text=tuple(s.description for s in series),
        found=tuple(dict.fromkeys(m.target for m in workspace.masks.values())),
        last=tuple(
            dict.fromkeys(m.target for m in workspace.masks.values() if m.target in workspace.targets_in_question)
        ),
        answered=bool(workspace.analyses),
        priors=tuple(
            PriorFacts(
                r["name"], _day(days.get(r["name"])) or r["date"], r["modality"], r["body_part"], r["description"]
            )
            for r in priors
            if r["relation"] != "later"
        ),
        chest_report=bool(films(workspace)),
        classifier=workspace.around.insight is not None,
        history=workspace.around.history is not None,
        earlier=tuple((message(separated(said.question).own).own, said.answer) for said in workspace.earlier),
        order=not workspace.spoken,
    )


def _day(started: datetime | None) -> str:
    """The whole date, which models are not told: no model reads a situation, and "vs 2 April" means a day."""
    return f"{started:%Y-%m-%d}" if started is not None else ""


def films(workspace: Workspace) -> tuple[str, ...]:
    """Series that a chest report model here reads."""
    return tuple(n for n in workspace.series_names if workspace.wants_chest_report(n))
