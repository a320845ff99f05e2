"""Everything that an analysis leaves in its folder. Files are written whole or not at all.

A part that cannot be written becomes a warning in the report and does not end the rest; `report.json` comes last, so
where it is, the folder is complete. File names carry series UIDs and never anything about the patient.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from pydicom import Dataset

from domain.analysis import Analysis
from domain.errors import MedImageError
from domain.mask import Mask
from domain.study import Order, Priority, Refusal, Series, Volume
from tools.artifact_names import artifact_stem
from tools.derived_uid import uid_factory
from tools.dicom_encoding import encoded
from tools.fhir_bundle import fhir_bundle
from tools.mask_files import mask_files
from tools.overlay import overlay_png
from tools.provenance_document import Digest, digest_of, provenance_document
from tools.report_document import refusal_document, report_document
from tools.report_markdown import report_markdown
from tools.report_pdf import report_pdf
from tools.segmentation_object import segmentation_object, storable
from tools.source_instances import Headers, has_dicom_source, source_headers
from tools.structured_report import structured_report
from tools.uncertain_regions import uncertain_file, uncertain_name

Written = tuple[tuple[Path, ...], tuple[str, ...]]

NOT_WRITTEN = "was not written"
"""In a warning: a file that should be there is not."""
NOTHING_USABLE = "Nothing in the input could be used."
_PICTURES_IN_PDF = 8


def write_artifacts(
    analysis: Analysis,
    volumes: Mapping[str, Volume],
    folder: Path,
    *,
    when: datetime,
    software_version: str,
    prompt_hashes: Mapping[str, str] | None = None,
) -> Written:
    """Write report.json, .md, .pdf, fhir-bundle.json, provenance.json and each series' SEG, SR, overlay and doubts.

    Args:
        volumes: by series UID; a series without one gets no overlay.
        folder: made if it is not there; files of the same names are replaced.
        prompt_hashes: prompt file → SHA-256, for provenance.

    Returns:
        The paths written, in order, report.json last; and the warnings that arose on the way.

    Raises:
        OSError: report.json itself cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(analysis, volumes, folder, when, software_version, dict(prompt_hashes or {}))
    return writer.write()


def write_refusal_report(
    folder: Path,
    refused: Sequence[Refusal],
    indication: str,
    when: datetime,
    *,
    priority: Priority = Priority.ROUTINE,
    summary: str = NOTHING_USABLE,
) -> tuple[Path, ...]:
    """Write report.json where no study could be used: what was refused, and why."""
    folder.mkdir(parents=True, exist_ok=True)
    order = Order(indication=indication, priority=priority)
    document = refusal_document(refused, order, when=when, summary=summary)
    return (write_whole(folder / "report.json", json_bytes(document)),)


def write_refused(folder: Path, refused: Sequence[Refusal]) -> Path:
    """Write refused.json: files that were not used, where they cannot stand in the report of any one patient."""
    rows = [{"file": r.file, "reason": r.reason, "remedy": r.remedy} for r in refused]
    return write_whole(folder / "refused.json", json_bytes({"refused": rows}))


def json_bytes(document: object) -> bytes:
    """UTF-8 JSON for people and programs; refuses NaN."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def write_whole(path: Path, content: bytes) -> Path:
    """Write beside and rename, so that a reader never sees half a file."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    return part.replace(path)


@dataclass
class _Writer:
    """Writes one analysis and collects what went wrong."""

    analysis: Analysis
    volumes: Mapping[str, Volume]
    folder: Path
    when: datetime
    software_version: str
    prompt_hashes: Mapping[str, str]
    paths: list[Path] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    pictures: list[tuple[str, bytes]] = field(default_factory=list)

    def write(self) -> Written:
        for series in self.analysis.study.series:
            self._series(series)
        self._attempt("fhir-bundle.json", self._fhir)
        self._attempt("report.md", lambda: report_markdown(self.analysis, self.warnings).encode("utf-8"))
        self._attempt("report.pdf", lambda: report_pdf(self.analysis, self.pictures, self.warnings))
        self._attempt("provenance.json", self._provenance)
        incomplete = any(NOT_WRITTEN in warning for warning in self.warnings)
        final = replace(self.analysis, needs_review=self.analysis.needs_review or incomplete)
        report = json_bytes(report_document(final, self.warnings))
        self.paths.append(write_whole(self.folder / "report.json", report))
        return tuple(self.paths), tuple(self.warnings)

    def _attempt(self, name: str, make: Callable[[], bytes]) -> None:
        """Write one file; a failure becomes a warning that names it, without anything about the patient."""
        try:
            self.paths.append(write_whole(self.folder / name, make()))
        except MedImageError as error:
            self.warnings.append(f"{name} {NOT_WRITTEN}: {error.reason} {error.remedy}")
        except Exception as error:  # every part is optional but report.json: none may take the others with it
            self.warnings.append(f"{name} {NOT_WRITTEN} ({type(error).__name__}).")

    def _series(self, series: Series) -> None:
        stem, masks = artifact_stem(series.series_uid), storable(self.analysis.masks, series.series_uid)
        volume = self.volumes.get(series.series_uid)
        if volume is not None:
            self._attempt(f"{stem}.overlay.png", lambda: self._overlay(volume, masks))
        if masks and has_dicom_source(series):
            self._dicom(series, masks, stem)
        elif masks:
            self._plain_masks(series, masks, stem)
        doubts = uncertain_file(masks)
        if doubts is not None:
            self._attempt(uncertain_name(series.series_uid), lambda: doubts)

    def _overlay(self, volume: Volume, masks: tuple[Mask, ...]) -> bytes:
        png, drawn = overlay_png(volume, masks, self.analysis.measurements)
        if len(self.pictures) < _PICTURES_IN_PDF:
            number = volume.series.series_number
            name = f"Series {number}" if number is not None else "Series"
            self.pictures.append((f"{name}, slice {drawn.slice_index + 1} of {volume.geometry.slices}", png))
        return png

    def _dicom(self, series: Series, masks: tuple[Mask, ...], stem: str) -> None:
        headers: dict[str, Dataset] = {}
        made: list[Dataset] = []

        def segmentation() -> bytes:
            headers.update(source_headers(series))
            made.append(
                segmentation_object(
                    series,
                    masks,
                    when=self.when,
                    uid=self._uid(),
                    software_version=self.software_version,
                    headers=headers,
                )
            )
            return encoded(made[0])

        self._attempt(f"{stem}.seg.dcm", segmentation)
        if made:
            self._attempt(f"{stem}.sr.dcm", lambda: self._structured_report(series, made[0], masks, headers))

    def _structured_report(
        self, series: Series, segmentation: Dataset, masks: tuple[Mask, ...], headers: Headers
    ) -> bytes:
        measurements = [m for m in self.analysis.measurements if m.series_uid == series.series_uid]
        report = structured_report(
            series,
            segmentation,
            masks,
            measurements,
            when=self.when,
            uid=self._uid(),
            software_version=self.software_version,
            headers=headers,
        )
        return encoded(report)

    def _plain_masks(self, series: Series, masks: tuple[Mask, ...], stem: str) -> None:
        try:
            files = mask_files(stem, masks, series.source_format)
        except Exception as error:  # as in _attempt
            self.warnings.append(f"The mask file of {stem} {NOT_WRITTEN} ({type(error).__name__}).")
            return
        for name, content in files.items():
            self._attempt(name, partial(bytes, content))
        where = f"The source is {series.source_format}: masks are in {', '.join(files)}."
        self.warnings.append(f"{where} DICOM SEG and SR need DICOM images.")

    def _fhir(self) -> bytes:
        return json_bytes(fhir_bundle(self.analysis, when=self.when, software_version=self.software_version))

    def _provenance(self) -> bytes:
        document = provenance_document(
            self.analysis,
            when=self.when,
            software_version=self.software_version,
            prompt_hashes=self.prompt_hashes,
            inputs=self._input_digests(),
            artifacts={path.name: digest_of(path) for path in self.paths},
        )
        return json_bytes(document)

    def _input_digests(self) -> dict[Path, Digest]:
        files = {i.path for series in self.analysis.study.series for i in series.instances}
        return {path: digest_of(path) for path in sorted(files) if path.is_file()}

    def _uid(self) -> Callable[[str], str]:
        return uid_factory(self.analysis.analysis_id)
