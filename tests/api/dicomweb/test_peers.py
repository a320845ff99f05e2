"""Real images in every encoding, read by dicomweb-client: what arrives is what pydicom reads from the source."""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom import Dataset, dcmread

from api.services import Services
from records.studies import StudyRecord
from tests.api.dicomweb.archive import admit, analyse

ENCODINGS = [
    "LittleEndianImplicit",
    "LittleEndianExplicit",
    "BigEndianExplicit",
    "DeflatedExplicit",
    "JPEG2000LosslessOnly",
    "JPEG2000Transfer",
    "JPEGLSLossless",
    "JPEGLSLossy",
    "JPEGProcess14SV1",
    "JPEGProcess14Transfer",
    "JPEGProcess1Transfer",
    "RLELossless",
]
OCTETS = (("application/octet-stream", "1.2.840.10008.1.2.1"),)
STORED = (("application/octet-stream", "*"),)


@pytest.fixture(autouse=True)
def _odd_sources() -> None:
    warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")


def kept(services: Services, paths: Sequence[Path]) -> StudyRecord:
    """The one study of these files."""
    [record] = asyncio.run(admit(services, paths))
    return record


def uids(path: Path) -> tuple[str, str, str]:
    header = dcmread(path, stop_before_pixels=True, force=True)
    return header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_arrives_as_stored_and_as_native_pixels(
    data: Path, services: Services, peer: DICOMwebClient, encoding: str
) -> None:
    [path] = (data / "transfer_syntaxes").glob(f"CTImage*{encoding}*.dcm")
    source = dcmread(path)
    kept(services, [path])
    where = uids(path)

    stored = peer.retrieve_instance(*where, media_types=(("application/dicom", "*"),))
    assert stored.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
    assert stored.PixelData == source.PixelData
    native = peer.retrieve_instance(*where, media_types=(("application/dicom", "1.2.840.10008.1.2.1"),))
    assert native.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert native.SOPInstanceUID == source.SOPInstanceUID
    pixels = source.pixel_array
    assert np.array_equal(native.pixel_array, pixels)

    [frame] = peer.retrieve_instance_frames(*where, frame_numbers=[1], media_types=OCTETS)
    assert np.array_equal(np.frombuffer(frame, pixels.dtype.newbyteorder("<")).reshape(pixels.shape), pixels)
    [code] = peer.retrieve_instance_frames(*where, frame_numbers=[1], media_types=STORED)
    if source.file_meta.TransferSyntaxUID.is_compressed and "Deflated" not in encoding:
        assert code.rstrip(b"\0") in source.PixelData
    else:
        assert code == frame


@pytest.mark.parametrize(
    "name",
    [
        "enhanced_multiframe/eCT_Supplemental.dcm",
        "enhanced_multiframe/emri_small.dcm",
        "enhanced_multiframe/emri_small_big_endian.dcm",
        "enhanced_multiframe/emri_small_RLE.dcm",
        "enhanced_multiframe/emri_small_jpeg_2k_lossless.dcm",
        "enhanced_multiframe/emri_small_jpeg_ls_lossless.dcm",
        "other_modalities/NM_heart_13frames.dcm",
    ],
)
def test_frames_of_multi_frame_objects(data: Path, services: Services, peer: DICOMwebClient, name: str) -> None:
    path = data / name
    pixels = dcmread(path).pixel_array
    kept(services, [path])
    numbers = [len(pixels), 1]
    frames = peer.retrieve_instance_frames(*uids(path), frame_numbers=numbers, media_types=OCTETS)
    for number, frame in zip(numbers, frames, strict=True):
        wanted = pixels[number - 1]
        assert np.array_equal(np.frombuffer(frame, wanted.dtype.newbyteorder("<")).reshape(wanted.shape), wanted)
    picture = peer.retrieve_instance_frames_rendered(*uids(path), frame_numbers=[2], media_types=("image/png",))
    assert Image.open(io.BytesIO(picture)).size == pixels.shape[:0:-1]


HEADERS = [
    "ct_liver_seg_sr/ct/01.dcm",
    "cxr_dicom/CR-MONO1-10-chest.dcm",
    "enhanced_multiframe/eCT_Supplemental.dcm",
    "transfer_syntaxes/pydicom/OBXXXX1A_rle.dcm",
    "other_modalities/US_RGB_esopecho.dcm",
]


@pytest.mark.parametrize("name", HEADERS)
def test_metadata_is_the_header_with_its_values(
    data: Path, services: Services, peer: DICOMwebClient, name: str
) -> None:
    path = data / name
    source = dcmread(path, stop_before_pixels=True)
    kept(services, [path])
    document = peer.retrieve_instance_metadata(*uids(path))
    by_reference = {tag: e["BulkDataURI"] for tag, e in document.items() if "BulkDataURI" in e}
    del by_reference["7FE00010"]
    back = Dataset.from_json({tag: e for tag, e in document.items() if "BulkDataURI" not in e})
    compared = 0
    for element in source:
        if element.tag.group < 8 or element.tag.element == 0 or element.keyword == "SpecificCharacterSet":
            continue
        key = f"{element.tag:08X}"
        if key in by_reference:
            # The client names the host without its port, so the address that it is told lacks it, too.
            uri = peer.base_url + by_reference[key].partition("/dicom-web")[2]
            assert b"".join(peer.retrieve_bulkdata(uri)) == element.value
        elif element.VR not in ("SQ", "UN") and key in document:
            assert str(back[element.tag].value) == str(element.value) or back[element.tag].value == element.value
            compared += 1
    assert compared > 20
    assert back.PatientName == source.get("PatientName", "") or str(back.PatientName) == str(source.PatientName)


def test_a_ct_with_segmentation_and_report(data: Path, services: Services, peer: DICOMwebClient) -> None:
    """A client finds SEG and SR beside the images, and the mask that highdicom reads is the one that was made."""
    record = kept(services, sorted((data / "ct_liver_seg_sr/ct").glob("*.dcm")))
    [mask] = asyncio.run(analyse(services, record.study_uid))
    series = {Dataset.from_json(s).Modality: Dataset.from_json(s) for s in peer.search_for_series(record.study_uid)}
    assert set(series) == {"CT", "SEG", "SR"}

    [stored] = peer.retrieve_series(record.study_uid, series["SEG"].SeriesInstanceUID)
    segmentation = hd.seg.Segmentation.from_dataset(stored)
    sources = [uid for _, _, uid in segmentation.get_source_image_uids()]
    planes = segmentation.get_pixels_by_source_instance(sources, assert_missing_frames_are_empty=True)
    assert planes.sum() == mask.voxel_count
    images = peer.search_for_instances(record.study_uid, series["CT"].SeriesInstanceUID)
    assert set(sources) <= {image["00080018"]["Value"][0] for image in images}

    [report] = peer.retrieve_series(record.study_uid, series["SR"].SeriesInstanceUID)
    assert (
        hd.sr.Comprehensive3DSR.from_dataset(report).content.find(hd.sr.CodedConcept("126010", "DCM", "")) is not None
    )
    frames = peer.retrieve_instance_frames(
        record.study_uid, stored.SeriesInstanceUID, stored.SOPInstanceUID, [1], media_types=OCTETS
    )
    assert len(frames[0]) == 512 * 512 // 8


def test_a_search_by_the_client(services: Services, data: Path, peer: DICOMwebClient) -> None:
    record = kept(services, sorted((data / "ct_liver_seg_sr/ct").glob("*.dcm")))
    found = peer.search_for_studies(search_filters={"PatientID": record.patient_id}, limit=5, fields=["PatientSex"])
    assert [study["0020000D"]["Value"] for study in found] == [[record.study_uid]]
    assert peer.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    assert len(peer.retrieve_study_metadata(record.study_uid)) == 3
    assert len(list(peer.iter_study(record.study_uid))) == 3
