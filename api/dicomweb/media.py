"""What a client accepts (PS3.18 8.7), and what of it can be made of a stored instance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import Request
from pydicom.uid import ExplicitVRLittleEndian

from api.dicomweb.errors import NotAcceptable
from tools.dicom_stored_frames import NATIVE

ANY = "*"
DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
OCTETS = "application/octet-stream"
RELATED = "multipart/related"
EXPLICIT = str(ExplicitVRLittleEndian)

IMAGE_TYPES = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.53": "image/jpeg",
    "1.2.840.10008.1.2.4.55": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}
"""Media type of one frame by transfer syntax (PS3.18 table 8.7.3-5)."""

_RANGE = re.compile(r"""(?:[^,"]|"[^"]*")+""")
_PARAMETER = re.compile(r""";\s*([\w-]+)\s*=\s*("[^"]*"|[^;\s]*)""")


@dataclass(frozen=True)
class Accepted:
    """One media range.

    Attributes:
        media_type: of a part where `related`; "*/*" for any.
        syntax: transfer syntax that is asked for; "" for none, "*" for any.
        related: the answer shall have parts.
    """

    media_type: str
    syntax: str
    related: bool
    quality: float


@dataclass(frozen=True)
class Offer:
    """How an instance or frame is sent: as it is stored, or as native Explicit VR Little Endian."""

    media_type: str
    syntax: str
    stored: bool
    related: bool

    @property
    def content_type(self) -> str:
        """Content-Type of a part."""
        return f"{self.media_type}; transfer-syntax={self.syntax}"


def accepted(request: Request) -> tuple[Accepted, ...]:
    """What the request accepts, best first; the query parameter `accept` counts before the header."""
    said = request.query_params.getlist("accept") or request.headers.getlist("accept")
    ranges = [_parsed(text) for line in said for text in _RANGE.findall(line)]
    kept = [one for one in ranges if one.quality > 0] or ([] if ranges else [Accepted("*/*", "", True, 1.0)])
    return tuple(sorted(kept, key=lambda one: -one.quality))


def require_json(request: Request) -> str:
    """DICOM JSON's media type as the client wants it called. Raises NotAcceptable."""
    for one in accepted(request):
        if one.media_type in (DICOM_JSON, "*/*", "application/*"):
            return DICOM_JSON
        if one.media_type == "application/json":
            return one.media_type
    raise NotAcceptable("This answers in DICOM JSON only.", remedy=f"Accept {DICOM_JSON}.")


def choose(wanted: Sequence[Accepted], types: Sequence[str]) -> str:
    """The first of `types` that is accepted, in the client's order. Raises NotAcceptable."""
    for one in wanted:
        for media_type in types:
            if one.media_type in (media_type, "*/*", media_type.split("/")[0] + "/*"):
                return media_type
    raise NotAcceptable(f"This is made as {', '.join(types)}.", remedy=f"Accept one of {', '.join(types)}.")


def instance_offer(wanted: Sequence[Accepted], stored_syntax: str) -> Offer:
    """How a whole instance is sent. Raises NotAcceptable."""
    return _first(_instance_offers(wanted, stored_syntax), stored_syntax)


def frame_offer(wanted: Sequence[Accepted], stored_syntax: str) -> Offer:
    """How frames of an instance are sent. Raises NotAcceptable."""
    return _first(_frame_offers(wanted, stored_syntax), stored_syntax)


def _instance_offers(wanted: Sequence[Accepted], stored: str) -> Iterator[Offer]:
    for one in wanted:
        if one.media_type in (DICOM, "*/*", "application/*"):
            related = one.related or one.media_type != DICOM
            if one.syntax in (ANY, stored):
                yield Offer(DICOM, stored, True, related)
            elif one.syntax in ("", EXPLICIT):
                yield Offer(DICOM, EXPLICIT, stored == EXPLICIT, related)


def _frame_offers(wanted: Sequence[Accepted], stored: str) -> Iterator[Offer]:
    native = stored in NATIVE
    for one in wanted:
        if one.media_type in (OCTETS, "*/*", "application/*"):
            related = one.related or one.media_type != OCTETS
            if one.syntax in ("", EXPLICIT) or (native and one.syntax in (ANY, stored)):
                yield Offer(OCTETS, EXPLICIT, native, related)
            elif one.syntax in (ANY, stored):
                yield Offer(OCTETS, stored, True, related)
        elif not native and one.syntax in ("", ANY, stored) and one.media_type in (IMAGE_TYPES.get(stored), "image/*"):
            yield Offer(IMAGE_TYPES.get(stored, OCTETS), stored, True, one.related)


def _first(offers: Iterator[Offer], stored: str) -> Offer:
    for offer in offers:
        return offer
    raise NotAcceptable(f"It is stored as {stored} and is sent so, or as {EXPLICIT}.")


def _parsed(text: str) -> Accepted:
    media_type = text.partition(";")[0].strip().lower()
    parameters = {name.lower(): value.strip('"') for name, value in _PARAMETER.findall(text)}
    related = media_type == RELATED
    return Accepted(
        parameters.get("type", "*/*").lower() if related else media_type,
        parameters.get("transfer-syntax", ""),
        related,
        _quality(parameters.get("q", "1")),
    )


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
