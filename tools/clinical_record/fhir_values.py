"""FHIR R4 data types in words. Every function takes anything and gives "" for what it cannot read.

Source: https://hl7.org/fhir/R4/datatypes.html. A bundle comes from outside: nothing here trusts its shape.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from html import unescape

Resource = Mapping[str, object]

_LARGEST = 10**18
"""No count or code of a record is larger; Python refuses to print what is much larger."""
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_BREAK = re.compile(r"</(?:p|div|li|tr|h\d)\s*>|<br\s*/?>", re.IGNORECASE)


def mapping(value: object) -> Resource:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> Iterator[Resource]:
    """The objects of a list; a lone object is a list of one."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            yield item


def text(value: object) -> str:
    """A string or number as text."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:d}" if abs(value) < _LARGEST else ""
    return str(value).strip() if isinstance(value, str | float) else ""


def concept(value: object) -> str:
    """A CodeableConcept, or the first of a list of them: its text, else a coding's display, else its code."""
    for item in listed(value):
        codings = list(listed(item.get("coding")))
        words = [
            text(item.get("text")),
            *(text(c.get("display")) for c in codings),
            *(text(c.get("code")) for c in codings),
        ]
        found = next((word for word in words if word), "")
        if found:
            return found
    return ""


def code(value: object) -> str:
    """The code of a CodeableConcept, or a plain code."""
    if isinstance(value, str):
        return value
    return next((text(c.get("code")) for item in listed(value) for c in listed(item.get("coding"))), "")


def quantity(value: object) -> str:
    """A Quantity with comparator and unit: ">5.2 mg/dL"."""
    item = mapping(value)
    number = item.get("value")
    if isinstance(number, bool) or not isinstance(number, int | float) or not _finite(number):
        return ""
    unit = text(item.get("unit")) or text(item.get("code"))
    return f"{text(item.get('comparator'))}{number:.6g} {unit}".strip()


def _finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def value_of(resource: Resource) -> str:
    """The value[x] of an Observation or component."""
    for key, read in (
        ("valueQuantity", quantity),
        ("valueCodeableConcept", concept),
        ("valueString", text),
        ("valueBoolean", text),
        ("valueInteger", text),
        ("valueDateTime", text),
        ("valueTime", text),
        ("valueRange", _range),
        ("valueRatio", _ratio),
    ):
        found = read(resource.get(key))
        if found:
            return found
    return ""


def reference_range(value: object) -> str:
    """The reference ranges of an Observation: "3.5 - 5.1 mmol/L"."""
    return "; ".join(word for word in (text(r.get("text")) or _range(r) for r in listed(value)) if word)


def _range(value: object) -> str:
    item = mapping(value)
    low, high = quantity(item.get("low")), quantity(item.get("high"))
    if low and high:
        return f"{low} to {high}"
    return f">= {low}" if low else f"<= {high}" if high else ""


def _ratio(value: object) -> str:
    item = mapping(value)
    parts = quantity(item.get("numerator")), quantity(item.get("denominator"))
    return " / ".join(parts) if all(parts) else ""


def day(*values: object) -> date | None:
    """The first value that is a date, dateTime or Period; a month or year is its first day."""
    for value in values:
        raw = (
            text(mapping(value).get("start")) or text(mapping(value).get("end"))
            if isinstance(value, Mapping)
            else text(value)
        )
        match = _DATE.match(raw)
        if match:
            try:
                return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
            except ValueError:
                continue
    return None


def attachment(value: object) -> str:
    """The text of an Attachment with inline text/plain, text/html or XHTML; "" for other types and broken base64."""
    item = mapping(value)
    kind = text(item.get("contentType")).lower()
    if not kind.startswith(("text/", "application/xhtml")):
        return ""
    try:
        raw = base64.b64decode(text(item.get("data")), validate=False)
    except (binascii.Error, ValueError):
        return ""
    charset = re.search(r"charset=\"?([\w-]+)", kind)
    try:
        decoded = raw.decode(charset[1] if charset else "utf-8", errors="replace")
    except LookupError:
        decoded = raw.decode("utf-8", errors="replace")
    if "html" not in kind:
        return decoded
    return unescape(_TAG.sub("", _BREAK.sub("\n", decoded))).strip()
