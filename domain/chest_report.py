"""A grounded draft report of a chest radiograph: sentences, and where in the image each one looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.model import ModelIdentity
from domain.privacy import Deidentified
from domain.study import Volume


@dataclass(frozen=True)
class Box:
    """A rectangle in source pixels. Limits are edges: one pixel at (row, column) is (column, row, +1, +1)."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class ReportSentence:
    """A finding in words; no boxes when the model points at nothing."""

    text: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class ChestReport:
    """What a model drafts about one frontal radiograph; boxes lie on that radiograph.

    Attributes:
        warnings: what a reader must know before believing it.
    """

    sentences: tuple[ReportSentence, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ChestCase:
    """What a chest report is drafted from; only the frontal radiograph must be there.

    Attributes:
        frontal, lateral, prior: one projection each; the prior is an earlier frontal one of the same patient.
        region: body part as the question names it, for files that state none.
    """

    frontal: Volume
    lateral: Volume | None = None
    prior: Volume | None = None
    indication: Deidentified[str] | None = None
    technique: Deidentified[str] | None = None
    comparison: Deidentified[str] | None = None
    prior_report: Deidentified[str] | None = None
    region: str = ""


class ChestReportModel(Protocol):
    """A model that drafts reports of chest radiographs (CXRReportGen's contract)."""

    @property
    def identity(self) -> ModelIdentity:
        """Name, version, and whether it is on this machine."""

    async def report(self, case: ChestCase, *, released: bool = False) -> ChestReport:
        """The draft.

        Raises:
            TargetRefused: not a frontal chest radiograph.
            BurnedInTextSuspected, ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """
