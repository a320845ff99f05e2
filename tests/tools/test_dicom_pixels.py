"""Stored values become real-world values: every encoding, MONOCHROME1, LUT, colour, Hounsfield or not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from domain.study import Volume
from tests.tools.dicom_phantoms import SECONDARY_CAPTURE, body, dataset, write
from tools.dicom_frame import Rescale
from tools.dicom_pixels import rescaled
from tools.ingest import ingest


def only(path) -> Volume:
    ((study,)) = ingest([path]).studies
    (volume,) = study.volumes.values()
    return volume


def test_lossless_transfer_syntaxes_are_identical_and_others_say_what_they_are(data):
    folder = data / "transfer_syntaxes"
    expected = json.loads((data / "EXPECTED.json").read_text())["transfer_syntaxes"]
    reference = only(folder / expected["reference"])
    assert (reference.array.min(), reference.array.max()) == (expected["min"] - 1024, expected["max"] - 1024)
    assert reference.array.dtype == np.int16
    lossless = [name for name, facts in expected.items() if isinstance(facts, dict) and facts.get("identical")]
    assert len(lossless) >= 9
    for name in lossless:
        assert np.array_equal(only(folder / name).array, reference.array), name
    for syntax in ("4.91", "4.81"):
        (name,) = [name for name in expected if name.endswith(f"{syntax}.dcm")]
        volume = only(folder / name)
        difference = np.abs(volume.array.astype(int) - reference.array)
        assert 0 < difference.max() <= expected[name]["max_abs_diff"]
        assert any("with loss" in warning for warning in volume.series.warnings)
        assert volume.series.value_unit == "[hnsf'U]"


@pytest.mark.parametrize("syntax", ["4.53", "4.55"])
def test_encodings_without_a_decoder_are_refused_cleanly(data, syntax):
    (path,) = (data / "transfer_syntaxes").glob(f"*{syntax}.dcm")
    (refusal,) = ingest([path]).refused
    assert "no decoder" in refusal.reason
    assert "lossless" in refusal.remedy


def test_eight_bit_lossy_ct_is_not_hounsfield(data):
    (path,) = (data / "transfer_syntaxes").glob("*4.50.dcm")
    volume = only(path)
    assert volume.series.value_unit == "1"
    assert any("not Hounsfield" in warning for warning in volume.series.warnings)


def test_enhanced_mr_in_five_encodings(data):
    arrays = [only(path).array for path in sorted((data / "enhanced_multiframe").glob("emri_small*"))]
    assert len(arrays) == 5
    assert arrays[0].shape == (10, 64, 64)
    assert all(np.array_equal(array, arrays[0]) for array in arrays)


def test_monochrome1_is_the_negative(data):
    plain = only(data / "cxr_dicom" / "rsna_16d7f894.dcm")
    inverted = only(data / "cxr_dicom" / "rsna_16d7f894_fake_MONOCHROME1.dcm")
    assert np.array_equal(inverted.array, 255 - plain.array)
    assert (plain.series.photometric, inverted.series.photometric) == ("MONOCHROME2", "MONOCHROME1")


def test_the_window_turns_with_monochrome1(tmp_path):
    stored = (body() % 1000).astype(np.uint16)
    ds = dataset(
        stored, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11, Modality="CR",
        RescaleSlope=2, RescaleIntercept=10, WindowCenter=300, WindowWidth=200,
    )  # fmt: skip
    volume = only(write(ds, tmp_path / "a.dcm"))
    assert np.array_equal(volume.array[0], 2 * (4095 - stored.astype(int)) + 10)
    # a pixel at the old centre lies at the new one
    assert volume.display_window == (2 * (4095 - (300 - 10) / 2) + 10, 200)


def test_signed_monochrome1(tmp_path):
    stored = body() - 1000
    volume = only(write(dataset(stored, PhotometricInterpretation="MONOCHROME1", Modality="MR"), tmp_path / "a.dcm"))
    assert np.array_equal(volume.array[0], (-1 - stored) - 1024)


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"), [(1, -1024, np.int16), (40, 0, np.int32), (0.5, 3, np.float32), (1, 0, np.int16)]
)
def test_whole_numbers_stay_whole(slope, intercept, dtype):
    stored = np.array([[0, 1, 4095]], dtype=np.uint16)
    real = rescaled(stored, Rescale(slope, intercept))
    assert real.dtype == dtype
    assert real.tolist() == (stored * float(slope) + intercept).tolist()


def test_a_modality_lut_is_applied(tmp_path):
    stored = np.tile(np.arange(4, dtype=np.uint8), (20, 5))
    ds = dataset(stored, RescaleSlope=None, RescaleIntercept=None, Modality="OT", ImageType=None)
    ds.Modality, ds.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"
    lut = Dataset()
    lut.LUTDescriptor, lut.ModalityLUTType = [4, 0, 16], "US"
    lut.LUTData = np.array([5, 500, 50, 4000], "<u2").tobytes()
    ds.ModalityLUTSequence = Sequence([lut])
    assert only(write(ds, tmp_path / "a.dcm")).array[0, 0, :4].tolist() == [5, 500, 50, 4000]


def test_palette_and_rgb_become_eight_bit_rgb(data):
    for name in ("other_modalities/US_palette_no_pixel_spacing.dcm", "other_modalities/US_RGB_esopecho.dcm"):
        volume = only(data / name)
        assert volume.array.dtype == np.uint8
        assert volume.array.shape[-1] == 3
        assert volume.series.colour
        assert volume.geometry.pixel_spacing_mm is None
    planar, interleaved = (only(data / "transfer_syntaxes" / "pydicom" / f"color-{way}.dcm") for way in ("pl", "px"))
    assert np.array_equal(planar.array, interleaved.array)


def test_float_pixels_stay_floats(data):
    volume = only(data / "transfer_syntaxes" / "pydicom" / "parametric_map_float.dcm")
    assert volume.array.dtype == np.float32
    assert volume.series.value_unit == "1"


def test_the_scale_of_one_ultrasound_region_is_used_with_a_warning(data):
    volume = only(data / "other_modalities" / "US_overlay_echo_JPEGlossless.dcm")
    assert volume.geometry.spacing_source == "UltrasoundRegion"
    assert volume.geometry.pixel_spacing_mm == pytest.approx((0.25477, 0.25477), abs=1e-4)
    assert any("region only" in warning for warning in volume.series.warnings)


@pytest.mark.parametrize(
    "change",
    [{"RescaleType": "US"}, {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, {"SOPClassUID": SECONDARY_CAPTURE}],
)
def test_a_ct_that_is_not_in_hounsfield_units_says_why(tmp_path, change):
    volume = only(write(dataset(body(), **change), tmp_path / "a.dcm"))
    assert volume.series.value_unit == "1"
    assert any("not Hounsfield" in warning for warning in volume.series.warnings)


def test_radiographs_say_where_their_spacing_is_measured(tmp_path):
    ds = dataset(
        body(), Modality="DX", SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1", PixelSpacing=None,
        ImagerPixelSpacing=[0.14, 0.15],
        ImagePositionPatient=None, ImageOrientationPatient=None,
    )  # fmt: skip
    volume = only(write(ds, tmp_path / "a.dcm"))
    assert volume.geometry.pixel_spacing_mm == (0.14, 0.15)
    assert volume.geometry.spacing_source == "ImagerPixelSpacing"
    assert any("magnification" in warning for warning in volume.series.warnings)
    assert volume.geometry.positions_mm is None
