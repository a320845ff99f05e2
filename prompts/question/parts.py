"""A part that is told after its structure: "hippocampus, not the anterior part, the posterior one only"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prompts.question.items import Item
from prompts.words import Word

_POSITIONS: Mapping[str, str] = {
    **{word: word for word in ("anterior", "posterior", "superior", "inferior", "medial", "lateral", "proximal")},
    **{word: word for word in ("distal", "upper", "lower", "inner", "outer", "cranial", "caudal", "dorsal", "ventral")},
    **dict.fromkeys(("vordere", "vorderen", "vorderer"), "anterior"),
    **dict.fromkeys(("hintere", "hinteren", "hinterer"), "posterior"),
    **dict.fromkeys(("obere", "oberen", "oberer"), "upper"),
    **dict.fromkeys(("untere", "unteren", "unterer"), "lower"),
}
_PARTS = frozenset(
    (
        "part",
        "parts",
        "portion",
        "half",
        "third",
        "one",
        "bit",
        "aspect",
        "segment",
        "teil",
        "anteil",
        "parte",
        "porcion",
    )
)
_ONLY = frozenset({"only", "just", "nur", "solo", "solamente", "please", "bitte"})
_SKIPPED = frozenset({"comma", "stop", "but"})
_ARTICLES = frozenset({"the", "der", "die", "das", "den", "el", "la", "its"})


def part_instead(row: Sequence[Item], at: int, written: Sequence[Word]) -> tuple[str, int] | None:
    """The part that is wanted in place of the one that the words from `at` on leave out, and the item after it.

    None where no second part is told, or where either is said of a structure that is named with it.
    """
    left_out = _position(row, at, written)
    if left_out is None:
        return None
    wanted = _position(row, left_out[1], written, skipped=_SKIPPED)
    if wanted is None or wanted[0] == left_out[0]:
        return None
    end = wanted[1]
    return wanted if end >= len(row) or row[end].role in {"comma", "stop", "question", "close"} else None


def _position(
    row: Sequence[Item], at: int, written: Sequence[Word], skipped: frozenset[str] = frozenset()
) -> tuple[str, int] | None:
    while at < len(row) and (row[at].role in skipped or written[row[at].start].folded in _ARTICLES):
        at += 1
    position = _POSITIONS.get(written[row[at].start].folded) if at < len(row) else None
    if position is None:
        return None
    at += 1
    while at < len(row) and written[row[at].start].folded in _PARTS | _ONLY:
        at += 1
    return position, at
