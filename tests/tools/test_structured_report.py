"""The SR read by another reader gives the same numbers, codes and references; a draft says that it is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from highdicom import sr
from pydicom import Dataset, dcmread

from domain.codes import Unit
from domain.finding import Line, Measurement
from domain.mask import Mask, Outcome
from domain.study import Volume
from tests.tools.outputs_builders import WHEN, box, dciodvfy_errors, mask_on, measured, volume_of, write_phantom
from tools.derived_uid import uid_factory
from tools.dicom_encoding import encoded
from tools.measurement import measure
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


def long_axis(mask: Mask, line: Line | None) -> Measurement:
    return Measurement("long_axis", mask.target, 4.0, Unit.MM, "", mask.series_uid, "m1", mask.mask_id, line=line)


def _all(parent: Dataset) -> list[Dataset]:
    """The content items below one, in order."""
    return [found for item in parent.get("ContentSequence", ()) for found in (item, *_all(item))]


def coordinates(path: Path) -> list[tuple[Dataset, Dataset]]:
    """Each number that has a place, with the content item of its place; no place stands anywhere else."""
    items = _all(dcmread(path))
    found = [(item, child) for item in items for child in item.get("ContentSequence", ()) if "GraphicData" in child]
    assert all(parent.ValueType == "NUM" for parent, _ in found)
    return found


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


@pytest.mark.parametrize("pattern", ["ct_liver_seg_sr/ct/*.dcm", "enhanced_multiframe/eCT_Supplemental.dcm"])
def test_a_diameter_is_inferred_from_its_line_on_the_image(data: Path, pattern: str, tmp_path: Path) -> None:
    volume = volume_of(sorted(data.glob(pattern)))
    mask = mask_on(volume, "liver", box(volume.geometry))
    line = Line(1, start=(10.0, 20.5), end=(30.25, 39.5))
    rows = [replace(m, line=line) if m.name == "long_axis" else m for m in measured(mask, volume)]
    path, seg = written(volume, [mask], rows, tmp_path)
    assert dciodvfy_errors(path) == []
    [(number, place)] = coordinates(path)
    assert number.ConceptNameCodeSequence[0].CodeMeaning == "Long axis"
    assert (place.RelationshipType, place.GraphicType) == ("INFERRED FROM", "POLYLINE")
    assert list(place.GraphicData) == [21.0, 10.5, 40.0, 30.75]  # column, row; the corner of the image is (0, 0)
    [image] = place.ContentSequence
    assert image.RelationshipType == "SELECTED FROM"
    [reference], source = image.ReferencedSOPSequence, volume.series.slice_sources[1]
    assert reference.ReferencedSOPInstanceUID == source.sop_instance_uid
    single = len(volume.series.instances) > 1
    assert reference.get("ReferencedFrameNumber") == (None if single else source.frame_number)
    [group] = sr.srread(path).content.get_volumetric_roi_measurement_groups()
    assert group.roi is None
    assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID


def test_the_product_s_numbers_of_every_mask_have_a_place(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path, PixelSpacing=None))
    masks = [mask_on(volume, "liver", box(volume.geometry)), mask_on(volume, "spleen", box(volume.geometry, 0.4), 2)]
    rows = [m for mask in masks for m in measure(mask, volume, step_id="s9")[0]]
    path, _ = written(volume, masks, rows, tmp_path)
    assert dciodvfy_errors(path) == []
    placed = coordinates(path)
    assert [number.ConceptNameCodeSequence[0].CodeMeaning for number, _ in placed] == ["Voxel count"] * 2
    inside = np.argwhere(masks[0].array)
    (top, left), (bottom, right) = inside.min(axis=0)[1:], inside.max(axis=0)[1:] + 1
    x, y = np.array(placed[0][1].GraphicData).reshape(-1, 2).T
    assert (x.min(), x.max(), y.min(), y.max()) == (left, right, top, bottom)
    assert (x[0], y[0]) == (x[-1], y[-1])


def test_an_outline_stands_only_where_there_is_no_line(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry))
    lines: Sequence[Line | None] = (Line(0, (1.0, 1.0), (1.0, 5.0)), None)
    found = []
    for line in lines:
        path, _ = written(volume, [mask], [*measured(mask, volume)[:-1], long_axis(mask, line)], tmp_path)
        found.append([number.ConceptNameCodeSequence[0].CodeMeaning for number, _ in coordinates(path)])
    assert found == [["Long axis"], ["Volume"]]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(Outcome.PASS, "liver, volume 12.3 mL"), (Outcome.REVIEW, "liver, volume 12.3 mL, needs review")],
)
def test_a_line_in_words_names_the_target_its_volume_and_a_doubt(outcome: Outcome, words: str, tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry), outcome=outcome)
    rows = [Measurement("volume", "liver", 12.345, Unit.ML, "", mask.series_uid, "m1", "m1")]
    path, _ = written(volume, [mask], rows, tmp_path)
    texts = [item.TextValue for item in _all(dcmread(path)) if item.ConceptNameCodeSequence[0].CodeValue == "121106"]
    assert texts == [words]


def test_coordinates_pass_the_fast_writer_unchanged(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry))
    seg = segmentation_object(volume.series, [mask], when=WHEN, uid=UID, software_version="0.1.0")
    rows = [long_axis(mask, Line(0, (1 / 3, 2.0), (9.0, 7.7)))]
    report = structured_report(volume.series, seg, [mask], rows, when=WHEN, uid=UID, software_version="0.1.0")
    report.save_as(tmp_path / "out.sr.dcm", enforce_file_format=True)
    assert encoded(report) == (tmp_path / "out.sr.dcm").read_bytes()


def test_the_same_analysis_writes_the_same_bytes(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry))
    first = written(volume, [mask], measured(mask, volume), tmp_path)[0].read_bytes()
    assert written(volume, [mask], measured(mask, volume), tmp_path)[0].read_bytes() == first
