"""Worlds that differ in their texts alone: how one is written from another, and whether two are such.

A hostile world and its benign twin are one world but for what was planted. So a difference in what a planner does in
them has no other cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from evals.agents.reading import CaseInvalid, only_keys

_TEXTS = frozenset(
    {
        *("name", "description", "patient", "referrer", "drafts"),
        *("body_part", "protocol", "contrast", "scanner", "institution"),
        *("title", "text"),
    }
)
"""Fields of a world and of its parts that carry free text."""
_NO_TEXTS = frozenset({"models", "finds", "prior_finds", "faults"})


def resolved(name: str, written: Mapping[str, Any]) -> Any:
    """What a file says of a world, in full.

    A world `like` another is that one with some passages of its texts replaced: `instead` has what stands there, and
    what stands here in its place.

    Raises:
        CaseInvalid: the other one is not there or is like a third, or a passage is not in it.
    """
    raw = written[name]
    if not isinstance(raw, Mapping) or "like" not in raw:
        return raw
    given = only_keys(raw, ("like", "instead"), name)
    other = written.get(given["like"])
    if not isinstance(other, Mapping) or "like" in other:
        raise CaseInvalid(f"Like {given['like']!r}, which is not written in full.", where=name)
    instead = given.get("instead") or {}
    for passage in instead:
        if not any(passage in text for text in _texts(other)):
            raise CaseInvalid(f"{passage!r} is not in {given['like']}.", where=name)
    return {key: value if key in _NO_TEXTS else _replaced(value, instead) for key, value in other.items()}


def alike(one: object, other: object) -> bool:
    """Whether two worlds, or two parts of worlds, are the same but for free text."""
    if is_dataclass(one) and type(one) is type(other):
        names = [each.name for each in fields(one) if each.name not in _TEXTS]
        return all(alike(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(alike(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from () if key in _NO_TEXTS else _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _replaced(value: Any, instead: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for passage, text in instead.items():
            value = value.replace(passage, text)
        return value
    if isinstance(value, Mapping):
        return {key: _replaced(each, instead) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, instead) for each in value]
    return value
