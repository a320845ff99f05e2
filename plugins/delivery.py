"""`delivery-request`: asks a person to approve an effect. No tool carries one out."""

from __future__ import annotations

from typing import Annotated

from semantic_kernel.functions import kernel_function

from domain.approval import Approval, Effect
from domain.errors import MedImageError
from domain.ports import EventKind, RunEvent
from plugins.results import result
from plugins.workspace import Statement, UnknownName, Workspace

DESTINATIONS = ("folder", "pacs", "ehr")
"""Words for a destination; which of them are there, the records know."""
_DONE = {Effect.SIGN: "signed", Effect.DELIVER: "delivered"}


class NothingToDeliver(MedImageError):
    """There is no analysis in this conversation that could be signed or delivered."""

    remedy_default = "Ask for the analysis first; then a person can approve its signature, and after that its delivery."


class DeliveryPlugin:
    """Signing and delivery, as requests."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="request",
        description="Ask a person to approve signing, or delivering the signed result of, the last analysis of this "
        "conversation. Nothing happens before a person approves.",
    )
    async def request(
        self,
        action: Annotated[str, "sign or deliver"],
        destination: Annotated[str, "where to deliver: folder, pacs or ehr; empty for the usual one"] = "",
    ) -> Annotated[str, "JSON: approval, state, text"]:
        """The pending request, shown to the user as one."""
        workspace = self._workspace
        effect, details = _effect(action), _details(action, destination)
        approvals = workspace.around.approvals
        if approvals is None:
            raise NothingToDeliver(
                "Nothing can be signed or delivered here.", remedy="Use the server, where a person can approve it."
            )
        if not workspace.analyses:
            raise NothingToDeliver("There is no analysis in this conversation yet.")
        analysis_id, study_uid = workspace.analyses[-1], workspace.ingested.study.study_uid

        async def work() -> Approval:
            return await approvals.ask(
                workspace.access, effect, analysis_id=analysis_id, study_uid=study_uid, details=details
            )

        approval, step = await workspace.runner.run(
            "delivery",
            "request_approval",
            work,
            inputs={"action": effect.value, "analysis": analysis_id, **details},
            outputs=lambda a: {"approval": a.approval_id, "decision": a.decision.value},
        )
        workspace.runner.announce(RunEvent(EventKind.APPROVAL, _card(approval)))
        text = _text(approval)
        workspace.facts.append(Statement(text, "approvals", step.step_id))
        return result(
            {
                "step": step.step_id,
                "approval": approval.approval_id,
                "state": approval.decision.value,
                "text": f"{text} [{step.step_id}]",
            }
        )


def _effect(action: str) -> Effect:
    word = action.strip().lower()
    if word not in {e.value for e in Effect}:
        raise UnknownName("An action is sign or deliver.", where="action", remedy="Give one of the two.")
    return Effect(word)


def _details(action: str, destination: str) -> dict[str, str]:
    """Vocabulary only: a model's free text does not become part of a record."""
    word = destination.strip().lower()
    if _effect(action) is Effect.SIGN or not word:
        return {}
    if word not in DESTINATIONS:
        raise UnknownName(
            f"A destination is one of {', '.join(DESTINATIONS)}.",
            where="destination",
            remedy="Leave it empty for the usual one; a person approves every delivery.",
        )
    return {"destination": word}


def _card(approval: Approval) -> dict[str, object]:
    """What a page shows, with the two buttons that only a person can press."""
    return {
        "approval_id": approval.approval_id,
        "effect": approval.effect.value,
        "analysis_id": approval.analysis_id,
        "study_uid": approval.study_uid,
        "asked": approval.asked.isoformat(),
        "expires": approval.expires.isoformat(),
        "state": approval.decision.value,
        "details": dict(approval.details),
    }


def _text(approval: Approval) -> str:
    where = f" to {approval.details['destination']}" if "destination" in approval.details else ""
    order = "only what is signed is delivered, and " if approval.effect is Effect.DELIVER else ""
    return (
        f"The request that the analysis be {_DONE[approval.effect]}{where} waits for a person's approval; "
        f"{order}nothing has been done yet."
    )
