"""QIDO-RS queries: parameters → what must match, and whether a DICOM JSON document does (PS3.18 8.3.4, PS3.4 C.2.2.2).

A parameter that cannot be matched is refused, not ignored: a search that silently finds too much shows other patients.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_VR

from api.dicomweb.errors import QueryRefused
from tools.dicom_json import Json, attribute_tag

STUDY_UID, MODALITIES = "0020000D", "00080061"
_ALL = "all"
_LISTS = re.compile(r"[\\,]")
_RANGED = frozenset({"DA", "TM", "DT"})
_NUMBERS = frozenset({"IS", "DS", "US", "SS", "UL", "SL", "FL", "FD"})
_UNMATCHED = frozenset({"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "UT", "LT", "ST"})
_LONGEST = 1000
_MOST = 10_000


@dataclass(frozen=True)
class Query:
    """What is searched for.

    Attributes:
        matches: tag → value as it was asked for; universal matches are left out.
        fields: tags to return besides the usual ones; `everything` for all that is known.
        fuzzy: names match when each word asked for begins a word of the name.
    """

    matches: Mapping[str, str]
    fields: frozenset[str] = frozenset()
    everything: bool = False
    fuzzy: bool = False
    limit: int | None = None
    offset: int = 0


def parse(parameters: Iterable[tuple[str, str]], matched: Collection[str] | None) -> Query:
    """The query of a request.

    Args:
        matched: tags that can be matched here; None for any that holds a plain value.

    Raises:
        QueryRefused.
    """
    matches: dict[str, str] = {}
    fields: set[str] = set()
    plain: dict[str, str] = {}
    for name, value in parameters:
        if len(value) > _LONGEST * 64:
            raise QueryRefused(f"It is longer than {_LONGEST * 64} characters.", where=_shown(name))
        if name == "includefield":
            fields |= set(value.split(","))
        elif name in ("limit", "offset", "fuzzymatching", "accept"):
            plain[name] = value
        elif value.strip():
            tag = _matchable(name, matched)
            # The same attribute again is another value to choose from, as in a list.
            matches[tag] = f"{matches[tag]}\\{value.strip()}" if tag in matches else value.strip()
        else:
            _matchable(name, matched)
    for tag, value in matches.items():
        _require_form(tag, value)
    return Query(
        matches,
        frozenset(known for name in fields - {_ALL} if (known := attribute_tag(name.strip()))),
        _ALL in fields,
        plain.get("fuzzymatching", "false").lower() == "true",
        _count(plain["limit"], "limit") if "limit" in plain else None,
        _count(plain.get("offset", "0"), "offset"),
    )


def matches(document: Json, query: Query, only: Collection[str] | None = None) -> bool:
    """Whether a document has every value that is asked for.

    Args:
        only: tags to look at; None for all of the query.
    """
    return all(
        _attribute_matches(tag, wanted, document.get(tag, {}).get("Value", []), fuzzy=query.fuzzy)
        for tag, wanted in query.matches.items()
        if only is None or tag in only
    )


def uids(value: str) -> list[str]:
    """The UIDs of a list (PS3.4 C.2.2.2.2)."""
    return [uid for uid in (part.strip() for part in _LISTS.split(value)) if uid]


def _matchable(name: str, matched: Collection[str] | None) -> str:
    tag = attribute_tag(name)
    if tag is None:
        raise QueryRefused("No attribute has that keyword or tag.", where=_shown(name))
    if (matched is not None and tag not in matched) or _vr(tag) in _UNMATCHED:
        raise QueryRefused("This attribute cannot be matched at this level.", where=_shown(name))
    return tag


def _shown(name: str) -> str:
    """A parameter's name, which may be anything, as an error may repeat it."""
    return name if re.fullmatch(r"[\w.]{1,64}", name) else "query"


def _vr(tag: str) -> str:
    try:
        return dictionary_VR(int(tag, 16))
    except KeyError:
        return "UN"


def _require_form(tag: str, value: str) -> None:
    if _vr(tag) == "DA" and not re.fullmatch(r"\d{8}|\d{8}-\d{8}|\d{8}-|-\d{8}", value):
        raise QueryRefused("A date is YYYYMMDD, a range YYYYMMDD-YYYYMMDD, YYYYMMDD- or -YYYYMMDD.", where=tag)
    if len(uids(value)) > _LONGEST:
        raise QueryRefused(f"More than {_LONGEST} values.", where=tag)


def _count(text: str, name: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise QueryRefused("It is no whole number from 0.", where=name)
    return int(text) if name == "offset" else min(int(text), _MOST)


def _attribute_matches(tag: str, wanted: str, values: list[Any], *, fuzzy: bool) -> bool:
    vr = _vr(tag)
    texts = [_text(value) for value in values]
    if vr == "UI" or tag in (MODALITIES, "00080060"):
        return any(_wild(one, text, exact=vr == "UI") for one in uids(wanted) for text in texts)
    if vr in _RANGED and "-" in wanted:
        low, _, high = wanted.partition("-")
        return any(_within(text, low.strip(), high.strip()) for text in texts)
    if vr in _NUMBERS:
        return any(_number(text) == _number(wanted) for text in texts)
    if vr == "PN":
        return any(_name_matches(wanted, text, fuzzy=fuzzy) for text in texts)
    return any(_wild(one, text, exact=False) for one in wanted.split("\\") for text in texts or [""])


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "=".join(str(value.get(form, "")) for form in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
    return str(value)


def _within(text: str, low: str, high: str) -> bool:
    return bool(text) and text >= low and (not high or text[: len(high)] <= high)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _name_matches(wanted: str, name: str, *, fuzzy: bool) -> bool:
    forms = [form.casefold().rstrip("^") for form in name.split("=")]
    wanted = wanted.casefold().rstrip("^")
    if fuzzy:
        sought = [word for word in re.split(r"[\s^*,]+", wanted) if word]
        return any(all(any(w.startswith(s) for w in re.split(r"[\s^]+", form)) for s in sought) for form in forms)
    return any(_wild(wanted, form, exact=False) for form in forms)


def _wild(wanted: str, text: str, *, exact: bool) -> bool:
    """`*` stands for any characters and `?` for one (PS3.4 C.2.2.2.4)."""
    if exact or not ("*" in wanted or "?" in wanted):
        return wanted == text
    return re.fullmatch(fnmatch.translate(wanted.replace("[", "[[]")), text) is not None
