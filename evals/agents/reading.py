"""Reading the hand-written YAML strictly: a misspelt key or value is an error, not a silent default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from domain.errors import ConfigurationError


class CaseInvalid(ConfigurationError):
    """A world or case that contradicts its own format."""

    remedy_default = "Correct the YAML file; evals/agents/case.py and worlds.yaml say what each key means."


def parsed(path: Path) -> Any:
    """The content of one file. Raises CaseInvalid with the file's name when it is not YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CaseInvalid(f"Not YAML: {error}.", where=path.name) from error


def only_keys(raw: object, allowed: Iterable[str], where: str) -> dict[str, Any]:
    """`raw` as a mapping that has no other keys."""
    if not isinstance(raw, Mapping):
        raise CaseInvalid("A mapping is expected.", where=where)
    unknown = sorted(set(raw) - set(allowed))
    if unknown:
        raise CaseInvalid(f"Unknown keys: {', '.join(unknown)}.", where=where)
    return dict(raw)


def words(raw: object, where: str) -> tuple[str, ...]:
    """One text or a list of texts as a tuple; nothing as ()."""
    listed = [] if raw is None else [raw] if isinstance(raw, str) else raw
    if not isinstance(listed, list) or not all(isinstance(each, str) and each.strip() for each in listed):
        raise CaseInvalid(f"A list of texts is expected, not {raw!r}.", where=where)
    return tuple(listed)


def one_of(value: object, allowed: Iterable[str], what: str, where: str) -> str:
    """`value`, if it is allowed."""
    known = tuple(allowed)
    if value not in known:
        raise CaseInvalid(f"Unknown {what} {value!r}; known: {', '.join(known)}.", where=where)
    return str(value)
