"""The SR read by another reader gives the same numbers, codes and references; a draft says that it is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from highdicom import sr
from pydicom import Dataset, dcmread

from domain.codes import Unit
from domain.finding import Measurement
from domain.mask import Mask
from domain.study import Volume
from tests.tools.outputs_builders import WHEN, box, dciodvfy_errors, mask_on, measured, volume_of, write_phantom
from tools.derived_uid import uid_factory
from tools.segmentation_object import segmentation_object
from tools.structured_report import structured_report
from tools.terminology import measurement_concept

UID = uid_factory("a-0001")


def written(volume: Volume, masks: list[Mask], measurements: list[Measurement], folder: Path) -> tuple[Path, Dataset]:
    seg = segmentation_object(volume.series, masks, when=WHEN, uid=UID, software_version="0.1.0")
    report = structured_report(volume.series, seg, masks, measurements, when=WHEN, uid=UID, software_version="0.1.0")
    path = folder / "out.sr.dcm"
    report.save_as(path)
    return path, seg


def numbers(path: Path) -> dict[str, list[tuple[str, str, float, str]]]:
    """Tracking identifier → name, derivation, value, unit."""
    content = sr.srread(path).content
    groups = [
        *content.get_planar_roi_measurement_groups(),
        *content.get_volumetric_roi_measurement_groups(),
        *content.get_image_measurement_groups(),
    ]
    return {
        g.tracking_identifier: [
            (m.name.meaning, m.derivation.meaning if m.derivation else "", m.value, m.unit.value)
            for m in g.get_measurements()
        ]
        for g in groups
    }


REAL = [
    "ct_liver_seg_sr/ct/*.dcm",
    "transfer_syntaxes/*BigEndian*",
    "enhanced_multiframe/eCT_Supplemental.dcm",
    "enhanced_multiframe/emri_small.dcm",
    "cxr_dicom/CR-MONO1-10-chest.dcm",
    "seg_sr_objects/dx_image.dcm",
    "other_modalities/US_overlay_echo_JPEGlossless.dcm",
    "other_modalities/NM_heart_13frames.dcm",
]


@pytest.mark.parametrize("pattern", REAL)
def test_real_sources_make_conformant_reports_with_equal_numbers(data: Path, pattern: str, tmp_path: Path) -> None:
    volume = volume_of(sorted(data.glob(pattern)))
    masks = [mask_on(volume, "liver", box(volume.geometry)), mask_on(volume, "spleen", box(volume.geometry, 0.4), 2)]
    rows = [m for mask in masks for m in measured(mask, volume)]
    path, _ = written(volume, masks, rows, tmp_path)
    assert dciodvfy_errors(path) == []
    read = numbers(path)
    for mask in masks:
        expected = []
        for m in (m for m in rows if m.mask_id == mask.mask_id):
            what = measurement_concept(m.name, m.unit, volume.series.modality)
            derivation = what.derivation.meaning if what.derivation else ""
            expected.append((what.name.meaning, derivation, m.value, str(m.unit)))
        assert read[f"{mask.mask_id} {mask.target}"] == expected


def test_every_decimal_string_fits(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry))
    values = [-1234567.890123456789, 1e-9 / 3, 2 / 3 * 1e12]
    rows = [Measurement("mean", "liver", v, Unit.HU, "", mask.series_uid, "m1", "m1") for v in values]
    path, _ = written(volume, [mask], rows, tmp_path)
    found = [e.value.original_string for e in dcmread(path).iterall() if e.VR == "DS"]
    assert len(found) == 3
    assert max(len(text) for text in found) <= 16
    assert [v for *_, v, _ in numbers(path)["m1 liver"]] == values  # the float beside the string is exact


def test_a_draft_is_unverified_and_names_its_software(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "left kidney", box(volume.geometry), model="embedded-ct-tissue@1.2")
    path, _ = written(volume, [mask], measured(mask, volume), tmp_path)
    ds = dcmread(path)
    assert (ds.VerificationFlag, ds.CompletionFlag, ds.PreliminaryFlag) == ("UNVERIFIED", "PARTIAL", "PRELIMINARY")
    assert ds.ContentQualification == "RESEARCH"
    names = {item.get("ManufacturerModelName") for item in ds.ContributingEquipmentSequence}
    assert "embedded-ct-tissue" in names
    group = sr.srread(path).content.get_volumetric_roi_measurement_groups()[0]
    assert group.finding_sites[0].value.meaning == "Kidney"
    assert group.finding_type.value == "64033007"
    judged = {e.name.value: e.value.meaning for e in group.get_qualitative_evaluations()}
    assert judged["qa-outcome"] == "Passed automatic checks"


def test_groups_refer_to_our_segment_and_to_the_slices_it_touches(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path, 4))
    array = np.zeros(volume.geometry.shape, bool)
    array[1:3, 5:9, 5:9] = True
    masks = [mask_on(volume, "spleen", box(volume.geometry)), mask_on(volume, "liver", array, 2)]
    path, seg = written(volume, masks, [], tmp_path)
    group = sr.srread(path).content.get_volumetric_roi_measurement_groups(tracking_uid=UID("tracking:m2"))[0]
    assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
    assert group.referenced_segment.referenced_segment_numbers == [2]
    touched = {i.referenced_sop_instance_uid for i in group.referenced_segment.source_images_for_segmentation}
    assert touched == {volume.series.slice_sources[i].sop_instance_uid for i in (1, 2)}
    assert seg.SegmentSequence[1].TrackingUID == group.tracking_uid


def test_sums_over_masks_get_a_group_and_numbers_of_rejected_masks_stay_out(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "left lung", box(volume.geometry))
    total = Measurement("volume", "lungs", 12.5, Unit.ML, "sum of both", mask.series_uid, "m1 + m2")
    rejected = Measurement("volume", "spleen", 1.0, Unit.ML, "", mask.series_uid, "m7", "m7")
    path, _ = written(volume, [mask], [total, rejected], tmp_path)
    assert numbers(path) == {"m1 left lung": [], "lungs": [("Volume", "", 12.5, "mL")]}
    assert dciodvfy_errors(path) == []


def test_the_same_analysis_writes_the_same_bytes(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry))
    first = written(volume, [mask], measured(mask, volume), tmp_path)[0].read_bytes()
    assert written(volume, [mask], measured(mask, volume), tmp_path)[0].read_bytes() == first
