"""Files of an analysis as rows: what each is, how large, its hash, and its identity where it is DICOM."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from records.analysis_tables import ArtifactRow

DICOM = "application/dicom"
OTHER = "application/octet-stream"
FHIR = "fhir-bundle.json"
MEDIA_TYPES = {
    ".dcm": DICOM,
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
}


@dataclass(frozen=True)
class ArtifactFacts:
    """One file; `uid` is its SOP Instance UID, "" where it is not DICOM. `sha256` is hexadecimal."""

    name: str
    media_type: str
    sha256: str
    bytes: int
    uid: str = ""


def files_of(folder: Path) -> tuple[Path, ...]:
    """The files that lie directly in a folder, by name; none where there is no folder."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink()))


def facts_of(path: Path) -> ArtifactFacts:
    """The facts of one file; it is read once."""
    media_type = "application/fhir+json" if path.name == FHIR else MEDIA_TYPES.get(path.suffix.lower(), OTHER)
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return ArtifactFacts(path.name, media_type, digest, size, _instance_uid(path) if media_type == DICOM else "")


def keep_artifacts(session: Session, analysis_id: str, facts: Iterable[ArtifactFacts], *, all_of_them: bool) -> None:
    """Record files of an analysis in the transaction under way.

    Args:
        all_of_them: forget the rows of files that are not among `facts`.
    """
    rows = {row.name: row for row in session.scalars(_of(analysis_id))}
    found = {fact.name: fact for fact in facts}
    if all_of_them:
        for name in rows.keys() - found.keys():
            session.delete(rows[name])
    for name, fact in found.items():
        row = rows.get(name) or ArtifactRow(analysis_id=analysis_id, name=name)
        row.media_type, row.sha256, row.bytes, row.uid = fact.media_type, fact.sha256, fact.bytes, fact.uid
        session.add(row)


def kept_artifacts(session: Session, analysis_id: str) -> tuple[ArtifactFacts, ...]:
    """What is on record, by name."""
    rows = session.scalars(_of(analysis_id))
    return tuple(ArtifactFacts(row.name, row.media_type, row.sha256, row.bytes, row.uid) for row in rows)


def _of(analysis_id: str) -> Select[ArtifactRow]:
    return select(ArtifactRow).where(ArtifactRow.analysis_id == analysis_id).order_by(ArtifactRow.name)


def _instance_uid(path: Path) -> str:
    """Media Storage SOP Instance UID (0002,0003) of a DICOM file; "" where it has none."""
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    try:
        return str(read_file_meta_info(path).get("MediaStorageSOPInstanceUID", ""))
    except (InvalidDicomError, OSError, ValueError):
        return ""
