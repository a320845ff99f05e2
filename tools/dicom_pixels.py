"""Stored DICOM pixels → real-world values (PS3.3 C.7.6.3, C.11.1): modality LUT, rescale, photometric, colour."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames, get_frame
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import get_j2k_parameters, pixel_array
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from domain.errors import NotAnImage, PixelsUndecodable
from tools.dicom_frame import Frame, Rescale
from tools.dicom_header import Header, noted_warnings, read_dataset
from tools.dicom_jpeg import lossless_objection

Pixels = NDArray[Any]

_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_REASON_LENGTH = 120
_LOSSLESS_JPEG = frozenset({JPEGLossless, JPEGLosslessSV1})
PLUGINS: tuple[tuple[Container[str], str], ...] = (
    (JPEG2000TransferSyntaxes, "pylibjpeg"),
    ({RLELossless}, "pydicom"),
    ({JPEGBaseline8Bit, JPEGExtended12Bit}, "pillow"),
    (JPEGLSTransferSyntaxes, "pyjpegls"),
    (_LOSSLESS_JPEG, "gdcm"),
)
"""pydicom's decoder by transfer syntax; one that is not here is not compressed, or not read."""


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """Pixels of one frame.

    Attributes:
        array: (rows, columns) real-world values, bright = dense; or (rows, columns, 3) uint8 RGB.
        window: (centre, width) in the values of `array`.
    """

    frame: Frame
    array: Pixels
    window: tuple[float, float] | None

    @property
    def colour(self) -> bool:
        """Three channels a pixel."""
        return self.array.ndim == 3


def decode(header: Header, frames: Sequence[Frame]) -> list[DecodedFrame]:
    """Decode the given frames of one file.

    Raises:
        FileUnreadable: the file broke since its header was read.
        NotAnImage: there is no pixel data.
        PixelsUndecodable: there is, but it is damaged or in an encoding without a decoder here.
    """
    dataset = read_dataset(header, pixels=True)
    if not any(keyword in dataset for keyword in _PIXEL_KEYWORDS):
        raise NotAnImage(
            "The object describes an image but has no pixel data.",
            remedy="Send the object again with its pixels.",
            where=header.name,
        )
    stored = _stored(header, dataset)
    _note_codestream(header, dataset)
    _note_padding(header)
    if stored.ndim == 4:
        rgb = _eight_bit(stored)
        return [DecodedFrame(frame, rgb[frame.number - 1], None) for frame in frames]
    return _monochrome(header, dataset, stored, frames)


def inverted_sum(header: Header) -> int:
    """Smallest plus largest value that the stored bits can hold: what MONOCHROME1 is mirrored in."""
    if header.integer("PixelRepresentation") == 1:
        return -1
    return (1 << (header.integer("BitsStored") or 8)) - 1


def _stored(header: Header, dataset: Dataset) -> Pixels:
    try:
        with noted_warnings(header):
            _require_sound_jpeg(header, dataset)
            pixels = pixel_array(dataset, decoding_plugin=_plugin(header))
            if header.text("PhotometricInterpretation").upper() == "PALETTE COLOR":
                pixels = apply_color_lut(pixels, dataset)[..., :3]
    except PixelsUndecodable:
        raise
    except Exception as error:
        raise PixelsUndecodable(_cause(header, error), where=header.name) from error
    colour = pixels.ndim >= 3 and pixels.shape[-1] == 3 and pixels.shape[-3:-1] == _grid(header)
    return _framed(header, pixels, 4 if colour else 3)


def _plugin(header: Header) -> str:
    """The one decoder for encodings where others shout on stderr or abort on damaged data; "" for pydicom's choice."""
    return next((plugin for syntaxes, plugin in PLUGINS if header.transfer_syntax in syntaxes), "")


def _require_sound_jpeg(header: Header, dataset: Dataset) -> None:
    if header.transfer_syntax not in _LOSSLESS_JPEG:
        return
    count = max(1, header.integer("NumberOfFrames") or 1)
    rows, columns = header.integer("Rows") or 0, header.integer("Columns") or 0
    samples, bits = header.integer("SamplesPerPixel") or 1, header.integer("BitsAllocated") or 0
    for frame in generate_frames(dataset.PixelData, number_of_frames=count):
        objection = lossless_objection(frame, rows, columns, samples, bits)
        if objection:
            raise PixelsUndecodable(f"The pixel data is damaged: {objection}.", where=header.name)


def _grid(header: Header) -> tuple[int | None, int | None]:
    return header.integer("Rows"), header.integer("Columns")


def _framed(header: Header, pixels: Pixels, dimensions: int) -> Pixels:
    framed = pixels[None] if pixels.ndim == dimensions - 1 else pixels
    count = max(1, header.integer("NumberOfFrames") or 1)
    if framed.ndim != dimensions or framed.shape[0] != count or framed.shape[1:3] != _grid(header):
        raise PixelsUndecodable(
            f"The pixels decode to {pixels.shape}, not to the {count} frames that the header promises.",
            where=header.name,
        )
    return framed


def _cause(header: Header, error: Exception) -> str:
    syntax = UID(header.transfer_syntax, validation_mode=IGNORE).name
    if isinstance(error, NotImplementedError):
        return f"There is no decoder here for transfer syntax {syntax}."
    if isinstance(error, ValueError) and "number of bytes" in str(error):
        detail = str(error).split(" - ")[0].split("\n")[0][:_REASON_LENGTH]
        return f"The pixel data is cut off or does not fit the header: {detail[:1].lower()}{detail[1:]}."
    return f"The pixels ({syntax}) are damaged, or in a form of that encoding that no decoder here knows."


def _eight_bit(rgb: Pixels) -> NDArray[np.uint8]:
    """RGB in 8 bits; deeper channels lose their low bits."""
    if rgb.dtype.itemsize > 1 and rgb.size and int(rgb.max()) > 255:
        rgb = rgb >> (8 * (rgb.dtype.itemsize - 1))
    return rgb.astype(np.uint8, copy=False)


def _monochrome(header: Header, dataset: Dataset, stored: Pixels, frames: Sequence[Frame]) -> list[DecodedFrame]:
    inverted = header.text("PhotometricInterpretation").upper() == "MONOCHROME1"
    mirror = inverted_sum(header)
    lut = header.items("ModalityLUTSequence")
    if lut:
        with noted_warnings(header):
            stored = apply_modality_lut(stored, dataset)
        descriptor = header.numbers("LUTDescriptor", 3, lut[0])
        mirror = (1 << int(descriptor[2] if descriptor else 16)) - 1
    decoded = []
    for frame in frames:
        rescale = Rescale() if lut else frame.rescale
        window = frame.window
        if inverted:
            window = _mirrored_window(window, rescale, mirror)
            rescale = Rescale(-rescale.slope, rescale.slope * mirror + rescale.intercept, rescale.kind)
        decoded.append(DecodedFrame(frame, rescaled(stored[frame.number - 1], rescale), window))
    return decoded


def _mirrored_window(window: tuple[float, float] | None, rescale: Rescale, mirror: int) -> tuple[float, float] | None:
    if window is None:
        return None
    return rescale.slope * mirror + 2 * rescale.intercept - window[0], window[1]


def rescaled(stored: Pixels, rescale: Rescale) -> Pixels:
    """Apply slope and intercept; whole numbers stay whole.

    Returns:
        uint8 when nothing changes 8 bits, int16 or int32 for whole slope and intercept, else float32.
    """
    slope, intercept = rescale.slope, rescale.intercept
    whole = stored.dtype.kind in "iu" and float(slope).is_integer() and float(intercept).is_integer()
    if not whole:
        real = stored.astype(np.float32)
        if (slope, intercept) != (1.0, 0.0):
            real *= np.float32(slope)
            real += np.float32(intercept)
        return real
    low, high = sorted(int(slope) * int(edge) + int(intercept) for edge in (stored.min(), stored.max()))
    dtype = _whole_dtype(stored.dtype, low, high)
    if dtype is None:
        return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    if (slope, intercept) == (1.0, 0.0):
        return stored.astype(dtype, copy=stored.dtype.byteorder != "=" or not stored.flags.writeable)
    real = stored.astype(np.int64 if dtype is np.int32 else np.int32)
    real *= int(slope)
    real += int(intercept)
    return real.astype(dtype)


def _whole_dtype(stored: np.dtype[Any], low: int, high: int) -> type[np.uint8 | np.int16 | np.int32] | None:
    if stored == np.uint8 and low >= 0 and high <= 255:
        return np.uint8
    for dtype in (np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    return None


def _note_codestream(header: Header, dataset: Dataset) -> None:
    """JPEG 2000 carries sign and depth of its own, which the header may contradict."""
    if header.transfer_syntax not in JPEG2000TransferSyntaxes:
        return
    try:
        first = get_frame(dataset.PixelData, 0, number_of_frames=max(1, header.integer("NumberOfFrames") or 1))
    except Exception:
        header.note("the fragments of the JPEG 2000 pixel data are irregular")
        return
    stated = get_j2k_parameters(first)
    signed = stated.get("is_signed")
    if signed is not None and signed != bool(header.integer("PixelRepresentation")):
        header.note("PixelRepresentation contradicts the sign in the JPEG 2000 data")
    if stated.get("precision") not in (None, header.integer("BitsStored")):
        header.note("BitsStored contradicts the depth in the JPEG 2000 data")


def _note_padding(header: Header) -> None:
    padding = header.integer("PixelPaddingValue")
    if padding is not None:
        header.note(f"stored value {padding} is padding outside the field of view")
