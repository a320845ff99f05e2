"""The built-in planner's words: what the tools said, in the order in which a reader needs it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from agents.needs import Needs
from agents.routing.request import Intent
from prompts import replies

Result = tuple[str, dict[str, Any]]


FENCE = re.compile(r"</?data-[^>]*>")
"""Around what came from outside, for models; a reader sees the words alone, in quotation marks."""
IN_THE_DRAFT = frozenset({"comparison-compare", "chest-report"})
"""Tools whose failures the draft names among what was not answered."""
REFINED = "segmentation-refine"
"""It speaks for itself where the user complained; a try that QA asked for is told in the draft."""


def answer(needs: Needs, results: Sequence[Result], offered: frozenset[str]) -> str:
    """The final text of a turn, from tool results alone."""
    parts = [part for part in _parts(needs, results, offered) if part.strip()]
    return "\n\n".join(parts).strip()


def _parts(needs: Needs, results: Sequence[Result], offered: frozenset[str]) -> Iterator[str]:
    composed: dict[str, Any] = next((d for n, d in reversed(results) if n == "report-compose"), {})
    if "error" in composed:
        yield f"The draft could not be written: {composed['error'].get('reason', '')}"
    yield str(composed.get("answer") or composed.get("summary", ""))
    for name, data in results:
        if name == REFINED and needs.of(Intent.REFINE):
            yield _failed(data) if "error" in data else str(data.get("text", ""))
        elif not (composed and name in IN_THE_DRAFT):
            yield from _said(name, data)
    if needs.of(Intent.DESCRIBE):
        yield _description(next((d for n, d in results if n == "study-describe"), {}))
    if needs.of(Intent.CAPABILITIES):
        yield replies.capabilities(offered)
    elif needs.of(Intent.GREETING) and len(needs.requests) == 1:
        yield replies.greeting()
    if composed.get("warnings"):
        yield "\n".join(["Please note:", *(f"- {w}" for w in composed["warnings"])])


def _said(name: str, data: dict[str, Any]) -> Iterator[str]:
    """What a tool has for the reader besides the draft."""
    if name == "results-recall" or name.startswith(("dialogue-", "delivery-", "history-", "evidence-")):
        if "error" in data:
            yield _failed(data)
        else:
            yield str(data.get("text", ""))
    elif name in {"features-classify", *IN_THE_DRAFT} and "error" in data:
        yield _failed(data)


def _failed(data: dict[str, Any]) -> str:
    error = data["error"]
    return f"This could not be done: {error.get('reason', '')} {error.get('remedy', '')}".strip()


def _description(study: dict[str, Any]) -> str:
    rows = [_series(s) for s in study.get("series", [])]
    priors = [f"- {p['name']}: {p['modality']} {_tag(p['body_part'])}, {p['date']}" for p in study.get("priors", [])]
    lines = ["This study has:", *rows]
    return "\n".join([*lines, "Other studies of this patient:", *priors] if priors else lines)


def _series(series: dict[str, Any]) -> str:
    size = f"{series['slices']} × {series['rows']} × {series['columns']}"
    part = f" {_tag(series['body_part'])}" if series.get("body_part") else ""
    said = FENCE.sub("", str(series.get("description", ""))).strip()
    words = f' "{said}"' if said else ""
    return f"- {series['name']}: {series['modality']}{part}{words}, {size} (slices × rows × columns)"


def _tag(text: str) -> str:
    """A code as it is; what else stood in its place in quotation marks."""
    said = FENCE.sub("", text).strip()
    return said if said == text else f'"{said}"'
