"""The patient's other studies as an attempt first saw them: what arrives later does not change its names."""

from __future__ import annotations

from collections.abc import Sequence

from domain.access import AccessContext
from domain.prior import PriorStudies, PriorStudy
from domain.study import IngestedStudy
from jobs.durable.steps import DurableStepRunner


class KeptPriors:
    """`domain.prior.PriorStudies` whose list is found once.

    What is kept is the order of the studies, by UID; what is known of each is asked for again.
    """

    def __init__(self, inner: PriorStudies, runner: DurableStepRunner) -> None:
        self._inner = inner
        self._runner = runner

    async def listed(self, access: AccessContext, study_uid: str) -> Sequence[PriorStudy]:
        """The other studies that there were, in the order of then. Raises as the inner one."""
        found = {prior.study_uid: prior for prior in await self._inner.listed(access, study_uid)}

        async def work() -> list[str]:
            return list(found)

        kept = await self._runner.keep("priors", work, about=study_uid)
        return tuple(found[uid] for uid in kept if uid in found)

    async def read(self, access: AccessContext, study_uid: str) -> IngestedStudy:
        """As the inner one."""
        return await self._inner.read(access, study_uid)
