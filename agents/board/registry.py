"""Who is on the board: a row each, with its prompt file, in the order in which the built-in chair calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agents.board.guidelines import GuidelinesMember
from agents.board.history import HistoryMember
from agents.board.imaging import ImagingMember
from agents.board.member import ImagingAnswer, Member
from agents.board.pathology import PathologyMember
from agents.board.report import ReportMember
from agents.routing.router import Router
from domain.evidence import EvidenceLookup
from prompts.library import load


@dataclass(frozen=True)
class Surroundings:
    """What the members may reach.

    Attributes:
        record: a history of the patient is kept.
    """

    imaging: ImagingAnswer
    record: bool
    evidence: EvidenceLookup | None = None
    router: Router | None = None


@dataclass(frozen=True)
class Row:
    """A member.

    Attributes:
        name: as it is addressed: "@history"; its prompt file in prompts/board has the same name.
        make: the member, None where it would have no source.
    """

    name: str
    make: Callable[[Surroundings], Member | None]

    @property
    def instructions(self) -> str:
        """What a chair is told of it."""
        return load(f"board/{self.name}").text.strip()


def _guidelines(around: Surroundings) -> Member | None:
    return None if around.evidence is None else GuidelinesMember(around.evidence)


ROWS: Mapping[str, Row] = {
    row.name: row
    for row in (
        Row("history", lambda around: HistoryMember() if around.record else None),
        Row("pathology", lambda around: PathologyMember(around.imaging) if around.record else None),
        Row("imaging", lambda around: ImagingMember(around.imaging, around.router)),
        Row("guidelines", _guidelines),
        Row("report", lambda _: ReportMember()),
    )
}


def seated(around: Surroundings) -> dict[str, Member]:
    """The members that have a source here."""
    made = {name: row.make(around) for name, row in ROWS.items()}
    return {name: member for name, member in made.items() if member is not None}
