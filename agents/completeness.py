"""What a finished turn must have done, whoever planned it."""

from __future__ import annotations

from agents.needs import Needs
from agents.routing.request import Intent
from plugins.workspace import Workspace


def missing(workspace: Workspace, needs: Needs) -> str:
    """What a finished turn must have and this one has not, in words; "" when it is complete.

    Structures that were asked for are always looked for; what was begun is finished.
    """
    names = needs.series or workspace.series_names
    if needs.find:
        uncrafted = [n for n in names if n not in workspace.plans]
        if uncrafted:
            return f"the prompts for {', '.join(uncrafted)}"
    if needs.chest_report:
        films = [n for n in names if workspace.wants_chest_report(n)]
        unreported = [n for n in films if workspace.series(n).series_uid not in workspace.reported]
        if unreported:
            return f"the chest report of {', '.join(unreported)}"
    if needs.of(Intent.REFINE) and not any(c.tool == "segmentation-refine" for c in workspace.calls):
        targets = dict.fromkeys(t for request in needs.of(Intent.REFINE) for t in request.targets)
        return f"another outline of {', '.join(targets)}"
    pending = [f"{p.target} in {n}" for n in workspace.series_names for p in workspace.pending(n)]
    if pending:
        return ", ".join(pending)
    for words, ids in (("quality assurance", workspace.unassessed), ("measurement", workspace.unmeasured)):
        if ids:
            return f"the {words} of {', '.join(ids)}"
    return "" if workspace.summary or not (needs.compose or workspace.plans) else "the draft report"
