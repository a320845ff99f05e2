"""What plays the models and sources of a world: the planner and its tools are real, what they reach is staged.

A staged model answers from the world's table and fails as the world says; it knows of a target what MedImageParse's
published table says of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from domain.access import AccessContext
from domain.approval import Approval, Decision, Effect
from domain.chest_report import ChestCase, ChestReport, ReportSentence
from domain.embedding import Embeddings, ZeroShot
from domain.errors import HistoryUnavailable, ModelResponseInvalid, ModelUnreachable
from domain.evidence import EvidenceLookup, Guidance
from domain.history import HistoryDocument
from domain.model import KnownTarget, ModelIdentity, ModelImage, ParseAnswer, Window
from domain.prior import PriorStudy
from domain.privacy import Deidentified
from domain.study import IngestedStudy, Volume
from inference.targets import find
from tools.deidentification import deidentify_image

DIMENSIONS = 16
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Fault:
    """A fault that a world puts on a model or a tool."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._met = 0

    async def strike(self, what: str) -> None:
        """Fail as the world says.

        Raises:
            ModelUnreachable: down, or slower than anybody waits.
            ModelResponseInvalid: the first answer of one that is broken once.
        """
        self._met += 1
        if self._kind in {"down", "slow"}:
            await asyncio.sleep(0)
            raise ModelUnreachable(f"{what} does not answer.", remedy="Try again later.")
        if self._kind == "garbage once" and self._met == 1:
            raise ModelResponseInvalid(f"{what} answered what cannot be read.")


class StagedParse:
    """MedImageParse's contract: discs of the world's radii around a place that the target's name decides."""

    def __init__(self, finds: Mapping[str, float], fault: str = "") -> None:
        self._finds = finds
        self._fault = Fault(fault)

    @property
    def identity(self) -> ModelIdentity:
        """The name under which the contract is known; it stays on this machine."""
        return ModelIdentity("MedImageParse", "staged", local=True)

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:
        """The published row."""
        return find(modality, target, region)

    def accepts(self, modality: str, target: str) -> bool:  # noqa: ARG002 - the port's signature
        """Any text."""
        return True

    async def segment(self, image: Deidentified[ModelImage], prompts: Sequence[str]) -> ParseAnswer:
        """A disc for each prompt, or nothing."""
        await self._fault.strike("MedImageParse")
        height, width = image.value.height, image.value.width
        discs = [_disc(height, width, prompt, self._finds.get(prompt.lower(), 0.0)) for prompt in prompts]
        known = [find("CT", p) or find("MR", p) or find("CR", p) for p in prompts]
        return ParseAnswer(np.stack(discs), "binary", tuple(k.category if k else "" for k in known))


def _disc(height: int, width: int, prompt: str, radius: float) -> NDArray[np.float32]:
    side = 0.68 if "left" in prompt else 0.32 if "right" in prompt else 0.5
    rows, columns = np.mgrid[0:height, 0:width]
    distance = np.hypot(rows - 0.5 * height, columns - side * width)
    return np.asarray(distance < radius * width, dtype=np.float32)


class StagedInsight:
    """MedImageInsight's contract: vectors from a hash of what is embedded."""

    def __init__(self, fault: str = "") -> None:
        self._fault = Fault(fault)

    @property
    def identity(self) -> ModelIdentity:
        """The name under which the contract is known."""
        return ModelIdentity("MedImageInsight", "staged", local=True)

    async def image_of(
        self,
        volume: Volume,
        slice_index: int,
        *,
        window: Window | None = None,  # noqa: ARG002
        released: bool = False,
    ) -> Deidentified[ModelImage]:
        """A grey square: the staged model looks at the labels only."""
        png = io.BytesIO()
        Image.new("RGB", (8, 8), (slice_index % 256,) * 3).save(png, "PNG")
        image = ModelImage(png.getvalue(), 8, 8)
        return deidentify_image(image, volume.series, destination_is_local=True, released=released)

    async def embed_images(self, images: Sequence[Deidentified[ModelImage]]) -> Embeddings:
        """A unit vector an image."""
        await self._fault.strike("MedImageInsight")
        return np.asarray(np.stack([_vector(i.value.png) for i in images]), dtype=np.float32)

    async def embed_texts(self, texts: Sequence[Deidentified[str]]) -> Embeddings:
        """A unit vector a text."""
        await self._fault.strike("MedImageInsight")
        return np.asarray(np.stack([_vector(t.value.encode()) for t in texts]), dtype=np.float32)

    async def zero_shot(self, image: Deidentified[ModelImage], labels: Sequence[Deidentified[str]]) -> ZeroShot:
        """Softmax over the cosines."""
        (picture,), words = await self.embed_images([image]), await self.embed_texts(labels)
        cosines = words @ picture
        weights = np.exp(10 * cosines.astype(np.float64))
        names = tuple(label.value for label in labels)
        return ZeroShot(names, weights / weights.sum(), cosines.astype(np.float64), float(np.log(10)))


def _vector(data: bytes) -> NDArray[np.float32]:
    raw = np.frombuffer(hashlib.sha256(data).digest()[:DIMENSIONS], dtype=np.uint8).astype(np.float32) - 127.5
    return np.asarray(raw / np.linalg.norm(raw), dtype=np.float32)


class StagedChestReport:
    """CXRReportGen's contract: the world's sentences."""

    def __init__(self, sentences: Sequence[str], fault: str = "") -> None:
        self._sentences = sentences
        self._fault = Fault(fault)

    @property
    def identity(self) -> ModelIdentity:
        """The name under which the contract is known."""
        return ModelIdentity("CXRReportGen", "staged", local=True)

    async def report(self, case: ChestCase, *, released: bool = False) -> ChestReport:  # noqa: ARG002
        """The sentences."""
        await self._fault.strike("CXRReportGen")
        return ChestReport(tuple(ReportSentence(text) for text in self._sentences))


class StagedPriors:
    """The world's priors."""

    def __init__(self, studies: Sequence[tuple[PriorStudy, IngestedStudy]], fault: str = "") -> None:
        self._studies = studies
        self._fault = Fault(fault)

    async def listed(self, access: AccessContext, study_uid: str) -> Sequence[PriorStudy]:  # noqa: ARG002
        """Newest first."""
        return tuple(prior for prior, _ in self._studies)

    async def read(self, access: AccessContext, study_uid: str) -> IngestedStudy:
        """One of them; of this patient only."""
        await self._fault.strike("The archive")
        found = next(study for prior, study in self._studies if prior.study_uid == study_uid)
        access.require(found.study.patient.key)
        return found


class StagedHistory:
    """The world's record of the patient."""

    def __init__(self, documents: Sequence[HistoryDocument], fault: str = "") -> None:
        self._documents = documents
        self._down = bool(fault)

    async def documents(self, access: AccessContext) -> Sequence[HistoryDocument]:
        """Oldest first."""
        access.require(access.patient_key or "")
        if self._down:
            raise HistoryUnavailable("The record does not answer.")
        return sorted(self._documents, key=lambda d: d.dated or datetime.min.date())


class StagedEvidence:
    """The built-in guidance, behind the world's fault."""

    def __init__(self, guidance: EvidenceLookup, fault: str = "") -> None:
        self._guidance = guidance
        self._fault = Fault(fault)

    @property
    def name(self) -> str:
        """Of the source behind."""
        return self._guidance.name

    async def lookup(self, question: str, *, limit: int = 3) -> Sequence[Guidance]:
        """As the source behind."""
        await self._fault.strike("The guidance")
        return await self._guidance.lookup(question, limit=limit)


class StagedApprovals:
    """Requests are kept, and nobody decides: an evaluation signs nothing."""

    def __init__(self) -> None:
        self.asked: list[Approval] = []

    async def ask(
        self, access: AccessContext, effect: Effect, *, analysis_id: str, study_uid: str, details: Mapping[str, str]
    ) -> Approval:
        """A pending request."""
        ends = EPOCH + timedelta(days=1)
        number = f"approval-{len(self.asked) + 1}"
        made = Approval(number, effect, analysis_id, study_uid, access.user, EPOCH, ends, details=dict(details))
        self.asked.append(made)
        return made

    async def get(self, access: AccessContext, approval_id: str) -> Approval:  # noqa: ARG002
        """One of them."""
        return next(a for a in self.asked if a.approval_id == approval_id)

    async def of_study(self, access: AccessContext, study_uid: str) -> Sequence[Approval]:  # noqa: ARG002
        """All of them."""
        return tuple(self.asked)

    async def decide(self, access: AccessContext, approval_id: str, decision: Decision, reason: str) -> Approval:
        """A person's decision; the planner has no tool that leads here."""
        found = await self.get(access, approval_id)
        return replace(found, decision=decision, decided_by=access.user, reason=reason)
