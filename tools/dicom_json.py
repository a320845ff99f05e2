"""The DICOM JSON model (PS3.18 annex F): a data set as JSON, what is long or binary by reference.

Real headers carry values that no parser takes and numbers that JSON has no word for: such an attribute is left out,
the others stay. Text is Unicode whatever the source was written in, and Specific Character Set says so.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from tools.source_instances import UNICODE, source_faults_tolerated

Json = dict[str, Any]

INLINE_CHARACTERS = 1024
"""Longest base 64 text of a binary value that stands in the JSON itself."""
BULK_MARK = "/bulkdata/"
_CHARACTER_SET = 0x00080005
_TAG = re.compile(r"[0-9A-Fa-f]{8}")


def dataset_json(dataset: Dataset, instance_path: str) -> Json:
    """The data set without its file meta information and group lengths.

    Args:
        instance_path: "/studies/…/series/…/instances/…"; a long binary value is `<instance_path>/bulkdata/<place>`,
            where place is the tag, or for a value in a sequence tag/item from 0/tag.
    """
    with source_faults_tolerated():
        return dict(_attributes(dataset, f"{instance_path}{BULK_MARK}"))


def encoded(document: object) -> bytes:
    """Compact UTF-8; what is no Unicode text is replaced."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def attribute_tag(name: str) -> str | None:
    """Eight hexadecimal digits for a keyword or a tag, as QIDO-RS takes both; None for what is neither."""
    if _TAG.fullmatch(name):
        return name.upper()
    tag = tag_for_keyword(name)
    return None if tag is None else f"{tag:08X}"


def bulk_value(dataset: Dataset, place: str) -> bytes | None:
    """The binary value at a place that `dataset_json` named; None where there is none."""
    *path, last = place.split("/")
    for tag, item in zip(path[::2], path[1::2], strict=True):
        element = _element(dataset, BaseTag(int(tag, 16)))
        if element is None or element.VR != "SQ" or int(item) >= len(element.value):
            return None
        dataset = element.value[int(item)]
    element = _element(dataset, BaseTag(int(last, 16)))
    return element.value if element is not None and isinstance(element.value, bytes) else None


def _attributes(dataset: Dataset, place: str) -> Iterator[tuple[str, Json]]:
    for tag in sorted(dataset.keys()):
        if tag.element == 0 or tag.group < 8:  # group lengths; file meta information
            continue
        element = _element(dataset, tag)
        found = None if element is None else _attribute(element, f"{place}{tag:08X}")
        if found is not None:
            yield f"{tag:08X}", {"vr": "CS", "Value": [UNICODE]} if tag == _CHARACTER_SET else found


def _element(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    try:
        return dataset[tag]
    except Exception:  # whatever a parser says to what a scanner wrote
        return None


def _attribute(element: DataElement, place: str) -> Json | None:
    if element.VR == "SQ":
        items = [dict(_attributes(item, f"{place}/{n}/")) for n, item in enumerate(element.value)]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    try:
        found: Json = element.to_json_dict(lambda _: place, INLINE_CHARACTERS)
        return found if _is_json(found.get("Value", ())) else None
    except Exception:
        return None


def _is_json(values: Any) -> bool:
    return all(math.isfinite(value) for value in values if isinstance(value, float))
