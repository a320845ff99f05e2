"""Measurements: units, methods and warnings; published answers from ground-truth masks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.codes import Unit
from domain.errors import GeometryInvalid
from domain.finding import Measurement
from domain.geometry import Geometry
from domain.mask import Mask
from domain.study import Volume
from tests.tools import builders as b
from tools.measurement import measure, total_volume


def values(mask: Mask, volume: Volume) -> dict[str, Measurement]:
    return {entry.name: entry for entry in measure(mask, volume, step_id="s4")[0]}


def block(geometry: Geometry, **kinds: Any) -> tuple[Mask, Volume]:
    array = np.zeros(geometry.shape, bool)
    array[:, 2:6, 3:13] = True
    return b.mask(array, geometry), b.volume(np.full(geometry.shape, 50, np.int16), geometry, **kinds)


@pytest.fixture(scope="module")
def expected(data: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((data / "EXPECTED.json").read_text())
    return document


def test_one_slice_has_an_area_and_no_volume() -> None:
    mask, volume = block(b.plain((1, 20, 20), (0.5, 0.8)))
    found = values(mask, volume)
    assert found["voxel_count"].value == 40
    assert found["area"].value == pytest.approx(40 * 0.4)
    assert found["area"].unit is Unit.MM2
    assert "volume" not in found


def test_two_slices_have_a_volume_from_their_positions() -> None:
    mask, volume = block(b.axial((2, 20, 20), (3.0, 0.5, 0.8)))
    found = values(mask, volume)
    assert found["volume"].value == pytest.approx(80 * 0.4 * 3.0 / 1000)
    assert found["volume"].unit is Unit.ML
    assert "area" not in found
    assert found["volume"].source == "m1 (s3)"
    assert found["volume"].step_id == "s4"


def test_without_spacing_only_voxels_are_counted_and_a_warning_says_so() -> None:
    mask, volume = block(b.plain((1, 20, 20)), unit=Unit.ONE)
    entries, warnings = measure(mask, volume, step_id="s4")
    assert {e.unit for e in entries} == {Unit.ONE}
    assert {"long_axis", "area", "volume"}.isdisjoint(e.name for e in entries)
    assert any("no pixel spacing" in warning for warning in warnings)


def test_frames_without_positions_get_no_millimetres() -> None:
    mask, volume = block(b.plain((4, 20, 20), (1.0, 1.0)))
    entries, warnings = measure(mask, volume, step_id="s4")
    assert not {"area", "volume", "long_axis"} & {e.name for e in entries}
    assert any("no positions" in warning for warning in warnings)


def test_uneven_slices_are_weighted_by_their_gaps_and_warned_of() -> None:
    positions = np.zeros((3, 3))
    positions[:, 2] = [0, 2, 8]
    mask, volume = block(Geometry((3, 20, 20), (1.0, 1.0), b.AXIAL, positions))
    entries, warnings = measure(mask, volume, step_id="s4")
    volume_ml = next(e.value for e in entries if e.name == "volume")
    assert volume_ml == pytest.approx(40 * (2 + 4 + 6) / 1000)
    assert any("unevenly" in warning and "2.00 to 6.00 mm" in warning for warning in warnings)


def test_slices_at_the_same_place_have_no_volume() -> None:
    mask, volume = block(Geometry((2, 20, 20), (1.0, 1.0), b.AXIAL, np.zeros((2, 3))))
    entries, warnings = measure(mask, volume, step_id="s4")
    assert "volume" not in {e.name for e in entries}
    assert any("same place" in warning for warning in warnings)


def test_spacing_at_the_detector_is_said_to_be_magnified() -> None:
    mask, volume = block(replace(b.plain((1, 20, 20), (0.2, 0.2)), spacing_source="ImagerPixelSpacing"))
    assert any("detector" in warning for warning in measure(mask, volume, step_id="s4")[1])


def test_hounsfield_units_only_where_the_series_has_them() -> None:
    mask, volume = block(b.axial((2, 20, 20)))
    assert values(mask, volume)["mean"].unit is Unit.HU
    mask, volume = block(b.axial((2, 20, 20)), unit=Unit.ONE, modality="MR")
    assert values(mask, volume)["mean"].unit is Unit.ONE


def test_colour_images_have_no_mean() -> None:
    geometry = b.plain((1, 20, 20), (1.0, 1.0))
    mask, _ = block(geometry)
    colour = b.volume(np.zeros((1, 20, 20, 3), np.uint8), geometry, unit=Unit.ONE)
    assert "mean" not in values(mask, colour)


def test_an_empty_mask_is_counted_and_named() -> None:
    geometry = b.axial((2, 5, 5))
    empty = b.mask(np.zeros(geometry.shape, bool), geometry)
    entries, warnings = measure(empty, b.volume(np.zeros(geometry.shape), geometry), step_id="s4")
    assert [(e.name, e.value) for e in entries] == [("voxel_count", 0.0)]
    assert "empty" in warnings[0]


def test_lesions_are_counted_organs_are_not() -> None:
    geometry = b.axial((1, 20, 20))
    array = np.zeros(geometry.shape, bool)
    array[0, 2:4, 2:4] = array[0, 10:12, 10:12] = array[0, 12, 12] = True
    pixels = b.volume(np.zeros(geometry.shape), geometry)
    assert values(b.mask(array, geometry, "lung nodule", "other lesion"), pixels)["component_count"].value == 2
    assert "component_count" not in values(b.mask(array, geometry, "liver", "liver"), pixels)


def test_a_mask_on_other_pixels_is_refused() -> None:
    small, large = b.axial((2, 20, 20)), b.axial((2, 30, 30))
    mask, _ = block(small)
    with pytest.raises(GeometryInvalid, match="does not lie on"):
        measure(mask, b.volume(np.zeros(large.shape), large), step_id="s4")


def test_volumes_of_both_sides_add_up() -> None:
    mask, volume = block(b.axial((2, 20, 20)))
    sides = [replace(values(mask, volume)["volume"], target=name) for name in ("left lung", "right lung")]
    total = total_volume(tuple(sides), "lung")
    assert total.value == pytest.approx(2 * sides[0].value)
    assert total.method == "sum of left lung and right lung"
    with pytest.raises(ValueError, match="only volumes"):
        total_volume((values(mask, volume)["long_axis"],), "lung")


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9)),
    spacing=st.tuples(st.floats(0.3, 8), st.floats(0.2, 3), st.floats(0.2, 3)),
    turn=st.floats(-3, 3),
)
def test_a_box_measures_what_it_is_in_any_orientation(
    size: tuple[int, int, int], spacing: tuple[float, float, float], turn: float
) -> None:
    shape = (size[0] + 2, size[1] + 4, size[2] + 4)
    array = np.zeros(shape, bool)
    array[1:-1, 2:-2, 2:-2] = True
    row = np.array([np.cos(turn), np.sin(turn), 0.0])
    orientation = np.stack([row, [-np.sin(turn) * 0.8, np.cos(turn) * 0.8, 0.6]])
    normal = np.cross(orientation[0], orientation[1])
    positions = np.arange(shape[0])[:, None] * spacing[0] * normal + [10.0, -20.0, 30.0]
    geometry = Geometry(shape, (spacing[1], spacing[2]), orientation, positions)
    found = values(b.mask(array, geometry), b.volume(np.zeros(shape), geometry))
    edges = np.array(size) * np.array(spacing)
    assert found["volume"].value == pytest.approx(edges.prod() / 1000)
    assert found["max_3d_diameter"].value <= np.linalg.norm(edges) + 1e-9
    assert found["max_3d_diameter"].value >= found["long_axis"].value - 1e-9


def test_the_liver_sample_has_its_published_values(data: Path, expected: dict[str, Any]) -> None:
    folder = data / "ct_liver_seg_sr"
    array, geometry = b.read_dicom_series(sorted((folder / "ct").glob("*.dcm")))
    volume = b.volume(array, geometry)
    liver = b.read_segments(folder / "seg" / "liver.dcm", geometry)["Liver"]
    found = values(b.mask(liver, geometry), volume)
    wanted = expected["ct_liver_seg_sr"]
    assert found["voxel_count"].value == wanted["liver.dcm"]["Liver"]["voxels"]
    assert found["volume"].value == pytest.approx(wanted["liver.dcm"]["Liver"]["volume_ml"], rel=1e-3)
    hu = wanted["liver_HU"]
    measured = [found[name].value for name in ("mean", "min", "max", "std")]
    assert measured == pytest.approx([hu["mean"], hu["min"], hu["max"], hu["std_sample"]], abs=5e-4)


def test_overlapping_segments_keep_their_counts(data: Path, expected: dict[str, Any]) -> None:
    folder = data / "ct_liver_seg_sr"
    array, geometry = b.read_dicom_series(sorted((folder / "ct").glob("*.dcm")))
    volume = b.volume(array, geometry)
    segments = b.read_segments(folder / "seg" / "partial_overlaps.dcm", geometry)
    for label, wanted in expected["ct_liver_seg_sr"]["partial_overlaps.dcm"].items():
        found = values(b.mask(segments[label], geometry), volume)
        assert found["voxel_count"].value == wanted["voxels"]
        assert found["volume"].value == pytest.approx(wanted["volume_ml"], rel=1e-3)


@pytest.mark.parametrize("part", ["spine", "heart"])
def test_nrrd_masks_of_the_liver_sample(data: Path, expected: dict[str, Any], part: str) -> None:
    array, geometry = b.read_nrrd(data / "ct_liver_seg_sr" / "masks" / f"{part}_seg.nrrd")
    found = values(b.mask(array > 0, geometry), b.volume(array, geometry))
    assert found["voxel_count"].value == expected["ct_liver_seg_sr"][f"{part}_seg.nrrd_voxels"]


def test_abdominal_organs_have_their_published_volumes_and_densities(data: Path, expected: dict[str, Any]) -> None:
    folder = data / "ct_abdomen_nifti"
    array, geometry = b.read_nifti(folder / "example_ct_sm.nii.gz")
    labels, _ = b.read_nifti(folder / "masks" / "example_seg.nii.gz")
    volume = b.volume(array, geometry)
    for organ, wanted in expected["ct_abdomen_nifti"]["example_seg on example_ct_sm"].items():
        found = values(b.mask(labels == wanted["label"], geometry, organ), volume)
        assert found["voxel_count"].value == wanted["voxels"], organ
        assert found["volume"].value == pytest.approx(wanted["volume_ml"], rel=1e-3), organ
        assert found["mean"].value == pytest.approx(wanted["mean_intensity"], abs=1e-3), organ


def test_the_spinal_cord_sample_has_its_published_volume(data: Path, expected: dict[str, Any]) -> None:
    labels, geometry = b.read_nifti(data / "mr_spinal_cord" / "t2_seg-manual.nii.gz")
    image, _ = b.read_nifti(data / "mr_spinal_cord" / "t2.nii.gz")
    found = values(b.mask(labels > 0, geometry, "spinal cord"), b.volume(image, geometry, modality="MR", unit=Unit.ONE))
    assert found["volume"].value == pytest.approx(expected["mr_spinal_cord"]["t2_seg-manual"]["1"]["volume_ml"])


def test_the_lung_mask_of_the_radiograph_has_its_published_pixels(data: Path, expected: dict[str, Any]) -> None:
    lungs = b.read_grey(data / "cxr_covid_lungmask" / "16747_3_1_lungmask.jpg") > 127
    geometry = b.plain(lungs.shape)
    found = values(b.mask(lungs, geometry, "lung"), b.volume(lungs, geometry, modality="CR", unit=Unit.ONE))
    assert found["voxel_count"].value == expected["cxr_covid_lungmask"]["lung_pixels"]
