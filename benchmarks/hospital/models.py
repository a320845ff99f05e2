"""Model endpoints: how long a call takes, how many one instance serves at once, and what Azure allows.

Published: calls at once of an instance, 8 for MedImageParse, 3 for MedImageInsight, 1 for CXRReportGen (docs/azure.md).
500 requests and 5 MB a second for each endpoint are Azure ML's defaults
(learn.microsoft.com/azure/machine-learning/how-to-manage-quotas); both come from `inference.transport.limits`.

Assumptions: every latency, as Microsoft publishes none; `--latency` scales them all. One call at once on an instance of
MedImageParse 3D. An instance has one GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from inference.transport.limits import MANAGED_BYTES_PER_S, MANAGED_REQUESTS_PER_S

PARSE, PARSE3D, INSIGHT, CXR = "MedImageParse", "MedImageParse3D", "MedImageInsight", "CXRReportGen"


@dataclass(frozen=True)
class Model:
    """A model as an endpoint.

    Attributes:
        at_once: calls that an instance serves at once.
        median_s, sigma: of one call's lognormal latency, alone on its slot.
        deadline_s: of one try; the product's settings.
    """

    name: str
    at_once: int
    median_s: float
    sigma: float
    deadline_s: float = 90.0

    @property
    def mean_s(self) -> float:
        """Mean latency."""
        return self.median_s * exp(self.sigma**2 / 2)


MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model(PARSE, 8, 0.6, 0.4),
        Model(PARSE3D, 1, 12.0, 0.5, 180.0),
        Model(INSIGHT, 3, 0.2, 0.4),
        Model(CXR, 1, 4.0, 0.3),
    )
}


@dataclass(frozen=True)
class Faults:
    """How often a try fails, of all tries. Assumptions."""

    busy: float = 0.004
    broken: float = 0.002
    silent: float = 0.0005
    """429; 5xx; no answer until the deadline."""


@dataclass(frozen=True)
class Limits:
    """What one endpoint lets through."""

    requests_per_s: float = MANAGED_REQUESTS_PER_S
    bytes_per_s: float = MANAGED_BYTES_PER_S
