"""Claims that may be said: each rests on a source that exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from agents.board.case import Case
from domain.analysis import Step
from domain.board import Claim, Source
from tools.clinical_record.contradiction import Claim as Side
from tools.clinical_record.contradiction import Contradiction

_IDS = re.compile(r"\bs\d+\b")
AMOUNT = re.compile(r"\d\s*(?:mm|cm|ml|hu|%)", re.IGNORECASE)
"""A number with the unit of a measurement."""
_MEASURING = frozenset({"measure", "compare"})


def supported(claims: Iterable[Claim], case: Case) -> list[Claim]:
    """The claims with those of their sources that exist; a claim without any is left out."""
    kept = (replace(c, sources=tuple(s for s in c.sources if _exists(s, case))) for c in claims)
    return [claim for claim in kept if claim.sources]


def of_answer(case: Case, study_uid: str, answer: tuple[str, str, tuple[Step, ...]]) -> list[Claim]:
    """A claim for each line of the planner's answer, with the steps that it rests on."""
    text, analysis_id, steps = answer
    lines = [line.strip().lstrip("-• ") for line in text.splitlines()]
    said = [line for line in lines if line and not line.endswith(":")]
    return [Claim(f"{case.named(study_uid)}: {one}", _steps_of(one, analysis_id, steps, study_uid)) for one in said]


def contradiction_claims(case: Case) -> list[Claim]:
    """Each conflict between sources, with all sides of it."""
    titles = {d.document_id: d.title for d in case.documents}
    return [
        Claim(
            f"The sources disagree on {c.attribute} ({c.severity.value}): {c.explanation} {_sides(c, titles)}",
            tuple(Source("document", s.document_id, s.sentence) for s in c.statements),
        )
        for c in case.conflicts
    ]


def of_self(name: str, text: str) -> Claim:
    """What an agent says about itself."""
    return Claim(text, (Source("board", name),))


def _exists(source: Source, case: Case) -> bool:
    if source.kind == "document":
        texts = (d.text for d in case.documents if d.document_id == source.reference)
        return bool(source.quote) and any(source.quote in text for text in texts)
    if source.kind == "study":
        return source.reference in case.study_uids
    if source.kind == "person":
        return any(m.message_id == source.reference for m in case.people)
    if source.kind == "step":
        return all(source.reference.partition("/"))
    return source.kind in {"guidance", "board"} and bool(source.reference)


def _steps_of(line: str, analysis_id: str, steps: Sequence[Step], study_uid: str) -> tuple[Source, ...]:
    """The steps that a line names; else those that measured, where it has an amount, and the one that wrote it."""
    done = [s for s in steps if s.ok]
    if not analysis_id or not done:
        return (Source("study", study_uid),)
    named = [s for s in dict.fromkeys(_IDS.findall(line)) if any(s == step.step_id for step in done)]
    measured = [s.step_id for s in done if s.tool in _MEASURING] if AMOUNT.search(line) else []
    cited = named or dict.fromkeys((*measured, done[-1].step_id))
    return tuple(Source("step", f"{analysis_id}/{step_id}") for step_id in cited)


def _sides(conflict: Contradiction, titles: dict[str, str]) -> str:
    first: dict[str, Side] = {}
    for statement in conflict.statements:
        first.setdefault(statement.value, statement)
    told = (f"“{value}” ({_place(side, titles)})" for value, side in first.items())
    return f"Stated: {'; '.join(told)}."


def _place(side: Side, titles: dict[str, str]) -> str:
    title = titles.get(side.document_id, "")
    return f"{title}, {side.dated.isoformat()}" if side.dated else title
