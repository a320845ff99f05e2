"""Whatever lies in a folder: studies of one patient each, refusals by name, nothing silent, no identity said."""

from __future__ import annotations

import gzip
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.tools.dicom_phantoms import SECONDARY_CAPTURE, body, dataset, write, write_stack
from tools.admission_limits import MAX_SIDE_PIXELS
from tools.ingest import ingest
from tools.series_identity import derived_uid


def test_every_bad_file_is_refused_with_a_reason_or_used_with_a_warning(data):
    files = [path for path in sorted((data / "bad_input").rglob("*")) if path.is_file()]
    assert len(files) > 20
    for path in files:
        result = ingest([path])
        warned = [w for study in result.studies for series in study.study.series for w in series.warnings]
        assert len(result.refused) == 1 or warned, path.name
        for refusal in result.refused:
            assert refusal.file == path.name
            assert refusal.reason
            assert refusal.remedy


def test_non_square_pixels_keep_rows_and_columns_apart(data):
    (study,) = ingest([data / "bad_input" / "geometry_non_square"]).studies
    (volume,) = study.volumes.values()
    assert volume.geometry.shape == (4, 28, 64)
    assert volume.geometry.pixel_spacing_mm == pytest.approx((4.0, 6.39996), abs=1e-4)


@pytest.mark.parametrize("question", ["", "CT of the brain", "H&E, breast", "chest x-ray"])
def test_what_is_no_medical_image_yields_nothing(data, question):
    result = ingest([data / "out_of_distribution"], question=question)
    assert result.studies == ()
    assert len(result.refused) == 2


@pytest.mark.parametrize(
    "name", ["rt/rtss.dcm", "rt/rtplan.dcm", "seg_sr_objects/sr_document.dcm", "ct_liver_seg_sr/seg/liver.dcm"]
)
def test_objects_without_pixels_to_interpret_are_named(data, name):
    (refusal,) = ingest([data / name]).refused
    assert "not an image" in refusal.reason


def test_one_bad_file_does_not_stop_the_others(tmp_path):
    write_stack(tmp_path, [(0, 0, 0), (0, 0, 2), (0, 0, 4)])
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "empty.dcm").write_bytes(b"")
    (tmp_path / ".hidden").write_bytes(b"x")
    whole = (tmp_path / "002.dcm").read_bytes()
    (tmp_path / "002.dcm").write_bytes(whole[:-100])
    result = ingest([tmp_path])
    assert [refusal.file for refusal in result.refused] == ["002.dcm", "notes.txt", "sub/empty.dcm"]
    (volume,) = result.studies[0].volumes.values()
    assert volume.geometry.slices == 2
    assert "1 of 3 files of this series could not be used" in volume.series.warnings


def test_a_missing_path_is_refused(tmp_path):
    (refusal,) = ingest([tmp_path / "nowhere"]).refused
    assert refusal.file == "nowhere"


def test_archives_and_packed_files_are_refused_with_a_remedy(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + b"0" * 200)
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"0" * 500))
    (tmp_path / "c.gz").write_bytes(b"\x1f\x8bbroken")
    (tmp_path / "DICOMDIR").write_bytes(b"0" * 128 + b"DICM")
    result = ingest([tmp_path])
    assert result.studies == ()
    assert len(result.refused) == 4


def test_two_patients_never_share_a_study(tmp_path):
    write(dataset(body(), PatientID="one"), tmp_path / "a.dcm")
    write(dataset(body(seed=3), PatientID="two"), tmp_path / "b.dcm")
    first, second = ingest([tmp_path]).studies
    assert first.study.study_uid != second.study.study_uid
    assert {first.study.patient.patient_id, second.study.patient.patient_id} == {"one", "two"}
    assert all("several patients" in study.study.warnings[0] for study in (first, second))


def test_header_facts_reach_the_domain(tmp_path):
    path = write(dataset(body(), BodyPartExamined="ABDOMEN", BurnedInAnnotation="YES"), tmp_path / "a.dcm")
    (study,) = ingest([path]).studies
    series = study.study.series[0]
    assert study.study.started.isoformat() == "2024-02-29T10:11:12.500000"
    assert (series.modality, series.body_part, series.burned_in_annotation) == ("CT", "ABDOMEN", True)
    assert series.study_uid == study.study.study_uid


def test_a_hostile_uid_never_becomes_a_name(tmp_path):
    ds = dataset(body())
    with pytest.warns(UserWarning, match="Invalid value"):
        ds.StudyInstanceUID = "../../etc"
    write(ds, tmp_path / "a.dcm")
    (study,) = ingest([tmp_path]).studies
    assert study.study.study_uid.startswith("2.25.")


def test_a_bare_data_set_is_read_with_a_warning(tmp_path):
    ds = dataset(body())
    ds.save_as(tmp_path / "bare.dcm", implicit_vr=True, little_endian=True)
    (study,) = ingest([tmp_path]).studies
    assert "no DICOM preamble: read as a bare data set" in study.study.series[0].warnings
    (volume,) = study.volumes.values()
    assert np.array_equal(volume.array[0], body() - 1024)


def test_nothing_said_carries_the_patient(tmp_path, data):
    ds = dataset(body(), PatientID="MRN-4711", PatientName="Doe^Jane^O'Neil")
    with pytest.warns(UserWarning, match="Invalid value"):
        ds.PatientBirthDate = "Doe Jane 1970"
    write(ds, tmp_path / "a.dcm")
    shutil.copy(data / "bad_input" / "bad_sequence.dcm", tmp_path / "b.dcm")
    result = ingest([tmp_path])
    text = repr([(s.study.warnings, [x.warnings for x in s.study.series]) for s in result.studies]) + repr(
        result.refused
    )
    assert "Invalid value" in text
    for identity in ("MRN-4711", "Doe", "Jane", "1970", "dbf60361"):
        assert identity not in text


def test_names_in_their_own_characters(data, tmp_path):
    import pydicom

    ds = pydicom.dcmread(data / "phi_burned_in" / "charset_chrGerm.dcm")
    ds.PixelData = (body(32, 32) % 251).astype(np.uint8).tobytes()
    ds.save_as(tmp_path / "germ.dcm")
    (study,) = ingest([tmp_path]).studies
    assert study.study.patient.name == "Äneas^Rüdiger"


def test_a_promise_of_too_many_pixels_is_refused_before_it_is_allocated(tmp_path):
    write(dataset(body(), Rows=MAX_SIDE_PIXELS + 1), tmp_path / "tall.dcm")
    write(dataset(body(), NumberOfFrames=2_000_000), tmp_path / "long.dcm")
    result = ingest([tmp_path])
    assert len(result.refused) == 2
    assert all("pixels" in refusal.reason for refusal in result.refused)


def test_a_photo_saved_as_secondary_capture_is_refused_whatever_the_question(tmp_path):
    rng = np.random.default_rng(1)
    photo = np.clip(np.cumsum(rng.normal(0, 3, (40, 40, 3)), axis=1) + 128, 0, 255).astype(np.uint8)
    for number, modality in enumerate(["CT", "MR", "CR", "OT", ""]):
        write(
            dataset(photo, SOPClassUID=SECONDARY_CAPTURE, Modality=modality, InstanceNumber=number),
            tmp_path / f"{number}.dcm",
        )
    result = ingest([tmp_path], question="dermoscopy of a mole")
    assert result.studies == ()
    assert len(result.refused) == 5


def test_the_order_of_the_files_and_of_the_paths_does_not_change_the_result(tmp_path):
    paths = write_stack(tmp_path, [(0, 0, z) for z in (0, 2, 4)])
    forward, backward = ingest(paths), ingest(list(reversed(paths)))
    one, other = (next(iter(r.studies[0].volumes.values())) for r in (forward, backward))
    assert np.array_equal(one.array, other.array)
    assert one.series.series_uid == other.series.series_uid == derived_uid("series")


def test_a_folder_of_everything_goes_through(data):
    result = ingest([data / "other_modalities", data / "cxr_dicom", Path(data / "phi_burned_in")])
    modalities = {series.modality for study in result.studies for series in study.study.series}
    assert modalities >= {"NM", "US", "PT", "MR", "CR", "CT"}
    for study in result.studies:
        for series in study.study.series:
            volume = study.volumes[series.series_uid]
            assert volume.array.shape[:3] == series.geometry.shape
            assert series.colour == (volume.array.ndim == 4)


@pytest.mark.parametrize(
    "name",
    [
        "seg_sr_objects/ct_image.dcm",
        "enhanced_multiframe/emri_small_RLE.dcm",
        "enhanced_multiframe/emri_small_jpeg_2k_lossless.dcm",
        "other_modalities/NM_wholebody_bone_JPEGlossless.dcm",
        "ct_abdomen_nifti/example_ct_sm.nii.gz",
        "pathology/ihc.png",
    ],
)
def test_damaged_bytes_never_stop_the_program_or_pass_in_silence(data, tmp_path, name):
    whole = (data / name).read_bytes()
    rng = random.Random(name)
    path = tmp_path / Path(name).name
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(rng.randrange(1, 9)):
            damaged[rng.randrange(min(len(damaged), 3000))] = rng.randrange(256)
        path.write_bytes(damaged[: rng.choice([len(damaged), rng.randrange(len(damaged))])])
        result = ingest([path], question="H&E")
        assert result.studies or result.refused
        assert all(refusal.reason and refusal.remedy for refusal in result.refused)


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("said", [b"nan ", b"inf ", b"abc "])
def test_a_rescale_that_is_no_number_is_refused_with_the_true_reason(tmp_path, keyword, said):
    ds = dataset(body())
    setattr(ds, keyword, "1234")
    path = write(ds, tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes().replace(b"DS\x04\x001234", b"DS\x04\x00" + said))
    (refusal,) = ingest([path]).refused
    assert refusal.reason == f"{keyword} is not a number."
    assert "RescaleSlope" in refusal.remedy


def test_a_rescale_slope_of_zero_is_refused_and_an_empty_one_is_none(tmp_path):
    (refusal,) = ingest([write(dataset(body(), RescaleSlope=0), tmp_path / "zero.dcm")]).refused
    assert "RescaleSlope is 0" in refusal.reason
    assert len(ingest([write(dataset(body(), RescaleSlope=None), tmp_path / "empty.dcm")]).studies) == 1


def test_more_frames_than_are_read_are_refused_before_they_are_looked_at(tmp_path):
    path = write(dataset(body(1, 1), NumberOfFrames=70_000, Rows=1, Columns=1), tmp_path / "many.dcm")
    (refusal,) = ingest([path]).refused
    assert "70000 frames" in refusal.reason
