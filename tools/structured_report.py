"""TID 1500 Measurement Report of a series (PS3.16 TID 1500, 1410, 1411, 1501), as an unverified draft.

A Comprehensive 3D SR where the source has a frame of reference, else a Comprehensive SR. Every group refers to its
segment in our SEG and to the source images of that segment; diameters also to their lines in the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import highdicom as hd
from highdicom import sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import Dataset
from pydicom.sr.codedict import codes

from domain.errors import UnusableInput
from domain.finding import Measurement
from domain.mask import Mask
from domain.study import Series
from tools.derived_uid import UidFactory, uid_factory
from tools.report_coordinates import Places
from tools.report_numbers import judgement, number, place_numbers, remark
from tools.segmentation_object import PRODUCT, SERIES_NUMBER_OFFSET, concept_code, long_string, model_name, settle
from tools.source_instances import Headers, SourceInstance, source_faults_tolerated, source_headers, source_instance
from tools.terminology import PRIVATE_SCHEME, concept, procedure_code

DEVICE_UID = uid_factory(PRODUCT)("device")
Group = (
    sr.PlanarROIMeasurementsAndQualitativeEvaluations
    | sr.VolumetricROIMeasurementsAndQualitativeEvaluations
    | sr.MeasurementsAndQualitativeEvaluations
)


def structured_report(
    series: Series,
    segmentation: Dataset,
    masks: Sequence[Mask],
    measurements: Sequence[Measurement],
    *,
    when: datetime,
    uid: UidFactory,
    software_version: str,
    headers: Headers | None = None,
) -> Dataset:
    """Write measurements of one series as one SR.

    Args:
        headers: of the series (see `source_headers`) where they were read already.
        segmentation: our SEG of the series.
        masks: the masks in it, segment n is the n-th.
        measurements: of this series; those of no one mask get a group of their own, those of masks that are not in
            the SEG are left out.

    Raises:
        NotAnImage: the series did not come as DICOM.
        UnusableInput: there is nothing to report.
    """
    with source_faults_tolerated():
        known = headers or source_headers(series)
        real = {key: source_instance(key, header, series) for key, header in known.items()}
        context = _Context(series, segmentation, real, uid, Places(series, real))
        return _report(context, masks, measurements, when=when, software_version=software_version)


def _report(
    context: _Context,
    masks: Sequence[Mask],
    measurements: Sequence[Measurement],
    *,
    when: datetime,
    software_version: str,
) -> Dataset:
    series, segmentation, uid = context.series, context.segmentation, context.uid
    groups = [_mask_group(segment, mask, measurements, context) for segment, mask in enumerate(masks, start=1)]
    groups += _free_groups(measurements, context)
    if not groups:
        raise UnusableInput("There is nothing to report about this series.")
    kind = sr.Comprehensive3DSR if "FrameOfReferenceUID" in segmentation else sr.ComprehensiveSR
    content = _document(series, groups)[0]
    report = kind(
        evidence=[segmentation, *(_evidence(instance) for instance in context.real.values())],
        content=_empty(content),
        series_instance_uid=uid(f"sr-series:{series.series_uid}"),
        series_number=SERIES_NUMBER_OFFSET // 2 + max(series.series_number or 0, 0) % (SERIES_NUMBER_OFFSET // 2),
        sop_instance_uid=uid(f"sr:{series.series_uid}"),
        instance_number=1,
        manufacturer=PRODUCT,
        manufacturer_model_name=PRODUCT,
        software_versions=long_string(software_version),
        series_description="DRAFT measurements, research use",
        content_qualification=hd.ContentQualificationValues.RESEARCH,
        content_date=when.date(),
        content_time=when.time(),
        specific_character_set=segmentation.SpecificCharacterSet,
        coding_schemes=[CodingSchemeIdentificationItem(PRIVATE_SCHEME, name=f"{PRODUCT} codes")],
        contributing_equipment=_algorithms(masks),
    )
    report.update(content)
    settle(report, when, uid, f"sr:{series.series_uid}")
    return report


def _empty(content: Dataset) -> Dataset:
    """The root of a document without its items.

    The library copies what it is given and searches it item by item for images that are no evidence: a third of all
    that a report costs. Ours refers to the segmentation and to images of `real`, which all are.
    """
    root = Dataset()
    root.update({element.tag: element for element in content if element.keyword != "ContentSequence"})
    root.ContentSequence = []
    return root


def _document(series: Series, groups: Sequence[Group]) -> sr.MeasurementReport:
    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=DEVICE_UID, name=PRODUCT, manufacturer_name=PRODUCT, model_name=PRODUCT
        ),
    )
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=device),
        procedure_reported=concept_code(procedure_code(series.modality)),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )


@dataclass(frozen=True)
class _Context:
    """What every group of a report refers to."""

    series: Series
    segmentation: Dataset
    real: dict[str, SourceInstance]
    uid: UidFactory
    places: Places


def _mask_group(segment: int, mask: Mask, measurements: Sequence[Measurement], context: _Context) -> Group:
    """TID 1410 for an image of one slice, TID 1411 for a volume."""
    kind, reference = _reference(segment, mask, context)
    rows = [m for m in measurements if m.mask_id == mask.mask_id]
    numbers = [number(m, context.series) for m in rows]
    group: Group = kind(referenced_segment=reference, measurements=numbers, **_description(mask, context))
    place_numbers(numbers, rows, mask, context.places)
    group[0].ContentSequence.append(remark(mask, rows))
    return group


def _reference(segment: int, mask: Mask, context: _Context) -> tuple[Any, Any]:
    """The template, and what in it stands for the mask."""
    segmentation = context.segmentation
    sources = _segment_sources(mask, context.series, context.real)
    where = segmentation.SOPClassUID, segmentation.SOPInstanceUID, segment
    if mask.geometry.slices > 1:
        whole = sr.ReferencedSegment(*where, source_images=sources)
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations, whole
    frame = sr.ReferencedSegmentationFrame(*where, segment, source_image=sources[0])
    # The frame names its one segment; PS3.3 table 10-3 forbids to give both numbers, though highdicom does.
    del frame[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations, frame


def _description(mask: Mask, context: _Context) -> dict[str, Any]:
    """What is the same in both templates (TID 1419, 1501)."""
    what = concept(mask.target, mask.category)
    side = concept_code(what.side) if what.side else None
    return {
        "tracking_identifier": sr.TrackingIdentifier(
            context.uid(f"tracking:{mask.mask_id}"), f"{mask.mask_id} {mask.target}"
        ),
        "finding_type": concept_code(what.kind),
        "finding_category": concept_code(what.category),
        "finding_sites": [sr.FindingSite(concept_code(what.site), side)] if what.site else [],
        "algorithm_id": sr.AlgorithmIdentification(*model_name(mask), family=codes.DCM.ArtificialIntelligence),
        "qualitative_evaluations": judgement(mask),
    }


def _segment_sources(
    mask: Mask, series: Series, real: dict[str, SourceInstance]
) -> list[sr.SourceImageForSegmentation]:
    """The instances, and of multi-frame instances the frames, that a mask touches."""
    frames: dict[str, list[int]] = {}
    for source, inside in zip(series.slice_sources, _slices_inside(mask), strict=True):
        if inside:
            frames.setdefault(source.sop_instance_uid, []).append(source.frame_number)
    return [
        sr.SourceImageForSegmentation(real[key].sop_class_uid, key, sorted(used) if real[key].frames > 1 else None)
        for key, used in frames.items()
    ]


def _slices_inside(mask: Mask) -> list[bool]:
    return [bool(plane.any()) for plane in mask.array]


def _free_groups(measurements: Iterable[Measurement], context: _Context) -> list[Group]:
    """TID 1501 groups, one a target, for numbers that belong to no one mask, e.g. a sum over both lungs."""
    by_target: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        if not measurement.mask_id:
            by_target.setdefault(measurement.target, []).append(measurement)
    return [
        sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(
                context.uid(f"tracking:{context.series.series_uid}:{target}"), target
            ),
            finding_type=concept_code(concept(target).kind),
            measurements=[number(m, context.series) for m in rows],
        )
        for target, rows in by_target.items()
    ]


def _evidence(instance: SourceInstance) -> Dataset:
    evidence = Dataset()
    evidence.SOPClassUID, evidence.SOPInstanceUID = instance.sop_class_uid, instance.sop_instance_uid
    evidence.StudyInstanceUID, evidence.SeriesInstanceUID = instance.study_uid, instance.series_uid
    return evidence


def _algorithms(masks: Sequence[Mask]) -> list[hd.ContributingEquipment]:
    """Each model once (IHE AIR: algorithms are contributing equipment)."""
    return [
        hd.ContributingEquipment(
            manufacturer="unknown",
            purpose_of_reference=codes.DCM.ProcessingEquipment,
            manufacturer_model_name=name,
            software_versions=version,
            contribution_description="Segmentation algorithm",
        )
        for name, version in dict.fromkeys(model_name(mask) for mask in masks)
    ]
