"""A SEG read by another reader equals the masks, voxel for voxel and millimetre for millimetre."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from domain.errors import NotAnImage, UnusableInput
from domain.mask import Mask, Outcome
from domain.study import Volume
from tests.tools.outputs_builders import (
    WHEN,
    box,
    dciodvfy_errors,
    mask_on,
    volume_of,
    write_phantom,
)
from tools.derived_uid import uid_factory
from tools.segmentation_object import segmentation_object, storable

UID = uid_factory("a-0001")


def written(volume: Volume, masks: list[Mask], folder: Path) -> tuple[Path, Dataset]:
    path = folder / "out.seg.dcm"
    segmentation_object(volume.series, masks, when=WHEN, uid=UID, software_version="0.1.0").save_as(path)
    return path, dcmread(path)


def voxels(ds: Dataset, volume: Volume, segments: int) -> np.ndarray:
    """(segments, slices, rows, columns), placed by each frame's reference to its source frame."""
    index = {(s.sop_instance_uid, s.frame_number): i for i, s in enumerate(volume.series.slice_sources)}
    out = np.zeros((segments, *volume.geometry.shape), dtype=bool)
    pixels = ds.pixel_array.reshape(-1, ds.Rows, ds.Columns)
    shared = ds.SharedFunctionalGroupsSequence[0]
    for frame, plane in zip(ds.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        item = frame.DerivationImageSequence[0].SourceImageSequence[0]
        at = index[item.ReferencedSOPInstanceUID, int(item.get("ReferencedFrameNumber", 1))]
        holder = frame if "SegmentIdentificationSequence" in frame else shared
        number = holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        out[number - 1, at] |= plane.astype(bool)
    return out


def source_faults(paths: list[Path]) -> set[str]:
    """UIDs of the source that no conformant writer could have made; a reference must repeat them."""
    found = set()
    for path in paths:
        ds = dcmread(path, stop_before_pixels=True)
        found |= {ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.get("FrameOfReferenceUID", "-")}
    return {uid for uid in found if uid[0] not in "12" or (uid.startswith("2.") is False and not uid.startswith("1."))}


REAL = [
    "ct_liver_seg_sr/ct/*.dcm",
    "transfer_syntaxes/*BigEndian*",
    "transfer_syntaxes/*JPEG2000Lossless*",
    "enhanced_multiframe/eCT_Supplemental.dcm",
    "enhanced_multiframe/emri_small.dcm",
    "cxr_dicom/CR-MONO1-10-chest.dcm",
    "cxr_dicom/rsna_16d7f894.dcm",
    "seg_sr_objects/dx_image.dcm",
    "seg_sr_objects/ct_image.dcm",
    "mr_brain_series/*.dcm",
    "other_modalities/US_overlay_echo_JPEGlossless.dcm",
    "other_modalities/US_RGB_esopecho.dcm",
    "other_modalities/NM_heart_13frames.dcm",
    "bad_input/geometry_non_square/*.dcm",
    "phi_burned_in/charset_chrGerm.dcm",
]


@pytest.mark.parametrize("pattern", REAL)
def test_real_sources_make_conformant_exact_segs(data: Path, pattern: str, tmp_path: Path) -> None:
    paths = sorted(data.glob(pattern))
    volume = volume_of(paths)
    masks = [
        mask_on(volume, "liver", box(volume.geometry)),
        mask_on(volume, "left kidney tumor", box(volume.geometry, shift=0.1), 2),
    ]
    path, ds = written(volume, masks, tmp_path)
    faults = source_faults(paths)
    assert [e for e in dciodvfy_errors(path) if not any(f"<{uid}>" in e for uid in faults)] == []
    np.testing.assert_array_equal(voxels(ds, volume, 2), np.stack([m.array for m in masks]))
    assert ds.SegmentsOverlap == ("YES" if (masks[0].array & masks[1].array).any() else "NO")


def test_liver_ground_truth_survives(data: Path, tmp_path: Path) -> None:
    volume = volume_of(sorted((data / "ct_liver_seg_sr/ct").glob("*.dcm")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the published object has an empty attribute that highdicom comments on
        truth = dcmread(data / "ct_liver_seg_sr/seg/liver.dcm")
    array = voxels(truth, volume, 1)[0]
    assert array.sum() == 107098
    path, ds = written(volume, [mask_on(volume, "liver", array)], tmp_path)
    assert voxels(ds, volume, 1)[0].sum() == 107098
    read = hd.seg.segread(path).get_volume(combine_segments=True)
    np.testing.assert_allclose(read.spacing, (1.0, 0.810547, 0.810547), atol=1e-6)
    # highdicom orders slices the other way round: compare by position
    np.testing.assert_allclose(read.position, volume.geometry.positions_mm[-1], atol=1e-6)
    np.testing.assert_array_equal(read.array[::-1].astype(bool), array)


def test_geometry_of_an_oblique_series_is_the_sources(tmp_path: Path) -> None:
    row, column = [0.8, 0.6, 0.0], [-0.36, 0.48, 0.8]
    paths = write_phantom(tmp_path, ImageOrientationPatient=[*row, *column])
    normal = np.cross(row, column)
    for index, path in enumerate(paths):
        ds = dcmread(path)
        ds.ImagePositionPatient = [round(float(v), 9) for v in normal * (3.3 * (2 - index)) + [1, 2, 3]]
        ds.save_as(path)
    volume = volume_of(paths)
    _, ds = written(volume, [mask_on(volume, "liver", np.ones(volume.geometry.shape, bool))], tmp_path)
    shared = ds.SharedFunctionalGroupsSequence[0]
    assert [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing] == [0.5, 0.75]
    np.testing.assert_allclose(shared.PlaneOrientationSequence[0].ImageOrientationPatient, [*row, *column])
    got = {
        tuple(np.round(f.PlanePositionSequence[0].ImagePositionPatient, 6)) for f in ds.PerFrameFunctionalGroupsSequence
    }
    assert got == {tuple(np.round(p, 6)) for p in volume.geometry.positions_mm}
    assert ds.FrameOfReferenceUID == "1.2.3.5"


def test_time_series_at_one_place_keeps_every_frame(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path, ImagePositionPatient=[0, 0, 5]))
    masks = [mask_on(volume, "liver", np.random.default_rng(7).random(volume.geometry.shape) > 0.5)]
    path, ds = written(volume, masks, tmp_path)
    assert dciodvfy_errors(path) == []
    np.testing.assert_array_equal(voxels(ds, volume, 1)[0], masks[0].array)


def test_cine_without_any_place_in_the_patient(tmp_path: Path) -> None:
    gone = dict.fromkeys(
        ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "FrameOfReferenceUID", "PatientName")
    )
    volume = volume_of(write_phantom(tmp_path, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT", **gone))
    masks = [mask_on(volume, "lung", box(volume.geometry))]
    path, ds = written(volume, masks, tmp_path)
    assert dciodvfy_errors(path) == []
    assert "FrameOfReferenceUID" not in ds
    assert "PixelMeasuresSequence" not in ds.SharedFunctionalGroupsSequence[0]
    np.testing.assert_array_equal(voxels(ds, volume, 1)[0], masks[0].array)


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(3, 9), st.integers(3, 9)),
    segments=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
def test_any_mask_of_any_size_comes_back(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int], segments: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("seg")
    volume = volume_of(write_phantom(folder, *shape))
    chance = np.random.default_rng(seed)
    arrays = [chance.random(shape) > 0.6 for _ in range(segments)]
    for array in arrays:
        array.flat[chance.integers(array.size)] = True
    masks = [mask_on(volume, f"organ {i}", a, i + 1) for i, a in enumerate(arrays)]
    made = segmentation_object(volume.series, masks, when=WHEN, uid=UID, software_version="0")
    file = io.BytesIO()
    made.save_as(file)
    file.seek(0)
    np.testing.assert_array_equal(voxels(dcmread(file), volume, segments), np.stack(arrays))


def test_segments_name_target_code_side_and_true_model(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "left kidney", box(volume.geometry), model="embedded-ct-tissue@1.2")
    _, ds = written(volume, [mask], tmp_path)
    segment = ds.SegmentSequence[0]
    assert segment.SegmentLabel == "left kidney"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "64033007"
    modifier = segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert modifier.CodeMeaning == "Left"
    algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("embedded-ct-tissue", "1.2")
    assert ds.ContentLabel == "DRAFT_RESEARCH"
    assert ds.ContentQualification == "RESEARCH"
    assert ds.ContentDescription.startswith("DRAFT")


def test_any_prompt_text_makes_a_legal_label(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "a\\b\nümlaut 肝 " + "x" * 90, box(volume.geometry))
    path, ds = written(volume, [mask], tmp_path)
    assert dciodvfy_errors(path) == []
    assert ds.SegmentSequence[0].SegmentLabel.startswith("a/b ümlaut 肝 xx")


def test_rejected_and_empty_masks_stay_out(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    full, empty = box(volume.geometry), np.zeros(volume.geometry.shape, bool)
    masks = [
        mask_on(volume, "liver", full, 1, Outcome.REJECT),
        mask_on(volume, "spleen", empty, 2),
        mask_on(volume, "aorta", full, 3, Outcome.REVIEW),
    ]
    assert [m.target for m in storable(masks, volume.series.series_uid)] == ["aorta"]
    with pytest.raises(UnusableInput, match="No mask"):
        segmentation_object(volume.series, [], when=WHEN, uid=UID, software_version="0")


def test_the_same_analysis_writes_the_same_bytes(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    masks = [mask_on(volume, "liver", box(volume.geometry))]
    first, _ = written(volume, masks, tmp_path)
    before = first.read_bytes()
    again, _ = written(volume, masks, tmp_path)
    assert again.read_bytes() == before


def test_names_in_any_character_set_survive(data: Path, tmp_path: Path) -> None:
    source = dcmread(data / "phi_burned_in/charset_chrJapMulti.dcm")
    paths = write_phantom(tmp_path, 1, SpecificCharacterSet=source.SpecificCharacterSet, PatientName=source.PatientName)
    volume = volume_of(paths)
    path, ds = written(volume, [mask_on(volume, "liver", box(volume.geometry))], tmp_path)
    assert str(ds.PatientName) == str(source.PatientName)
    assert dciodvfy_errors(path) == []


def test_broken_headers_are_mended_in_the_copy_only(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the phantom is wrong on purpose
        paths = write_phantom(
            tmp_path, 2, PatientName=None, StudyID=None, PatientSex="X", StudyDate=None, StudyTime=None
        )
    volume = volume_of(paths)
    path, ds = written(volume, [mask_on(volume, "liver", box(volume.geometry))], tmp_path)
    assert dciodvfy_errors(path) == []
    assert (ds.PatientSex, str(ds.PatientName), ds.StudyDate) == ("", "", "")


def test_files_that_are_not_dicom_are_refused_with_a_remedy(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    plain = replace(volume.series, slice_sources=(), source_format="NIfTI")
    with pytest.raises(NotAnImage, match="NIfTI"):
        segmentation_object(
            plain, [mask_on(volume, "liver", box(volume.geometry))], when=WHEN, uid=UID, software_version="0"
        )
