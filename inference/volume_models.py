"""Models that take a whole volume at once, side by side: MedImageParse 3D endpoints and embedded ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from domain.model import KnownTarget, ModelIdentity
from domain.study import Volume
from inference.local.in_process import EmbeddedVolumeModel
from inference.medimageparse3d import MODALITIES, MedImageParse3D, VolumePrompt, VolumeSegmentation


@runtime_checkable
class VolumeModel(Protocol):
    """A model of whole volumes."""

    @property
    def identity(self) -> ModelIdentity:
        """Name, version, and whether it is on this machine."""

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:
        """What is published about this target; None when it is a guess."""

    def accepts(self, modality: str, target: str) -> bool:
        """Whether it may be asked at all."""

    async def segment_volume(self, volume: Volume, targets: Sequence[str], *, released: bool) -> VolumeSegmentation:
        """Masks of the targets in source voxels, by target. Raises as `MedImageParse3D.segment`."""


class EndpointVolumeModel:
    """MedImageParse 3D behind endpoints. It takes any words; no figures of it are published for single targets."""

    def __init__(self, model: MedImageParse3D) -> None:
        self._model = model

    @property
    def identity(self) -> ModelIdentity:
        """MedImageParse 3D, in the version that the configuration names."""
        return self._model.identity

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:  # noqa: ARG002 - port
        """Nothing is published per target."""
        return None

    def accepts(self, modality: str, target: str) -> bool:  # noqa: ARG002 - port
        """CT, MR and PET."""
        return modality.upper() in MODALITIES

    async def segment_volume(self, volume: Volume, targets: Sequence[str], *, released: bool) -> VolumeSegmentation:
        """One call for all targets."""
        return await self._model.segment(volume, [VolumePrompt(t) for t in targets], released=released)


class LocalVolumeModel:
    """An embedded model of whole volumes."""

    def __init__(self, model: EmbeddedVolumeModel) -> None:
        self._model = model
        self.card = model.card

    @property
    def identity(self) -> ModelIdentity:
        """The embedded model's own name and version."""
        return self._model.identity

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:
        """The target as a fact of its card."""
        return self._model.known(modality, target, region)

    def accepts(self, modality: str, target: str) -> bool:
        """Only what its card names."""
        return self._model.accepts(modality, target)

    async def segment_volume(self, volume: Volume, targets: Sequence[str], *, released: bool) -> VolumeSegmentation:  # noqa: ARG002 - it stays here
        """One call for all targets; nothing leaves this machine."""
        return await self._model.segment(volume, targets)
