"""Decoded DICOM frames of one series → volumes with their geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.geometry import Geometry
from domain.study import Instance, Refusal, Series, SliceSource, Volume
from tools.dicom_frame import Frame
from tools.dicom_header import Header
from tools.dicom_pixels import DecodedFrame
from tools.dicom_values import compression_note, value_unit
from tools.series_duplicates import Layer, layers_of, without_copies
from tools.series_grid import split_by_grid
from tools.series_identity import derived_uid
from tools.series_spacing import stack_notes


@dataclass(frozen=True, eq=False)
class Assembly:
    """Volumes of one source series, the files behind each, and what was left out."""

    volumes: tuple[Volume, ...]
    refused: tuple[Refusal, ...]


def assemble(frames: Sequence[DecodedFrame], study_uid: str, series_uid: str, notes: Sequence[str] = ()) -> Assembly:
    """Split frames by grid and place, sort each part along its normal, and build a volume of each.

    The first, largest part keeps the series UID; others get UIDs derived from it, and a warning.
    """
    kept, copies, refused = without_copies(sorted(frames, key=lambda one: (one.frame.order, one.frame.header.name)))
    layers = [layer for group in split_by_grid(kept) for layer in _layers(group)]
    volumes = []
    for index, layer in enumerate(layers):
        uid = series_uid if index == 0 else derived_uid(series_uid, str(index))
        parts = [] if len(layers) == 1 else [_part_note(index, len(layers))]
        volumes.append(_volume(layer, study_uid, uid, [*notes, *copies, *parts]))
        refused.extend(layer.refused)
    return Assembly(tuple(volumes), tuple(refused))


def _part_note(index: int, count: int) -> str:
    uid = "" if index == 0 else "; it has a series UID of its own here"
    return f"the series holds {count} different stacks or views: this is number {index + 1}{uid}"


def _layers(group: list[DecodedFrame]) -> list[Layer]:
    normal = _normal(group[0].frame)
    if normal is None:
        return [Layer(group)]
    distances = [float(_position(decoded) @ normal) for decoded in group]
    return layers_of(group, distances)


def _normal(frame: Frame) -> NDArray[np.float64] | None:
    if frame.orientation is None:
        return None
    cross = np.cross(frame.orientation[0], frame.orientation[1])
    return np.asarray(cross / np.linalg.norm(cross), dtype=np.float64)


def _position(decoded: DecodedFrame) -> NDArray[np.float64]:
    position = decoded.frame.position
    assert position is not None
    return position


def _volume(layer: Layer, study_uid: str, series_uid: str, notes: Sequence[str]) -> Volume:
    ordered, geometry, place_notes = _placed(layer.frames)
    first = ordered[len(ordered) // 2]
    unit, unit_note = value_unit(first.frame)
    headers = list({id(decoded.frame.header): decoded.frame.header for decoded in ordered}.values())
    said = [
        *notes,
        *layer.notes,
        *place_notes,
        first.frame.size.warning,
        unit_note,
        compression_note(headers[0]),
        *_identity_notes(headers[0]),
        *(note for header in headers for note in header.notes),
    ]
    warnings = tuple(dict.fromkeys(note for note in said if note))
    series = _series(ordered, geometry, study_uid, series_uid, layer.label)
    return Volume(replace(series, value_unit=unit, warnings=warnings), _stacked(ordered), first.window)


def _placed(frames: Sequence[DecodedFrame]) -> tuple[list[DecodedFrame], Geometry, list[str]]:
    first = frames[0].frame
    normal = _normal(first)
    shape = (len(frames), first.rows, first.columns)
    if normal is None:
        ordered = sorted(frames, key=lambda decoded: decoded.frame.order)
        notes = [f"{len(frames)} frames without positions: not a volume"] if len(frames) > 1 else []
        return ordered, Geometry(shape, first.size.mm, spacing_source=first.size.source), notes
    ordered = sorted(frames, key=lambda decoded: (float(_position(decoded) @ normal), decoded.frame.order))
    positions = np.stack([_position(decoded) for decoded in ordered])
    geometry = Geometry(shape, first.size.mm, first.orientation, positions, first.size.source)
    return ordered, geometry, stack_notes(positions, normal, first.thickness_mm)


def _stacked(ordered: Sequence[DecodedFrame]) -> NDArray[Any]:
    dtype = np.result_type(*{decoded.array.dtype for decoded in ordered})
    if dtype == np.float64:
        dtype = np.dtype(np.float32)
    out = np.empty((len(ordered), *ordered[0].array.shape), dtype=dtype)
    for index, decoded in enumerate(ordered):
        out[index] = decoded.array
    return out


def _identity_notes(header: Header) -> list[str]:
    notes = []
    if header.text("BurnedInAnnotation") == "YES":
        notes.append("text is burned into the pixels (BurnedInAnnotation YES)")
    if header.text("RecognizableVisualFeatures") == "YES":
        notes.append("a face may be recognised in these images (RecognizableVisualFeatures YES)")
    return notes


def _instances(ordered: Sequence[DecodedFrame]) -> tuple[Instance, ...]:
    numbers: dict[int, list[int]] = {}
    headers: dict[int, Header] = {}
    for decoded in ordered:
        header = decoded.frame.header
        headers[id(header)] = header
        numbers.setdefault(id(header), []).append(decoded.frame.number)
    return tuple(
        Instance(
            path=header.path,
            sop_instance_uid=header.text("SOPInstanceUID"),
            sop_class_uid=header.text("SOPClassUID"),
            instance_number=header.integer("InstanceNumber"),
            frame_numbers=tuple(numbers[key]),
        )
        for key, header in headers.items()
    )


def _series(
    ordered: Sequence[DecodedFrame],
    geometry: Geometry,
    study_uid: str,
    series_uid: str,
    label: str,
) -> Series:
    frame = ordered[0].frame
    header = frame.header
    description = header.text("SeriesDescription")
    return Series(
        series_uid=series_uid,
        study_uid=study_uid,
        modality=frame.modality,
        geometry=geometry,
        instances=_instances(ordered),
        slice_sources=tuple(
            SliceSource(one.frame.header.text("SOPInstanceUID"), one.frame.number, one.frame.header.path)
            for one in ordered
        ),
        body_part=body_part(header),
        description=f"{description} [{label}]".strip() if label else description,
        laterality=header.text("ImageLaterality") or header.text("Laterality"),
        view_position=header.text("ViewPosition"),
        image_type=header.texts("ImageType"),
        photometric=header.text("PhotometricInterpretation") or "MONOCHROME2",
        colour=ordered[0].colour,
        sop_class_uid=header.text("SOPClassUID"),
        frame_of_reference_uid=header.text("FrameOfReferenceUID"),
        series_number=header.integer("SeriesNumber"),
        manufacturer=header.text("Manufacturer"),
        scanner=header.text("ManufacturerModelName"),
        institution=header.text("InstitutionName"),
        contrast=header.text("ContrastBolusAgent"),
        protocol=header.text("ProtocolName"),
        burned_in_annotation={"YES": True, "NO": False}.get(header.text("BurnedInAnnotation")),
    )


def body_part(header: Header) -> str:
    """BodyPartExamined, else the meaning of the anatomic region code, of the image or of its first frame."""
    stated = header.text("BodyPartExamined")
    if stated:
        return stated
    places = [header.dataset]
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in header.items(groups)[:1]:
            places.extend(header.items("FrameAnatomySequence", group))
    for place in places:
        for region in header.items("AnatomicRegionSequence", place):
            return header.text("CodeMeaning", region)
    return ""
