"""The imaging member: asks the planner about each study, and for a comparison where there are several."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from agents.board.case import Case
from agents.board.claims import of_answer
from agents.board.member import ImagingAnswer
from agents.routing.request import Intent, Situation
from agents.routing.router import Router, default_router
from domain.board import Claim, Source
from domain.errors import MedImageError

USUAL = "Write a report of this study."
"""Asks for the protocol of a study, where the board's question is not about images."""
COMPARED = " Compare it with the prior study."
ABOUT_IMAGES = frozenset(
    {Intent.FIND, Intent.DESCRIBE, Intent.CHEST_REPORT, Intent.CLASSIFY, Intent.COMPARE, Intent.REPORT, Intent.RECALL}
)


class ImagingMember:
    """Speaks from the planner's analyses."""

    def __init__(self, answer: ImagingAnswer, router: Router | None = None) -> None:
        self._answer = answer
        self._router = router

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """Findings and measurements of each study; one that cannot be read is said, not skipped."""
        if question:
            asked = dict.fromkeys(case.study_uids, question)
        else:
            own = case.question if await self._about_images(case.question) else USUAL
            asked = {uid: own for uid in case.study_uids if not case.is_slide(uid)}
            for uid in followed_up(case, list(asked)):
                asked[uid] += COMPARED
        claims: list[Claim] = []
        for uid, words in asked.items():
            try:
                claims += of_answer(case, uid, await self._answer.ask(case.access, uid, words))
            except MedImageError as error:
                claims.append(Claim(f"{case.named(uid)} could not be read: {error.reason}", (Source("study", uid),)))
        return claims

    async def _about_images(self, question: str) -> bool:
        if not question.strip():
            return False
        router = self._router or default_router()
        routed = await asyncio.to_thread(router.route, question, Situation(history=True))
        return any(request.intent in ABOUT_IMAGES for request in routed.requests)


def followed_up(case: Case, study_uids: Sequence[str]) -> list[str]:
    """The newest study of each modality that has an earlier one on this board."""
    dated: dict[frozenset[str], list[tuple[datetime, str]]] = {}
    for uid in study_uids:
        study = case.studies.get(uid)
        if study and study.started:
            dated.setdefault(case.modalities(uid), []).append((study.started, uid))
    return [max(of_one)[1] for of_one in dated.values() if len(of_one) > 1]
