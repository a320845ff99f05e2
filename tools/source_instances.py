"""Headers of the DICOM instances that results are derived from, made fit to be copied and referred to.

Real headers miss type 2 attributes, carry values that no parser takes, and come in many character sets. What is copied
into a result is a checked, Unicode version of the patient and study modules (PS3.3 C.7.1, C.7.2); what is referred to
stays exactly as it is at the source.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, config, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.valuerep import validate_value

from domain.errors import NotAnImage
from domain.study import Series, SliceSource

UNICODE = "ISO_IR 192"

Headers = Mapping[str, Dataset]
"""By SOP instance UID, in slice order; not to be changed."""

_TYPE_2 = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
_OPTIONAL = (
    "IssuerOfPatientID",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PatientSpeciesDescription",
    "PatientBreedDescription",
    "ResponsiblePerson",
    "ResponsiblePersonRole",
    "ResponsibleOrganization",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "LongitudinalTemporalInformationModified",
    "BurnedInAnnotation",
)


@contextmanager
def source_faults_tolerated() -> Iterator[None]:
    """Silence about the source's own faults (bad values and UIDs, odd names): they were judged when it was ingested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@dataclass(frozen=True)
class SourceInstance:
    """One instance at the source, as a reference needs it.

    Attributes:
        frames: number of frames; 1 for single-frame objects.
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    frames: int
    frame_of_reference_uid: str
    lossy: bool


def has_dicom_source(series: Series) -> bool:
    """True when results about this series can be DICOM objects that refer to it."""
    return len(series.slice_sources) == series.geometry.slices


def require_dicom_source(series: Series) -> None:
    """Raises NotAnImage for series that did not come as DICOM."""
    if not has_dicom_source(series):
        raise NotAnImage(
            f"The source is {series.source_format}: there are no instances that a DICOM result could refer to.",
            remedy="Send the images as DICOM to get DICOM SEG and SR.",
        )


def read_header(path: Path) -> Dataset:
    """Header without pixels, tolerant of what real files get wrong."""
    with source_faults_tolerated():
        return dcmread(path, stop_before_pixels=True, force=True)


def source_headers(series: Series) -> dict[str, Dataset]:
    """Headers by SOP instance UID, in slice order.

    Raises:
        NotAnImage: the series did not come as DICOM.
    """
    require_dicom_source(series)
    paths = {source.sop_instance_uid: source.path for source in series.slice_sources}
    return {uid: read_header(path) for uid, path in paths.items()}


def source_instance(uid: str, header: Dataset, series: Series) -> SourceInstance:
    """Reference data of one header; what the header does not say comes from the series."""
    return SourceInstance(
        sop_class_uid=str(header.get("SOPClassUID") or series.sop_class_uid),
        sop_instance_uid=uid,
        study_uid=str(header.get("StudyInstanceUID") or series.study_uid),
        series_uid=str(header.get("SeriesInstanceUID") or series.series_uid),
        frames=int(header.get("NumberOfFrames") or 1),
        frame_of_reference_uid=str(header.get("FrameOfReferenceUID") or series.frame_of_reference_uid),
        lossy=header.get("LossyImageCompression") == "01",
    )


def copyable_header(header: Dataset) -> Dataset:
    """Patient and study modules of a header: valid values in Unicode, type 2 attributes present, if only empty."""
    copy = Dataset()
    copy.SpecificCharacterSet = UNICODE
    with source_faults_tolerated():
        for keyword in _TYPE_2:
            setattr(copy, keyword, _valid_text(header, keyword))
        for keyword in _OPTIONAL:
            value = _valid_text(header, keyword)
            if value:
                setattr(copy, keyword, value)
        _copy_method_of_deidentification(header, copy)
    if copy.PatientSex not in {"", "M", "F", "O"}:
        copy.PatientSex = ""
    return copy


def _copy_method_of_deidentification(header: Dataset, copy: Dataset) -> None:
    """Type 1C with PatientIdentityRemoved YES: the codes of the source, or that it states no method."""
    if copy.get("PatientIdentityRemoved") != "YES":
        return
    codes = header.get("DeidentificationMethodCodeSequence")
    if codes:
        copy.DeidentificationMethodCodeSequence = deepcopy(codes)
    elif "DeidentificationMethod" not in copy:
        copy.DeidentificationMethod = "not stated by the source"


def _valid_text(header: Dataset, keyword: str) -> str | list[str]:
    """The attribute as text, "" when it is absent or breaks its value representation."""
    try:
        value = header.get(keyword)
        if value is None:
            return ""
        several = not isinstance(value, str) and isinstance(value, Iterable) and dictionary_VR(keyword) != "PN"
        texts = [str(item).strip("\0 ") for item in (value if several else [value])]
        for text in texts:
            validate_value(dictionary_VR(keyword), text, config.RAISE)
    except (ValueError, TypeError, LookupError):
        return ""
    return texts if several else texts[0]


def slice_source_frames(sources: Iterable[SliceSource]) -> dict[str, list[int]]:
    """Frame numbers used of each instance, both in slice order."""
    frames: dict[str, list[int]] = {}
    for source in sources:
        frames.setdefault(source.sop_instance_uid, []).append(source.frame_number)
    return frames
