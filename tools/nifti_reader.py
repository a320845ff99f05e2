"""NIfTI-1/2 → a study with one volume (nifti1.h, nifti2.h; world axes RAS there, LPS here)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit
from domain.errors import FileUnreadable, GeometryInvalid, NotAnImage, PixelsUndecodable
from domain.geometry import Geometry
from domain.study import IngestedStudy, Instance, Patient, Series, Study, Volume
from tools.admission import Candidate, StatedBy, admit
from tools.admission_limits import require_size
from tools.modality import UNKNOWN, NamedModality
from tools.series_identity import content_hash, derived_uid

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001}
_PERPENDICULAR = 1e-3
_CT_AIR_HU = -900
_CT_LOW_HU = -100
_CT_HIGH_HU = 32_767
_LABELS_AT_MOST = 150
_LABEL_EDGE_FRACTION = 0.35


@dataclass(frozen=True, eq=False)
class _Grid:
    geometry: Geometry
    notes: tuple[str, ...]


def read_nifti(path: Path, name: str, named: NamedModality) -> IngestedStudy:
    """Read a .nii or .nii.gz; array[k, r, c] is the file's data[c, r, k], nothing is resampled.

    Raises:
        FileUnreadable: no NIfTI-1/2 single file.
        PixelsUndecodable: truncated, too large, or values that are no single numbers.
        GeometryInvalid: rows and columns are not perpendicular.
        NotAnImage: several time points, or a label map.
        OutOfDistribution: no image to analyse.
    """
    image = _load(path, name)
    shape = _shape(image, name)
    grid = _grid(image, shape, name)
    array, value_notes = _values(image, shape, name)
    _require_no_labels(array, name)
    modality, stated_by, unit, modality_notes = _meaning(array, named)
    digest = content_hash(path)
    study_uid = derived_uid("nifti study", digest)
    series = Series(
        series_uid=derived_uid("nifti series", digest),
        study_uid=study_uid,
        modality=modality,
        geometry=grid.geometry,
        instances=(Instance(path, derived_uid("nifti instance", digest)),),
        value_unit=unit,
        source_format="NIfTI",
    )
    said = admit(Candidate(name, modality, stated_by, array, unit))
    notes = tuple(dict.fromkeys((*grid.notes, *value_notes, *modality_notes, *said)))
    series = replace(series, warnings=notes)
    return IngestedStudy(
        Study(study_uid, Patient(), (series,), description=""), {series.series_uid: Volume(series, array)}
    )


def _load(path: Path, name: str) -> Any:
    import nibabel  # slow to import, and only NIfTI needs it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Any = nibabel.load(path)
    except Exception as error:
        raise FileUnreadable(f"The NIfTI header cannot be read ({type(error).__name__}).", where=name) from error
    if not isinstance(image, (nibabel.Nifti1Image, nibabel.Nifti2Image)):
        raise FileUnreadable("A neuroimaging file, but not NIfTI.", remedy="Convert it to NIfTI (.nii.gz).", where=name)
    return image


def _shape(image: Any, name: str) -> tuple[int, int, int]:
    full = tuple(int(size) for size in image.shape)
    if len(full) < 2 or min(full) < 1:
        raise PixelsUndecodable(f"A NIfTI of shape {full} holds no image.", where=name)
    columns, rows, slices, *more = (*full, 1)[: max(3, len(full))]
    points = int(np.prod(more)) if more else 1
    if points > 1:
        raise NotAnImage(
            f"The NIfTI holds {points} volumes (shape {full}); which one to read is not ours to choose.",
            remedy="Split it and send the volume in question, for example with nibabel.four_to_three.",
            where=name,
        )
    require_size(rows, columns, slices, max(4, image.get_data_dtype().itemsize), name)
    return columns, rows, slices


def _grid(image: Any, shape: tuple[int, int, int], name: str) -> _Grid:
    columns, rows, slices = shape
    unit = str(image.header.get_xyzt_units()[0])
    scale = _MM_PER_UNIT.get(unit, 1.0)
    notes = [] if unit in _MM_PER_UNIT else ["the NIfTI does not name its unit of length: taken as mm"]
    if int(image.header["sform_code"]) == 0 and int(image.header["qform_code"]) == 0:
        return _unplaced(image, (slices, rows, columns), scale, notes)
    affine = np.asarray(image.affine, dtype=np.float64) * scale
    if not np.all(np.isfinite(affine)):
        raise GeometryInvalid("The affine holds values that are not numbers.", where=name)
    steps = _RAS_TO_LPS @ affine[:3, :3]
    lengths = np.linalg.norm(steps, axis=0)
    if min(lengths[0], lengths[1]) <= 0 or (slices > 1 and lengths[2] <= 0):
        raise GeometryInvalid("The affine has an axis of length 0.", where=name)
    directions = (steps[:, :2] / lengths[:2]).T
    if abs(float(directions[0] @ directions[1])) > _PERPENDICULAR:
        raise GeometryInvalid(
            "Rows and columns are not perpendicular (the affine is sheared in the plane).",
            remedy="Resample the image to a perpendicular grid.",
            where=name,
        )
    origin = _RAS_TO_LPS @ affine[:3, 3]
    positions = origin + np.arange(slices)[:, None] * steps[:, 2]
    spacing = (float(lengths[1]), float(lengths[0]))
    normal = np.cross(directions[0], directions[1])
    if slices > 1 and abs(float(steps[:, 2] @ normal)) < _PERPENDICULAR * lengths[2]:
        raise GeometryInvalid("The slices lie in their own plane: the affine has no third axis.", where=name)
    geometry = Geometry((slices, rows, columns), spacing, directions, positions, "affine")
    return _Grid(geometry, (*notes, *_shear_note(steps[:, 2], normal, slices)))


def _shear_note(step: NDArray[np.float64], normal: NDArray[np.float64], slices: int) -> list[str]:
    cosine = abs(float(step @ normal)) / float(np.linalg.norm(step)) if slices > 1 else 1.0
    degrees = float(np.degrees(np.arccos(min(1.0, cosine))))
    return (
        [f"slices shift sideways by {degrees:.1f}°: the volume is sheared, positions are kept"] if degrees > 0.5 else []
    )


def _unplaced(image: Any, shape: tuple[int, int, int], scale: float, notes: list[str]) -> _Grid:
    notes = [*notes, "the NIfTI has no sform and no qform: the place and sides in the patient are unknown"]
    zooms = [float(zoom) * scale for zoom in image.header.get_zooms()[:2]]
    if not all(np.isfinite(zoom) and zoom > 0 for zoom in zooms):
        return _Grid(Geometry(shape), (*notes, "pixdim is not positive: no pixel spacing"))
    return _Grid(Geometry(shape, (zooms[1], zooms[0]), spacing_source="pixdim"), tuple(notes))


def _values(image: Any, shape: tuple[int, int, int], name: str) -> tuple[NDArray[Any], list[str]]:
    dtype = image.get_data_dtype()
    if dtype.kind not in "iuf":
        raise PixelsUndecodable(
            f"NIfTI values of type {dtype.name} are not single numbers.",
            remedy="Convert it to integers or floats.",
            where=name,
        )
    try:
        stored = np.asarray(image.dataobj.get_unscaled())
    except Exception as error:
        raise PixelsUndecodable(
            f"The NIfTI ends before its values do, or is damaged ({type(error).__name__}).", where=name
        ) from error
    ordered = np.ascontiguousarray(stored.reshape(shape).transpose(2, 1, 0))
    return _scaled(ordered, float(image.dataobj.slope), float(image.dataobj.inter), name)


def _scaled(stored: NDArray[Any], slope: float, intercept: float, name: str) -> tuple[NDArray[Any], list[str]]:
    if stored.dtype.kind == "f" or not (slope.is_integer() and intercept.is_integer()):
        real = stored.astype(np.float32)
        if (slope, intercept) != (1.0, 0.0):
            real = real * np.float32(slope) + np.float32(intercept)
        return _finite(real, name)
    whole_slope, whole_intercept = int(slope), int(intercept)
    edges = [int(edge) * whole_slope + whole_intercept for edge in (stored.min(), stored.max())]
    low, high = min(edges), max(edges)
    if stored.dtype == np.uint8 and (slope, intercept) == (1.0, 0.0):
        return stored, []
    for dtype in (np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(dtype), []
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept), []


def _finite(real: NDArray[np.float32], name: str) -> tuple[NDArray[np.float32], list[str]]:
    finite = np.isfinite(real)
    if finite.all():
        return real, []
    if not finite.any():
        raise PixelsUndecodable("No value is a finite number.", where=name)
    real[~finite] = real[finite].min()
    return real, ["values that are not finite numbers were set to the lowest value"]


def _require_no_labels(array: NDArray[Any], name: str) -> None:
    """Small whole numbers in patches are names of structures, not intensities."""
    high = float(array.max())
    if array.min() != 0 or not 1 <= high <= _LABELS_AT_MOST or not np.array_equal(array, np.rint(array)):
        return
    inside = (array[..., :-1] > 0) & (array[..., 1:] > 0)
    differing = int(np.count_nonzero((array[..., :-1] != array[..., 1:]) & inside))
    if high > 1 and differing > _LABEL_EDGE_FRACTION * max(1, int(np.count_nonzero(inside))):
        return
    raise NotAnImage(
        f"The NIfTI holds whole numbers from 0 to {high:.0f} in patches: a label map, not an image.",
        remedy="Send the image that it was drawn on.",
        where=name,
    )


def _meaning(array: NDArray[Any], named: NamedModality) -> tuple[str, StatedBy, Unit, list[str]]:
    low, high = float(array.min()), float(array.max())
    if named.modality == "CT":
        if low <= _CT_LOW_HU and high <= _CT_HIGH_HU:
            return "CT", StatedBy.QUESTION, Unit.HU, [named.warning, "values taken as Hounsfield units"]
        return "CT", StatedBy.QUESTION, Unit.ONE, [named.warning, "values are not Hounsfield units: no air among them"]
    if named.modality:
        return named.modality, StatedBy.QUESTION, Unit.ONE, [named.warning]
    if low <= _CT_AIR_HU and high <= _CT_HIGH_HU:
        note = "modality CT and Hounsfield units inferred from the values; name the modality in the question to be sure"
        return "CT", StatedBy.VALUES, Unit.HU, [named.warning, note] if named.warning else [note]
    return UNKNOWN, StatedBy.NOBODY, Unit.ONE, [named.warning] if named.warning else []
