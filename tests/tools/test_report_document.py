"""report.json carries what its schema promises, at full precision, and is always JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.codes import Unit
from domain.finding import Measurement
from domain.mask import Outcome
from domain.study import Order, Refusal
from tests.tools.outputs_builders import WHEN, analysis_of, box, mask_on, volume_of, write_phantom
from tools.report_document import refusal_document, report_document

DESIGNED = {
    "analysis_id", "study_uid", "patient_id", "modality", "body_part", "indication", "status", "model_versions",
    "disclaimer", "findings", "measurements", "masks", "warnings", "refused", "steps",
}  # fmt: skip


def test_keys_of_the_design_are_there(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    document = report_document(analysis_of([volume], [mask_on(volume, "liver", box(volume.geometry))]))
    assert set(document) >= DESIGNED
    (mask,) = document["masks"]
    assert set(mask) >= {"target", "category", "series_uid", "voxel_count", "volume_ml", "qa"}
    assert set(mask["qa"]) >= {"outcome", "reasons", "confidence"}
    assert set(document["findings"][0]) == {"id", "text", "evidence", "confidence", "qa"}
    assert set(document["measurements"][0]) >= {"name", "target", "value", "unit", "method", "series_uid", "source"}
    assert set(document["steps"][0]) == {"id", "agent", "tool", "model", "started", "seconds", "ok", "error"}
    assert document["refused"][0] == {"file": "notes.txt", "reason": "Not a format that is read here.", "remedy": ""}


def test_mask_size_is_the_measurement_to_the_last_digit(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry))
    size = Measurement("volume", "liver", 70.36190123456789, Unit.ML, "", mask.series_uid, "m1", "m1")
    document = report_document(analysis_of([volume], [mask], measurements=(size,)))
    assert document["masks"][0]["volume_ml"] == 70.36190123456789 == document["measurements"][0]["value"]


@pytest.mark.parametrize(
    ("slices", "gone", "key"),
    [(1, (), "area_mm2"), (3, (), "volume_ml"), (1, ("PixelSpacing",), None), (3, ("ImagePositionPatient",), None)],
)
def test_one_slice_has_an_area_several_a_volume_no_spacing_neither(
    tmp_path: Path, slices: int, gone: tuple[str, ...], key: str | None
) -> None:
    volume = volume_of(write_phantom(tmp_path, slices, **dict.fromkeys(gone)))
    mask = mask_on(volume, "liver", box(volume.geometry))
    (row,) = report_document(analysis_of([volume], [mask], measurements=()))["masks"]
    assert {"area_mm2", "volume_ml"} & set(row) == ({key} if key else set())
    if key == "area_mm2":
        assert row[key] == pytest.approx(mask.voxel_count * 0.375)
    if key == "volume_ml":
        assert row[key] == pytest.approx(mask.voxel_count * 0.375 * 2.5 / 1000)


def test_rejected_masks_stay_with_their_reasons(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    masks = [mask_on(volume, "liver", box(volume.geometry), 1, Outcome.REJECT)]
    (row,) = report_document(analysis_of([volume], masks))["masks"]
    assert row["qa"]["outcome"] == "reject"
    assert row["qa"]["reasons"] == ["implausible size"]


def test_numbers_that_are_none_and_numpy_scalars_are_json(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry))
    values = [float("nan"), float("inf"), np.float32(1.5)]
    rows = tuple(Measurement("mean", "liver", v, Unit.HU, "", mask.series_uid, "m1", "m1") for v in values)
    document = report_document(analysis_of([volume], [mask], measurements=rows))
    again = json.loads(json.dumps(document, allow_nan=False))
    assert [m["value"] for m in again["measurements"]] == [None, None, 1.5]


def test_warnings_of_analysis_series_and_writing_are_each_told_once(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path), warnings=("Series 4: slices are uneven.", "tilted"))
    analysis = analysis_of([volume], [])
    analysis = replace(analysis, study=replace(analysis.study, series=(volume.series,)))
    document = report_document(analysis, ["pdf failed"])
    assert document["warnings"] == ["Series 4: slices are uneven.", "tilted", "pdf failed"]


def test_refusal_has_the_same_keys_and_says_why(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    refusal = refusal_document(
        [Refusal("a.txt", "Not an image.", "Send DICOM.")], Order("cough"), when=WHEN, summary="Nothing usable."
    )
    assert set(refusal) == set(report_document(analysis_of([volume], [])))
    assert refusal["refused"] == [{"file": "a.txt", "reason": "Not an image.", "remedy": "Send DICOM."}]
    assert (refusal["status"], refusal["indication"], refusal["findings"]) == ("rejected", "cough", [])


def test_the_schema_document_names_every_key(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/report-schema.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z_0-9]+)`", text))
    volume = volume_of(write_phantom(tmp_path))
    document = report_document(analysis_of([volume], [mask_on(volume, "liver", box(volume.geometry))]))
    keys = set(document)
    for part in ("findings", "measurements", "masks", "refused", "prompts", "series", "steps"):
        keys |= set(document[part][0])
    assert keys - documented == set()
