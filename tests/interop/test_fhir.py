"""A FHIR server's history: the right patient or none, page by page, bounded, and silent about identity."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.access import AccessContext
from domain.errors import ConfigurationError, HistoryUnavailable, PatientLockViolation
from domain.history import DocumentKind, ReadHistory
from interop.fhir import SEARCHES, FhirHistory
from interop.fhir_patient import Identifier, identifier_of
from interop.fhir_server import FhirBounds, FhirServer
from tests.interop.fhir_server import SYSTEM, TOKEN, Behaviour, fhir_server

MINE, THEIRS = "Patient/pat-1", "Patient/pat-2"
NUMBER = "MRN-77-SECRET"
ACCESS = AccessContext("tester", f"|{NUMBER}")
BOUNDS = FhirBounds(page_size=5, seconds=4.0, request_s=2.0, longest_wait_s=2.0)


def patient(identifier: str = "pat-1", number: str = NUMBER, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": identifier,
        "identifier": [{"system": SYSTEM, "value": number}], "name": [{"family": "Secretname"}], **more,
    }  # fmt: skip


def condition(number: int, subject: str | None = MINE, text: str = "Asthma") -> dict[str, Any]:
    about = {"subject": {"reference": subject}} if subject else {}
    return {
        "resourceType": "Condition", "id": f"c{number}", "code": {"text": f"{text} {number}"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "onsetDateTime": f"20{number % 20:02d}-03-04", **about,
    }  # fmt: skip


def note(url: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference", "id": "d1", "status": "current", "subject": {"reference": MINE},
        "type": {"text": "Progress note"}, "date": "2020-01-02T10:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "url": url, **more}}],
    }  # fmt: skip


def binary(text: str, identifier: str = "b1") -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {"resourceType": "Binary", "id": identifier, "contentType": "text/plain", "data": data}


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour([patient(), patient("pat-2", "MRN-78"), *(condition(n) for n in range(12))])


@pytest.fixture
def base(behaviour: Behaviour) -> Iterator[str]:
    with fhir_server(behaviour) as address:
        yield address


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


class Naps(list[float]):
    """Waits as asked, in no time."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def history(base: str, client: httpx.AsyncClient, naps: Naps) -> FhirHistory:
    return FhirHistory(FhirServer(base, TOKEN, client, BOUNDS, naps), {"": SYSTEM}, BOUNDS)


async def test_all_pages_are_read_oldest_first_each_entry_once(history: FhirHistory, behaviour: Behaviour) -> None:
    read = await history.documents(ACCESS)
    assert len(read) == len({d.document_id for d in read}) == 12
    assert {d.kind for d in read} == {DocumentKind.CONDITION}
    dates = [d.dated for d in read]
    assert dates == sorted(dates, key=str)
    assert sum("/Condition" in r for r in behaviour.requests) == 3
    assert isinstance(read, ReadHistory)
    assert read.warnings == ()


async def test_every_kind_is_asked_for(history: FhirHistory, behaviour: Behaviour) -> None:
    await history.documents(ACCESS)
    asked = {r.split("/")[2].split("?")[0] for r in behaviour.requests}
    assert asked == {"Patient", *SEARCHES}


async def test_the_patients_number_stays_out_of_addresses(history: FhirHistory, behaviour: Behaviour) -> None:
    await history.documents(ACCESS)
    assert behaviour.requests
    assert not [r for r in behaviour.requests if NUMBER in r]


async def test_work_that_is_bound_to_nobody_reads_nothing(history: FhirHistory, behaviour: Behaviour) -> None:
    with pytest.raises(PatientLockViolation):
        await history.documents(AccessContext("tester", None))
    assert behaviour.requests == []


@pytest.mark.parametrize(
    ("key", "reason"),
    [("|unknown-number", "knows no patient"), ("|", "name no patient"), ("Clinic|MRN", "not configured which")],
    ids=["unknown", "nameless", "issuer"],
)
async def test_a_patient_is_never_guessed(history: FhirHistory, key: str, reason: str) -> None:
    with pytest.raises(HistoryUnavailable, match=reason) as refused:
        await history.documents(AccessContext("tester", key))
    assert "unknown-number" not in str(refused.value)


async def test_two_patients_with_one_number_are_none(history: FhirHistory, behaviour: Behaviour) -> None:
    behaviour.resources.append(patient("pat-3"))
    with pytest.raises(HistoryUnavailable, match="several patients"):
        await history.documents(ACCESS)


async def test_a_merged_record_is_not_followed(history: FhirHistory, behaviour: Behaviour) -> None:
    behaviour.resources[0] = patient(link=[{"type": "replaced-by", "other": {"reference": THEIRS}}])
    with pytest.raises(HistoryUnavailable, match="merged"):
        await history.documents(ACCESS)


async def test_a_server_that_ignores_the_identifier_finds_nobody(history: FhirHistory, behaviour: Behaviour) -> None:
    behaviour.resources[0] = patient(number="somebody else")
    behaviour.also.append(patient("pat-9", "also somebody else"))
    with pytest.raises(HistoryUnavailable, match="knows no patient"):
        await history.documents(ACCESS)


@pytest.mark.parametrize("subject", [THEIRS, None, "Group/g1", f"http://elsewhere.example/fhir/{MINE}"])
async def test_entries_of_others_are_left_out_and_counted(
    history: FhirHistory, behaviour: Behaviour, subject: str | None
) -> None:
    behaviour.also.append(condition(99, subject, "Foreign"))
    read = await history.documents(ACCESS)
    assert not [d for d in read if "Foreign" in d.title + d.text]
    assert isinstance(read, ReadHistory)
    assert any("left out" in w for w in read.warnings)


async def test_references_may_be_absolute_or_of_a_version(
    history: FhirHistory, behaviour: Behaviour, base: str
) -> None:
    behaviour.also += [condition(50, f"{base}/{MINE}"), condition(51, f"{MINE}/_history/3")]
    assert len(await history.documents(ACCESS)) == 14


async def test_a_document_is_fetched_from_its_binary(history: FhirHistory, behaviour: Behaviour) -> None:
    behaviour.resources += [note("Binary/b1"), binary("Former smoker, 20 pack years.")]
    read = await history.documents(ACCESS)
    (found,) = [d for d in read if d.kind is DocumentKind.NOTE]
    assert "20 pack years" in found.text
    assert str(found.dated) == "2020-01-02"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/fhir/Binary/b1",
        "//evil.example/Binary/b1",
        "../admin/Binary/b1",
        "Patient/pat-2",
        "file:///etc/passwd",
    ],
)
async def test_a_document_elsewhere_is_never_fetched(history: FhirHistory, behaviour: Behaviour, url: str) -> None:
    behaviour.resources.append(note(url))
    read = await history.documents(ACCESS)
    assert isinstance(read, ReadHistory)
    assert any("outside" in w for w in read.warnings)
    assert not [r for r in behaviour.requests if r.startswith("GET /") and "Condition" not in r]


async def test_a_large_document_is_left_out(base: str, client: httpx.AsyncClient, behaviour: Behaviour) -> None:
    behaviour.resources += [note("Binary/b1"), binary("x" * 5_000)]
    bounds = replace(BOUNDS, attachment_bytes=1_000)
    read = await FhirHistory(FhirServer(base, TOKEN, client, bounds), {"": SYSTEM}, bounds).documents(ACCESS)
    assert isinstance(read, ReadHistory)
    assert any("larger than" in w for w in read.warnings)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://127.0.0.1:9/fhir/Condition?_offset=5",
        "https://evil.example/fhir?x=1",
        "http://user@127.0.0.1/fhir",
        "ftp://x",
    ],
)
async def test_a_next_page_on_another_server_is_not_followed(
    history: FhirHistory, behaviour: Behaviour, elsewhere: str
) -> None:
    behaviour.next_link = lambda _: elsewhere
    with pytest.raises(HistoryUnavailable, match="another server"):
        await history.documents(ACCESS)
    assert set(behaviour.tokens) == {f"Bearer {TOKEN}"}


async def test_pages_in_a_circle_end(history: FhirHistory, behaviour: Behaviour) -> None:
    first: list[str] = []

    def again(address: str) -> str:
        first.append(address)
        return first[0]

    behaviour.next_link = again
    with pytest.raises(HistoryUnavailable, match="circle"):
        await history.documents(ACCESS)


async def test_more_pages_than_allowed_are_told(base: str, client: httpx.AsyncClient) -> None:
    bounds = replace(BOUNDS, pages=2)
    read = await FhirHistory(FhirServer(base, TOKEN, client, bounds), {"": SYSTEM}, bounds).documents(ACCESS)
    assert len(read) == 10
    assert isinstance(read, ReadHistory)
    assert any("newest 10 entries of Condition" in w for w in read.warnings)


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"<html>", {}, "no JSON"),
        (b"[1]", {}, "no FHIR"),
        (b'{"resourceType": "Patient"}', {}, "no FHIR Bundle"),
        (b"[" * 200_000, {}, "no JSON"),
        (b'{"resourceType": "Bundle", "entry": ' + b" " * 3_000_000 + b"[]}", {}, "larger than"),
        (b"{}", {"Content-Encoding": "gzip"}, "compressed"),
    ],
    ids=["html", "list", "other", "deep", "huge", "compressed"],
)
async def test_what_breaks_the_contract_is_no_history(
    base: str, client: httpx.AsyncClient, behaviour: Behaviour, body: bytes, headers: dict[str, str], reason: str
) -> None:
    behaviour.bodies["Observation"], behaviour.headers_of["Observation"] = body, headers
    bounds = replace(BOUNDS, page_bytes=1_000_000)
    with pytest.raises(HistoryUnavailable, match=reason):
        await FhirHistory(FhirServer(base, TOKEN, client, bounds), {"": SYSTEM}, bounds).documents(ACCESS)


@pytest.mark.parametrize("status", [400, 403, 404, 501])
async def test_a_kind_that_is_refused_is_a_warning(history: FhirHistory, behaviour: Behaviour, status: int) -> None:
    behaviour.answers["Immunization"] = [(status, {})]
    read = await history.documents(ACCESS)
    assert len(read) == 12
    assert isinstance(read, ReadHistory)
    assert [w for w in read.warnings if "Immunization" in w and str(status) in w]


async def test_where_every_kind_is_refused_there_is_no_history(history: FhirHistory, behaviour: Behaviour) -> None:
    behaviour.answers = {kind: [(403, {})] for kind in SEARCHES}
    with pytest.raises(HistoryUnavailable, match="nothing of the history"):
        await history.documents(ACCESS)


async def test_a_busy_server_is_asked_again_when_it_says_so(
    history: FhirHistory, behaviour: Behaviour, naps: Naps
) -> None:
    behaviour.answers["Condition"] = [(429, {"Retry-After": "2"}), (503, {})]
    assert len(await history.documents(ACCESS)) == 12
    assert naps == [2.0, 1.0]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [([(429, {"Retry-After": "3600"})], "429"), ([(503, {})] * 3, "503"), ([(500, {})], "500"), ([(401, {})], "401")],
    ids=["patience", "down", "broken", "token"],
)
async def test_a_server_that_fails_is_named_by_its_status(
    history: FhirHistory, behaviour: Behaviour, answers: list[tuple[int, dict[str, str]]], reason: str
) -> None:
    behaviour.answers["Condition"] = answers
    with pytest.raises(HistoryUnavailable, match=reason) as failed:
        await history.documents(ACCESS)
    assert failed.value.remedy


async def test_redirects_are_not_followed(history: FhirHistory, behaviour: Behaviour) -> None:
    behaviour.answers["Condition"] = [(302, {"Location": "http://127.0.0.1:1/fhir"})]
    with pytest.raises(HistoryUnavailable, match="redirects"):
        await history.documents(ACCESS)


async def test_a_wrong_token_is_told(base: str, client: httpx.AsyncClient) -> None:
    with pytest.raises(HistoryUnavailable, match="401") as failed:
        await FhirHistory(FhirServer(base, "wrong", client, BOUNDS), {"": SYSTEM}, BOUNDS).documents(ACCESS)
    assert "MEDIMAGE_HISTORY__TOKEN" in failed.value.remedy


async def test_a_slow_server_is_given_up(base: str, client: httpx.AsyncClient, behaviour: Behaviour) -> None:
    behaviour.delay_s = 0.2
    bounds = replace(BOUNDS, seconds=0.3)
    with pytest.raises(HistoryUnavailable, match="too long"):
        await FhirHistory(FhirServer(base, TOKEN, client, bounds), {"": SYSTEM}, bounds).documents(ACCESS)


async def test_no_error_carries_identity(
    base: str, client: httpx.AsyncClient, behaviour: Behaviour, naps: Naps
) -> None:
    server = FhirServer("http://127.0.0.1:1/fhir", TOKEN, client, BOUNDS, naps)
    with pytest.raises(HistoryUnavailable, match="No connection") as failed:
        await FhirHistory(server, {"": SYSTEM}, BOUNDS).documents(ACCESS)
    said = "".join(str(e) for e in (failed.value, failed.value.__cause__, failed.value.__context__) if e)
    assert NUMBER not in said
    assert TOKEN not in said


@pytest.mark.parametrize(
    ("told", "token", "reason"),
    [
        ({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}, TOKEN, ""),
        ({"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}, TOKEN, "R4"),
        ({"resourceType": "Bundle"}, TOKEN, "R4"),
        ({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}, "wrong", "401"),
    ],
    ids=["good", "version", "other", "token"],
)
async def test_a_server_is_checked_before_it_is_needed(
    base: str, client: httpx.AsyncClient, behaviour: Behaviour, told: dict[str, str], token: str, reason: str
) -> None:
    behaviour.bodies["metadata"] = json.dumps(told).encode()
    server = FhirServer(base, token, client, BOUNDS)
    if not reason:
        assert await server.check() == "4.0.1"
        return
    with pytest.raises(HistoryUnavailable, match=reason):
        await server.check()


@pytest.mark.parametrize("address", ["ftp://host/fhir", "https://user:pw@host/fhir", "/fhir", "https://host:nine/fhir"])
async def test_an_address_that_cannot_be_is_a_wrong_setting(address: str, client: httpx.AsyncClient) -> None:
    with pytest.raises(ConfigurationError):
        FhirServer(address, "", client, BOUNDS)


@pytest.mark.parametrize(
    ("key", "systems", "expected"),
    [
        ("|A1", {"": "urn:oid:1.2"}, Identifier("urn:oid:1.2", "A1")),
        ("Clinic|A1", {"Clinic": "http://c", "": "http://d"}, Identifier("http://c", "A1")),
        ("1.2.840.1|A1", {}, Identifier("urn:oid:1.2.840.1", "A1")),
        ("urn:x|A1", {}, Identifier("urn:x", "A1")),
    ],
    ids=["default", "named", "oid", "uri"],
)
def test_the_issuer_says_the_system(key: str, systems: dict[str, str], expected: Identifier) -> None:
    assert identifier_of(key, systems) == expected


def test_separators_in_a_number_are_escaped() -> None:
    assert Identifier("urn:x", "a|b,c$d\\e").token == r"urn:x|a\|b\,c\$d\\e"


async def test_a_synthetic_patients_record_is_read(data: Path, client: httpx.AsyncClient) -> None:
    text = (data / "fhir_hl7" / "synthea_Chet_Thompson_bundle.json").read_text()
    resources = [e["resource"] for e in json.loads(text.replace("urn:uuid:9e2f7a3b", "Patient/9e2f7a3b"))["entry"]]
    with fhir_server(Behaviour(resources)) as base:
        systems = {"": "http://hospital.smarthealthit.org"}
        history = FhirHistory(FhirServer(base, TOKEN, client, BOUNDS), systems, BOUNDS)
        read = await history.documents(AccessContext("tester", "|eda17701-070d-4fae-9f7d-c8cd6263b63a"))
    kinds = {d.kind for d in read}
    assert {DocumentKind.CONDITION, DocumentKind.LABORATORY, DocumentKind.PROCEDURE, DocumentKind.MEDICATION} <= kinds
    assert [d for d in read if "Coronary Heart Disease" in d.title + d.text]
    assert not [d for d in read if "Thompson" in d.title]
