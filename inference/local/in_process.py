"""The embedded models as models of the contracts: the contract's own client over an ASGI transport, no socket."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from domain.model import KnownTarget, ModelIdentity, ModelImage, ParseAnswer
from domain.ports import Compute, SegmentationModel
from domain.privacy import Deidentified
from domain.study import Volume
from inference.local.card import Card
from inference.local.registry import NAMES, VOLUME_NAMES, card, offered
from inference.medimageparse import segment_over
from inference.medimageparse3d import MedImageParse3D, VolumePrompt, VolumeSegmentation
from inference.transport.transport import IN_PROCESS_HOST, Endpoint, EndpointTransport, open_client

CONCURRENCY = 2


class EmbeddedModel:
    """One embedded model (`domain.ports.SegmentationModel`). It answers only for what its card names."""

    def __init__(self, facts: Card, client: httpx.AsyncClient) -> None:
        self.card = facts
        self._transport = EndpointTransport(_endpoint(facts, CONCURRENCY), client)

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


class EmbeddedVolumeModel:
    """One embedded model of whole volumes, by MedImageParse 3D's contract. It answers only for what its card names."""

    def __init__(self, facts: Card, client: httpx.AsyncClient, compute: Compute) -> None:
        self.card = facts
        self._model = MedImageParse3D(EndpointTransport(_endpoint(facts, 1), client), compute=compute)

    @property
    def identity(self) -> ModelIdentity:
        """The embedded model's own name and version."""
        return ModelIdentity(self.card.name, self.card.version, local=True)

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:  # noqa: ARG002 - as 2D
        """The target as a fact."""
        return self.card.known(modality, target)

    def accepts(self, modality: str, target: str) -> bool:
        """Only what it knows."""
        return self.card.known(modality, target) is not None

    async def segment(self, volume: Volume, targets: Sequence[str]) -> VolumeSegmentation:
        """Masks of the targets in source voxels.

        Raises:
            TargetRefused, SpacingMissing, GeometryInvalid, ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """
        return await self._model.segment(volume, [VolumePrompt(target) for target in targets])


def _endpoint(facts: Card, concurrency: int) -> Endpoint:
    return Endpoint(
        f"http://{IN_PROCESS_HOST}/score",
        deployment=facts.name,
        concurrency=concurrency,
        name=facts.name,
        version=facts.version,
    )


def _client(cards: Sequence[Card], compute: Compute) -> httpx.AsyncClient:
    """A pool that ends in this process. It holds no socket, so nothing needs to be closed."""
    from inference.local.server import create_app

    app = create_app(cards, compute=compute)
    return open_client(transport=httpx.ASGITransport(app, raise_app_exceptions=False), read_s=300.0)


def embedded_models(*, compute: Compute | None = None, names: Sequence[str] = NAMES) -> list[SegmentationModel]:
    """All embedded models of pictures, behind one in-process scoring server."""
    cards = [card(name) for name in names]
    client = _client(cards, compute or _threads())
    return [EmbeddedModel(facts, client) for facts in cards]


def embedded_volume_models(*, compute: Compute | None = None) -> list[EmbeddedVolumeModel]:
    """The embedded models of volumes whose weights are on this machine; often none."""
    cards = [card(name) for name in offered() if name in VOLUME_NAMES]
    work = compute or _threads()
    client = _client(cards, work)
    return [EmbeddedVolumeModel(facts, client, work) for facts in cards]


def _threads() -> Compute:
    from inference.local.server import ThreadCompute

    return ThreadCompute()
