"""Frames of a DICOM file as bytes: as they are stored, or as native little endian pixels; and the whole file so.

Stored frames are read from their place in the file, so a frame of a large multi-frame object costs no more than
itself. What is compressed is decoded to RGB or grey with interleaved samples (PS3.18 8.7.3.5.2 lets a client ask for
Explicit VR Little Endian of everything).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pack_bits, pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from domain.errors import PixelsUndecodable
from tools.dicom_header import Header, read_dataset
from tools.dicom_instance import Instance
from tools.dicom_pixels import PLUGINS
from tools.source_instances import source_faults_tolerated

NATIVE = frozenset(
    map(str, (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian))
)
"""Transfer syntaxes with pixels that are not compressed."""
_WORD_BYTES = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}


def stored_frame(path: Path, instance: Instance, number: int) -> bytes:
    """One frame as the file holds it: a code stream, or native pixels in little endian.

    Args:
        number: from 1.

    Raises:
        PixelsUndecodable: it is not where the header says.
    """
    if instance.transfer_syntax in NATIVE:
        return native_frame(path, instance, number)
    try:
        with path.open("rb") as stream:
            stream.seek(instance.pixels_at)
            return get_frame(stream, number - 1, number_of_frames=instance.frames)
    except (ValueError, EOFError, IndexError) as error:
        raise PixelsUndecodable(f"Frame {number} cannot be told from the others.") from error


def native_frame(path: Path, instance: Instance, number: int) -> bytes:
    """One frame as uncompressed little endian pixels; samples of 1 bit are packed, each frame by itself.

    Raises:
        PixelsUndecodable: the file holds fewer, or an encoding without a decoder here.
    """
    if instance.in_place:
        start = (number - 1) * instance.frame_bytes
        with path.open("rb") as stream:
            stream.seek(instance.pixels_at + start)
            frame = stream.read(min(instance.frame_bytes, max(0, instance.pixels_length - start)))
        if len(frame) == instance.frame_bytes:
            return frame
        raise PixelsUndecodable(f"The pixel data ends before the end of frame {number}.")
    return _decoded(path, instance, number)


def write_explicit_little_endian(path: Path, target: Path) -> None:
    """Write the object as Explicit VR Little Endian with native pixels; its identity stays.

    Raises:
        PixelsUndecodable: there is no decoder for its encoding.
    """
    header = Header(path, path.name, Dataset())
    dataset = header.dataset = read_dataset(header, pixels=True)
    syntax = header.transfer_syntax
    meta = dataset.file_meta
    meta.MediaStorageSOPClassUID = UID(header.text("SOPClassUID"))
    meta.MediaStorageSOPInstanceUID = UID(header.text("SOPInstanceUID"))
    with source_faults_tolerated():
        if syntax not in NATIVE and "PixelData" in dataset:
            _decompress(dataset, syntax)
        try:
            if syntax == ExplicitVRBigEndian:
                _swap(dataset)
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            # Of a data set that knows the byte order it came in, pydicom refuses to write another.
            fresh = Dataset()
            fresh.file_meta = meta
            for element in dataset:
                fresh.add(element)
            fresh.save_as(target, implicit_vr=False, little_endian=True, enforce_file_format=True)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise PixelsUndecodable(f"It cannot be written in another form ({type(error).__name__}).") from error


def _decoded(path: Path, instance: Instance, number: int) -> bytes:
    try:
        with source_faults_tolerated():
            dataset = dcmread(path, force=True)
            if "TransferSyntaxUID" not in dataset.file_meta:
                dataset.file_meta.TransferSyntaxUID = UID(instance.transfer_syntax)
            pixels = pixel_array(dataset, index=number - 1, decoding_plugin=_plugin(instance.transfer_syntax))
    except Exception as error:
        raise PixelsUndecodable(f"Frame {number} cannot be decoded ({type(error).__name__}).") from error
    if dataset.get("BitsAllocated") == 1:
        return bytes(pack_bits(pixels, pad=False))
    little = pixels.dtype.newbyteorder("<")
    return np.ascontiguousarray(pixels, dtype=little).tobytes()


def _decompress(dataset: Dataset, syntax: str) -> None:
    try:
        dataset.decompress(decoding_plugin=_plugin(syntax), generate_instance_uid=False)
    except Exception as error:
        raise PixelsUndecodable(f"The pixels cannot be decoded ({type(error).__name__}).") from error


def _plugin(syntax: str) -> str:
    return next((plugin for syntaxes, plugin in PLUGINS if syntax in syntaxes), "")


def _swap(dataset: Dataset) -> None:
    """Turn binary words of a big endian data set round; everything else, pydicom writes as it should be."""
    for element in dataset.iterall():
        size = _WORD_BYTES.get(element.VR, 1)
        if element.tag == 0x7FE00010 and dataset.get("BitsAllocated", 8) > 16:
            size = int(dataset.BitsAllocated) // 8
        if size > 1 and isinstance(element.value, bytes):
            element.value = np.frombuffer(element.value, f">u{size}").astype(f"<u{size}").tobytes()
