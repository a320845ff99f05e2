"""Files of studies: `<root>/<study>/files` as they arrived, `<root>/<study>/pixels` decoded for display.

Names are hashes of contents and UIDs; what a sender called a file (it may be a patient's name) is not kept.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from domain.access import AccessContext
from records.studies import StudyRecord, StudyRecords

FILES = "files"
PIXELS = "pixels"
DESCRIBED_AS = "described-as.txt"
"""What the sender said the files show ("chest X-ray"): formats without a modality are read by it each time."""
_UID = re.compile(r"[0-9][0-9.]{0,63}")
_SUFFIXES = (".nii.gz", ".nii", ".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".svs")
_WORD = re.compile(r"[a-z]{1,5}")
_BLOCK = 1 << 20


def folder_name(study_uid: str) -> str:
    """Name of a study's folder: its UID (PS3.5 section 9.1), or a hash where the UID is not one."""
    return study_uid if _UID.fullmatch(study_uid) else "h" + hashlib.sha256(study_uid.encode()).hexdigest()[:40]


def pixels_name(series_uid: str) -> str:
    """Name of the array of a series below `pixels`."""
    return hashlib.sha256(series_uid.encode()).hexdigest()[:32] + ".npy"


def kept_suffix(name: str) -> str:
    """The ending that a reader needs to know a format by; ".dcm" for anything else."""
    lower = name.lower()
    return next((suffix for suffix in _SUFFIXES if lower.endswith(suffix)), ".dcm")


def arriving_suffix(name: str) -> str:
    """The ending that a reader may judge an arriving file by: a kept one, or any short word."""
    last = name.lower().rpartition(".")
    return f".{last[2]}" if kept_suffix(name) == ".dcm" and last[1] and _WORD.fullmatch(last[2]) else kept_suffix(name)


def keep(source: Path, folder: Path) -> Path:
    """Copy a file into `folder` under the hash of its content; equal contents are kept once."""
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    target = folder / (digest.hexdigest()[:40] + kept_suffix(source.name))
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return target


def described_as(files: Path) -> str:
    """What the sender of the files in a study's `files` folder said that they show; "" for nothing."""
    said = files.parent / DESCRIBED_AS
    return said.read_text(encoding="utf-8") if said.exists() else ""


def replace_folder(staged: Path, target: Path) -> None:
    """Put a finished folder in the place of another: readers find the old one or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        staged.rename(target)
        return
    old = staged.with_name(staged.name + ".old")
    target.rename(old)
    staged.rename(target)
    shutil.rmtree(old, ignore_errors=True)


class FileStudyStore:
    """`domain.ports.StudyStore` on a folder.

    Args:
        root: `<data folder>/studies`.
    """

    def __init__(self, root: Path, studies: StudyRecords) -> None:
        self.root = root
        self._studies = studies

    async def folder(self, access: AccessContext, study_uid: str) -> Path:
        """Folder of a study's files. Raises StudyNotFound, PatientLockViolation."""
        record = await self._studies.get(access, study_uid, "study.files")
        return self.root / record.folder / FILES

    def pixels(self, record: StudyRecord, series_uid: str) -> Path:
        """The decoded array (.npy) of a series of a study that was opened."""
        return self.root / record.folder / PIXELS / pixels_name(series_uid)
