"""The client against a FHIR server that others wrote, with a synthetic patient's record."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from domain.access import AccessContext
from domain.errors import HistoryUnavailable
from domain.history import DocumentKind, ReadHistory
from interop.fhir import FhirHistory
from interop.fhir_server import FhirBounds, FhirServer

pytestmark = pytest.mark.peer("sekmet")

TOKEN = "a-token-for-tests"
NUMBER = "eda17701-070d-4fae-9f7d-c8cd6263b63a"
SYSTEMS = {"": "http://hospital.smarthealthit.org"}
BOUNDS = FhirBounds(page_size=7)


@pytest.fixture(scope="module")
def peer(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server that holds the patient's record, behind a bearer token."""
    program = shutil.which(
        "sekmet", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if program is None:
        pytest.skip("no FHIR server: uv sync --group dev")
    folder = tmp_path_factory.mktemp("peer")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}/fhir"
    settings = {
        "base_url": base, "host": "127.0.0.1", "port": port, "data_dir": str(folder / "data"),
        "server_auth": {"types": ["bearer"], "tokens": [TOKEN]}, "validation": {"inbound": "off"},
        "simulator": {"enabled": False}, "own_private_key_path": str(folder / "key.pem"),
    }  # fmt: skip
    (folder / "settings.yaml").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "serve", "-c", "settings.yaml"], cwd=folder, stdout=log, stderr=log)
    try:
        asyncio.run(_load(base, data / "fhir_hl7" / "synthea_Chet_Thompson_bundle.json"))
        yield base
    finally:
        server.terminate()
        server.wait(10)


async def _load(base: str, bundle: Path) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
        for _ in range(200):
            try:
                (await client.get(f"{base}/metadata")).raise_for_status()
                break
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
        (await client.post(base, content=bundle.read_bytes())).raise_for_status()
        stranger = {"resourceType": "Patient", "identifier": [{"system": SYSTEMS[""], "value": "other"}]}
        (await client.post(f"{base}/Patient", json=stranger)).raise_for_status()


async def _read(base: str, number: str, token: str = TOKEN) -> ReadHistory:
    async with httpx.AsyncClient(trust_env=False) as client:
        history = FhirHistory(FhirServer(base, token, client, BOUNDS), SYSTEMS, BOUNDS)
        read = await history.documents(AccessContext("tester", f"|{number}"))
    assert isinstance(read, ReadHistory)
    return read


async def test_the_record_comes_whole(peer: str) -> None:
    read = await _read(peer, NUMBER)
    kinds = [d.kind for d in read]
    assert kinds.count(DocumentKind.CONDITION) == 4
    assert kinds.count(DocumentKind.IMMUNISATION) == 3
    assert kinds.count(DocumentKind.MEDICATION) == 2
    assert [d for d in read if "Coronary Heart Disease" in d.title + d.text]
    assert len({d.document_id for d in read}) == len(read)


async def test_another_number_is_another_patient(peer: str) -> None:
    assert list(await _read(peer, "other")) == []
    with pytest.raises(HistoryUnavailable, match="knows no patient"):
        await _read(peer, "nobody")


async def test_its_refusal_of_a_token_is_told(peer: str) -> None:
    with pytest.raises(HistoryUnavailable, match="401"):
        await _read(peer, NUMBER, "wrong")


async def test_it_passes_the_check(peer: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await FhirServer(peer, TOKEN, client, BOUNDS).check()).startswith("4.0")
