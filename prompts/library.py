"""Instructions and templates as files, with the hashes that enter provenance.

A prompt file is a `string.Template`: `${name}` is a variable, `$$` a dollar sign. Text from outside (orders, notes,
headers, reports) goes in fenced (tools.deidentification_text.fence), and the instructions say that fences hold data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from string import Template

from prompts.data import FOLDER
from prompts.lexicon import Lexicon, lexicon
from prompts.protocols import Protocols, protocols

_NAME = re.compile(r"(?:[a-z][a-z0-9_]*/)?[a-z][a-z0-9_]*")
_TEXT_SUFFIX = ".md"
_HASHED = frozenset({".md", ".yaml", ".txt"})


@dataclass(frozen=True)
class PromptFile:
    """A prompt and its identity.

    Attributes:
        sha256: of the file's bytes, hexadecimal.
        variables: names that `render` needs, all of them.
    """

    name: str
    text: str
    sha256: str
    variables: frozenset[str]

    def render(self, **values: str) -> str:
        """The text with every variable filled in.

        Raises:
            KeyError: a variable without a value, or a value without a variable.
        """
        if missing := self.variables - values.keys():
            raise KeyError(f"prompt {self.name!r} needs {', '.join(sorted(missing))}")
        if unknown := values.keys() - self.variables:
            raise KeyError(f"prompt {self.name!r} has no {', '.join(sorted(unknown))}")
        return Template(self.text).substitute(values)


@cache
def load(name: str) -> PromptFile:
    """The prompt file of that name.

    Raises:
        KeyError: there is none.
        ValueError: its text has a `$` that is no variable.
    """
    path = FOLDER / f"{name}{_TEXT_SUFFIX}"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise KeyError(f"no prompt file {name!r}; there are {', '.join(names())}")
    raw = path.read_bytes()
    text = raw.decode("utf-8")
    template = Template(text)
    if not template.is_valid():
        raise ValueError(f"{name}: a '$' that is no variable; write '$$'")
    return PromptFile(name, text, sha256(raw).hexdigest(), frozenset(template.get_identifiers()))


def names() -> tuple[str, ...]:
    """All prompt files."""
    return tuple(sorted(_short(p).removesuffix(_TEXT_SUFFIX) for p in FOLDER.rglob(f"*{_TEXT_SUFFIX}")))


@cache
def hashes() -> Mapping[str, str]:
    """SHA-256 of every file that says what models are told or how a question is read, by file name."""
    files = sorted(p for p in FOLDER.rglob("*") if p.suffix in _HASHED)
    return {_short(p): sha256(p.read_bytes()).hexdigest() for p in files}


def _short(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix()


__all__ = [
    "Lexicon",
    "PromptFile",
    "Protocols",
    "hashes",
    "lexicon",
    "load",
    "names",
    "protocols",
]
