"""Position decides: order, spacing, tilt, gaps and duplicates come from where slices lie."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.study import Ingest, Volume
from tests.tools.dicom_phantoms import body, dataset, functional_groups, write, write_stack
from tools.ingest import ingest
from tools.series_identity import derived_uid


def volumes(result: Ingest) -> list[Volume]:
    return [volume for study in result.studies for volume in study.volumes.values()]


def only(result: Ingest) -> Volume:
    (volume,) = volumes(result)
    return volume


def said(volume: Volume, words: str) -> bool:
    return any(words in warning for warning in volume.series.warnings)


def axial(*heights: float) -> list[tuple[float, float, float]]:
    return [(0.0, 0.0, height) for height in heights]


@settings(max_examples=25, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    spacing=st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)),
    gap=st.floats(0.3, 12),
    order=st.permutations(range(5)),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_any_orientation_and_file_order_gives_exact_patient_coordinates(angles, spacing, gap, order, origin):
    turn = rotation(*angles)
    normal = np.cross(turn[0], turn[1])
    positions = [np.asarray(origin) + index * gap * normal for index in range(5)]
    with tempfile.TemporaryDirectory() as name:
        write_stack(
            Path(name),
            positions,
            names=[f"{order[index]}.dcm" for index in range(5)],
            PixelSpacing=[f"{value:.12g}"[:16] for value in spacing],
            ImageOrientationPatient=[f"{value:.12f}"[:16] for value in turn.ravel()],
            SliceThickness=99,
            SpacingBetweenSlices=77,
        )
        volume = only(ingest([Path(name)]))
    assert volume.array.shape == (5, 24, 30)
    for index in range(5):
        assert np.array_equal(volume.array[index], body(seed=index) - 1024)
    assert volume.geometry.slice_spacing_mm == pytest.approx(gap, rel=1e-5)
    point = volume.geometry.to_patient_mm(np.array([[3.0, 7.0, 11.0]]))[0]
    expected = positions[3] + 7 * spacing[0] * turn[1] + 11 * spacing[1] * turn[0]
    assert np.allclose(point, expected, atol=1e-5)
    assert volume.series.warnings == ()


def rotation(a: float, b: float, c: float) -> np.ndarray:
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return (about_x @ about_y @ about_z)[:2]


def test_instance_numbers_against_the_positions_do_not_matter(tmp_path):
    write_stack(tmp_path, axial(6, 4, 2, 0))
    volume = only(ingest([tmp_path]))
    assert np.allclose(volume.geometry.positions_mm[:, 2], [0, 2, 4, 6])
    assert np.array_equal(volume.array[0], body(seed=3) - 1024)
    assert [source.path.name for source in volume.series.slice_sources] == ["003.dcm", "002.dcm", "001.dcm", "000.dcm"]


def test_rows_that_run_upwards_are_kept_with_their_direction(tmp_path):
    write_stack(tmp_path, axial(0, 2, 4), ImageOrientationPatient=[1, 0, 0, 0, -1, 0])
    volume = only(ingest([tmp_path]))
    assert volume.geometry.column_direction_letter() == "A"
    assert np.allclose(volume.geometry.to_patient_mm(np.array([[0.0, 5.0, 0.0]])), [[0, -5, 4]])
    assert volume.geometry.slice_spacing_mm == pytest.approx(2)


def test_gantry_tilt_is_said_and_kept_as_a_shear(tmp_path):
    write_stack(tmp_path, [(0, 1.5 * index, 5.0 * index) for index in range(4)])
    volume = only(ingest([tmp_path]))
    assert said(volume, "gantry tilt")
    assert volume.geometry.slice_spacing_mm == pytest.approx(5)
    assert np.allclose(volume.geometry.affine[:3, 0], [0, 1.5, 5])


def test_missing_slices_are_counted_and_placed(tmp_path):
    write_stack(tmp_path, axial(0, 2, 4, 10, 12, 16, 18))
    volume = only(ingest([tmp_path]))
    assert said(volume, "3 slices seem to be missing: 2 between 4.00 and 10.00 mm, 1 between 12.00 and 16.00 mm")
    assert not volume.geometry.uniform


def test_uneven_slices_are_not_called_missing(tmp_path):
    write_stack(tmp_path, axial(0, 2, 4.7, 6.1, 9))
    volume = only(ingest([tmp_path]))
    assert said(volume, "uneven")
    assert not said(volume, "missing")


def test_a_copy_of_a_slice_is_dropped_by_name(tmp_path):
    write_stack(tmp_path, axial(0, 2, 4))
    (tmp_path / "copy.dcm").write_bytes((tmp_path / "001.dcm").read_bytes())
    result = ingest([tmp_path])
    volume = only(result)
    assert volume.geometry.slices == 3
    assert said(volume, "copy.dcm is a copy of 001.dcm")
    assert result.refused == ()


def test_the_same_slice_under_another_uid_is_dropped_by_name(tmp_path):
    write_stack(tmp_path, axial(0, 2, 4))
    write(dataset(body(seed=1), ImagePositionPatient=[0, 0, 2], InstanceNumber=9), tmp_path / "again.dcm")
    volume = only(ingest([tmp_path]))
    assert volume.geometry.slices == 3
    assert said(volume, "again.dcm repeats 001.dcm")


def test_another_image_at_the_same_position_is_refused_by_name_when_nothing_tells_them_apart(tmp_path):
    write_stack(tmp_path, axial(0, 2, 4))
    write(dataset(body(seed=50), ImagePositionPatient=[0, 0, 2], InstanceNumber=9), tmp_path / "other.dcm")
    result = ingest([tmp_path])
    assert only(result).geometry.slices == 3
    (refusal,) = result.refused
    assert refusal.file == "other.dcm"
    assert "same position" in refusal.reason
    assert refusal.remedy


def test_two_echoes_become_two_series(tmp_path):
    for echo, seed in ((10, 0), (80, 40)):
        for index in range(3):
            name = f"{echo}-{index}.dcm"
            ds = dataset(
                body(seed=seed + index), EchoTime=echo, ImagePositionPatient=[0, 0, 3 * index], InstanceNumber=index
            )
            ds.SOPInstanceUID = derived_uid(name)
            write(ds, tmp_path / name)
    result = ingest([tmp_path])
    first, second = sorted(volumes(result), key=lambda volume: volume.array.max())
    assert (first.geometry.slices, second.geometry.slices) == (3, 3)
    assert first.series.series_uid != second.series.series_uid
    assert said(first, "split by EchoTime")
    assert np.array_equal(second.array[0], body(seed=40) - 1024)
    assert result.refused == ()


def test_a_localizer_in_the_series_becomes_a_series_of_its_own(tmp_path):
    write_stack(tmp_path, axial(0, 2, 4))
    scout = dataset(
        body(),
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        InstanceNumber=0,
    )
    write(scout, tmp_path / "scout.dcm")
    first, second = sorted(volumes(ingest([tmp_path])), key=lambda volume: -volume.geometry.slices)
    assert first.series.series_uid == derived_uid("series")
    assert second.series.series_uid != first.series.series_uid
    assert second.series.value_unit == "1"
    assert said(second, "localizer")
    assert said(first, "2 different stacks")


def test_slices_without_positions_are_no_volume(tmp_path):
    for index in range(3):
        ds = dataset(body(seed=index), InstanceNumber=3 - index, ImagePositionPatient=None)
        write(ds, tmp_path / f"{index}.dcm")
    volume = only(ingest([tmp_path]))
    assert volume.geometry.positions_mm is None
    assert said(volume, "3 frames without positions: not a volume")
    assert np.array_equal(volume.array[0], body(seed=2) - 1024)


@pytest.mark.parametrize("cosines", [[0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 2, 0]])
def test_an_impossible_orientation_is_not_believed(tmp_path, cosines):
    write_stack(tmp_path, axial(0, 2), ImageOrientationPatient=cosines)
    volume = only(ingest([tmp_path]))
    assert volume.geometry.positions_mm is None
    assert said(volume, "not two perpendicular unit vectors")


@pytest.mark.parametrize("spacing", [[0, 0], [-1, 1], ["nan", "nan"], [1e9, 1]])
def test_an_impossible_spacing_is_none_and_said(tmp_path, spacing):
    path = tmp_path / "slice.dcm"
    ds = dataset(body())
    with pytest.warns(UserWarning, match="DS") if spacing == ["nan", "nan"] else _nothing():
        ds.PixelSpacing = spacing
    write(ds, path)
    volume = only(ingest([path]))
    assert volume.geometry.pixel_spacing_mm is None
    assert said(volume, "no pixel spacing")
    assert said(volume, "PixelSpacing is not")


class _nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_enhanced_multi_frame_uses_its_functional_groups(tmp_path):
    ds = dataset(np.stack([body(seed=index) for index in range(3)]))
    functional_groups(ds, [{"z": 8, "intercept": -1024}, {"z": 0, "intercept": -1000}, {"z": 4}])
    volume = only(ingest([write(ds, tmp_path / "enhanced.dcm")]))
    assert np.array_equal(volume.array[0], body(seed=1) - 1000)
    assert np.array_equal(volume.array[2], body(seed=0) - 1024)
    assert volume.geometry.pixel_spacing_mm == (2, 3)
    assert volume.geometry.slice_spacing_mm == pytest.approx(4)
    assert [source.frame_number for source in volume.series.slice_sources] == [2, 3, 1]
    assert volume.series.instances[0].frame_numbers == (2, 3, 1)
    assert volume.series.value_unit == "[hnsf'U]"


def test_temporal_positions_of_a_multi_frame_become_series(tmp_path):
    ds = dataset(np.stack([body(seed=index) for index in range(4)]))
    functional_groups(ds, [{"z": z, "time": time} for time in (1, 2) for z in (0, 4)])
    result = ingest([write(ds, tmp_path / "perfusion.dcm")])
    first, second = volumes(result)
    assert {first.geometry.slice_spacing_mm, second.geometry.slice_spacing_mm} == {4}
    assert said(first, "split by TemporalPositionIndex")


def test_the_published_spacings(data):
    liver = only(ingest([data / "ct_liver_seg_sr" / "ct"]))
    assert liver.geometry.slice_spacing_mm == pytest.approx(1.0)
    brain = only(ingest([data / "mr_brain_series"]))
    assert brain.array.shape == (19, 256, 256)
    assert brain.geometry.slice_spacing_mm == pytest.approx(7.0, abs=0.05)
    assert brain.geometry.uniform
