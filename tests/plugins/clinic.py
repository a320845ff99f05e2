"""Clinics for tests of outlines that are made again: a body, and workspaces whose models are real endpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from domain.mask import Mask
from domain.study import IngestedStudy, Order
from inference.catalogue import Catalogue
from inference.medimageparse import MedImageParse
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport
from plugins.prompts import PromptsPlugin
from plugins.quality import QualityPlugin
from plugins.segmentation import SegmentationPlugin
from plugins.workspace import Workspace
from tests.inference.endpoint_server import Behaviour, Shape, disc, endpoint_server
from tests.inference.seeing_server import Sight, seeing_server
from tests.plugins.rooms import phantom_study, room

SIDE = 64
"""Pixels of 5 mm: a body of 28 × 22 cm."""
GALLBLADDER = disc(0.42, 0.36, 0.05, "other organ")
ELSEWHERE = disc(0.42, 0.36, 0.05, "lung")
"""The right place, but the endpoint calls it by another name: QA wants it looked at."""


def body(folder: Path, slices: int, outside: int = -1000, inside: int = 60) -> IngestedStudy:
    """An ellipse in air, in every slice."""
    study = phantom_study(folder, slices, rows=SIDE, columns=SIDE, PixelSpacing=[5, 5])
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    ellipse = (down / 0.35) ** 2 + (across / 0.45) ** 2 <= 1
    return repainted(study, lambda array: np.where(ellipse, inside, np.full_like(array, outside)))


def repainted(study: IngestedStudy, paint: Callable[[NDArray[Any]], NDArray[Any]]) -> IngestedStudy:
    volumes = {u: replace(v, array=paint(v.array).astype(v.array.dtype)) for u, v in study.volumes.items()}
    return replace(study, volumes=volumes)


class Clinic:
    """Workspaces whose models are endpoints."""

    def __init__(self, client: httpx.AsyncClient, servers: ExitStack) -> None:
        self._client = client
        self._servers = servers

    async def judged(
        self,
        study: IngestedStudy,
        endpoints: Sequence[Behaviour | Sight],
        question: str = "Measure the gallbladder.",
        prompts: tuple[str, ...] = (),
    ) -> Workspace:
        """The question's targets outlined and judged; versions of the endpoints are 1, 2, …"""
        models = []
        for number, endpoint in enumerate(endpoints, 1):
            serving = seeing_server(endpoint) if isinstance(endpoint, Sight) else endpoint_server(endpoint)
            address = Endpoint(self._servers.enter_context(serving), version=str(number))
            policy = RetryPolicy(tries=1, base_s=0.001)
            models.append(MedImageParse(EndpointTransport(address, self._client, policy=policy)))
        workspace = room(study, question)
        workspace.order = Order(indication=question, prompts=prompts)
        workspace.catalogue = Catalogue(models)
        await PromptsPlugin(workspace).craft("series-1")
        await SegmentationPlugin(workspace).segment("series-1", [])
        await QualityPlugin(workspace).assess()
        return workspace


def behaviour(**shapes: Shape) -> Behaviour:
    """Names with underscores stand for prompts of several words."""
    return Behaviour({name.replace("_", " "): shape for name, shape in shapes.items()}, (SIDE, SIDE))


def asked(endpoint: Behaviour) -> list[str]:
    """Prompts that reached the endpoint, in order."""
    return [str(r["body"]["input_data"]["data"][0][1]) for r in endpoint.requests]


def only(workspace: Workspace) -> Mask:
    (mask,) = workspace.masks.values()
    return mask


def verdict(mask: Mask) -> str:
    return mask.quality.outcome.value if mask.quality else ""
