"""All the models of a process, put together from settings: transports, catalogue, cache, counters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from domain.ports import Compute
from inference.azure.discovery import TTL_S, AzureEndpoints
from inference.azure.resolving import ResolvingTransport
from inference.azure.setting import EndpointSetting
from inference.catalogue import Catalogue
from inference.classifier_card import load_cards
from inference.classifiers import Classifier
from inference.cxrreportgen import CXRReportGen
from inference.local.in_process import embedded_models, embedded_volume_models
from inference.medimageinsight import MedImageInsight
from inference.medimageparse import MedImageParse
from inference.medimageparse3d import MedImageParse3D
from inference.transport.endpoint import Endpoint
from inference.transport.quota import QuotaAlert, QuotaStore
from inference.transport.result_cache import ResultCache
from inference.transport.retry import RetryPolicy
from inference.transport.shared_limits import SharedLimits
from inference.transport.traffic import Traffic
from inference.transport.transport import EndpointTransport, Shared, open_client
from inference.volume_models import EndpointVolumeModel, LocalVolumeModel

MIB = 1 << 20


@dataclass(frozen=True)
class ModelEndpoints:
    """The endpoints of one model, and how patient its calls are."""

    endpoints: tuple[EndpointSetting, ...] = ()
    read_s: float = 90.0
    attempts: int = 3


@dataclass(frozen=True)
class FleetSettings:
    """What is configured.

    Attributes:
        classifiers: endpoint of each classifier card that has one, by card name.
        cache_bytes: memory for answers; 0 for none.
        look_up_s: how long what Azure said about an endpoint is believed.
    """

    medimageparse: ModelEndpoints = ModelEndpoints()
    medimageparse3d: ModelEndpoints = ModelEndpoints(read_s=180.0)
    medimageinsight: ModelEndpoints = ModelEndpoints()
    cxrreportgen: ModelEndpoints = ModelEndpoints()
    classifier_folder: Path | None = None
    classifiers: Mapping[str, EndpointSetting] = field(default_factory=dict)
    embedded: bool = True
    cache_bytes: int = 256 * MIB
    look_up_s: float = TTL_S

    @property
    def endpoints(self) -> tuple[EndpointSetting, ...]:
        """Every endpoint that is configured."""
        models = (self.medimageparse, self.medimageparse3d, self.medimageinsight, self.cxrreportgen)
        return (*(endpoint for model in models for endpoint in model.endpoints), *self.classifiers.values())


@dataclass(frozen=True)
class Fleet:
    """The models of this process.

    Attributes:
        insight, chest_report: None where no endpoint is configured.
        traffic: counters by endpoint, since the process began.
        azure: what is known of the endpoints that Azure was asked about.
    """

    catalogue: Catalogue
    insight: MedImageInsight | None
    chest_report: CXRReportGen | None
    classifiers: tuple[Classifier, ...]
    traffic: Traffic
    cache: ResultCache | None
    azure: AzureEndpoints


@asynccontextmanager
async def open_fleet(
    settings: FleetSettings,
    *,
    compute: Compute,
    limits: SharedLimits | None = None,
    quotas: QuotaStore | None = None,
    on_alert: Callable[[QuotaAlert], None] | None = None,
) -> AsyncIterator[Fleet]:
    """Open what is configured, within one event loop; connections are closed at the end.

    Nothing is called: an endpoint named by its ARM ID is looked up at the first request.

    Args:
        limits: shared with the workers of other processes; None where this process is alone.
        quotas: counts of the day's quotas; None counts in this process, and forgets them with it.
        on_alert: told of quotas that are nearly used up, by counts of this process.
    """
    cache = ResultCache(settings.cache_bytes) if settings.cache_bytes else None
    shared = Shared(cache=cache, traffic=Traffic(), limits=limits, quotas=quotas, on_alert=on_alert)
    azure = AzureEndpoints(ttl_s=settings.look_up_s)
    async with open_client(read_s=_longest_read(settings)) as client:
        connect = _Connector(client, shared, azure)
        parse = connect(settings.medimageparse)
        parse3d = connect(settings.medimageparse3d)
        insight = connect(settings.medimageinsight)
        chest = connect(settings.cxrreportgen)
        local = embedded_models() if settings.embedded else []
        local_volumes = embedded_volume_models(compute=compute) if settings.embedded else []
        yield Fleet(
            catalogue=Catalogue(
                [MedImageParse(parse)] if parse else [],
                local,
                volumes=[EndpointVolumeModel(MedImageParse3D(parse3d, compute=compute))] if parse3d else [],
                embedded_volumes=[LocalVolumeModel(model) for model in local_volumes],
            ),
            insight=MedImageInsight(insight, compute=compute) if insight else None,
            chest_report=CXRReportGen(chest, compute=compute) if chest else None,
            classifiers=_classifiers(settings, connect, compute),
            traffic=shared.traffic or Traffic(),
            cache=cache,
            azure=azure,
        )


def _longest_read(settings: FleetSettings) -> float:
    models = (settings.medimageparse, settings.medimageparse3d, settings.medimageinsight, settings.cxrreportgen)
    return max(model.read_s for model in models)


class _Connector:
    """Makes the transport of a model from its settings."""

    def __init__(self, client: httpx.AsyncClient, shared: Shared, azure: AzureEndpoints) -> None:
        self._client = client
        self._shared = shared
        self._azure = azure

    def __call__(self, configured: ModelEndpoints) -> ResolvingTransport | None:
        if not configured.endpoints:
            return None
        policy = RetryPolicy(tries=configured.attempts)

        def connect(found: Sequence[Endpoint]) -> EndpointTransport:
            return EndpointTransport(found, self._client, policy=policy, shared=self._shared)

        return ResolvingTransport(configured.endpoints, self._azure, connect)


def _classifiers(settings: FleetSettings, connect: _Connector, compute: Compute) -> tuple[Classifier, ...]:
    if settings.classifier_folder is None:
        return ()
    found = []
    for card in load_cards(settings.classifier_folder).values():
        endpoint = settings.classifiers.get(card.name)
        transport = connect(ModelEndpoints((endpoint,))) if endpoint else None
        if transport is not None:
            found.append(Classifier(card, transport, compute=compute))
    return tuple(found)
