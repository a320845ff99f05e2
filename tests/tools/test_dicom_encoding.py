"""Files are byte for byte those that pydicom writes, whatever the document holds."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import DA, DT, TM

from tests.tools.outputs_builders import WHEN, box, mask_on, measured, volume_of, write_phantom
from tools import dicom_encoding
from tools.derived_uid import uid_factory
from tools.dicom_encoding import encoded
from tools.segmentation_object import segmentation_object
from tools.structured_report import structured_report

UID = uid_factory("a-0001")


def saved(instance: Dataset) -> bytes:
    file = io.BytesIO()
    instance.save_as(file, enforce_file_format=True)
    return file.getvalue()


def document(**attributes: object) -> Dataset:
    """A small document in Unicode."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = ComprehensiveSRStorage, UID("one")
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


DOCUMENTS: dict[str, Callable[[], Dataset]] = {
    "nothing more": document,
    "empty values": lambda: document(
        PatientID="", PatientName="", StudyDate=None, SoftwareVersions=[], PixelSpacing=None
    ),
    "texts": lambda: document(
        ContentLabel="A", SeriesDescription="Größe 肝臓", TextValue="odd", SoftwareVersions=["1", "2.0"]
    ),
    "names": lambda: document(PatientName="Yamada^Tarou=山田^太郎", OperatorsName=["A^B", "C"]),
    "number texts": lambda: document(PixelSpacing=["0.50", 1.25], InstanceNumber=7, SeriesNumber="0012"),
    "numbers": lambda: document(
        Rows=128, LossyImageCompressionRatio=2, ReferencedFrameNumber=[1, 2], RealWorldValueSlope=0.1
    ),
    "moments": lambda: document(
        ContentDate=DA("20260301"), ContentTime=TM("120000.5"), AcquisitionDateTime=DT("20260301120000")
    ),
    "tags": lambda: document(DimensionIndexSequence=[item(DimensionIndexPointer=0x00209057)]),
    "items in items": lambda: document(ContentSequence=[item(ContentSequence=[item(TextValue="x"), item()]), item()]),
    "no items": lambda: document(ContentSequence=[]),
    "bytes": lambda: document(BitsAllocated=8, PixelData=b"\0\1\2"),
    "a text that is too long for its length": lambda: document(DerivationDescription="x" * 70_000),
    "a long text": lambda: document(TextValue="x" * 70_000),
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.filterwarnings("ignore:.*exceeds the:UserWarning", "ignore:.*maximum length:UserWarning")
def test_any_value_is_written_as_pydicom_writes_it(name: str) -> None:
    made = DOCUMENTS[name]()
    assert encoded(made) == saved(made)


def test_what_is_not_like_our_documents_is_left_to_pydicom() -> None:
    latin = document(PatientName="Müller")
    latin.SpecificCharacterSet = "ISO_IR 100"
    mixed = document(ContentSequence=[item(SpecificCharacterSet="ISO_IR 100", TextValue="é")])
    endless = document(ContentSequence=Sequence([item(TextValue="x")]))
    endless["ContentSequence"].is_undefined_length = True
    endless.ContentSequence[0].is_undefined_length_sequence_item = True
    endless_item = document(ContentSequence=Sequence([item(TextValue="x")]))
    endless_item.ContentSequence[0].is_undefined_length_sequence_item = True
    implicit = document(PatientID="1")
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    other = document()
    other.SOPInstanceUID = UID("two")
    private = document()
    private.private_block(0x0099, "OURS", create=True).add_new(1, "UN", b"\1\2")
    for unlike in (latin, mixed, endless, endless_item, implicit, other, private):
        assert encoded(unlike) == saved(unlike)


def test_what_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "read.dcm"
    path.write_bytes(saved(document(PatientID="1", ContentSequence=[item(TextValue="x")])))
    assert encoded(dcmread(path)) == path.read_bytes()


def test_a_document_without_file_meta_information_is_refused() -> None:
    bare = document()
    bare.file_meta = FileMetaDataset()
    with pytest.raises((ValueError, AttributeError)):
        encoded(bare)


@pytest.mark.parametrize("slices", [1, 4])
def test_our_documents_are_as_pydicom_writes_them_and_do_not_need_it(
    tmp_path: Path, slices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = volume_of(write_phantom(tmp_path, slices))
    masks = [mask_on(volume, "liver", box(volume.geometry)), mask_on(volume, "left kidney", box(volume.geometry), 2)]
    segmentation = segmentation_object(volume.series, masks, when=WHEN, uid=UID, software_version="1")
    rows = [row for mask in masks for row in measured(mask, volume)]
    report = structured_report(volume.series, segmentation, masks, rows, when=WHEN, uid=UID, software_version="1")
    wanted = [saved(segmentation), saved(report)]
    whole: list[int] = []
    by_pydicom = dicom_encoding._saved

    def counted(instance: Dataset) -> bytes:
        whole.append(len(instance))
        return by_pydicom(instance)

    monkeypatch.setattr(dicom_encoding, "_saved", counted)
    assert [encoded(segmentation), encoded(report)] == wanted
    assert whole == [0, 0]  # the heads
    np.testing.assert_array_equal(dcmread(io.BytesIO(wanted[0])).pixel_array.shape[-2:], volume.geometry.shape[1:])
