"""People whom a text names: this patient is never named here, so a name is asked about as somebody else's."""

from __future__ import annotations

import re

from agents.routing.slots.dates import names_day
from agents.routing.slots.prior import mentions_month

_NAME = r"[A-ZÄÖÜÁÉÍÓÚÑ][^\W\d_]+(?:[-'’][A-ZÄÖÜÁÉÍÓÚÑ]?[^\W\d_]+)?"
_TITLED = re.compile(
    r"(?P<before>\b(?:to|an|for|für|al|a la|para|by|dear)\s+(?:the\s+)?)?"
    rf"\b(?:Mr|Mrs|Ms|Miss|Herrn?|Frau|[Ss]eñora?|Sra?|Don|Doña)\b\.?\s+(?!Dr\b|Prof\b|Doktor){_NAME}"
)
_OF = re.compile(
    r"\b(?:study|scan|images?|ct|mri|x-ray|film|report|results?|records?|chart|patient(?:in)?|paciente|akte|bilder|estudio"
    rf"|imágenes|historia|befund|CT|MRI)\s+(?:(?:of|for|from|von|de|del|zu)\s+)?{_NAME}\s+{_NAME}"
)
_BORN = re.compile(rf"(?<![^\W\d_]){_NAME}\s+{_NAME},?\s+(?:born|b\.|DOB|geb(?:oren|\.)|nacid[oa])(?!\w)")
_OWNED = r"(?:study|scan|images?|film|x-ray|results?|report|chart|CT|MRI|(?:\w+ )?volume)"
_OWNS = re.compile(rf"(?<=[^\W\d_] ){_NAME}\s+{_NAME}['’]s\s+{_OWNED}\b")


def names_person(text: str) -> bool:
    """Whether a text asks about a person by name: "Mr. Smith", "the scan of Jane Doe". Recipients do not count."""
    titled = any(not found["before"] for found in _TITLED.finditer(text))
    owned = (found.group() for pattern in (_OF, _OWNS) for found in pattern.finditer(text))
    # "The scan from Christmas Eve" and "of Monday Morning" have the form of a name.
    return titled or _BORN.search(text) is not None or any(not (mentions_month(o) or names_day(o)) for o in owned)
