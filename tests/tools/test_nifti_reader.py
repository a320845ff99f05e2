"""NIfTI: nothing is resampled, RAS becomes LPS, what the header does not say is not assumed."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.study import Volume
from tools.ingest import ingest
from tools.nifti_reader import _grid

SMOOTH = np.add.outer(np.add.outer(np.arange(6) * 40, np.arange(7) * 30), np.arange(5) * 9).astype(np.int16)


def write(path, data, affine=None, *, coded=True, unit="mm"):
    image = nibabel.Nifti1Image(data, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(unit)
    if not coded:
        image.set_sform(None, code=0)
        image.set_qform(None, code=0)
    nibabel.save(image, path)
    return path


def only(path, question="MRI") -> Volume:
    ((study,)) = ingest([path], question=question).studies
    (volume,) = study.volumes.values()
    return volume


@pytest.mark.parametrize("name", ["ct_abdomen_nifti/example_ct.nii.gz", "mr_spinal_cord/t2.nii.gz"])
def test_a_voxel_lies_where_nibabel_says_in_lps(data, name):
    image = nibabel.load(data / name)
    values = np.asarray(image.dataobj)
    volume = only(data / name, "")
    assert volume.geometry.shape == values.shape[::-1]
    column, row, slice_ = 41, 30, 7
    assert volume.array[slice_, row, column] == values[column, row, slice_]
    right_anterior = (image.affine @ [column, row, slice_, 1])[:3]
    point = volume.geometry.to_patient_mm(np.array([[slice_, row, column]], dtype=float))[0]
    assert np.allclose(point, right_anterior * [-1, -1, 1], atol=1e-3)


def test_a_ct_is_inferred_from_its_values_with_a_warning(data):
    volume = only(data / "ct_abdomen_nifti" / "example_ct.nii.gz", "liver volume")
    assert (volume.series.modality, volume.series.value_unit) == ("CT", "[hnsf'U]")
    assert volume.geometry.pixel_spacing_mm == pytest.approx((3, 3))
    assert volume.geometry.slice_spacing_mm == pytest.approx(3)
    assert (volume.geometry.row_direction_letter(), volume.geometry.column_direction_letter()) == ("R", "A")
    assert any("inferred from the values" in warning for warning in volume.series.warnings)


@settings(max_examples=60, deadline=None)
@given(
    flips=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    order=st.permutations(range(3)),
    zooms=st.tuples(*[st.floats(0.3, 6)] * 3),
    turn=st.floats(-3, 3),
    shift=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_any_affine_keeps_every_voxel_in_place(flips, order, zooms, turn, shift):
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = spin @ np.diag(flips)[list(order)] @ np.diag(zooms)
    affine[:3, 3] = shift
    image = nibabel.Nifti1Image(SMOOTH, affine)
    geometry = _grid(image, SMOOTH.shape, "x.nii").geometry
    expected = (image.affine @ [4, 5, 3, 1])[:3] * [-1, -1, 1]
    assert np.allclose(geometry.to_patient_mm(np.array([[3.0, 5.0, 4.0]]))[0], expected, atol=1e-6)


def test_scaling_is_applied_and_whole_numbers_stay_whole(tmp_path):
    image = nibabel.Nifti1Image(SMOOTH, np.eye(4))
    image.header.set_slope_inter(2, -1000)
    nibabel.save(image, tmp_path / "a.nii.gz")
    volume = only(tmp_path / "a.nii.gz")
    assert volume.array.dtype == np.int16
    stored = nibabel.load(tmp_path / "a.nii.gz")
    assert np.array_equal(volume.array, np.asarray(stored.dataobj).transpose(2, 1, 0))


def test_without_sform_and_qform_there_is_no_place_in_the_patient(tmp_path):
    volume = only(write(tmp_path / "a.nii", SMOOTH, np.diag([2.0, 3, 4, 1]), coded=False))
    assert volume.geometry.positions_mm is None
    assert volume.geometry.pixel_spacing_mm == (3, 2)
    assert any("no sform and no qform" in warning for warning in volume.series.warnings)


def test_micrometres_are_converted_and_unknown_units_said(tmp_path):
    assert only(
        write(tmp_path / "a.nii", SMOOTH, np.diag([500.0, 500, 500, 1]), unit="micron")
    ).geometry.pixel_spacing_mm == (0.5, 0.5)
    volume = only(write(tmp_path / "b.nii", SMOOTH, unit="unknown"))
    assert any("unit of length" in warning for warning in volume.series.warnings)


@pytest.mark.parametrize(
    ("data_", "reason"),
    [
        (np.stack([SMOOTH, SMOOTH], axis=-1), "2 volumes"),
        ((SMOOTH > 100).astype(np.uint8), "label map"),
        (np.zeros((4, 4, 4), np.int16), "same value"),
        (np.full((4, 4, 4), np.nan, np.float32), "finite"),
        (SMOOTH.astype(np.complex64), "single numbers"),
    ],
)
def test_what_holds_no_one_image_is_refused(tmp_path, data_, reason):
    (refusal,) = ingest([write(tmp_path / "a.nii.gz", data_)], question="MRI").refused
    assert reason in refusal.reason
    assert refusal.remedy


def test_rows_that_are_not_perpendicular_to_columns_are_refused(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = 0.4
    (refusal,) = ingest([write(tmp_path / "a.nii", SMOOTH, affine)]).refused
    assert "perpendicular" in refusal.reason


def test_a_cut_file_is_refused(tmp_path):
    path = write(tmp_path / "a.nii", SMOOTH)
    path.write_bytes(path.read_bytes()[:-50])
    (refusal,) = ingest([path], question="MRI").refused
    assert "ends before" in refusal.reason
