"""What tools tell a model: compact JSON, and three ways to fail (try again, adapt, a human must approve)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from traceback import format_tb
from typing import Any

from domain.errors import (
    BurnedInTextSuspected,
    MedImageError,
    ModelUnreachable,
    PatientLockViolation,
    TransitionRefused,
)

_log = logging.getLogger(__name__)

RETRY = "retry"
ADAPT = "adapt"
APPROVAL = "approval"

_KINDS: tuple[tuple[type[MedImageError], str], ...] = (
    (ModelUnreachable, RETRY),
    (BurnedInTextSuspected, APPROVAL),
    (TransitionRefused, APPROVAL),
    (PatientLockViolation, ADAPT),
)


def result(data: Mapping[str, Any]) -> str:
    """Facts as compact JSON; Semantic Kernel would hand a dict to the model as Python's repr."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def failure(error: Exception) -> str:
    """An error as JSON with what the model may do about it; foreign exceptions keep their kind only."""
    if not isinstance(error, MedImageError):
        # Its text may quote a patient; where it came from does not.
        _log.error("internal error %s in a tool\n%s", type(error).__name__, "".join(format_tb(error.__traceback__)))
        return result({"error": {"kind": ADAPT, "reason": f"internal error ({type(error).__name__})"}})
    kind = next((k for cls, k in _KINDS if isinstance(error, cls)), ADAPT)
    return result({"error": {"kind": kind, "reason": error.reason, "remedy": error.remedy, "where": error.where}})


def names(value: Sequence[str] | str | None) -> list[str]:
    """A list argument as models send it: a list, a JSON list in a string, or words between commas."""
    if value is None:
        return []
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                return names(json.loads(text))
            except ValueError:
                text = text.strip("[]")
        value = text.split(",")
    return [item for item in (str(v).strip().strip("\"'") for v in value) if item]
