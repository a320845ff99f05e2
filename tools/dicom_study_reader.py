"""DICOM files → studies with volumes: read, group, decode, place, admit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from domain.errors import FileUnreadable, OutOfDistribution, UnusableInput
from domain.model import PROJECTION_RADIOGRAPHY
from domain.study import IngestedStudy, Refusal, Series, Study, Volume
from tools.admission import Candidate, StatedBy, admit, is_grey
from tools.dicom_frame import frames_of
from tools.dicom_header import Header, read_header
from tools.dicom_kind import is_secondary_capture, require_image
from tools.dicom_pixels import DecodedFrame, decode
from tools.dicom_study import StudyFacts, study_facts
from tools.modality import UNKNOWN, NamedModality
from tools.series_assembly import assemble
from tools.series_identity import derived_uid

_MODALITY_OF_CLASS = (
    ("1.2.840.10008.5.1.4.1.1.2", "CT"),
    ("1.2.840.10008.5.1.4.1.1.4", "MR"),
    ("1.2.840.10008.5.1.4.1.1.6", "US"),
    ("1.2.840.10008.5.1.4.1.1.3", "US"),
    ("1.2.840.10008.5.1.4.1.1.1.2", "MG"),
    ("1.2.840.10008.5.1.4.1.1.1.1", "DX"),
    ("1.2.840.10008.5.1.4.1.1.1", "CR"),
    ("1.2.840.10008.5.1.4.1.1.20", "NM"),
    ("1.2.840.10008.5.1.4.1.1.128", "PT"),
)
"""Modality of storage classes that leave no choice (PS3.4 B.5), the longer UIDs of one branch first."""


@dataclass(frozen=True, eq=False)
class DicomFile:
    """A readable image object: its header, its place in the hierarchy, its modality and who stated that."""

    header: Header
    facts: StudyFacts
    modality: str
    stated_by: StatedBy


def read_dicom_file(path: Path, name: str, named: NamedModality) -> DicomFile:
    """Read one file up to its pixels.

    Raises:
        UnusableInput: unreadable, no image, or too large.
    """
    header = read_header(path, name)
    require_image(header)
    facts = study_facts(header)
    modality, stated_by = _modality(header, named)
    return DicomFile(header, facts, modality, stated_by)


def read_studies(files: Iterable[DicomFile]) -> tuple[list[IngestedStudy], list[Refusal]]:
    """Studies of the given files; two patients never share one."""
    by_study: dict[str, dict[tuple[str, str], list[DicomFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        by_study[file.facts.study_uid][_identity(file)].append(file)
    studies: list[IngestedStudy] = []
    refused: list[Refusal] = []
    for study_uid, patients in by_study.items():
        for index, (_, members) in enumerate(sorted(patients.items())):
            uid = study_uid if index == 0 else derived_uid(study_uid, "patient", str(index))
            warnings = [_SHARED_STUDY] if len(patients) > 1 else []
            study, left_out = _read_study(members, uid, warnings)
            studies.extend([study] if study.volumes else [])
            refused.extend(left_out)
    return studies, refused


_NO_MODALITY = "Modality is missing"
_SHARED_STUDY = "files of several patients carry the same Study Instance UID: they were separated"


def _identity(file: DicomFile) -> tuple[str, str]:
    patient = file.facts.patient
    if patient.patient_id:
        return patient.key, ""
    return patient.key, f"{patient.name}|{patient.birth_date or ''}"


def _read_study(files: Sequence[DicomFile], uid: str, warnings: Sequence[str]) -> tuple[IngestedStudy, list[Refusal]]:
    by_series: dict[str, list[DicomFile]] = defaultdict(list)
    for file in files:
        by_series[file.facts.series_uid].append(file)
    volumes: list[Volume] = []
    refused: list[Refusal] = []
    for series_uid in sorted(by_series):
        members = by_series[series_uid]
        try:
            found, left_out = _read_series(members, uid, series_uid)
        except Exception as error:
            found, left_out = [], [refusal_of(error, file.header.name) for file in members]
        volumes.extend(found)
        refused.extend(left_out)
    return _study(files, uid, volumes, warnings), refused


def _study(files: Sequence[DicomFile], uid: str, volumes: Sequence[Volume], warnings: Sequence[str]) -> IngestedStudy:
    facts = files[0].facts
    said = list(warnings)
    if len({file.facts.patient.name for file in files if file.facts.patient.name}) > 1:
        said.append("the patient's name is not the same in all files of this study")
    ordered = sorted(volumes, key=lambda volume: (volume.series.series_number or 0, volume.series.series_uid))
    study = Study(
        study_uid=uid,
        patient=facts.patient,
        series=tuple(volume.series for volume in ordered),
        accession_number=facts.accession_number,
        description=facts.description,
        started=facts.started,
        referring_physician=facts.referring_physician,
        warnings=tuple(said),
    )
    return IngestedStudy(study, {volume.series.series_uid: volume for volume in ordered})


def _read_series(files: Sequence[DicomFile], study_uid: str, series_uid: str) -> tuple[list[Volume], list[Refusal]]:
    decoded: list[DecodedFrame] = []
    refused: list[Refusal] = []
    for file in files:
        try:
            decoded.extend(decode(file.header, frames_of(file.header, file.modality)))
        except Exception as error:
            refused.append(refusal_of(error, file.header.name))
    if not decoded:
        return [], refused
    notes = [f"{len(refused)} of {len(files)} files of this series could not be used"] if refused else []
    assembly = assemble(decoded, study_uid, series_uid, notes)
    del decoded
    refused.extend(assembly.refused)
    admitted, not_admitted = _admit_each(assembly.volumes, files)
    return admitted, [*refused, *not_admitted, *_with_their_copies(files, admitted, [*refused, *not_admitted])]


def _with_their_copies(
    files: Sequence[DicomFile], admitted: Sequence[Volume], refused: Sequence[Refusal]
) -> list[Refusal]:
    """Where nothing of a series is used, copies of refused files are refused with them."""
    named = {refusal.file for refusal in refused}
    silent = [] if admitted else [file.header.name for file in files if file.header.name not in named]
    return [Refusal(name, refused[-1].reason, refused[-1].remedy) for name in silent]


def _admit_each(volumes: Sequence[Volume], files: Sequence[DicomFile]) -> tuple[list[Volume], list[Refusal]]:
    by_path = {file.header.path: file for file in files}
    admitted: list[Volume] = []
    refused: list[Refusal] = []
    for volume in volumes:
        behind = [by_path[instance.path] for instance in volume.series.instances]
        try:
            admitted.append(_admitted(volume, behind[0].stated_by, behind[0].header.name))
        except UnusableInput as error:
            refused.extend(refusal_of(error, file.header.name) for file in behind)
    return admitted, refused


def _admitted(volume: Volume, stated_by: StatedBy, name: str) -> Volume:
    series = volume.series
    capture = is_secondary_capture(series.sop_class_uid)
    if capture and stated_by is StatedBy.NOBODY and _NO_MODALITY in series.warnings:
        raise OutOfDistribution(
            "A secondary capture without a modality: nothing says that it is a medical image.",
            remedy="Name the modality in the question, or send the original image.",
            where=name,
        )
    modality = UNKNOWN if series.colour and stated_by is StatedBy.QUESTION else series.modality
    volume = _grey_projection(volume)
    said = admit(Candidate(name, modality, stated_by, volume.array, series.value_unit, capture))
    return replace(volume, series=_warned(volume.series, said))


def _grey_projection(volume: Volume) -> Volume:
    """A radiograph that was exported as RGB without colour becomes one value a pixel again."""
    series = volume.series
    if not series.colour or series.modality not in PROJECTION_RADIOGRAPHY or not is_grey(volume.array):
        return volume
    grey = np.rint(volume.array.mean(axis=-1)).astype(np.uint8)
    series = _warned(series, ("a radiograph in RGB without colour: read as grey",))
    return Volume(replace(series, colour=False), grey, None)


def _warned(series: Series, said: Sequence[str]) -> Series:
    return replace(series, warnings=tuple(dict.fromkeys((*series.warnings, *said))))


def _modality(header: Header, named: NamedModality) -> tuple[str, StatedBy]:
    stated = header.text("Modality").upper()
    if stated:
        return stated, StatedBy.NOBODY if stated == UNKNOWN else StatedBy.FILE
    sop_class = header.text("SOPClassUID")
    for root, modality in _MODALITY_OF_CLASS:
        if sop_class == root or sop_class.startswith(root + "."):
            header.note(f"Modality is missing: {modality} taken from the SOP class")
            return modality, StatedBy.FILE
    if named.modality:
        header.note(f"Modality is missing: {named.warning}")
        return named.modality, StatedBy.QUESTION
    header.note(_NO_MODALITY)
    return UNKNOWN, StatedBy.NOBODY


def refusal_of(error: Exception, name: str) -> Refusal:
    """An error as the refusal of one file; of one that nobody foresaw only the kind is said, never the text."""
    if not isinstance(error, UnusableInput):
        error = FileUnreadable(f"The file cannot be interpreted ({type(error).__name__}).")
    return Refusal(name, error.reason, error.remedy)
