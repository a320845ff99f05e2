"""What `app.py scale` does: decides about every endpoint that may be scaled, and changes it where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domain.access import AccessContext
from domain.errors import ConfigurationError, MedImageError
from domain.ports import Clock
from inference.azure.deployments import EndpointId
from inference.azure.identity import Patience
from inference.azure.scaling import ScalingPlane, scaling_plane
from inference.transport.shared_limits import StoredLimits
from jobs.scaling import Autoscaler, Decision, Scalable
from jobs.scaling_figures import TARGET_S, ScalingFigures
from jobs.scaling_forecast import ArrivalForecast
from jobs.scaling_instances import ScaledEndpoint
from records.audit import AuditLedger, pseudonym_key
from records.database import Database
from records.endpoint_limits import EndpointLimitRecords
from records.endpoint_scalings import EndpointScalings
from records.job_signals import JobSignals
from records.job_workers import JobWorkers

FORECAST_S = 120.0
"""How long past arrivals may take to be counted; a command has time."""


class AzurePlatform:
    """`jobs.scaling.Platform` for one deployment of an endpoint on Azure."""

    def __init__(self, plane: ScalingPlane, endpoint: EndpointId, deployment: str) -> None:
        self._plane = plane
        self._endpoint = endpoint
        self._deployment = deployment

    async def instances(self) -> int:
        """How many the deployment has. Raises as `ScalingPlane`."""
        return await self._plane.instances(self._endpoint, self._deployment)

    async def scale(self, instances: int) -> None:
        """Have so many. Raises as `ScalingPlane`."""
        await self._plane.scale(self._endpoint, self._deployment, instances)


async def scale(
    database_url: str,
    folder: Path,
    endpoints: Sequence[ScaledEndpoint],
    *,
    user: str,
    clock: Clock,
    apply: bool = False,
    target_s: float = TARGET_S,
    zone: str = "UTC",
    patience: Patience | None = None,
) -> tuple[Decision, ...]:
    """Decide, and change where `apply` says so. An endpoint that cannot be looked at is a decision with an error.

    Args:
        folder: of the data, for the audit's key.
        zone: of the hospital, for the hours of the forecast.

    Raises:
        ConfigurationError: no endpoint can be scaled. DatabaseUnavailable.
    """
    if not endpoints:
        raise ConfigurationError(
            "No endpoint can be scaled.",
            remedy="Configure one by its ARM ID, with max_instances.",
            where="MEDIMAGE_MODELS__…__ENDPOINTS",
        )
    database = Database(database_url)
    try:
        database.upgrade()
        audit = AuditLedger(database, clock, pseudonym_key(folder / "audit.key"))
        limits = StoredLimits(EndpointLimitRecords(database))
        workers = JobWorkers(audit, clock, JobSignals(database))
        forecast = ArrivalForecast(database, clock, zone, read_s=FORECAST_S)
        try:
            figures = await ScalingFigures(workers, clock, limits=limits, forecast=forecast, target_s=target_s).now()
        finally:
            await forecast.aclose()
        found, failed = [], []
        for endpoint in endpoints:
            try:
                found.append(await _opened(endpoint, target_s, patience))
            except MedImageError as error:
                label = endpoint.setting.label
                failed.append(Decision(label, endpoint.setting.deployment, 0, 0, "", error=str(error)))
        scaler = Autoscaler(EndpointScalings(audit), clock)
        decisions = await scaler.run(AccessContext(user, None), figures, found, apply=apply)
        return (*decisions, *failed)
    finally:
        database.close()


async def _opened(
    endpoint: ScaledEndpoint, target_s: float, patience: Patience | None
) -> tuple[Scalable, AzurePlatform]:
    """The endpoint by the name that limits and traffic know it by, and its one deployment that answers."""
    setting = endpoint.setting
    plane = await scaling_plane(setting, patience)
    id_ = EndpointId.parse(setting.url)
    found, _ = await plane.discover(id_, secret=False)
    serving = found.serving(setting.deployment)
    if len(serving) > 1:
        raise ConfigurationError(
            "Several deployments get traffic.", remedy="Name the one to scale in its deployment.", where=setting.label
        )
    scalable = Scalable(
        setting.endpoint(found).label, serving[0].name, endpoint.least, endpoint.most, endpoint.cooldown_s, target_s
    )
    return scalable, AzurePlatform(plane, id_, serving[0].name)
