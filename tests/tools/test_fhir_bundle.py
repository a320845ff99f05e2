"""The bundle is valid R4, closed in itself, preliminary, and carries the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from domain.analysis import Analysis
from domain.mask import Outcome
from domain.study import Patient
from tests.tools.outputs_builders import WHEN, analysis_of, box, mask_on, volume_of, write_phantom
from tools.fhir_bundle import fhir_bundle


@pytest.fixture
def analysis(tmp_path: Path) -> Analysis:
    volume = volume_of(write_phantom(tmp_path))
    masks = [
        mask_on(volume, "left kidney", box(volume.geometry)),
        mask_on(volume, "spleen", box(volume.geometry), 2, Outcome.REJECT),
    ]
    patient = Patient("P-1", "HOSPITAL", "Doe^Jane", date(1970, 2, 3), "F")
    return analysis_of([volume], masks, patient=patient)


def bundle_of(analysis: Analysis) -> dict[str, Any]:
    return fhir_bundle(analysis, when=WHEN, software_version="0.1.0")


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def walk(value: Any) -> Iterator[Any]:
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(item)


def test_is_a_valid_collection_with_everything_in_it(analysis: Analysis) -> None:
    bundle = bundle_of(analysis)
    assert Bundle.model_validate(bundle).type == "collection"
    kinds = {e["resource"]["resourceType"] for e in bundle["entry"]}
    assert kinds == {"DiagnosticReport", "Observation", "ImagingStudy", "Provenance", "Device", "Patient"}


def test_all_references_resolve_and_urls_are_unique(analysis: Analysis) -> None:
    bundle = bundle_of(analysis)
    urls = [e["fullUrl"] for e in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    references = [v["reference"] for v in walk(bundle) if isinstance(v, dict) and "reference" in v]
    assert len(references) > 10
    assert set(references) <= set(urls)


def test_nothing_is_empty(analysis: Analysis) -> None:
    assert [v for v in walk(bundle_of(analysis)) if v in ("", [], {}, None)] == []


def test_observations_are_preliminary_and_hold_the_measured_numbers(analysis: Analysis) -> None:
    bundle = bundle_of(analysis)
    observations = resources(bundle, "Observation")
    kept = [m for m in analysis.measurements if m.mask_id == "m1"]
    assert [o["valueQuantity"]["value"] for o in observations] == [m.value for m in kept]
    assert {o["status"] for o in observations} == {"preliminary"}
    volume = observations[0]
    assert volume["valueQuantity"]["code"] == "mL"
    assert volume["code"]["coding"][0]["code"] == "118565006"
    assert volume["bodySite"]["text"] == "Left Kidney"
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["status"] == "preliminary"
    assert report["conclusion"] == "Liver 70.4 mL."
    assert report["code"]["coding"][0] == {
        "system": "http://loinc.org",
        "code": "25045-6",
        "display": "CT unspecified body region",
    }
    assert len(report["result"]) == len(observations)


def test_study_lists_its_instances(analysis: Analysis) -> None:
    (study,) = resources(bundle_of(analysis), "ImagingStudy")
    assert study["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}
    assert study["numberOfInstances"] == 3
    assert [i["uid"] for i in study["series"][0]["instance"]] == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
    assert study["started"] == "2026-01-01"  # the source says no time zone, and R4 wants one with a time


def test_patient_is_what_the_source_says(analysis: Analysis) -> None:
    (patient,) = resources(bundle_of(analysis), "Patient")
    assert patient["identifier"] == [{"value": "P-1", "assigner": {"display": "HOSPITAL"}}]
    assert (patient["gender"], patient["birthDate"]) == ("female", "1970-02-03")
    nobody = replace(analysis, study=replace(analysis.study, patient=Patient()), summary="", measurements=())
    bundle = bundle_of(nobody)
    assert "value" not in resources(bundle, "Patient")[0]["identifier"][0]
    assert "conclusion" not in resources(bundle, "DiagnosticReport")[0]


def test_numbers_that_are_none_say_so(analysis: Analysis) -> None:
    broken = replace(analysis, measurements=(replace(analysis.measurements[0], value=float("nan")),))
    (observation,) = resources(bundle_of(broken), "Observation")
    assert observation["dataAbsentReason"]["coding"][0]["code"] == "not-a-number"
    assert "valueQuantity" not in observation


def test_the_models_that_worked_are_devices(analysis: Analysis) -> None:
    devices = {d["deviceName"][0]["name"]: d["version"][0]["value"] for d in resources(bundle_of(analysis), "Device")}
    assert devices == {"MedImage Orchestrator": "0.1.0", "MedImageParse": "3"}


def test_the_same_analysis_makes_the_same_bundle(analysis: Analysis) -> None:
    assert bundle_of(analysis) == bundle_of(analysis)
