"""A FHIR R4 server over real HTTP: searches with paging, reads, and the ways in which servers misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

TOKEN = "a token for tests"
SYSTEM = "urn:oid:1.2.3"

Resource = dict[str, Any]


@dataclass
class Behaviour:
    """What the server holds, and how it errs.

    Attributes:
        answers: status and headers instead of an answer, by kind of resource; a list is used up, one a request.
        next_link: rewrites the address of the next page.
        also: resources that every search returns besides its matches.
        requests: "METHOD path" as they came; headers: of the last one.
    """

    resources: list[Resource] = field(default_factory=list)
    answers: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    headers_of: dict[str, dict[str, str]] = field(default_factory=dict)
    next_link: Callable[[str], str] = str
    also: list[Resource] = field(default_factory=list)
    delay_s: float = 0.0
    requests: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)


def reference_of(resource: Resource) -> str:
    """The patient that a resource is about."""
    subject: dict[str, Any] = resource.get("subject") or resource.get("patient") or {}
    return str(subject.get("reference", ""))


@contextmanager
def fhir_server(behaviour: Behaviour) -> Iterator[str]:
    """The base address of a running server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            self.answer(self.path.split("/")[2], self.rfile.read(length).decode())

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            kind = parts.path.split("/")[2]
            if kind == "metadata":
                if not self.misbehaves(kind):
                    self.send(404, b"{}")
            elif kind == "Binary" or not parts.query:
                self.read(kind, parts.path.split("/")[3])
            else:
                self.answer(kind, parts.query)

        def answer(self, kind: str, query: str) -> None:
            if self.misbehaves(kind):
                return
            asked = {k: v[0] for k, v in parse_qs(query).items()}
            found = [r for r in behaviour.resources if r["resourceType"] == kind and matches(r, asked)]
            size, offset = int(asked.get("_count", 20)), int(asked.get("_offset", 0))
            bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": []}
            if offset + size < len(found):
                more = urlencode({**asked, "_offset": offset + size})
                base = f"http://{self.headers['host']}"
                bundle["link"].append({"relation": "next", "url": behaviour.next_link(f"{base}/fhir/{kind}?{more}")})
            shown = [*found[offset : offset + size], *(r for r in behaviour.also if r["resourceType"] == kind)]
            bundle["entry"] = [{"resource": r, "search": {"mode": "match"}} for r in shown]
            self.send(200, json.dumps(bundle).encode(), behaviour.headers_of.get(kind, {}))

        def read(self, kind: str, identifier: str) -> None:
            if self.misbehaves(kind):
                return
            found = next((r for r in behaviour.resources if (r["resourceType"], r["id"]) == (kind, identifier)), None)
            self.send(200 if found else 404, json.dumps(found or {}).encode())

        def misbehaves(self, kind: str) -> bool:
            behaviour.requests.append(f"{self.command} {self.path}")
            behaviour.tokens.append(self.headers.get("authorization", ""))
            time.sleep(behaviour.delay_s)
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                self.send(401, b"{}")
            elif behaviour.answers.get(kind):
                status, headers = behaviour.answers[kind].pop(0)
                self.send(status, b'{"resourceType": "OperationOutcome"}', headers)
            elif kind in behaviour.bodies:
                self.send(200, behaviour.bodies[kind], behaviour.headers_of.get(kind, {}))
            else:
                return False
            return True

        def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/fhir+json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the client had enough

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/fhir"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def matches(resource: Resource, asked: dict[str, str]) -> bool:
    """Whether a resource fits the parameters that the client uses."""
    if "identifier" in asked:
        system, _, value = asked["identifier"].rpartition("|")
        return any((i.get("system"), i["value"]) == (system, value) for i in resource.get("identifier", ()))
    if "patient" in asked and reference_of(resource) != f"Patient/{asked['patient']}":
        return False
    categories = {c["code"] for k in resource.get("category", ()) for c in k.get("coding", ())}
    return "category" not in asked or bool(categories & set(asked["category"].split(",")))
