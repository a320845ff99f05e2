"""The reference image shows the right slice, in the patient's proportions, and nobody's identity."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domain.geometry import Geometry
from domain.study import Volume
from tests.tools.outputs_builders import box, mask_on, measured, volume_of, write_phantom
from tools.overlay import COLOURS, LEGEND_PX, _enlarged, busiest_slice, display_pixels, latin, overlay_png, size_text


def shown(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def close(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(pixels.astype(int) - colour).sum(axis=-1) < 12


def test_shows_the_slice_with_most_mask(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path, 5))
    array = np.zeros(volume.geometry.shape, bool)
    array[1, :4, :4] = array[3, 10:30, 10:30] = True
    mask = mask_on(volume, "liver", array)
    _, drawn = overlay_png(volume, [mask], measured(mask, volume))
    assert drawn.slice_index == 3
    assert busiest_slice([], 5) == 2


def test_proportions_are_the_patients_not_the_grids(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path, rows=40, columns=40, PixelSpacing=[2.0, 1.0]))
    png, drawn = overlay_png(volume, [], [])
    assert drawn.size == (384, 768)
    assert drawn.millimetres_per_px == pytest.approx(80 / 768)
    assert shown(png).shape == (768, 384 + LEGEND_PX, 3)


def test_contour_lies_on_the_masks_border_in_the_targets_colour(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path, 1, 64, 64, PixelSpacing=[1, 1]))
    array = np.zeros(volume.geometry.shape, bool)
    array[0, 16:48, 16:48] = True
    pixels = shown(overlay_png(volume, [mask_on(volume, "liver", array)], [])[0])[:, :768]
    contour = close(pixels, COLOURS[0])
    rows, columns = np.nonzero(contour)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (191, 576, 191, 576)
    assert contour[300, 180:200].sum() == 2  # two pixels wide
    assert not contour[300, 300]


def test_targets_have_colours_of_their_own_and_overlap_stays_visible(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path, 1))
    masks = [
        mask_on(volume, "liver", box(volume.geometry)),
        mask_on(volume, "spleen", box(volume.geometry, 0.4, 0.8), 2),
    ]
    pixels = shown(overlay_png(volume, masks, [])[0])
    assert close(pixels, COLOURS[0]).sum() > 500
    assert close(pixels, COLOURS[1]).sum() > 500


def test_identity_changes_no_pixel(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = volume_of(write_phantom(tmp_path / "a", PatientName="Doe^Jane", PatientID="77"))
    second = volume_of(write_phantom(tmp_path / "b", PatientName="Someone^Else", PatientID="1"))
    assert overlay_png(first, [], [])[0] == overlay_png(second, [], [])[0]


def test_display_uses_the_sources_window(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    windowed = Volume(volume.series, volume.array, display_window=(100.0, 200.0))
    grey = display_pixels(windowed, 0)[..., 0]
    np.testing.assert_array_equal(grey == 255, volume.array[0] >= 200)
    np.testing.assert_array_equal(grey == 0, volume.array[0] < 200 / 255)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_flat_or_broken_pixels_still_make_an_image(tmp_path: Path, value: float) -> None:
    volume = volume_of(write_phantom(tmp_path, Modality="MR"))
    overlay_png(Volume(volume.series, np.full(volume.geometry.shape, value)), [], [])


def test_images_without_spacing_have_no_bar_and_say_so(tmp_path: Path) -> None:
    gone = dict.fromkeys(("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"))
    volume = volume_of(write_phantom(tmp_path, 1, **gone))
    mask = mask_on(volume, "liver", box(volume.geometry))
    _, drawn = overlay_png(volume, [mask], [])
    assert drawn.millimetres_per_px is None
    assert size_text(mask, []) == f"{mask.voxel_count} pixels, no spacing"


def test_text_falls_back_to_what_the_font_has() -> None:
    assert latin("tümör 肝") == "tumor ?"
    assert Geometry((1, 2, 2)).row_direction_letter() is None


@pytest.mark.parametrize("size", [(90, 70), (20, 30)])
def test_grey_is_resampled_as_colour_is(size: tuple[int, int]) -> None:
    grey = np.random.default_rng(1).integers(0, 256, (40, 50, 1), np.uint8)
    pixels = np.repeat(grey, 3, axis=-1)
    wanted = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(np.asarray(_enlarged(pixels, size)), np.asarray(wanted))
    pixels[..., 1] //= 2
    wanted = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(np.asarray(_enlarged(pixels, size)), np.asarray(wanted))
