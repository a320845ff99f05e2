"""De-identification of pixels: what may leave for a model that is not on this machine.

A model is shown a PNG that this system encoded from bare pixels: no header goes with it. What can still carry
identity is text burned into the pixels. Nothing here reads that text; images that may carry it are held back
until a person has looked at them. Sources: BurnedInAnnotation (0028,0301), PS3.3 C.7.6.1.1.2 Image Type,
PS3.15 E.3.1 Clean Pixel Data Option.
"""

from __future__ import annotations

import re

from domain.errors import BurnedInTextSuspected
from domain.model import ModelImage
from domain.privacy import Deidentified
from domain.study import Series

BURNING_MODALITIES = {
    "US": "ultrasound machines write name and date into the picture",
    "IVUS": "ultrasound machines write name and date into the picture",
    "SC": "a secondary capture copies whatever was on the screen",
    "OT": "nobody says what kind of picture this is",
    "XC": "a photograph can show faces, labels and wristbands",
    "ES": "endoscopes write name and date into the picture",
    "GM": "microscope cameras write labels into the picture",
    "DOC": "a document is text",
    "": "nobody says what kind of picture this is",
}
"""Modalities whose pictures carry text unless BurnedInAnnotation says NO, and why."""

PICTURE_FORMATS = frozenset({"PNG", "JPEG", "JPG", "TIFF", "BMP", "GIF"})
"""Files without a header that could say whether text is burned in."""

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_GREY_MODALITIES = frozenset({"CT", "MR", "CR", "DX", "MG", "RF", "XA", "PX", "IO"})
_CAPTURE_WORDS = re.compile(
    r"screen|capture|\bdose\b|summary|report|\bprint|paste|snapshot|result|patient.?protocol|\bform\b", re.IGNORECASE
)


def deidentify_image(
    image: ModelImage, series: Series, *, destination_is_local: bool, released: bool = False
) -> Deidentified[ModelImage]:
    """The image as a value that a model may be sent.

    Args:
        image: made by `tools.preparation`, so that it holds pixels only.
        series: what it shows.
        destination_is_local: the model runs on this machine; nothing leaves.
        released: a person has looked at the series and found no identity in the pixels.

    Raises:
        BurnedInTextSuspected: the pixels may carry identity, the model is elsewhere, and nobody released them.
    """
    if destination_is_local:
        return Deidentified(image, "stays on this machine")
    if released:
        return Deidentified(image, "pixels only; released by a person")
    reason = burned_in_text_reason(series)
    if reason:
        raise BurnedInTextSuspected(f"The pixels may carry identity: {reason}.", where=f"series {series.modality}")
    return Deidentified(image, "pixels only; no burned-in text to be expected")


def burned_in_text_reason(series: Series) -> str:
    """Why text may be burned into the pixels of a series, in a few words; "" when there is no reason."""
    if series.burned_in_annotation is not None:
        return "BurnedInAnnotation says YES" if series.burned_in_annotation else ""
    if series.sop_class_uid == _SECONDARY_CAPTURE or series.sop_class_uid.startswith(_SECONDARY_CAPTURE + "."):
        return BURNING_MODALITIES["SC"]
    if series.source_format.upper() in PICTURE_FORMATS:
        return "a picture file does not say whether text is burned in"
    if series.modality in BURNING_MODALITIES:
        return BURNING_MODALITIES[series.modality]
    return _capture_reason(series)


def _capture_reason(series: Series) -> str:
    """Screen captures and pages of numbers that travel as images of the modality itself."""
    if series.modality in _GREY_MODALITIES and series.colour:
        return f"{series.modality} in colour is a screen capture or a rendering"
    kinds = {kind.upper() for kind in series.image_type}
    if "LOCALIZER" in kinds:
        return "a localizer can have lines and text drawn in"
    words = " ".join((*series.image_type, series.description))
    if kinds & {"DERIVED", "SECONDARY"} and _CAPTURE_WORDS.search(words):
        return "a derived image whose type or description names a capture or a page"
    return ""
