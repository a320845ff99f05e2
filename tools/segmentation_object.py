"""DICOM Segmentation of a series (PS3.3 A.51, C.8.20): BINARY, overlaps kept, SNOMED CT coded, exactly on the source.

Every slice is presented to highdicom as a single-frame image with the geometry that was measured on; then the
references are set to the instances and frames that the slices really are. So classic series, enhanced multi-frame
objects, several of them, and images without a place in the patient all take the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import highdicom as hd
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom import Sequence as DicomSequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode
from pydicom.uid import CTImageStorage
from pydicom.valuerep import format_number_as_ds

from domain.codes import Code
from domain.errors import UnusableInput
from domain.geometry import Geometry
from domain.mask import Mask, Outcome
from domain.study import Series
from tools.derived_uid import UidFactory
from tools.highdicom_tables import keep_answers
from tools.source_instances import (
    Headers,
    SourceInstance,
    copyable_header,
    source_faults_tolerated,
    source_headers,
    source_instance,
)
from tools.terminology import concept

PRODUCT = "MedImage Orchestrator"
DRAFT = "DRAFT, research use, not reviewed by a physician"
SERIES_NUMBER_OFFSET = 9000

keep_answers()


def storable(masks: Sequence[Mask], series_uid: str) -> tuple[Mask, ...]:
    """The masks that belong into the SEG of a series: judged usable, and not empty. Their order numbers segments."""
    return tuple(m for m in masks if m.series_uid == series_uid and _usable(m) and m.voxel_count > 0)


def segmentation_object(
    series: Series,
    masks: Sequence[Mask],
    *,
    when: datetime,
    uid: UidFactory,
    software_version: str,
    headers: Headers | None = None,
) -> Dataset:
    """Write masks (see `storable`) of one series as one SEG; segment n is the n-th mask.

    Args:
        headers: of the series (see `source_headers`) where they were read already.

    Raises:
        NotAnImage: the series did not come as DICOM.
        UnusableInput: there is no mask to write.
    """
    if not masks:
        raise UnusableInput("No mask passed quality assurance.", remedy="See the reasons under masks in report.json.")
    with source_faults_tolerated():
        known = headers or source_headers(series)
        return _segmentation(series, masks, known, when=when, uid=uid, software_version=software_version)


def _segmentation(
    series: Series,
    masks: Sequence[Mask],
    headers: Headers,
    *,
    when: datetime,
    uid: UidFactory,
    software_version: str,
) -> Dataset:
    real = {key: source_instance(key, header, series) for key, header in headers.items()}
    placed = _distinct_places(series.geometry)
    slices = _slice_images(series, next(iter(headers.values())), real, placed, uid)
    segmentation = _built(series, masks, slices, when=when, uid=uid, software_version=software_version)
    _refer_to_source(segmentation, series, slices, real)
    if not placed:
        _place_by_stack(segmentation, series.geometry)
        segmentation.PatientOrientation = _patient_orientation(next(iter(headers.values())))
    settle(segmentation, when, uid, f"seg:{series.series_uid}")
    return segmentation


def concept_code(code: Code) -> DicomCode:
    """Our code as pydicom's."""
    return DicomCode(code.value, code.scheme, code.meaning)


def model_name(mask: Mask) -> tuple[str, str]:
    """Name and version of the model that made a mask, from "name@version"."""
    name, _, version = mask.model.rpartition("@")
    return long_string(name or version or "unknown"), long_string(version if name else "unknown")


def long_string(text: str) -> str:
    """Text as one value of VR LO (PS3.5 6.2): no backslash, no control characters, at most 64 bytes.

    The Standard counts characters, some readers bytes: 64 bytes satisfy both.
    """
    printable = "".join("/" if c == "\\" else c if c.isprintable() else " " for c in text)
    return " ".join(printable.split()).encode("utf-8")[:64].decode("utf-8", errors="ignore")


def _usable(mask: Mask) -> bool:
    return mask.quality is None or mask.quality.outcome is not Outcome.REJECT


def _distinct_places(geometry: Geometry) -> bool:
    """True when every slice has its own place in the patient (a time series does not)."""
    gaps = geometry.slice_gaps_mm
    return geometry.in_patient and bool(gaps.size == 0 or gaps.min() > 1e-4)


def _slice_images(
    series: Series, header: Dataset, real: dict[str, SourceInstance], placed: bool, uid: UidFactory
) -> list[Dataset]:
    """One single-frame image header for each slice, with our geometry and a UID of its own."""
    geometry = series.geometry
    source = next(iter(real.values()))
    frame_of_reference = source.frame_of_reference_uid or uid(f"frame-of-reference:{series.series_uid}")
    spacing = geometry.pixel_spacing_mm or (1.0, 1.0)
    images = []
    for index in range(geometry.slices):
        image = copyable_header(header)
        image.SOPClassUID = CTImageStorage
        image.SOPInstanceUID = uid(f"slice:{series.series_uid}:{index}")
        image.StudyInstanceUID = source.study_uid
        image.SeriesInstanceUID = source.series_uid
        image.FrameOfReferenceUID = frame_of_reference
        image.PositionReferenceIndicator = str(header.get("PositionReferenceIndicator") or "")
        image.Modality = series.modality or "OT"
        image.Rows, image.Columns = geometry.shape[1:]
        image.PixelSpacing = [_decimal(s) for s in spacing]
        image.SliceThickness = _decimal(geometry.slice_spacing_mm or _nominal_thickness_mm(header) or 1.0)
        image.ImageOrientationPatient, image.ImagePositionPatient = _plane(geometry, index, placed)
        image.LossyImageCompression = "01" if any(s.lossy for s in real.values()) else "00"
        images.append(image)
    return images


def _nominal_thickness_mm(header: Dataset) -> float | None:
    """SliceThickness of the source, of classic and enhanced objects; not a spacing, but all there is for one slice."""
    shared = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    measures = shared[0].get("PixelMeasuresSequence") or [header]
    value = measures[0].get("SliceThickness")
    return float(value) if value else None


def _plane(geometry: Geometry, index: int, placed: bool) -> tuple[list[str], list[str]]:
    """Orientation and position of a slice; a plain stack when the slices have no distinct places."""
    if not placed or geometry.orientation is None or geometry.positions_mm is None:
        return ["1", "0", "0", "0", "1", "0"], ["0", "0", str(index)]
    return [_decimal(v) for v in geometry.orientation.ravel()], [_decimal(v) for v in geometry.positions_mm[index]]


def _decimal(value: float) -> str:
    """A number in at most 16 characters (PS3.5 6.2, DS)."""
    return str(format_number_as_ds(float(value) + 0.0))


def _built(
    series: Series,
    masks: Sequence[Mask],
    slices: list[Dataset],
    *,
    when: datetime,
    uid: UidFactory,
    software_version: str,
) -> Dataset:
    return hd.seg.Segmentation(
        source_images=slices,
        pixel_array=_pixels(masks),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_segment(number, mask, uid) for number, mask in enumerate(masks, start=1)],
        series_instance_uid=uid(f"seg-series:{series.series_uid}"),
        series_number=SERIES_NUMBER_OFFSET + max(series.series_number or 0, 0) % SERIES_NUMBER_OFFSET,
        sop_instance_uid=uid(f"seg:{series.series_uid}"),
        instance_number=1,
        manufacturer=PRODUCT,
        manufacturer_model_name=PRODUCT,
        software_versions=long_string(software_version),
        device_serial_number="software",
        content_label="DRAFT_RESEARCH",
        content_description=DRAFT,
        series_description="DRAFT segmentation, research use",
        content_qualification=hd.ContentQualificationValues.RESEARCH,
        content_date=when.date(),
        content_time=when.time(),
    )


def _pixels(masks: Sequence[Mask]) -> NDArray[np.uint8]:
    """(slices, rows, columns) of segment numbers where no two masks overlap, else a last axis of segments."""
    labels = np.zeros(masks[0].array.shape, dtype=np.uint8)
    if len(masks) < 256:
        for number, mask in enumerate(masks, start=1):
            if labels[mask.array].any():
                break
            labels[mask.array] = number
        else:
            return labels
    return np.stack([mask.array for mask in masks], axis=-1).view(np.uint8)


def _segment(number: int, mask: Mask, uid: UidFactory) -> SegmentDescription:
    name, version = model_name(mask)
    what = concept(mask.target, mask.category)
    segment = SegmentDescription(
        segment_number=number,
        segment_label=long_string(mask.target) or mask.mask_id,
        segmented_property_category=concept_code(what.category),
        segmented_property_type=concept_code(what.kind),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=name, family=codes.DCM.ArtificialIntelligence, version=version
        ),
        tracking_id=f"{mask.mask_id} {mask.target}",
        tracking_uid=uid(f"tracking:{mask.mask_id}"),
        anatomic_regions=[concept_code(what.region)] if what.region else None,
    )
    if what.side is not None:
        segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            hd.sr.CodedConcept.from_code(concept_code(what.side))
        ]
    return segment


def _refer_to_source(
    segmentation: Dataset, series: Series, slices: list[Dataset], real: dict[str, SourceInstance]
) -> None:
    """Replace the slices' own UIDs by the instances and frames that they are."""
    where = {str(s.SOPInstanceUID): source for s, source in zip(slices, series.slice_sources, strict=True)}
    for item in _source_items(segmentation):
        source = where[str(item.ReferencedSOPInstanceUID)]
        instance = real[source.sop_instance_uid]
        _set_reference(item, instance)
        if instance.frames > 1:
            item.ReferencedFrameNumber = source.frame_number
    segmentation.ReferencedSeriesSequence = _referenced_series(real)
    if "SourceImageSequence" in segmentation:
        segmentation.SourceImageSequence = DicomSequence([_set_reference(Dataset(), i) for i in real.values()])


def _source_items(segmentation: Dataset) -> list[Dataset]:
    """The frames' source image items, each once: segments on one slice share the same object."""
    items = {
        id(item): item
        for frame in segmentation.PerFrameFunctionalGroupsSequence
        for derivation in frame.DerivationImageSequence
        for item in derivation.SourceImageSequence
    }
    return list(items.values())


def _set_reference(item: Dataset, instance: SourceInstance) -> Dataset:
    item.ReferencedSOPClassUID = instance.sop_class_uid
    item.ReferencedSOPInstanceUID = instance.sop_instance_uid
    return item


def _referenced_series(real: dict[str, SourceInstance]) -> DicomSequence:
    """Common Instance Reference (PS3.3 C.12.2)."""
    grouped: dict[str, list[Dataset]] = {}
    for instance in real.values():
        grouped.setdefault(instance.series_uid, []).append(_set_reference(Dataset(), instance))
    items = []
    for series_uid, references in grouped.items():
        item = Dataset()
        item.SeriesInstanceUID = series_uid
        item.ReferencedInstanceSequence = DicomSequence(references)
        items.append(item)
    return DicomSequence(items)


def _place_by_stack(segmentation: Dataset, geometry: Geometry) -> None:
    """Index frames by their number in a stack, and say about the patient only what is known."""
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    frames = segmentation.PerFrameFunctionalGroupsSequence
    indices = [int(f.PlanePositionSequence[0].ImagePositionPatient[2]) for f in frames]
    for frame, index in zip(frames, indices, strict=True):
        frame.FrameContentSequence[0].StackID = "1"
        frame.FrameContentSequence[0].InStackPositionNumber = index + 1
        frame.FrameContentSequence[0].DimensionIndexValues[-1] = index + 1
        if geometry.in_patient and geometry.positions_mm is not None:
            frame.PlanePositionSequence[0].ImagePositionPatient = [_decimal(v) for v in geometry.positions_mm[index]]
        else:
            del frame.PlanePositionSequence
    _index_by_stack(segmentation)
    shared.PixelMeasuresSequence[0].pop("SpacingBetweenSlices", None)
    if geometry.in_patient and geometry.orientation is not None:
        shared.PlaneOrientationSequence[0].ImageOrientationPatient = [_decimal(v) for v in geometry.orientation.ravel()]
        return
    del shared.PlaneOrientationSequence
    if geometry.pixel_spacing_mm is None:
        del shared.PixelMeasuresSequence
    del segmentation.FrameOfReferenceUID
    segmentation.pop("PositionReferenceIndicator", None)


def _patient_orientation(header: Dataset) -> list[str]:
    """Directions of row and column that the source names (type 2C: present, if only empty, without a plane)."""
    value = header.get("PatientOrientation") or []
    letters = [str(v) for v in ([value] if isinstance(value, str) else value)]
    return letters if len(letters) == 2 and all(set(v) <= set("ALRPHF") for v in letters) else []


def _index_by_stack(segmentation: Dataset) -> None:
    index = segmentation.DimensionIndexSequence[-1]
    index.DimensionIndexPointer = 0x00209057  # In-Stack Position Number
    index.FunctionalGroupPointer = 0x00209111  # Frame Content Sequence
    index.DimensionDescriptionLabel = "In-Stack Position Number"
    segmentation.pop("DimensionOrganizationType", None)


def settle(instance: Dataset, when: datetime, uid: UidFactory, purpose: str) -> None:
    """Replace what the library took from the clock and from chance."""
    instance.InstanceCreationDate = when.strftime("%Y%m%d")
    instance.InstanceCreationTime = when.strftime("%H%M%S")
    for item in instance.get("ContributingEquipmentSequence", ()):
        if "ContributionDateTime" in item:
            item.ContributionDateTime = when.strftime("%Y%m%d%H%M%S")
    organization = uid(f"dimensions:{purpose}")
    for item in [*instance.get("DimensionOrganizationSequence", ()), *instance.get("DimensionIndexSequence", ())]:
        item.DimensionOrganizationUID = organization
