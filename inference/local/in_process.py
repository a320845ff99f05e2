"""The embedded models as segmentation models: the contract's own client over an ASGI transport, no socket."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from domain.model import KnownTarget, ModelIdentity, ModelImage, ParseAnswer
from domain.ports import Compute, SegmentationModel
from domain.privacy import Deidentified
from inference.local.card import Card
from inference.local.registry import NAMES, card
from inference.medimageparse import segment_over
from inference.transport import IN_PROCESS_HOST, Endpoint, EndpointTransport, open_client

CONCURRENCY = 2


class EmbeddedModel:
    """One embedded model (`domain.ports.SegmentationModel`). It answers only for what its card names."""

    def __init__(self, facts: Card, client: httpx.AsyncClient) -> None:
        self.card = facts
        endpoint = Endpoint(
            f"http://{IN_PROCESS_HOST}/score",
            deployment=facts.name,
            concurrency=CONCURRENCY,
            name=facts.name,
            version=facts.version,
        )
        self._transport = EndpointTransport(endpoint, client)

    @property
    def identity(self) -> ModelIdentity:
        """The embedded model's own name and version."""
        return ModelIdentity(self.card.name, self.card.version, local=True)

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:  # noqa: ARG002 - port
        """The target with the window that this model wants."""
        return self.card.known(modality, target)

    def accepts(self, modality: str, target: str) -> bool:
        """Only what it knows."""
        return self.card.known(modality, target) is not None

    async def segment(self, image: Deidentified[ModelImage], prompts: Sequence[str]) -> ParseAnswer:
        """Masks in the image's own pixels, one for each prompt, in their order."""
        return await segment_over(self._transport, image, prompts)


def embedded_models(*, compute: Compute | None = None, names: Sequence[str] = NAMES) -> list[SegmentationModel]:
    """All embedded models, behind one in-process scoring server.

    The pool that they share holds no socket, so nothing needs to be closed.
    """
    from inference.local.server import create_app

    cards = [card(name) for name in names]
    client = open_client(
        transport=httpx.ASGITransport(create_app(cards, compute=compute), raise_app_exceptions=False), read_s=300.0
    )
    return [EmbeddedModel(facts, client) for facts in cards]
