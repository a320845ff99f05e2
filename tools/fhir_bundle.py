"""fhir-bundle.json: the draft as a FHIR R4 collection (DiagnosticReport and what it rests on).

Every reference resolves inside the bundle; identifiers are only those of the source; what is unknown is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.analysis import Analysis
from domain.codes import Code
from domain.finding import Measurement
from domain.mask import Mask, Outcome
from domain.study import Instance, Patient, Series
from tools.derived_uid import derived_uuid
from tools.report_document import mask_size
from tools.terminology import PRIVATE_SCHEME, concept, measurement_concept, procedure_code

Resource = dict[str, Any]

SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "LN": "http://loinc.org",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
}
UCUM = "http://unitsofmeasure.org"
_DIAGNOSTIC_IMAGING = Code("18748-4", "LN", "Diagnostic imaging study")
_RESEARCH = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH"}
_GENDERS = {"M": "male", "F": "female", "O": "other"}


def fhir_bundle(analysis: Analysis, *, when: datetime, software_version: str) -> Resource:
    """The bundle as JSON-able objects.

    Raises:
        ValueError: a resource breaks R4 (checked with the R4B models, the nearest there are).
    """
    from fhir.resources.R4B.bundle import Bundle  # slow to import

    bundle = _Writer(analysis, when, software_version).bundle()
    Bundle.model_validate(bundle)
    return bundle


class _Writer:
    """Writes the resources of one analysis, each under its own deterministic urn:uuid."""

    def __init__(self, analysis: Analysis, when: datetime, software_version: str) -> None:
        self.analysis, self.when, self.software_version = analysis, when.isoformat(), software_version
        self.masks: Mapping[str, Mask] = {m.mask_id: m for m in analysis.masks}
        versions = {str(name): str(version) for name, version in analysis.model_versions.items()}
        used = {_name_version(m.model) for m in analysis.masks}
        self.models = dict(sorted({**versions, **dict(used)}.items()))

    def bundle(self) -> Resource:
        measurements = [m for m in self.analysis.measurements if self._delivered(m)]
        numbers = [(self.url(f"observation:{i}"), self.observation(m)) for i, m in enumerate(measurements)]
        entries = [
            (self.url("report"), self.report([url for url, _ in numbers])),
            (self.url("patient"), _patient(self.analysis.study.patient)),
            (self.url("imaging-study"), self.imaging_study()),
            *numbers,
            (self.url("device:software"), _device("MedImage Orchestrator", self.software_version)),
            *((self.url(f"device:{name}"), _device(name, version)) for name, version in self.models.items()),
            (self.url("provenance"), self.provenance([self.url("report"), *(url for url, _ in numbers)])),
        ]
        return {
            "resourceType": "Bundle",
            "identifier": {"system": "urn:ietf:rfc:3986", "value": self.url("bundle")},
            "type": "collection",
            "timestamp": self.when,
            "entry": [{"fullUrl": url, "resource": _without_empty(resource)} for url, resource in entries],
        }

    def url(self, purpose: str) -> str:
        return f"urn:uuid:{derived_uuid(self.analysis.analysis_id, f'fhir:{purpose}')}"

    def reference(self, purpose: str) -> Resource:
        return {"reference": self.url(purpose)}

    def report(self, observations: list[str]) -> Resource:
        study = self.analysis.study
        modality = next((s.modality for s in study.series), "")
        procedure = procedure_code(modality)
        codings = [_coding(procedure), *([] if procedure.scheme == "LN" else [_coding(_DIAGNOSTIC_IMAGING)])]
        return {
            "resourceType": "DiagnosticReport",
            "meta": {"tag": [_RESEARCH]},
            "status": "preliminary",
            "category": [{"coding": [_category("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology")]}],
            "code": {"coding": codings, "text": procedure.meaning},
            "subject": self.reference("patient"),
            "effectiveDateTime": _date_time(study.started),
            "issued": self.when,
            "imagingStudy": [self.reference("imaging-study")],
            "result": [{"reference": url} for url in observations],
            "conclusion": self.analysis.summary.strip(),
        }

    def observation(self, measurement: Measurement) -> Resource:
        series = self._series(measurement.series_uid)
        what = measurement_concept(measurement.name, measurement.unit, series.modality if series else "")
        mask = self.masks.get(measurement.mask_id)
        derivation = f"{what.derivation.meaning} " if what.derivation else ""
        device = self.reference(f"device:{_name_version(mask.model)[0]}") if mask else self.reference("device:software")
        return {
            "resourceType": "Observation",
            "meta": {"tag": [_RESEARCH]},
            "status": "preliminary",
            "category": [{"coding": [_category(_OBSERVATION_CATEGORY, "imaging", "Imaging")]}],
            "code": {
                "coding": [] if what.name.scheme == PRIVATE_SCHEME else [_coding(what.name)],
                "text": f"{derivation}{what.name.meaning} of {measurement.target}",
            },
            "subject": self.reference("patient"),
            "effectiveDateTime": _date_time(self.analysis.study.started),
            "issued": self.when,
            **_value(measurement),
            "bodySite": _body_site(measurement.target, mask.category if mask else ""),
            "method": {"text": measurement.method.strip()} if measurement.method.strip() else None,
            "note": [{"text": note} for note in self._notes(mask)],
            "device": device,
            "derivedFrom": [self.reference("imaging-study")],
        }

    def imaging_study(self) -> Resource:
        study = self.analysis.study
        accession = study.accession_number or self.analysis.order.accession_number
        identifiers: list[Resource] = [{"system": "urn:dicom:uid", "value": f"urn:oid:{study.study_uid}"}]
        if accession:
            acsn = _category("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN", "Accession ID")
            identifiers.append({"type": {"coding": [acsn]}, "value": accession})
        modalities = list(dict.fromkeys(s.modality for s in study.series if s.modality))
        return {
            "resourceType": "ImagingStudy",
            "identifier": identifiers,
            "status": "available",
            "modality": [{"system": SYSTEMS["DCM"], "code": m} for m in modalities],
            "subject": self.reference("patient"),
            "started": _date_time(study.started),
            "numberOfSeries": len(study.series),
            "numberOfInstances": sum(len(s.instances) for s in study.series),
            "description": study.description.strip(),
            "series": [_series(s) for s in study.series],
        }

    def provenance(self, targets: list[str]) -> Resource:
        assembler = {"coding": [_category(_PROVENANCE_AGENT, "assembler", "Assembler")]}
        author = {"coding": [_category(_PROVENANCE_AGENT, "author", "Author")]}
        agents = [{"type": assembler, "who": self.reference("device:software")}]
        agents += [{"type": author, "who": self.reference(f"device:{name}")} for name in self.models]
        return {
            "resourceType": "Provenance",
            "target": [{"reference": url} for url in targets],
            "recorded": self.when,
            "agent": agents,
            "entity": [{"role": "source", "what": self.reference("imaging-study")}],
        }

    def _series(self, series_uid: str) -> Series | None:
        return next((s for s in self.analysis.study.series if s.series_uid == series_uid), None)

    def _delivered(self, measurement: Measurement) -> bool:
        mask = self.masks.get(measurement.mask_id)
        return mask is None or mask.quality is None or mask.quality.outcome is not Outcome.REJECT

    def _notes(self, mask: Mask | None) -> list[str]:
        notes = [self.analysis.disclaimer]
        if mask is not None and mask.quality is not None:
            reasons = " ".join(mask.quality.reasons)
            notes.append(f"Quality assurance: {mask.quality.outcome}. {reasons}".strip())
        if mask is not None and mask_size(mask, self.analysis.measurements) is None:
            notes.append("The images carry no spacing.")
        return [note for note in notes if note]


_OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_PROVENANCE_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def _name_version(model: str) -> tuple[str, str]:
    name, _, version = model.rpartition("@")
    return (name or version or "unknown"), (version if name else "unknown")


def _coding(code: Code) -> Resource:
    return {"system": SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}


def _category(system: str, code: str, display: str) -> Resource:
    return {"system": system, "code": code, "display": display}


def _value(measurement: Measurement) -> Resource:
    if not math.isfinite(measurement.value):
        absent = _category("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-a-number", "Not a Number")
        return {"dataAbsentReason": {"coding": [absent]}}
    unit = str(measurement.unit)
    return {"valueQuantity": {"value": float(measurement.value), "unit": unit, "system": UCUM, "code": unit}}


def _body_site(target: str, category: str) -> Resource | None:
    what = concept(target, category)
    if what.site is None:
        return None
    side = f"{what.side.meaning} " if what.side else ""
    return {"coding": [_coding(what.site)], "text": f"{side}{what.site.meaning}"}


def _patient(patient: Patient) -> Resource:
    identifier = {
        "value": patient.patient_id.strip(),
        "assigner": {"display": patient.issuer.strip()} if patient.issuer.strip() else None,
    }
    known: Resource = {
        "resourceType": "Patient",
        "identifier": [identifier] if identifier["value"] else None,
        "gender": _GENDERS.get(patient.sex),
        "birthDate": patient.birth_date.isoformat() if patient.birth_date else None,
    }
    if not any(known[key] for key in ("identifier", "gender", "birthDate")):
        absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
        known["identifier"] = [{"extension": [absent]}]
    return known


def _series(series: Series) -> Resource:
    return {
        "uid": series.series_uid,
        "number": series.series_number if series.series_number is not None and series.series_number >= 0 else None,
        "modality": {"system": SYSTEMS["DCM"], "code": series.modality or "OT"},
        "description": series.description.strip(),
        "numberOfInstances": len(series.instances),
        "instance": [_instance(i) for i in series.instances if i.sop_instance_uid and i.sop_class_uid],
    }


def _instance(instance: Instance) -> Resource:
    number = instance.instance_number
    return {
        "uid": instance.sop_instance_uid,
        "sopClass": {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{instance.sop_class_uid}"},
        "number": number if number is not None and number >= 0 else None,
    }


def _device(name: str, version: str) -> Resource:
    return {
        "resourceType": "Device",
        "deviceName": [{"name": name, "type": "model-name"}],
        "version": [{"value": version}] if version else None,
    }


def _date_time(moment: datetime | None) -> str | None:
    """R4 wants a time zone with a time; where the source has none, the date is all that is known."""
    if moment is None:
        return None
    return moment.isoformat() if moment.tzinfo else moment.date().isoformat()


def _without_empty(value: Any) -> Any:
    """Without None, empty strings, objects and arrays, which FHIR does not allow."""
    if isinstance(value, dict):
        cleaned = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        return [item for item in map(_without_empty, value) if item not in (None, "", [], {})]
    return value
