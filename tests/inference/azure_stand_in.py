"""Azure on loopback, over HTTPS: Resource Manager, Entra ID, managed identity and scoring, speaking strictly.

A certificate authority of its own signs for `localhost`. Every bearer that it hands out is remembered with what
it is good for, so a scoring call with another endpoint's key, a stale token or a foreign audience is refused.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

TENANT, CLIENT, SECRET = "11111111-2222-3333-4444-555555555555", "client-1", "client-secret-1"
MSI_HEADER = "msi-header-secret"
ML_AUDIENCE = "https://ml.azure.test"
WORKSPACE = "/subscriptions/sub-1/resourceGroups/rg-1/providers/Microsoft.MachineLearningServices/workspaces/ws-1"
_ARM = re.compile(
    r"/subscriptions/(?P<s>[^/]+)/resourceGroups/(?P<g>[^/]+)/providers/Microsoft\.MachineLearningServices"
    r"/workspaces/(?P<w>[^/]+)/onlineEndpoints/(?P<e>[^/]+)(?P<rest>/[a-zA-Z]+)?(?:/(?P<d>[^/]+))?"
)


def deployment(
    name: str = "blue", version: str = "10", instances: int = 2, per_instance: int = 4, timeout: str = "PT1M30S"
) -> dict[str, Any]:
    """A deployment as Resource Manager shows it."""
    return {
        "name": name,
        "location": "eastus",
        "sku": {"name": "Default", "capacity": instances},
        "properties": {
            "endpointComputeType": "Managed",
            "model": f"azureml://registries/azureml/models/MedImageParse/versions/{version}",
            "instanceType": "Standard_NC24ads_A100_v4",
            "scaleSettings": {"scaleType": "Default"},
            "requestSettings": {"maxConcurrentRequestsPerInstance": per_instance, "requestTimeout": timeout},
            "provisioningState": "Succeeded",
        },
    }


@dataclass
class OnlineEndpoint:
    """One endpoint of the workspace; `generation` changes its keys and tokens."""

    mode: str = "Key"
    deployments: list[dict[str, Any]] = field(default_factory=lambda: [deployment()])
    traffic: dict[str, int] = field(default_factory=lambda: {"blue": 100})
    generation: int = 1
    path: str = "/score"
    state: str = "Succeeded"


@dataclass
class Azure:
    """The state of the stand-in; tests change it between calls.

    Attributes:
        lifetime_s: of the tokens that Entra and Azure ML issue from now on.
        forbidden: actions that Resource Manager answers with 403.
        entra_error: an AADSTS code that Entra answers instead of a token.
        requests: (method, path, bearer, deployment header), as they came.
    """

    url: str = ""
    endpoints: dict[str, OnlineEndpoint] = field(default_factory=dict)
    lifetime_s: int = 3600
    forbidden: set[str] = field(default_factory=set)
    entra_error: str = ""
    requests: list[tuple[str, str, str, str]] = field(default_factory=list)
    valid: dict[str, str] = field(default_factory=dict)
    issued: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def arm_id(self, name: str) -> str:
        """The ARM ID of an endpoint."""
        return f"{WORKSPACE}/onlineEndpoints/{name}"

    def seen(self, part: str) -> list[tuple[str, str, str, str]]:
        """Requests whose path has this part."""
        with self.lock:
            return [request for request in self.requests if part in request[1]]

    def issue(self, audience: str) -> str:
        """A new bearer that is good for an audience: a scope's resource, or an endpoint's name."""
        with self.lock:
            self.issued += 1
            token = f"token-{self.issued}-for-{audience}"
            self.valid[token] = audience
            return token

    def revoke(self) -> None:
        """No bearer that was issued so far is good any more, and keys are exchanged."""
        with self.lock:
            self.valid.clear()
        for endpoint in self.endpoints.values():
            endpoint.generation += 1

    def authorises(self, bearer: str, name: str) -> bool:
        """Whether an endpoint takes this bearer."""
        endpoint = self.endpoints[name]
        if endpoint.mode == "Key":
            return bearer == f"primary-{name}-{endpoint.generation}"
        with self.lock:
            return self.valid.get(bearer) == (name if endpoint.mode == "AMLToken" else ML_AUDIENCE)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        azure = self.server.azure
        bearer = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        chosen = self.headers.get("azureml-model-deployment") or ""
        with azure.lock:
            azure.requests.append((method, parts.path, bearer, chosen))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, answer = self._routed(method, parts.path, query, body, bearer)
        self._send(status, answer)

    def _routed(
        self, method: str, path: str, query: Mapping[str, str], body: bytes, bearer: str
    ) -> tuple[int, Mapping[str, Any]]:
        azure = self.server.azure
        if path == "/metadata/endpoints":
            return 200, _metadata(azure.url)
        if path.endswith("/.well-known/openid-configuration"):
            return 200, _sign_in_metadata(azure.url, path.split("/")[1])
        if path.endswith("/oauth2/v2.0/token"):
            return _entra(azure, path, body)
        if path == "/msi/token":
            return _managed_identity(azure, self.headers.get("x-identity-header") or "", query)
        if path == WORKSPACE:
            return 200, {"id": WORKSPACE, "name": "ws-1", "location": "eastus", "properties": {}}
        if match := _ARM.fullmatch(path):
            return _resource_manager(azure, method, match, bearer, body)
        name = path.strip("/").split("/")[0]
        endpoint = azure.endpoints.get(name)
        if endpoint is None or path != f"/{name}{endpoint.path}":
            return 404, {}
        if not azure.authorises(bearer, name):
            return 401, {}
        if method == "GET":
            return 405, {}
        return 200, {"endpoint": name, "deployment": self.headers.get("azureml-model-deployment"), "bytes": len(body)}

    def _send(self, status: int, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _metadata(url: str) -> Mapping[str, Any]:
    return {
        "name": "TestCloud",
        "portal": "https://portal.azure.test",
        "authentication": {"loginEndpoint": url},
        "resourceManager": url,
        "suffixes": {"storage": "core.windows.test"},
    }


def _sign_in_metadata(url: str, tenant: str) -> Mapping[str, Any]:
    return {
        "token_endpoint": f"{url}/{tenant}/oauth2/v2.0/token",
        "authorization_endpoint": f"{url}/{tenant}/oauth2/v2.0/authorize",
        "issuer": f"{url}/{tenant}/v2.0",
    }


def _entra(azure: Azure, path: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    error = azure.entra_error
    if not error and not path.startswith(f"/{TENANT}/"):
        error = "AADSTS90002"
    if not error and form.get("client_id") != CLIENT:
        error = "AADSTS700016"
    if not error and form.get("client_secret") != SECRET:
        error = "AADSTS7000215"
    if error:
        text = f"{error}: refused for {form.get('client_id')} with {form.get('client_secret')}"
        return 401, {"error": "invalid_client", "error_description": text}
    scope = next(s for s in form["scope"].split() if s.endswith("/.default"))
    token = azure.issue(scope.removesuffix("/.default"))
    return 200, {"token_type": "Bearer", "expires_in": azure.lifetime_s, "access_token": token}


def _managed_identity(azure: Azure, secret: str, query: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
    if secret != MSI_HEADER:
        return 401, {"error": "unauthorized"}
    if query.get("client_id", CLIENT) != CLIENT:
        return 400, {"error": "invalid_request", "error_description": "no such identity"}
    expires = str(int(time.time()) + azure.lifetime_s)
    token = azure.issue(query["resource"])
    return 200, {
        "access_token": token,
        "expires_on": expires,
        "resource": query["resource"],
        "token_type": "Bearer",
        "client_id": CLIENT,
    }


def _resource_manager(
    azure: Azure, method: str, match: re.Match[str], bearer: str, body: bytes
) -> tuple[int, Mapping[str, Any]]:
    rest = match["rest"] or ""
    with azure.lock:
        signed_in = azure.valid.get(bearer, "").rstrip("/") == azure.url
    if not signed_in:
        return 401, _problem("InvalidAuthenticationToken", "the token is not for this audience")
    if match["s"] != "sub-1":
        return 404, _problem("SubscriptionNotFound", "no such subscription")
    action = {"": "read", "/deployments": "deployments/read", "/listKeys": "listkeys/action", "/token": "token/action"}
    asked = "deployments/write" if method == "PUT" else action[rest]
    if asked in azure.forbidden:
        full = f"Microsoft.MachineLearningServices/workspaces/onlineEndpoints/{asked}"
        text = f"The client '{CLIENT}' does not have authorization to perform action '{full}'"
        return 403, _problem("AuthorizationFailed", text)
    name = match["e"]
    endpoint = azure.endpoints.get(name)
    if endpoint is None:
        return 404, _problem("ResourceNotFound", "no such endpoint")
    if method == "POST":
        return 200, _secrets(azure, name, endpoint, rest)
    if match["d"]:
        return _deployment(azure, method, name, match["d"], body)
    if rest:
        listed = [
            d | {"id": f"{azure.arm_id(name)}/deployments/{d['name']}", "type": "t"} for d in endpoint.deployments
        ]
        return 200, {"value": listed}
    return 200, {
        "id": azure.arm_id(name),
        "name": name,
        "type": "t",
        "location": "eastus",
        "properties": {
            "authMode": endpoint.mode,
            "scoringUri": f"{azure.url}/{name}{endpoint.path}" if endpoint.path else None,
            "provisioningState": endpoint.state,
            "traffic": endpoint.traffic,
        },
    }


def _deployment(azure: Azure, method: str, name: str, wanted: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
    """One deployment; PUT changes all of it, and is done at once."""
    found = next((d for d in azure.endpoints[name].deployments if d["name"] == wanted), None)
    if found is None:
        return 404, _problem("ResourceNotFound", "no such deployment")
    if method == "PUT":
        sent = json.loads(body)
        found["sku"] = sent["sku"]
        found["properties"] = sent["properties"] | {"provisioningState": "Succeeded"}
    return 200, found | {"id": f"{azure.arm_id(name)}/deployments/{wanted}", "type": "t"}


def _secrets(azure: Azure, name: str, endpoint: OnlineEndpoint, rest: str) -> Mapping[str, Any]:
    if rest == "/listKeys":
        return {"primaryKey": f"primary-{name}-{endpoint.generation}", "secondaryKey": f"secondary-{name}"}
    now = int(time.time())
    return {
        "accessToken": azure.issue(name),
        "expiryTimeUtc": now + azure.lifetime_s,
        "refreshAfterTimeUtc": now + azure.lifetime_s // 2,
        "tokenType": "Bearer",
    }


def _problem(code: str, message: str) -> Mapping[str, Any]:
    return {"error": {"code": code, "message": message}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, azure: Azure, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.azure = azure
        self.tls = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake happens here, in the connection's own thread: a client that breaks it off blocks nobody.
        request.settimeout(10)
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        return


@contextmanager
def azure_stand_in(folder: Path) -> Iterator[tuple[Azure, Path]]:
    """Serve until the block ends; yields its state, and the file of the authority to trust."""
    authority = trustme.CA(organization_name="Stand-in")
    trusted = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    azure = Azure()
    server = _Server(azure, tls)
    azure.url = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield azure, trusted
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
