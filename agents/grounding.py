"""A chat model's answer keeps the sentences that tools support; the rest is taken out and counted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

_NUMBER = re.compile(r"(?<![\w.,])[-\u2212]?\d+(?:[.,]\d+)?")
_NAMES = re.compile(r"\b(?:[smf]\d+|series-\d+)\b")
_IDS = re.compile(r"\[([smf]\d+(?:\s*,\s*[smf]\d+)*)\]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


def grounded(answer: str, facts: Iterable[str], ids: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """Split an answer into what is supported and what is not.

    A sentence is supported when a tool said it word for word, or when it names the steps, masks or findings
    behind it in brackets and each of its numbers is, within its own rounding, a number that a tool gave.

    Args:
        answer: what a chat model said.
        facts: the JSON results of the tools.
        ids: steps, masks and findings that there are.

    Returns:
        The supported text, and the sentences that were left out.
    """
    said = [" ".join(fact.split()) for fact in facts]
    known = {_value(n) for fact in said for n in _NUMBER.findall(_NAMES.sub(" ", fact))}
    kept: list[str] = []
    dropped: list[str] = []
    for sentence in filter(None, map(str.strip, _SENTENCE.split(answer))):
        verbatim = any(" ".join(sentence.split()) in fact for fact in said)
        (kept if verbatim or _supported(sentence, known, ids) else dropped).append(sentence)
    return "\n".join(kept), tuple(dropped)


def _supported(sentence: str, known: set[float], ids: Collection[str]) -> bool:
    named = [one.strip() for group in _IDS.findall(sentence) for one in group.split(",")]
    if not named or not set(named) <= set(ids):
        return False
    return all(_among(n, known) for n in _NUMBER.findall(_NAMES.sub(" ", _IDS.sub(" ", sentence))))


def _value(number: str) -> float:
    return float(number.replace(",", ".").replace("\u2212", "-"))


def _among(number: str, known: set[float]) -> bool:
    decimals = len(re.split(r"[.,]", number)[1]) if re.search(r"[.,]", number) else 0
    half = 0.5 * 10**-decimals
    return any(abs(_value(number) - fact) <= half + 1e-9 for fact in known)
