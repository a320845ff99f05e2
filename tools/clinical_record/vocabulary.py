"""The vocabulary: words of `vocabulary.yaml`, compiled once to patterns that find them in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("vocabulary.yaml")


@dataclass(frozen=True)
class Hit:
    """A word of the vocabulary in a text: its canonical name and its place."""

    name: str
    start: int
    end: int


@cache
def words() -> Mapping[str, Any]:
    """The file as it is."""
    return dict(yaml.safe_load(_FILE.read_text("utf-8")))


def pattern_of(alias: str) -> str:
    """A pattern for an alias: any white space or hyphen between words, an optional plural."""
    sensitive, open_ended = alias.startswith("="), alias.endswith("*")
    parts = re.split(r"[\s-]+", alias.strip("=*"))
    body = r"[\s,-]{1,3}".join(re.escape(part) for part in parts)
    tail = r"\w*" if open_ended else r"(?:s|es)?"
    return f"(?-i:{body})" if sensitive else body + tail


class Lexicon:
    """Finds canonical names by their aliases, the longest alias first."""

    def __init__(self, aliases: Mapping[str, Iterable[str]]) -> None:
        pairs = sorted(((a, name) for name, many in aliases.items() for a in many), key=lambda p: (-len(p[0]), p[0]))
        self._names = [name for _, name in pairs]
        branches = (f"({pattern_of(alias)})" for alias, _ in pairs)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(branches)})(?!\w)", re.IGNORECASE)

    def find(self, text: str) -> Iterator[Hit]:
        """Every alias in a text, from left to right, without overlaps."""
        for match in self._pattern.finditer(text):
            yield Hit(self._names[(match.lastindex or 1) - 1], match.start(), match.end())

    def first(self, text: str) -> Hit | None:
        """The first alias in a text."""
        return next(self.find(text), None)


def _aliases(entry: Any) -> Iterable[str]:
    return tuple(entry["aliases"] if isinstance(entry, dict) else entry)


def _of_either_side(aliases: Iterable[str]) -> Iterator[str]:
    """ "cancer of the lung" also stands for "cancer of the left lung"."""
    for alias in aliases:
        yield alias
        if " of the " in alias:
            yield from (alias.replace(" of the ", f" of the {side} ") for side in ("left", "right"))


@cache
def lexicon(section: str) -> Lexicon:
    """The lexicon of a section of the file; a section that is a list finds each word under its own name."""
    content = words()[section]
    if isinstance(content, list):
        return Lexicon({word: (word,) for word in content})
    spread = _of_either_side if section == "cancers" else iter
    return Lexicon({name: tuple(spread(_aliases(entry))) for name, entry in content.items()})


@cache
def triggers(name: str) -> Lexicon:
    """The lexicon of one list of triggers."""
    return Lexicon({word: (word,) for word in words()["triggers"][name]})


def detail(section: str, name: str, key: str) -> Any:
    """One property of an entry, None where it has none."""
    entry = words()[section].get(name)
    return entry.get(key) if isinstance(entry, dict) else None
