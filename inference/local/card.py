"""The model card of an embedded model: what it is, how well it measured, what it must not be used for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from domain.model import KnownTarget, Window
from inference.targets import singular

_CARDS = Path(__file__).with_name("cards")

PARSE_2D, PARSE_3D = "MedImageParse 2D", "MedImageParse 3D"
"""Wire contracts of embedded models: a picture in and masks out, or a volume in and a label map out."""


@dataclass(frozen=True)
class Quality:
    """One measurement against ground truth; `n` images."""

    data: str
    target: str
    metric: str
    value: float
    n: int


@dataclass(frozen=True)
class Card:
    """Facts about one embedded model, read from `cards/<name>.yaml`.

    Attributes:
        window: what the image must be shown with, in real-world values; None for percentiles or colour.
        modalities: DICOM modalities it is made for.
        targets: canonical prompt → category of the contract's sixteen.
        sided: targets that assume standard display (the patient's right at the image's left).
        caution: why every result needs a look; "" when the quality is known well enough.
        cautions: the same for one target, where it is known less well than the others.
        contract: the wire contract that it is served under.
        quality: what `command` printed when the version was made.
    """

    name: str
    version: str
    title: str
    method: str
    licence: str
    intended_use: str
    not_for: tuple[str, ...]
    modalities: tuple[str, ...]
    site: str
    window: Window | None
    targets: dict[str, str]
    sided: tuple[str, ...]
    quality: tuple[Quality, ...]
    command: str
    caution: str = ""
    cautions: dict[str, str] = field(default_factory=dict)
    contract: str = PARSE_2D

    @property
    def identity(self) -> str:
        """name@version"""
        return f"{self.name}@{self.version}"

    def target(self, prompt: str) -> str | None:
        """The canonical target that a prompt names; None when this model does not know it."""
        name = singular(prompt)
        return name if name in self.targets else None

    def known(self, modality: str, prompt: str) -> KnownTarget | None:
        """The target as a fact; Dice measured here is in the card, not among published ones."""
        name = self.target(prompt)
        if name is None or modality.upper() not in self.modalities:
            return None
        cases = max((q.n for q in self.quality if q.target == name), default=0)
        caution = self.cautions.get(name, self.caution)
        return KnownTarget(name, modality.upper(), self.site, None, cases, self.targets[name], self.window, caution)

    def as_json(self) -> dict[str, Any]:
        """All facts, for GET /models."""
        return asdict(self)


def load_card(name: str) -> Card:
    """The card of the embedded model `name`; a missing or unknown field is an error of the program."""
    import yaml

    facts: dict[str, Any] = yaml.safe_load((_CARDS / f"{name}.yaml").read_text("utf-8"))
    window = facts.pop("window")
    quality = facts.pop("quality")
    for key in ("not_for", "modalities", "sided"):
        facts[key] = tuple(facts[key])
    return Card(
        **facts,
        window=Window(**window) if window else None,
        quality=tuple(Quality(**row) for row in quality),
    )
