"""Reading the YAML files beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent


def read_yaml(name: str) -> dict[str, Any]:
    """A file's mapping with every scalar as text: "no" and "on" are words here, not booleans."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    content = yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (builds no objects)
    if not isinstance(content, dict):
        raise ValueError(f"{name} is not a mapping")
    return content


def strings(values: object) -> tuple[str, ...]:
    """A YAML list of texts.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise ValueError(f"{values!r} is not a list of texts")
    return tuple(values)
