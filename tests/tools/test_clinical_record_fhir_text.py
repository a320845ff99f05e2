"""FHIR Bundle to documents: values with units and limits, statuses, another patient's entries refused."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UnusableInput
from domain.history import DocumentKind
from tools.clinical_record.contradictions import contradictions
from tools.clinical_record.facts import extract
from tools.clinical_record.fhir_text import BundleDocuments, documents_of

PATIENT = {"fullUrl": "urn:uuid:p1", "resource": {"resourceType": "Patient", "id": "p1"}}
SUBJECT = {"reference": "Patient/p1"}


def bundle(*resources: dict[str, Any], patient: bool = True) -> dict[str, Any]:
    entries = [{"resource": {"subject": SUBJECT, **r}} for r in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": [*([PATIENT] if patient else []), *entries]}


def one(resource: dict[str, Any]) -> BundleDocuments:
    return documents_of(bundle(resource))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"text": "Creatinine"},
        "effectiveDateTime": "2020-09-23T08:00:00Z",
        **more,
    }


@pytest.mark.parametrize(
    ("resource", "kind", "text"),
    [
        pytest.param(
            observation(
                valueQuantity={"value": 1.42, "unit": "mg/dL", "comparator": ">"},
                interpretation=[{"coding": [{"code": "H"}]}],
                referenceRange=[{"low": {"value": 0.52, "unit": "mg/dL"}, "high": {"value": 1.04, "unit": "mg/dL"}}],
            ),
            DocumentKind.LABORATORY,
            "Creatinine: >1.42 mg/dL (H) (reference 0.52 mg/dL to 1.04 mg/dL)",
            id="observation",
        ),
        pytest.param(
            observation(status="preliminary", valueQuantity={"value": 1, "unit": "mg/dL"}),
            DocumentKind.LABORATORY,
            "Creatinine: 1 mg/dL (preliminary)",
            id="preliminary",
        ),
        pytest.param(
            observation(
                code={"text": "Blood pressure"},
                category=[{"coding": [{"code": "vital-signs"}]}],
                component=[
                    {"code": {"text": "Systolic"}, "valueQuantity": {"value": 126, "unit": "mm[Hg]"}},
                    {"code": {"text": "Diastolic"}, "valueQuantity": {"value": 72, "unit": "mm[Hg]"}},
                ],
            ),
            DocumentKind.NOTE,
            "Systolic: 126 mm[Hg]\nDiastolic: 72 mm[Hg]",
            id="components",
        ),
        pytest.param(
            observation(dataAbsentReason={"text": "Not performed"}),
            DocumentKind.LABORATORY,
            "Creatinine: no value, Not performed",
            id="absent",
        ),
        pytest.param(
            {
                "resourceType": "DocumentReference",
                "type": {"text": "Progress note"},
                "content": [{"attachment": {"contentType": "text/plain", "data": encoded("Stage IV.\nKRAS G12C.")}}],
            },
            DocumentKind.NOTE,
            "Stage IV.\nKRAS G12C.",
            id="note",
        ),
        pytest.param(
            {
                "resourceType": "DiagnosticReport",
                "status": "amended",
                "category": [{"text": "Radiology"}],
                "code": {"text": "CT chest"},
                "presentedForm": [{"contentType": "text/html", "data": encoded("<p>Mass 36&nbsp;mm</p>")}],
                "conclusion": "Progression.",
            },
            DocumentKind.IMAGING_REPORT,
            "Mass 36\xa0mm\nConclusion: Progression.",
            id="report",
        ),
        pytest.param(
            {
                "resourceType": "Condition",
                "code": {"text": "Lung cancer"},
                "verificationStatus": {"coding": [{"code": "provisional"}]},
                "clinicalStatus": {"coding": [{"code": "remission"}]},
                "stage": [{"summary": {"text": "IVA"}}],
            },
            DocumentKind.CONDITION,
            "Lung cancer, IVA (provisional, remission)",
            id="condition",
        ),
        pytest.param(
            {
                "resourceType": "MedicationRequest",
                "status": "stopped",
                "intent": "plan",
                "medicationCodeableConcept": {"text": "Levothyroxine"},
                "dosageInstruction": [{"text": "75 mcg daily"}],
            },
            DocumentKind.MEDICATION,
            "Levothyroxine, 75 mcg daily (plan, stopped)",
            id="medication",
        ),
        pytest.param(
            {"resourceType": "Procedure", "status": "completed", "code": {"text": "Bronchoscopy"}},
            DocumentKind.PROCEDURE,
            "Bronchoscopy",
            id="procedure",
        ),
        pytest.param(
            {
                "resourceType": "AllergyIntolerance",
                "code": {"text": "Penicillin"},
                "patient": SUBJECT,
                "reaction": [{"manifestation": [{"text": "Hives"}]}],
            },
            DocumentKind.ALLERGY,
            "Allergy to Penicillin: Hives",
            id="allergy",
        ),
        pytest.param(
            {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "Influenza"}},
            DocumentKind.IMMUNISATION,
            "Influenza",
            id="vaccine",
        ),
        pytest.param(
            {
                "resourceType": "ImagingStudy",
                "status": "available",
                "series": [{"modality": {"display": "CT"}, "bodySite": {"display": "Chest"}}],
            },
            DocumentKind.NOTE,
            "Imaging study: CT, Chest",
            id="study",
        ),
    ],
)
def test_a_resource_in_words(resource: dict[str, Any], kind: DocumentKind, text: str) -> None:
    (document,) = one(resource).documents
    assert (document.kind, document.text) == (kind, text)
    assert document.source == f"FHIR {document.document_id}"


def test_dates_come_from_the_resource() -> None:
    (document,) = one(observation(valueInteger=3)).documents
    assert document.dated == date(2020, 9, 23)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        pytest.param(observation(status="entered-in-error", valueInteger=1), "entered-in-error", id="error"),
        pytest.param(
            {"resourceType": "Condition", "verificationStatus": {"coding": [{"code": "refuted"}]}},
            "refuted",
            id="refuted",
        ),
        pytest.param({"resourceType": "Procedure", "status": "not-done", "code": {"text": "x"}}, "not-done", id="not"),
        pytest.param(observation(subject={"reference": "Patient/p2"}, valueInteger=1), "another patient", id="other"),
        pytest.param(
            observation(subject={"reference": "https://elsewhere.example/Patient/p12"}, valueInteger=1),
            "another patient",
            id="elsewhere",
        ),
        pytest.param(observation(subject={}, valueInteger=1), "no patient", id="nobody"),
        pytest.param(
            {"resourceType": "MedicationRequest", "doNotPerform": True, "medicationCodeableConcept": {"text": "x"}},
            "forbids",
            id="forbidden",
        ),
        pytest.param(
            {
                "resourceType": "DocumentReference",
                "content": [{"attachment": {"contentType": "application/pdf", "data": encoded("%PDF")}}],
            },
            "no text",
            id="pdf",
        ),
    ],
)
def test_what_may_not_be_used_is_refused_with_a_reason(resource: dict[str, Any], reason: str) -> None:
    result = one(resource)
    assert not result.documents
    assert [reason in r.reason for r in result.refused] == [True]


def test_a_resource_given_twice_is_used_once() -> None:
    result = documents_of(bundle(observation(valueInteger=1), observation(valueInteger=2)))
    assert [d.text for d in result.documents] == ["Creatinine: 1"]
    assert [r.reason for r in result.refused] == ["the Bundle holds it twice"]


def test_billing_is_passed_over() -> None:
    assert one({"resourceType": "Claim", "status": "active"}) == BundleDocuments((), ())


def test_two_patients_need_a_name() -> None:
    mine = observation(valueInteger=1)
    other = observation(id="o2", valueInteger=2, subject={"reference": "Patient/p2"})
    mixed = bundle(mine, other, patient=False)
    unnamed = documents_of(mixed)
    assert not unnamed.documents
    assert len(unnamed.refused) == 2
    named = documents_of(mixed, "p1")
    assert [d.document_id for d in named.documents] == ["Observation/o1"]
    assert [r.resource for r in named.refused] == ["Observation/o2"]


def test_the_same_id_on_another_server_is_another_patient() -> None:
    here = {"fullUrl": "https://a.example/fhir/Patient/p1", "resource": {"resourceType": "Patient", "id": "p1"}}
    there = observation(valueInteger=1, subject={"reference": "https://b.example/fhir/Patient/p1"})
    result = documents_of({"resourceType": "Bundle", "entry": [here, {"resource": there}]})
    assert [r.reason for r in result.refused] == ["it belongs to another patient"]


@pytest.mark.parametrize("wrong", [{}, {"resourceType": "Patient"}, [], "Bundle", None])
def test_what_is_no_bundle_is_said(wrong: Any) -> None:
    with pytest.raises(UnusableInput):
        documents_of(wrong)


def test_a_real_bundle(data: Path) -> None:
    source = json.loads((data / "fhir_hl7" / "synthea_Chet_Thompson_bundle.json").read_text("utf-8"))
    result = documents_of(source)
    clinical = Counter(e["resource"]["resourceType"] for e in source["entry"])
    kinds = Counter(d.kind for d in result.documents)
    assert not result.refused
    assert kinds[DocumentKind.PROCEDURE] == clinical["Procedure"]
    assert kinds[DocumentKind.CONDITION] == clinical["Condition"]
    assert kinds[DocumentKind.IMMUNISATION] == clinical["Immunization"]
    assert kinds[DocumentKind.MEDICATION] == clinical["MedicationRequest"]
    texts = [d.text for d in result.documents]
    assert "Hemoglobin [Mass/volume] in Blood: 15.3185 g/dL" in texts
    assert any("Systolic Blood Pressure: 121.685 mm[Hg]" in text for text in texts)
    facts = [f for d in result.documents for f in extract(d)]
    assert {f.value for f in facts if f.attribute == "haemoglobin"} >= {"15.3185 g/dL"}
    assert not contradictions(facts)
    assert [d.dated or date.max for d in result.documents] == sorted(d.dated or date.max for d in result.documents)


def test_another_patient_gets_nothing_from_a_real_bundle(data: Path) -> None:
    source = json.loads((data / "fhir_hl7" / "synthea_Chet_Thompson_bundle.json").read_text("utf-8"))
    result = documents_of(source, "somebody-else")
    assert not result.documents
    assert {r.reason for r in result.refused} == {"it belongs to another patient"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("Patient/p1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "id",
        "status",
        "code",
        "subject",
        "patient",
        "category",
        "valueQuantity",
        "valueString",
        "component",
        "referenceRange",
        "interpretation",
        "content",
        "presentedForm",
        "conclusion",
        "dosageInstruction",
        "series",
        "effectiveDateTime",
        "onsetDateTime",
        "verificationStatus",
        "reaction",
        "stage",
        "note",
        "context",
        "date",
        "started",
        "dataAbsentReason",
        "valueRange",
        "valueRatio",
        "bodySite",
        "medicationReference",
    ]
)
TYPES = st.sampled_from(
    [
        "Patient",
        "DocumentReference",
        "DiagnosticReport",
        "Condition",
        "Observation",
        "Procedure",
        "MedicationRequest",
        "AllergyIntolerance",
        "Immunization",
        "ImagingStudy",
        "Claim",
    ]
)


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = draw(st.dictionaries(FIELDS, JSON, max_size=6))
    made["resourceType"] = draw(TYPES)
    if draw(st.booleans()):
        made["subject"] = SUBJECT
    return made


@given(
    st.lists(st.one_of(JSON, st.fixed_dictionaries({"resource": st.one_of(JSON, resources())})), max_size=5),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_malformed_entries_never_break_the_reading(entries: list[Any], with_patient: bool) -> None:
    source = {"resourceType": "Bundle", "entry": [*([PATIENT] if with_patient else []), *entries]}
    result = documents_of(source)
    assert all(d.text.strip() for d in result.documents)
    assert len({d.document_id for d in result.documents}) == len(result.documents)


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_anything_is_a_bundle_or_unusable(source: Any) -> None:
    if isinstance(source, dict) and source.get("resourceType") == "Bundle":
        assert documents_of(source).documents is not None
    else:
        with pytest.raises(UnusableInput, match="Bundle"):
            documents_of(source)
