"""What a person's message wants of the board: a member's answer, nothing, or what no agent does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass

from agents.routing.request import Intent, Request, Situation
from agents.routing.router import Router, default_router
from domain.board import BoardMessage
from domain.history import DocumentKind

CHAIR = "chair"
TREATMENT = "Treatment is for the people on the board to decide; the agents only gather what is known."
EFFECTS = "No agent of a board signs or sends anything: ask for it beside the study, where a person approves it."

_ADDRESS = re.compile(r"^\s*@(\w+)[\s,:]*")
_DECISION = re.compile(r"^\s*(?:/decision\b|decision\s*:)", re.IGNORECASE)
_TELLING = re.compile(r"^\s*(?:note|he|she|they|it|there|this|that|the|patient)\b(?!.*(?:\?|\bplease\b))", re.I | re.S)
"""A remark that tells something and asks for nothing: "The PET of March is the one that counts."."""

_MEMBER = {
    Intent.HISTORY: "history",
    Intent.GUIDANCE: "guidelines",
    Intent.REPORT: "report",
    **dict.fromkeys((Intent.FIND, Intent.DESCRIBE, Intent.CHEST_REPORT, Intent.CLASSIFY), "imaging"),
    **dict.fromkeys((Intent.COMPARE, Intent.RECALL), "imaging"),
}


@dataclass(frozen=True)
class Reading:
    """How a message is taken.

    Attributes:
        member: who is to answer, "" for nobody.
        text: the message without its address.
        addressed: a person named the member.
        reply: what the chair says instead of a member's answer.
    """

    member: str = ""
    text: str = ""
    addressed: bool = False
    reply: str = ""


class Remarks:
    """Reads messages of people.

    Args:
        members: names of the agents here. people: users who take part; "@" with one of them is not for an agent.
        router: reads what a message that names nobody wants.
    """

    def __init__(self, members: Collection[str], people: Collection[str], router: Router | None = None) -> None:
        self._members = tuple(members)
        self._people = {name.casefold() for name in people}
        self._router = router

    async def read(self, message: BoardMessage) -> Reading:
        """What a message wants; a decision, and a word between people, want nothing."""
        text = _ADDRESS.sub("", message.text).strip()
        name = addressed(message)
        if not text or _DECISION.match(message.text) or (name in self._people and name not in self._members):
            return Reading(text=text)
        if name in self._members:
            return Reading(name, text, addressed=True)
        if name and name != CHAIR:
            known = ", ".join(f"@{member}" for member in self._members)
            return Reading(text=text, reply=f"There is no {name} on this board; there is {known}.")
        return Reading(text=text) if _TELLING.match(text) else await self._wanted(text)

    async def _wanted(self, text: str) -> Reading:
        request = await self.request(text)
        if request.intent is Intent.REFUSE and request.about == "treatment":
            return Reading(text=text, reply=TREATMENT)
        if request.intent in {Intent.SIGN, Intent.DELIVER}:
            return Reading(text=text, reply=EFFECTS)
        member = _MEMBER.get(request.intent, "")
        if request.intent is Intent.HISTORY and DocumentKind.PATHOLOGY_REPORT.value in request.kinds:
            member = "pathology"
        if member not in self._members:
            member = "history" if text.endswith("?") and "history" in self._members else ""
        return Reading(member, text)

    async def request(self, text: str) -> Request:
        """The first thing that a text asks for; one that has an effect outside goes before the others."""
        router = self._router or default_router()
        requests = (await asyncio.to_thread(router.route, text, Situation(history=True, answered=True))).requests
        effects = [r for r in requests if r.intent in {Intent.SIGN, Intent.DELIVER}]
        return (*effects, *requests)[0]


def addressed(message: BoardMessage) -> str:
    """Whom a message begins by naming, in lower case; "" when it names nobody."""
    found = _ADDRESS.match(message.text)
    return found[1].casefold() if found else ""
