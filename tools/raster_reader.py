"""PNG, JPEG and TIFF → a study with one series. Resolution tags (dpi) are of the print, not of the patient."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence, UnidentifiedImageError

from domain.errors import FileUnreadable, PixelsUndecodable, UnusableInput
from domain.geometry import Geometry
from domain.study import IngestedStudy, Instance, Patient, Series, Study, Volume
from tools.admission import Candidate, StatedBy, admit, is_grey
from tools.admission_limits import MAX_SIDE_PIXELS, require_size
from tools.modality import MONOCHROME, UNKNOWN, NamedModality
from tools.series_identity import content_hash, derived_uid

_FORMATS = ("PNG", "JPEG", "TIFF")
_EXIF_ORIENTATION = 0x0112
_IMAGE_DESCRIPTION = 270
_APERIO_MPP = re.compile(r"\bMPP\s*=\s*([0-9.]+)")
_NO_SPACING = "no pixel spacing: sizes can only be given in pixels (resolution tags are not a size in the patient)"


@dataclass(eq=False)
class _Raster:
    """Decoded pages and what was odd about them."""

    pages: list[NDArray[Any]]
    format: str
    notes: list[str] = field(default_factory=list)
    microns_per_pixel: float | None = None


def read_raster(path: Path, name: str, named: NamedModality) -> IngestedStudy:
    """Read a picture as (pages, rows, columns) or (pages, rows, columns, 3) uint8 RGB.

    Raises:
        FileUnreadable: no PNG, JPEG or TIFF.
        PixelsUndecodable: damaged, or larger than is read here.
        OutOfDistribution: no image to analyse.
    """
    raster = _decoded(path, name)
    modality, stated_by, notes = _modality(raster, named)
    array = _array(raster, modality, name)
    said = admit(Candidate(name, modality, stated_by, array, capture=True))
    return _study(path, raster, modality, array, (*notes, *raster.notes, *said))


def _study(path: Path, raster: _Raster, modality: str, array: NDArray[Any], notes: tuple[str, ...]) -> IngestedStudy:
    digest = content_hash(path)
    study_uid, series_uid = derived_uid("raster study", digest), derived_uid("raster series", digest)
    slices, rows, columns = (int(size) for size in array.shape[:3])
    spacing, source = _spacing(raster)
    if slices > 1:
        notes = (*notes, f"{slices} frames without positions: not a volume")
    series = Series(
        series_uid=series_uid,
        study_uid=study_uid,
        modality=modality,
        geometry=Geometry((slices, rows, columns), spacing, spacing_source=source),
        instances=(Instance(path, derived_uid("raster instance", digest), frame_numbers=tuple(range(1, slices + 1))),),
        photometric="RGB" if array.ndim == 4 else "MONOCHROME2",
        colour=array.ndim == 4,
        source_format=raster.format,
        warnings=tuple(dict.fromkeys(notes if spacing else (*notes, _NO_SPACING))),
    )
    return IngestedStudy(Study(study_uid, Patient(), (series,)), {series_uid: Volume(series, array)})


def _spacing(raster: _Raster) -> tuple[tuple[float, float] | None, str]:
    if raster.microns_per_pixel is None:
        return None, ""
    mm = raster.microns_per_pixel / 1000
    return (mm, mm), "Aperio MPP"


def _modality(raster: _Raster, named: NamedModality) -> tuple[str, StatedBy, tuple[str, ...]]:
    if raster.microns_per_pixel is not None:
        return "SM", StatedBy.FILE, ("modality SM taken from the slide scanner's description",)
    if named.modality:
        return named.modality, StatedBy.QUESTION, (named.warning,)
    return UNKNOWN, StatedBy.NOBODY, (named.warning,) if named.warning else ()


def _decoded(path: Path, name: str) -> _Raster:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=_FORMATS) as image:
                return _read_pages(image, name)
        except UnusableInput:
            raise
        except Image.DecompressionBombError as error:
            raise PixelsUndecodable(
                f"The picture is larger than {MAX_SIDE_PIXELS} pixels a side allow.",
                remedy="Export the region of interest, or a smaller level of the image.",
                where=name,
            ) from error
        except Exception as error:
            return _read_by_tifffile(path, name, error)


def _read_pages(image: Image.Image, name: str) -> _Raster:
    kind = str(image.format)
    raster = _Raster([], kind)
    description = _description(image)
    if "Aperio" in description:
        found = _APERIO_MPP.search(description)
        raster.microns_per_pixel = float(found[1]) if found and float(found[1]) > 0 else None
    frames = 1 if raster.microns_per_pixel else int(getattr(image, "n_frames", 1))
    require_size(image.height, image.width, frames, max(1, len(image.getbands())), name)
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    if orientation not in (0, 1):
        raster.notes.append(f"EXIF orientation {orientation} was not applied: pixels are as stored")
    for page in _pages(image, frames):
        raster.pages.append(_pixels(page))
    return raster


def _pages(image: Image.Image, frames: int) -> Iterator[Image.Image]:
    yield from (image,) if frames == 1 else ImageSequence.Iterator(image)


def _description(image: Image.Image) -> str:
    tags = getattr(image, "tag_v2", None)
    return str(tags.get(_IMAGE_DESCRIPTION, "")) if tags is not None else ""


def _pixels(page: Image.Image) -> NDArray[Any]:
    if page.mode in {"P", "PA", "CMYK", "YCbCr", "LAB", "HSV"}:
        page = page.convert("RGB")
    elif page.mode == "1":
        page = page.convert("L")
    array = np.array(page)
    if array.ndim == 3 and array.shape[2] in (2, 4):
        array = array[..., : array.shape[2] - 1]
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _read_by_tifffile(path: Path, name: str, first: Exception) -> _Raster:
    """TIFFs beyond Pillow: 16-bit RGB, floats in planes, OME."""
    import tifffile  # only for the few files that Pillow cannot read

    try:
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            sides = sorted(series.shape)[-2:]
            require_size(sides[1], sides[0], 1, series.size / (sides[0] * sides[1]) * series.dtype.itemsize, name)
            pixels = np.asarray(series.asarray())
            axes = str(series.axes)
    except UnusableInput:
        raise
    except Exception as error:
        raise _unreadable(name, first) from error
    channels = 1 if axes.endswith("S") else 0
    if axes.startswith("S"):
        pixels, channels = np.moveaxis(pixels, 0, -1), 1
    tail = pixels.shape[pixels.ndim - 2 - channels :]
    return _Raster([page[..., :3] if channels else page for page in pixels.reshape(-1, *tail)], "TIFF")


def _unreadable(name: str, error: Exception) -> UnusableInput:
    if isinstance(error, UnidentifiedImageError):
        return FileUnreadable("Named or marked as a picture, but it is none that can be read.", where=name)
    return PixelsUndecodable(f"The picture is damaged ({type(error).__name__}).", where=name)


def _array(raster: _Raster, modality: str, name: str) -> NDArray[Any]:
    shapes = {page.shape for page in raster.pages}
    if len(shapes) != 1:
        raise PixelsUndecodable(
            f"The file holds {len(raster.pages)} pages of different sizes.",
            remedy="Save the page in question as a file of its own.",
            where=name,
        )
    array = np.stack(raster.pages)
    if array.ndim == 4:
        return _colour_or_grey(raster, array, modality)
    return _grey_values(array, name)


def _colour_or_grey(raster: _Raster, array: NDArray[Any], modality: str) -> NDArray[Any]:
    if np.array_equal(array[..., 0], array[..., 1]) and np.array_equal(array[..., 0], array[..., 2]):
        return _grey_values(np.ascontiguousarray(array[..., 0]), "")
    rgb = (array >> 8).astype(np.uint8) if array.dtype == np.uint16 else array.astype(np.uint8)
    if modality in MONOCHROME and is_grey(rgb):
        raster.notes.append("a picture in RGB with hardly any colour: read as grey")
        grey: NDArray[np.uint8] = np.rint(rgb.mean(axis=-1)).astype(np.uint8)
        return grey
    return rgb


def _grey_values(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise PixelsUndecodable("Some values are not finite numbers.", where=name)
        return array.astype(np.float32)
    if array.dtype in (np.bool_, np.uint8):
        return array.astype(np.uint8)
    fits = np.iinfo(np.int16).min <= int(array.min()) and int(array.max()) <= np.iinfo(np.int16).max
    return array.astype(np.int16 if fits else np.int32)
