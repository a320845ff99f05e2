"""An index of phrases: the longest one that starts at a word, plurals folded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from prompts.words import phrase, singulars

T = TypeVar("T")


class Terms(Generic[T]):
    """Phrases and what they stand for; the first entry of a phrase wins."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, ...], T] = {}
        self._longest: dict[str, int] = {}
        self.vocabulary: set[str] = set()

    def add(self, texts: Iterable[str], value: T) -> None:
        """Let each text stand for `value`."""
        for text in texts:
            self.add_phrase(phrase(text), value)

    def add_phrase(self, key: tuple[str, ...], value: T) -> None:
        """Let folded words stand for `value`."""
        if key and key not in self._entries:
            self._entries[key] = value
            self._longest[key[0]] = max(len(key), self._longest.get(key[0], 0))
            self.vocabulary.update(key)

    def get(self, key: Sequence[str]) -> T | None:
        """What exactly these folded words stand for, plural or singular."""
        found = self._entries.get(tuple(key))
        if found is None and key:
            forms = (self._entries.get((*(self._base(w) for w in key[:-1]), f)) for f in self._forms(key[-1]))
            found = next((f for f in forms if f is not None), None)
        return found

    def longest(self, folded: Sequence[str], start: int) -> tuple[int, T] | None:
        """(number of words, value) of the longest phrase at `start`; None without one."""
        reach = max((self._longest.get(f, 0) for f in self._forms(folded[start])), default=0)
        for length in range(min(reach, len(folded) - start), 0, -1):
            found = self.get(folded[start : start + length])
            if found is not None:
                return length, found
        return None

    def _forms(self, word: str) -> tuple[str, ...]:
        return (word, *(s for s in singulars(word) if s in self.vocabulary))

    def _base(self, word: str) -> str:
        return word if word in self.vocabulary else next((s for s in self._forms(word)[1:]), word)
