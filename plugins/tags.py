"""Tags that should hold a code (body part, view), as tools show them: a code as it is, anything else as data."""

from __future__ import annotations

import re

from domain.study import Patient
from tools.deidentification_text import fence, scrub_text

_CODE = re.compile(r"[A-Za-z0-9 _-]{0,16}")
"""What DICOM's code strings may hold, in either case (PS3.5 6.2, CS)."""
_BETWEEN = re.compile(r"[/\\]")


def is_code(text: str) -> bool:
    """Whether a tag's text is a code, or several with slashes between them."""
    return all(_CODE.fullmatch(part) for part in _BETWEEN.split(text))


def shown(text: str, patient: Patient) -> str:
    """A code as it is; other text without identity and fenced, as a file may say anything in such a tag."""
    return text if is_code(text) else fence(scrub_text(text, patient).value, "tag")
