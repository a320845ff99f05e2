"""What is wrong with a configured endpoint, step by step: found, authorised, answering. Nothing is scored."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import httpx

from domain.errors import MedImageError
from inference.azure.discovery import AzureEndpoints, Resolved
from inference.azure.identity import NETWORK_REMEDY, TLS_REMEDY
from inference.azure.setting import EndpointSetting
from inference.transport.credentials import AmlToken, EndpointKey, EntraToken, StaticKey

LONGEST_CALL_S = 90.0
"""MedImageParse's published scoring time-out; a deployment that gives less breaks off slow calls."""

State = Literal["ok", "warn", "fail"]

_KINDS: dict[type, str] = {
    StaticKey: "the configured key",
    EndpointKey: "a key from the control plane",
    AmlToken: "an Azure ML token",
    EntraToken: "a Microsoft Entra token",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        step: "endpoint", "deployment", "credential" or "scoring".
    """

    step: str
    state: State
    detail: str
    remedy: str = ""


async def examine(
    setting: EndpointSetting, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> tuple[Finding, ...]:
    """Resolve the endpoint, get a token, and see whether its scoring URI answers; stops at the first failure."""
    try:
        resolved = await endpoints.resolve(setting)
    except MedImageError as error:
        return (Finding("endpoint", "fail", f"{setting.label}: {error.reason}", error.remedy),)
    found = [Finding("endpoint", "ok", _facts(resolved)), *_deployments(setting, resolved)]
    try:
        token = await resolved.credential.token()
    except MedImageError as error:
        return (*found, Finding("credential", "fail", error.reason, error.remedy))
    kind = _KINDS[type(resolved.credential)]
    found.append(Finding("credential", "ok", kind if token else "none is configured"))
    return (*found, await _answering(resolved, token, client))


def _facts(resolved: Resolved) -> str:
    endpoint = resolved.endpoint
    version = f", model version {endpoint.version}" if endpoint.version != "unknown" else ""
    return f"{endpoint.label}, {endpoint.concurrency} calls at once{version}"


def _deployments(setting: EndpointSetting, resolved: Resolved) -> Iterator[Finding]:
    if resolved.discovery is None:
        return
    serving = resolved.discovery.serving(setting.deployment)
    for one in serving:
        if one.state != "Succeeded":
            detail = f"{one.name} is in state {one.state}"
            yield Finding("deployment", "warn", detail, "Look at the deployment's log in the studio.")
        if one.request_timeout_s < LONGEST_CALL_S:
            detail = f"{one.name} gives a call {one.request_timeout_s:g} s"
            yield Finding("deployment", "warn", detail, f"Set its request_timeout_ms to {LONGEST_CALL_S * 1000:g}.")
    if len({one.version for one in serving}) > 1:
        detail = f"traffic is split over versions {resolved.endpoint.version}"
        yield Finding("deployment", "warn", detail, "Name a deployment, so that a run keeps to one version.")
    if 0 < resolved.discovery.concurrency(setting.deployment) < setting.concurrency:
        allowed = resolved.discovery.concurrency(setting.deployment)
        detail = f"{setting.concurrency} calls at once are configured, it takes {allowed}; the others get 429"
        yield Finding("deployment", "warn", detail, "Lower concurrency, or raise the instances.")


async def _answering(resolved: Resolved, token: str, client: httpx.AsyncClient) -> Finding:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if resolved.endpoint.deployment:
        headers["azureml-model-deployment"] = resolved.endpoint.deployment
    try:
        status = (await client.get(resolved.endpoint.url, headers=headers)).status_code
    except httpx.HTTPError as error:
        if _is_tls(error):
            return Finding("scoring", "fail", "TLS failed", TLS_REMEDY)
        return Finding("scoring", "fail", f"no answer ({type(error).__name__})", NETWORK_REMEDY)
    return _judged(status)


def _judged(status: int) -> Finding:
    said = f"(HTTP {status})"
    if status == 401:
        return Finding("scoring", "fail", f"the key or token is refused {said}", "Check auth, key and identity.")
    if status == 403:
        remedy = (
            "Give the identity a role with onlineEndpoints/score/action on the endpoint, and see that the "
            "endpoint's network access lets this machine in."
        )
        return Finding("scoring", "fail", f"not allowed to score {said}", remedy)
    if status == 404:
        return Finding("scoring", "fail", f"nothing at this address {said}", "Check the scoring URI and deployment.")
    if status >= 500:
        return Finding("scoring", "warn", f"it answers {said}", "Look at the deployment's log.")
    return Finding("scoring", "ok", f"it answers {said}")


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
