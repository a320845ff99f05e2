"""PNG, JPEG and TIFF: pixels as stored, no spacing from dpi, no modality but the question's."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from domain.study import Volume
from tools.ingest import ingest

GREY = (np.add.outer(np.arange(40), np.arange(50)) * 2).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)


def only(path, question="CT abdomen") -> Volume:
    ((study,)) = ingest([path], question=question).studies
    (volume,) = study.volumes.values()
    return volume


def test_grey_in_four_channels_is_one_channel_and_dpi_is_no_spacing(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)])).save(path, dpi=(72, 72))
    volume = only(path)
    assert np.array_equal(volume.array, GREY[None])
    assert volume.geometry.pixel_spacing_mm is None
    assert volume.series.modality == "CT"
    assert volume.series.value_unit == "1"
    assert "modality CT taken from the question" in volume.series.warnings


def test_sixteen_bits_are_kept(tmp_path):
    deep = GREY.astype(np.uint16) * 300
    Image.fromarray(deep).save(tmp_path / "a.png")
    assert np.array_equal(only(tmp_path / "a.png").array[0], deep)
    tifffile.imwrite(tmp_path / "b.tif", deep)
    assert np.array_equal(only(tmp_path / "b.tif").array[0], deep)


def test_colour_needs_a_modality_that_has_colour(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    assert np.array_equal(only(tmp_path / "a.png", "H&E of the breast").array[0], COLOUR)
    for question, words in (("", "not known"), ("CT liver", "colour picture"), ("what is this?", "not known")):
        result = ingest([tmp_path / "a.png"], question=question)
        assert result.studies == ()
        assert words in result.refused[0].reason


def test_a_palette_is_shown_in_its_colours(tmp_path):
    Image.fromarray(COLOUR).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "a.png")
    volume = only(tmp_path / "a.png", "ultrasound")
    assert volume.series.colour
    assert volume.array.shape == (1, 40, 50, 3)


def test_pages_are_frames_without_positions(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY, GREY // 2, GREY // 3]), photometric="minisblack")
    volume = only(tmp_path / "a.tif")
    assert volume.array.shape == (3, 40, 50)
    assert volume.geometry.positions_mm is None
    assert any("not a volume" in warning for warning in volume.series.warnings)


def test_exif_orientation_is_said_and_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "a.jpg", exif=exif)
    volume = only(tmp_path / "a.jpg")
    assert volume.array.shape == (1, 40, 50)
    assert any("EXIF orientation 6" in warning for warning in volume.series.warnings)


def test_each_picture_is_a_study_and_the_same_picture_is_one(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    Image.fromarray(GREY // 2).save(tmp_path / "b.png")
    Image.fromarray(GREY).save(tmp_path / "c.png")
    result = ingest([tmp_path], question="MRI brain")
    assert len(result.studies) == 2
    assert [refusal.file for refusal in result.refused] == ["c.png"]
    assert ingest([tmp_path], question="MRI brain").studies[0].study.study_uid == result.studies[0].study.study_uid


@pytest.mark.parametrize("damage", ["cut", "fake", "huge"])
def test_damaged_pictures_are_refused(tmp_path, damage):
    path = tmp_path / "a.png"
    if damage == "huge":
        Image.new("1", (17_000, 8)).save(path)
    else:
        Image.fromarray(COLOUR).save(path)
        path.write_bytes(path.read_bytes()[:-60] if damage == "cut" else b"not a picture at all")
    (refusal,) = ingest([path], question="ultrasound").refused
    assert refusal.reason
    assert refusal.remedy


def test_real_pictures_with_the_modality_in_the_question(data):
    chest = only(data / "png_with_masks" / "15_X-Ray_chest.png", "Chest X-ray: effusion?")
    assert (chest.series.modality, chest.array.shape) == ("CR", (1, 1024, 1024))
    slide = only(data / "pathology" / "Part_1_516_pathology_breast.png", "H&E, neoplastic cells")
    assert (slide.series.modality, slide.series.colour) == ("SM", True)
    assert only(data / "fundus" / "retina.jpg", "fundus photograph").series.modality == "OP"


def test_a_slide_scanner_states_its_pixel_size(data):
    volume = only(data / "pathology" / "CMU-1-Small-Region.svs", "")
    assert volume.array.shape == (1, 2967, 2220, 3)
    assert volume.geometry.pixel_spacing_mm == pytest.approx((0.000499, 0.000499))
    assert volume.series.modality == "SM"
