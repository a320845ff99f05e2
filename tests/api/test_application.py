"""What holds for every route: problem documents, guards, headers, a complete description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate

from api.application import create_app
from api.errors import STATUS, problem_of, status_of
from api.guard import host_name
from api.services import Services
from domain.errors import MedImageError
from records.database import Database
from tests.api.engine import SECRET


def family(kind: type[MedImageError]) -> Iterator[type[MedImageError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def test_every_error_has_a_row_in_the_table() -> None:
    named = {kind for kind in family(MedImageError) if kind.__module__.startswith(("domain.", "api."))}
    assert named - STATUS.keys() == set()


def test_an_error_without_a_row_takes_its_ancestors() -> None:
    from domain.errors import StudyNotFound

    class Elsewhere(StudyNotFound):
        """Not here."""

    problem = problem_of(Elsewhere("Gone.", where="uid"), "/x")
    assert status_of(Elsewhere("Gone.")) == 404
    assert (problem.type, problem.title, problem.detail) == (
        "urn:medimage:problem:elsewhere",
        "Not here.",
        "uid: Gone.",
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/api/v1/nowhere", 404), ("DELETE", "/healthz", 405), ("GET", "/docs", 404)],
)
async def test_unknown_routes_are_problems(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() >= {"type", "title", "status", "detail", "instance", "remedy"}


@pytest.mark.parametrize(
    ("path", "accept", "page"),
    [
        ("/nowhere", "text/html,*/*;q=0.8", True),
        ("/nowhere", "application/json", False),
        ("/api/v1/nowhere", "text/html", False),
        ("/v1/nowhere", "text/html", False),
        ("/assets/nothing.js", "text/html", False),
    ],
)
async def test_a_browser_that_is_lost_gets_the_page(
    services: Services, tmp_path: Path, path: str, accept: str, page: bool
) -> None:
    (tmp_path / "index.html").write_text("<title>The page</title>")
    app = create_app(replace(services, page=tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as http:
        answer = await http.get(path, headers={"Accept": accept})
        deleted = await http.delete("/healthz", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert ("<title>" in answer.text) is page
    assert answer.headers["content-security-policy"]
    assert deleted.status_code == 405


async def test_an_unforeseen_error_shows_nothing_but_a_reference(
    app: FastAPI, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/boom")
    async def boom() -> None:
        raise RuntimeError(SECRET)

    answer = await client.get("/boom")
    assert (answer.status_code, answer.json()["title"]) == (500, "An internal error.")
    assert "Secret" not in answer.text + caplog.text
    assert "boom" in caplog.text


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "",
        "evil.example:8000",
        "127.0.0.1:8123@evil",
        "evil@127.0.0.1",
        "[::1]evil",
        "[::1",
        "127.0.0.1:x",
        "127.0.0.1:80:80",
        "127.0.0.1/x",
    ],
)
async def test_a_foreign_host_name_is_refused(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/api/v1/studies", headers={"Host": host})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:medimage:problem:host-refused")


async def test_two_host_headers_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/studies", headers=[("Host", "127.0.0.1:8000"), ("Host", "evil.example")])
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:medimage:problem:host-refused")


@pytest.mark.parametrize(
    ("host", "name"), [("[::1]:8000", "[::1]"), ("[::1]", "[::1]"), ("LocalHost:1", "localhost"), ("a", "a")]
)
def test_a_host_loses_its_port(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://[::1"},
        {"Origin": "http://127.0.0.1:8000@evil.example"},
        {"Origin": "http://127.0.0.1:8000/x"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_other_sites_change_nothing(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/api/v1/jobs/x/cancel", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:medimage:problem:origin-refused")
    own = await client.post("/api/v1/jobs/x/cancel", headers={"Origin": "http://127.0.0.1:8000"})
    assert own.status_code == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/api/v1/studies"])
async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] in {"no-store", "no-cache"}


async def test_health_and_readiness(client: httpx.AsyncClient, services: Services) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok", "version": "0.0.test"}
    assert (await client.get("/readyz")).json()["status"] == "ready"
    services.inbox.rmdir()
    services.inbox.write_text("a file where the folder should be")
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["detail"].split(":")[0]) == (503, "MEDIMAGE_DATA_DIR")


async def test_a_database_that_is_gone_is_not_ready(client: httpx.AsyncClient, services: Services) -> None:
    bare = services.audit.database
    bare.close()
    bare.engine = Database(f"sqlite:///{services.inbox.parent / 'other.db'}").engine
    (services.inbox.parent / "other.db").mkdir(exist_ok=True)
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["remedy"]) == (503, "Run `app.py doctor`.")


def test_the_description_is_valid_and_complete(app: FastAPI) -> None:
    described = app.openapi()
    validate(described)
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("summary"), where
            assert operation.get("description"), where
            problems = [
                s for s, r in operation["responses"].items() if "application/problem+json" in r.get("content", {})
            ]
            assert {"400", "500"} <= set(problems), where
            if "parameters" in operation or "requestBody" in operation:
                assert "422" in problems, where
            if "{" in path:
                assert "404" in problems, where
            assert not any("HTTPValidationError" in str(r) for r in operation["responses"].values()), where
    assert {"Problem", "JobView", "StudyView", "AnalysisDocument"} <= described["components"]["schemas"].keys()


async def test_the_description_names_every_route_of_the_contract(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"].keys()
    assert paths >= {
        "/api/v1/studies",
        "/api/v1/studies/{study_uid}",
        "/api/v1/studies/{study_uid}/analyses",
        "/api/v1/jobs/{job_id}",
        "/api/v1/jobs/{job_id}/events",
        "/api/v1/jobs/{job_id}/cancel",
        "/api/v1/analyses/{analysis_id}",
        "/api/v1/analyses/{analysis_id}/artifacts/{name}",
        "/api/v1/chat",
        "/api/v1/audit",
        "/healthz",
        "/readyz",
    }
