"""Documents of QIDO-RS: studies, series and instances as DICOM JSON (PS3.18 10.6.3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from api.dicomweb.headers import Stored
from api.dicomweb.matching import MODALITIES, STUDY_UID, Query
from records.studies import StudyRecord
from tools.dicom_json import Json
from tools.source_instances import UNICODE

STUDY_ATTRIBUTES: Mapping[str, str] = {
    "00080005": "CS",
    "00080020": "DA",
    "00080030": "TM",
    "00080050": "SH",
    "00080056": "CS",
    "00080061": "CS",
    "00080090": "PN",
    "00081030": "LO",
    "00081190": "UR",
    "00100010": "PN",
    "00100020": "LO",
    "00100021": "LO",
    "00100030": "DA",
    "00100040": "CS",
    "0020000D": "UI",
    "00200010": "SH",
    "00201206": "IS",
    "00201208": "IS",
}
SERIES_ATTRIBUTES: Mapping[str, str] = {
    "00080005": "CS",
    "00080021": "DA",
    "00080031": "TM",
    "00080060": "CS",
    "0008103E": "LO",
    "00081190": "UR",
    "00180015": "CS",
    "00080070": "LO",
    "0020000D": "UI",
    "0020000E": "UI",
    "00200011": "IS",
    "00201209": "IS",
    "00400244": "DA",
    "00400245": "TM",
}
INSTANCE_ATTRIBUTES: Mapping[str, str] = {
    "00080005": "CS",
    "00080016": "UI",
    "00080018": "UI",
    "00080056": "CS",
    "00080060": "CS",
    "00081190": "UR",
    "00083002": "UI",
    "0020000D": "UI",
    "0020000E": "UI",
    "00200013": "IS",
    "00280008": "IS",
    "00280010": "US",
    "00280011": "US",
    "00280100": "US",
}
HEADER_ATTRIBUTES = frozenset({"00080030", "00080090", "00100010", "00100021", "00100030", "00100040", "00200010"})
"""Of a study: what only its files know, not its record."""
_OPTIONAL = frozenset({"00100021", "00180015", "00080070", "00400244", "00400245", "00280008"})
_PIXELS = "7FE00010"


def study_of(record: StudyRecord, header: Json, stored: Sequence[Stored] = ()) -> Json:
    """A study from its record, the header of one of its instances, and its instances where they are known."""
    found = {tag: header[tag] for tag in STUDY_ATTRIBUTES if tag in header}
    modalities = {s.instance.modality for s in stored if s.instance.modality} or set(record.modality.split("\\"))
    found[MODALITIES] = _value("CS", *sorted(modalities - {""}))
    found |= {STUDY_UID: _value("UI", record.study_uid), "00080050": _value("SH", record.accession)}
    found |= {"00100020": _value("LO", record.patient_id), "00081030": _value("LO", record.description)}
    if record.started is not None:
        found["00080020"] = _value("DA", f"{record.started:%Y%m%d}")
    if stored:
        found["00201206"] = _value("IS", len({s.instance.series_uid for s in stored}))
        found["00201208"] = _value("IS", len(stored))
    return _usual(found, STUDY_ATTRIBUTES)


def series_of(stored: Sequence[Stored]) -> Json:
    """A series from its instances: the first one's header, and how many there are."""
    found = header_of(stored[0])
    found["00201209"] = _value("IS", len(stored))
    return found


def by_series(stored: Iterable[Stored]) -> list[list[Stored]]:
    """Instances of each series; the source's series by number, then what analyses made."""
    groups: dict[str, list[Stored]] = {}
    for one in stored:
        groups.setdefault(one.instance.series_uid, []).append(one)
    return sorted(groups.values(), key=lambda group: (group[0].source.derived, _series_number(group[0])))


def header_of(stored: Stored) -> Json:
    """The header of an instance, parsed."""
    header: Json = json.loads(stored.instance.metadata)
    return header


def shown(document: Json, usual: Mapping[str, str], query: Query, base: str, path: str) -> Json:
    """What is returned of a document: the usual attributes, those asked for, and where to retrieve it."""
    document = _usual(document, usual)
    document["00081190"] = _value("UR", base + path)
    wanted = document.keys() if query.everything else usual.keys() | query.fields | query.matches.keys()
    return {tag: document[tag] for tag in sorted(document) if tag in wanted and tag != _PIXELS}


def paged(documents: Sequence[Json], query: Query) -> Sequence[Json]:
    """The page of the results that is asked for."""
    end = None if query.limit is None else query.offset + query.limit
    return documents[query.offset : end]


def with_study(documents: Iterable[Json], study: Json) -> Iterator[Json]:
    """Documents of a lower level with the attributes of their study, to be matched and returned with them."""
    for document in documents:
        yield study | document


def _usual(document: Json, usual: Mapping[str, str]) -> Json:
    empty = {tag: {"vr": vr} for tag, vr in usual.items() if tag not in document and tag not in _OPTIONAL}
    fixed = {"00080005": _value("CS", UNICODE), "00080056": _value("CS", "ONLINE")}
    return empty | document | {tag: value for tag, value in fixed.items() if tag in usual}


def _value(vr: str, *values: Any) -> Json:
    kept = [value for value in values if value != ""]
    return {"vr": vr, "Value": kept} if kept else {"vr": vr}


def _series_number(stored: Stored) -> tuple[float, str]:
    values = header_of(stored).get("00200011", {}).get("Value", [])
    number = values[0] if values and isinstance(values[0], int | float) else float("inf")
    return number, stored.instance.series_uid
