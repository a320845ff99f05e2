"""Noise is refused by its first bytes; what parses as filling without end is given up, not walked."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from tests.api.engine import ct_slice
from tools import dicom_start
from tools.dicom_start import TooMuchToParse, bounded, may_begin
from tools.ingest import ingest

FILLING = bytes(8_000_000)
SOP_CLASS = b"\x08\x00\x16\x00UI"


def meta() -> bytes:
    whole = ct_slice()
    return whole[: whole.index(SOP_CLASS)]


def deflated(content: bytes) -> bytes:
    plain, syntax = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    head = meta()
    at = head.index(plain)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(content) + packer.flush()
    return head[: at - 2] + struct.pack("<H", len(syntax)) + syntax + head[at + len(plain) :] + packed


@pytest.mark.parametrize("folder", ["bad_input", "cxr_dicom", "enhanced_multiframe", "rt", "other_modalities"])
def test_every_dicom_file_may_begin(data: Path, folder: str) -> None:
    stray = "no_meta.dcm"  # a byte too many before its first element
    files = [path for path in sorted((data / folder).rglob("*.dcm")) if path.is_file() and path.name != stray]
    assert files
    for path in files:
        assert may_begin(path.read_bytes()[:144], path.stat().st_size), path.name


@pytest.mark.parametrize("name", ["ExplVR_LitEndNoMeta.dcm", "ExplVR_BigEndNoMeta.dcm", "rtplan.dcm", "CT_small.dcm"])
def test_files_with_and_without_a_mark_may_begin(name: str) -> None:
    whole = Path(str(get_testdata_file(name, download=False))).read_bytes()
    assert may_begin(whole[:144], len(whole))


@pytest.mark.parametrize(
    "content",
    [
        FILLING,
        bytes(128) + b"DICM" + FILLING,
        b"\x08\x00\x08\x00\xf0\xff\xff\x7f" + bytes(200),  # an element longer than its file
        b"\x08\x00\x07\x99\0\0\0\0" + bytes(200),  # no such element
        b"hello, world" * 40,
        b"\x08\x00",
    ],
)
def test_noise_is_refused_before_it_is_parsed(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_start, "MAX_READS", 0)  # a parser would not get far
    assert not may_begin(content[:144], len(content))
    (tmp_path / "a.dcm").write_bytes(content)
    (refusal,) = ingest([tmp_path / "a.dcm"]).refused
    assert "damaged at its beginning" in refusal.reason or "marked as DICOM" in refusal.reason


@given(st.binary(max_size=400))
def test_any_bytes_are_judged(content: bytes) -> None:
    assert may_begin(content, len(content)) in (True, False)


@pytest.mark.parametrize(
    "content",
    [meta() + FILLING, b"\x08\x00\x08\x00CS\0\0" + FILLING, b"\x08\x00\x08\x00CS\0\0" * 1_000_000, deflated(FILLING)],
    ids=["after meta", "after one element", "one element for ever", "deflated"],
)
def test_filling_without_end_is_given_up(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(content)
    (refusal,) = ingest([tmp_path / "a.dcm"]).refused
    assert "more elements" in refusal.reason
    assert refusal.remedy


def test_a_deflated_image_is_still_read(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(deflated(ct_slice()[len(meta()) :]))
    assert len(ingest([tmp_path / "a.dcm"]).studies) == 1


def test_reads_and_bytes_before_the_pixels_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(100)))
    monkeypatch.setattr(dicom_start, "MAX_HEADER_BYTES", 50)
    with bounded(path, pixels=False) as stream, pytest.raises(TooMuchToParse):
        stream.read(51)
    monkeypatch.setattr(dicom_start, "MAX_READS", 2)
    with bounded(path, pixels=True) as stream:
        assert len(stream.read(60) + stream.read(10)) == 70
        with pytest.raises(TooMuchToParse):
            stream.read(1)
