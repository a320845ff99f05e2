"""De-identification of text: a patient's own identifiers in any spelling, and what looks like anybody's.

The patient's names, ids and birth date are known, so they are searched exactly, but blind to case, diacritics,
order and separators. Dates, contacts, numbers that only registries use and titled names are recognised by
their form. Sizes, ages, levels ("L2", "T1"), scores and years stay. Sources: HIPAA §164.514(b)(2) identifiers;
PS3.5 6.2.1 person names.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from domain.privacy import Deidentified
from domain.study import Patient

METHOD = "identifiers of the patient and identifier-like text replaced by labels"

_MODALITY_CODES = frozenset({"ct", "mr", "us", "xr", "pt", "nm", "cr", "dx", "mg", "iv", "no", "of", "in", "and"})
_GERMANIC = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "ß": "ss"})
_MONTHS = (
    "jan(?:uary|uar|vier|eiro|uari)?|ene(?:ro)?|gennaio|feb(?:ruary|ruar|brero|braio|ruari)?|fev(?:rier|ereiro)?|mar(?:ch|s|zo|co)?|"
    "maerz|marz|maart|apr(?:il|ile)?|avr(?:il)?|abr(?:il)?|may|mai|mayo|maggio|maio|mei|june?|juni|juin|junio|giugno|junho|"
    "july?|juli|juillet|julio|luglio|julho|aug(?:ust|ustus)?|aout|ago(?:sto)?|sep(?:t|tember|tembre|tiembre)?|settembre|setembro|"
    "o[ck]t(?:ober|obre|ubre)?|ottobre|out(?:ubro)?|nov(?:ember|embre|iembre|embro)?|de[cz](?:ember|embre|iembre|embro)?|dic(?:embre|iembre)?"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:18|19|20|21)\d\d"
_LONGEST_PREFIX = 64
"""Letters and separators before the first digit of a registry's number (a DICOM LO is no longer)."""

# Runs are possessive or bounded: each pattern's work grows with the text, not with its square.
_FORMS: tuple[tuple[str, str], ...] = (
    ("EMAIL", r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++(?:[.+@-]*+\w++)*+"),
    ("ID", r"(?<![\d.])[0-2](?:\.\d++){3,}+(?!\.*+\d)"),
    ("ID", r"(?<![\w.])\d{3}-\d{2}-\d{4}(?!\w)"),
    (
        "ID",
        r"(?:\b(?:mrn|ssn|nhs|pid|accession|acc|patient[ _-]?id|medical record)\b(?:[ ._-]*+(?:number|no|nr|num|id))?+"
        rf"[ .:#=]*+)(?P<hit>(?:[^\W\d]|[./-]){{0,{_LONGEST_PREFIX}}}+\d[\w./-]*+)",
    ),
    ("PHONE", r"(?:\b(?:tel|phone|fax|mobile|cell|pager|telephone|telefon)\b[ .:]*)(?P<hit>\+?[\d(][\d ()./-]{4,}\d)"),
    ("PHONE", r"(?<![\w.])\+\d{1,3}[ .-]?(?:\(\d+\)[ .-]?)?\d+(?:[ ./-]\d+)*"),
    ("PHONE", r"(?<![\w.])(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}(?!\w)"),
    ("DATE", rf"(?<![\d.]){_YEAR}(?P<a>[-./]){_MONTH}(?P=a){_DAY}(?!\d)"),
    ("DATE", rf"(?<!\d){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"),
    ("DATE", rf"(?<![\d.]){_DAY}(?P<b>[-./]){_DAY}(?P=b)(?:{_YEAR}|\d\d)(?![./-]*+\d)(?!\s*[mc]m\b)"),
    ("DATE", rf"(?<!\w){_DAY}(?:st|nd|rd|th|\.)?[ -]*(?:de |of )?(?:{_MONTHS})[., -]*(?:de |of )?{_YEAR}(?!\w)"),
    ("DATE", rf"(?<!\w)(?:{_MONTHS})\.?[ -]*{_DAY}(?:st|nd|rd|th)?[, -]+{_YEAR}(?!\w)"),
    ("DATE", rf"(?<!\w)(?:{_MONTHS})[., -]+(?:de )?{_YEAR}(?!\w)"),
    ("ID", r"(?<![\w.,])\d{7,}+(?![\w]|[.,]\d)"),
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_FORM_PATTERNS = tuple((label, re.compile(pattern, re.IGNORECASE)) for label, pattern in _FORMS)
_TITLED = re.compile(
    r"\b(?:Dr|Prof|Mr|Mrs|Ms|Miss|Herr|Frau|Mme|Mlle)\b\.? +(?P<hit>[^\W\d_]\.?(?:[^\W\d_]|['’-])*(?: +[A-Z]\w+)?)"
)
_STREET = re.compile(
    r"(?<!\w)\d{1,5}[a-z]? (?:[A-Z][\w'’-]+ ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd)\b\.?"
)


class _Span(NamedTuple):
    start: int
    end: int
    label: str


class _Folded(NamedTuple):
    """Text without case, diacritics and invisible characters, and where each of its characters came from."""

    text: str
    origin: list[int]

    def span(self, start: int, end: int, label: str) -> _Span:
        return _Span(self.origin[start], self.origin[end - 1] + 1, label)


def scrub_text(text: str, patient: Patient, extra: Sequence[str] = ()) -> Deidentified[str]:
    """Text with [NAME], [ID], [DATE], [PHONE], [EMAIL] and [ADDRESS] where identity was.

    Work grows linearly with the text. Lone surrogates, which no encoding has, become U+FFFD.

    Args:
        text: anything that is to leave for a remote model.
        patient: whose identifiers are removed in any case, diacritics, order and separators; a part of a name
            of fewer than two characters, and an id of fewer than three, cannot be told from other text.
        extra: more identifiers of the same study: accession numbers, UIDs, physicians' names.
    """
    text = _encodable(text)
    folded = _fold(text)
    spans = [*_known(folded, patient, extra), *_alike(folded)]
    for label, pattern in (("NAME", _TITLED), ("ADDRESS", _STREET)):
        group = "hit" if label == "NAME" else 0
        spans += (_Span(*found.span(group), label) for found in pattern.finditer(text))
    return Deidentified(_replaced(text, spans), METHOD)


def scrub_identifiers(text: str, patient: Patient) -> Deidentified[str]:
    """Text without the patient's own identifiers; what merely looks like one stays.

    For JSON that our own tools wrote: its free text is scrubbed where it is put in, and a large count must not
    become an [ID].
    """
    text = _encodable(text)
    folded = _fold(text)
    return Deidentified(_replaced(text, _known(folded, patient, ())), "the patient's identifiers replaced by labels")


def fence(text: str, label: str) -> str:
    """Untrusted text between two lines that it cannot contain, for use in prompts.

    The fence carries a digest of the text itself, so no text can close its own fence. Control characters
    but line breaks and tabs are dropped.
    """
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))
    name = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "data"
    digest = hashlib.sha256(f"{name}\n{kept}".encode()).hexdigest()[:16]
    return f"<data-{name}-{digest}>\n{kept}\n</data-{name}-{digest}>"


def _encodable(text: str) -> str:
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


def _fold(text: str) -> _Folded:
    characters: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(text):
        for plain in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold()):
            if unicodedata.category(plain) not in ("Mn", "Cf"):
                characters.append(plain)
                origin.append(index)
    return _Folded("".join(characters), origin)


def _known(folded: _Folded, patient: Patient, extra: Sequence[str]) -> Iterator[_Span]:
    """Where the study's own identifiers stand."""
    numbered = (word for word in re.split(r"[\W_]+", patient.name) if any(c.isdigit() for c in word))
    identifiers = [patient.patient_id, *numbered, *(one for one in extra if any(c.isdigit() for c in one))]
    names = [patient.name, *(one for one in extra if not any(c.isdigit() for c in one))]
    patterns = [("ID", _id_pattern(one)) for one in identifiers]
    patterns += [("NAME", re.escape(part)) for name in names for part in _name_parts(name)]
    if patient.birth_date:
        patterns += [("DATE", pattern) for pattern in _date_patterns(patient.birth_date)]
    for label, pattern in patterns:
        if pattern:
            for found in re.finditer(_alone(pattern, label), folded.text):
                yield folded.span(*found.span(), label)


def _alike(folded: _Folded) -> Iterator[_Span]:
    """Where something stands that has the form of an identifier."""
    for label, pattern in _FORM_PATTERNS:
        for found in pattern.finditer(folded.text):
            group = "hit" if "hit" in pattern.groupindex else 0
            yield folded.span(*found.span(group), label)


def _name_parts(name: str) -> set[str]:
    """Folded words of a person name, and its words run together; "Müller" is "mueller" as well."""
    spellings = (name, unicodedata.normalize("NFC", name).casefold().translate(_GERMANIC))
    parts: set[str] = set()
    for spelling in spellings:
        words = [word for word in re.split(r"[\W\d_]+", _fold(spelling).text) if word]
        parts.update(words)
        parts.update(first + second for first in words for second in words if first is not second)
    return {part for part in parts if len(part) > 1 and part not in _MODALITY_CODES}


def _id_pattern(identifier: str) -> str:
    """The letters and digits of an id with any separators, leading zeros or not; "" when too short."""
    plain = "".join(c for c in _fold(identifier).text if c.isalnum())
    if len(plain) < 3:
        return ""
    bare = plain.lstrip("0") if plain.isdigit() else plain
    significant = bare if len(bare) > 3 else plain
    return "0*" * (significant is bare) + r"[\W_]{0,2}".join(map(re.escape, significant))


def _date_patterns(day: date) -> Iterable[str]:
    """A known date in numbers, in every order, with any separators."""
    d, m, separator = f"0?{day.day}", f"0?{day.month}", r"[\W_]{1,3}"
    for year in (f"{day.year}", f"{day.year % 100:02d}"):
        for order in ((year, m, d), (d, m, year), (m, d, year)):
            yield separator.join(order)
    packed = f"{day.year}", f"{day.month:02d}", f"{day.day:02d}"
    yield from ("".join(packed), "".join(reversed(packed)), packed[1] + packed[2] + packed[0])


def _alone(pattern: str, label: str) -> str:
    """Only as a word of its own: no letter beside a name, no letter or digit beside an id or a date.

    Scripts that run words together (Chinese, Japanese, Korean, Thai) have no such border.
    """
    border = r"[^\W_]" if label != "NAME" else r"[^\W\d_]"
    if label == "NAME" and not pattern.isascii():
        return pattern
    return f"(?<!{border})(?:{pattern})(?!{border})"


def _replaced(text: str, spans: Iterable[_Span]) -> str:
    """Spans that overlap become one; the label of the first that began wins."""
    parts: list[str] = []
    at = 0
    for start, end, label in sorted(spans, key=lambda span: (span.start, -span.end)):
        if start >= at:
            parts += [text[at:start], f"[{label}]"]
        at = max(at, end)
    return "".join((*parts, text[at:]))
