"""A chat model's answer keeps the sentences whose numbers the tools gave; the rest is taken out and named."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)?(?![\w])")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


def grounded(answer: str, facts: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Split an answer into what is supported and what is not.

    A sentence is supported when each number in it is, within its own rounding, a number of the facts.

    Args:
        answer: what a chat model said.
        facts: the JSON results of the tools, and the question.

    Returns:
        The supported text, and the sentences that were left out.
    """
    known = {_value(n) for fact in facts for n in _NUMBER.findall(fact)}
    kept: list[str] = []
    dropped: list[str] = []
    for sentence in _SENTENCE.split(answer):
        if not sentence.strip():
            continue
        (kept if all(_supported(n, known) for n in _NUMBER.findall(sentence)) else dropped).append(sentence.strip())
    return "\n".join(kept), tuple(dropped)


def _value(number: str) -> float:
    return float(number.replace(",", "."))


def _supported(number: str, known: set[float]) -> bool:
    decimals = len(re.split(r"[.,]", number)[1]) if re.search(r"[.,]", number) else 0
    half = 0.5 * 10**-decimals
    value = _value(number)
    return any(abs(value - fact) <= half + 1e-9 for fact in known)
