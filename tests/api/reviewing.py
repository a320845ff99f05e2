"""A server with a feedback memory, and what a reviewer does with it: send images, ask, correct."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.data import get_testdata_file

import app
from api.application import create_app
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from memory.embedder import NgramEmbedder
from memory.learning import Learning, open_learning
from records.audit import pseudonym_key
from settings import Settings
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
GRID = (128, 128)
LIVER = disc(0.45, 0.4, 0.2, "liver")
"""What a reader would draw; the endpoint finds it only when it is asked for the whole liver."""
KEY = "5a" * 32
"""Of the installation: pseudonyms, and with them arms of studies, are the same in every run of a test."""
QUESTION = "How large is the liver?"


def behaviour() -> Behaviour:
    """An endpoint that finds a part of the liver, unless it is asked for the whole of it."""
    return Behaviour({"liver": disc(0.45, 0.4, 0.13, "liver"), "whole liver": LIVER}, GRID)


@dataclass
class Server:
    """A running product and its folder."""

    http: httpx.AsyncClient
    endpoint: Behaviour
    learning: Learning
    folder: Path

    @property
    def asked(self) -> list[str]:
        """The prompts that reached the model, in order."""
        return [r["body"]["input_data"]["data"][0][1] for r in self.endpoint.requests]

    async def study(self, patient: int, study: int = 1, **header: object) -> str:
        """Send a study of a patient; its UID."""
        files = [("files", ("a.dcm", ct(patient, study, **header), "application/dicom"))]
        reply = await self.http.post("/api/v1/studies", files=files)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["studies"][0]["study_uid"])

    async def analysis(self, study_uid: str, question: str = QUESTION, prompts: Sequence[str] = ()) -> dict[str, Any]:
        """Order an analysis and wait for its report."""
        order = {"indication": question, "prompts": list(prompts)}
        reply = await self.http.post(f"/api/v1/studies/{study_uid}/analyses", json=order)
        assert reply.status_code == 202, reply.text
        for _ in range(1200):
            job = (await self.http.get(f"/api/v1/jobs/{reply.json()['job_id']}")).json()
            if job["state"] in {"done", "failed", "cancelled"}:
                break
            await asyncio.sleep(0.02)
        assert job["state"] == "done", job
        document: dict[str, Any] = (await self.http.get(f"/api/v1/analyses/{job['analysis_id']}")).json()
        return document

    async def say(self, document: dict[str, Any], **body: object) -> httpx.Response:
        """Send feedback on the first mask of an analysis."""
        masks = document["masks"]
        given = {"analysis_id": document["analysis_id"], "mask_id": masks[0]["id"] if masks else "", **body}
        return await self.http.post("/api/v1/feedback", json=given)


@asynccontextmanager
async def server(folder: Path, **memory: object) -> AsyncIterator[Server]:
    """Serve from a folder; `memory` are settings of that branch."""
    endpoint = behaviour()
    (folder / "audit.key").write_text(KEY)
    with endpoint_server(endpoint) as url:
        settings = Settings.model_validate(
            {
                "data_dir": folder,
                "memory": memory,
                "budget": {"refinements": 0},  # one prompt a target: what was advised is what is seen
                "models": {"cache_mb": 0, "medimageparse": {"endpoints": [{"url": url, "version": "7"}]}},
            }
        )
        compute, clock = ThreadCompute(), SystemClock()
        learning = open_learning(
            folder, pseudonym_key(folder / "audit.key"), mode=settings.memory.experiment, embedder=NgramEmbedder()
        )
        learning.begin()
        async with app.composition(settings).engine(compute, clock, learning.advice) as parts:
            services = app.assemble(settings, parts, compute, clock, compute, learning)
            await services.start()
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=60) as http:
                yield Server(http, endpoint, learning, folder)
            await services.close()


def identifiers(patient: int) -> tuple[str, ...]:
    """What must never leave: id, and the parts of the name."""
    return f"QZ{patient}4711", f"Wojtyniak{chr(96 + patient)}", "Zbigniewa"


def ct(patient: int, study: int = 1, **header: object) -> bytes:
    """pydicom's CT slice as of a patient."""
    dataset = pydicom.dcmread(CT)
    number, family, given = identifiers(patient)
    dataset.PatientID, dataset.PatientName = number, f"{family}^{given}"
    root = f"1.2.826.0.1.3680043.9.{patient}.{study}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = root, f"{root}.1", f"{root}.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def drawn(inside: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask of one slice as a client sends it."""
    flat = np.concatenate(([False], inside.ravel(), [False])).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(flat) == 1), np.flatnonzero(np.diff(flat) == -1)
    runs = np.stack([starts, ends - starts], axis=1).ravel()
    return {"shape": [1, *inside.shape], "runs": runs.tolist()}


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Dice, computed apart from the product."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))
