"""The built-in table of imaging guidance (guidance.yaml), looked up by what a question names.

A row answers when the question names all that the row is about, at a size and category that the row covers, and
names nothing that makes the row wrong (another organ, another kind of lesion). Otherwise nothing is said: guidance
for the wrong finding is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from domain.evidence import Guidance
from prompts.data import read_yaml, strings
from prompts.guidance_question import Asked, GuidanceTerms, guidance_terms

_NEEDED, _PREFERRED, _GRADE, _SIZE, _UNASKED = 4, 2, 8, 6, -1


@dataclass(frozen=True)
class GuidanceRow:
    """A row of the table.

    Attributes:
        needs: groups of concepts, one of each must be named. prefers: concepts that make it fit better.
        refuses: concepts that make it wrong.
        grades: categories that it is about; empty for all.
        size: from, below, in mm; None for any. mean: sizes are the mean of the axes, not the largest.
        any_organ: an organ in the question does not matter.
    """

    guidance: Guidance
    needs: tuple[frozenset[str], ...]
    prefers: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    grades: frozenset[str] = frozenset()
    size: tuple[float, float] | None = None
    mean: bool = False
    any_organ: bool = False

    def fit(self, asked: Asked) -> int:
        """How well it answers; 0 when it does not."""
        if not all(group & asked.concepts for group in self.needs) or self.refuses & asked.concepts:
            return 0
        mentioned = self.prefers.union(*self.needs)
        if not self.any_organ and asked.organs - mentioned:
            return 0
        grade, size = self._grade(asked), self._size(asked)
        if grade is None or size is None:
            return 0
        return _NEEDED * len(self.needs) + _PREFERRED * len(self.prefers & asked.concepts) + grade + size

    def _grade(self, asked: Asked) -> int | None:
        if not self.grades:
            return 0
        systems = frozenset().union(*self.needs)
        named = {grade for system, grade in asked.grades.items() if system in systems}
        if not named:
            # A row that is about a category and a size may be found by the size alone.
            return 0 if self.size and asked.sizes else _UNASKED
        return _GRADE if named & self.grades else None

    def _size(self, asked: Asked) -> int | None:
        if self.size is None:
            return 0
        if not asked.sizes:
            return _UNASKED
        lowest, below = self.size
        named = [s.mean if self.mean else s.largest for s in asked.sizes]
        return _SIZE if all(lowest <= size < below for size in named) else None


class BuiltinGuidance:
    """`domain.evidence.EvidenceLookup` over the built-in table; nothing leaves the process."""

    @property
    def name(self) -> str:
        """What answers, for the record."""
        return "built-in guidance"

    async def lookup(self, question: str, *, limit: int = 3) -> Sequence[Guidance]:
        """Rows that fit, best first, in the table's order where they fit equally; empty when none does."""
        asked = guidance_terms().read(question)
        if asked.forbidden:
            return ()
        fits = [(row.fit(asked), row) for row in guidance_rows()]
        best = sorted((f for f in fits if f[0] > 0), key=lambda f: -f[0])
        return tuple(row.guidance for _, row in best[: max(0, limit)])


@cache
def guidance_rows() -> tuple[GuidanceRow, ...]:
    """The table, read once.

    Raises:
        ValueError: a row names a concept that no word stands for.
    """
    known = guidance_terms()
    groups: list[dict[str, Any]] = read_yaml("guidance.yaml")["groups"]
    return tuple(_row(group, raw, known) for group in groups for raw in group["rows"])


def _row(group: Mapping[str, Any], raw: Mapping[str, Any], known: GuidanceTerms) -> GuidanceRow:
    said = Guidance(
        guidance_id=raw["id"],
        topic=group["topic"],
        applies=raw["applies"],
        recommendation=raw["recommendation"],
        source=group["source"],
        year=int(group["year"]),
    )
    needs = tuple(frozenset(text.split("|")) for text in strings(raw["needs"]))
    prefers, refuses = (frozenset(strings(raw.get(name, []))) for name in ("prefers", "refuses"))
    if unknown := prefers.union(refuses, *needs) - known.known:
        raise ValueError(f"guidance.yaml: {raw['id']} names {', '.join(sorted(unknown))}, which no word stands for")
    size = [float(v) for v in strings(raw.get("size", []))]
    return GuidanceRow(
        guidance=said,
        needs=needs,
        prefers=prefers,
        refuses=refuses,
        grades=frozenset(strings(raw.get("grades", []))),
        size=(size[0], size[1]) if size else None,
        mean=group.get("measure") == "mean",
        any_organ=raw.get("organs") == "any",
    )
