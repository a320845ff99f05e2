"""`features-classify`: MedImageInsight ranks labels that the user gives; they compete only with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from semantic_kernel.functions import kernel_function

from domain.embedding import Embeddings, Familiarity, ImageEmbedding, References, ZeroShot
from domain.errors import ConfigurationError, ModelUnavailable, TargetRefused
from domain.privacy import Deidentified
from domain.study import Series
from inference.medimageinsight import label_text
from plugins.results import names, result
from plugins.tags import is_code
from plugins.workspace import Statement, Workspace
from prompts.lexicon import lexicon
from tools.deidentification_text import scrub_text

FEWEST, MOST = 2, 12
SLICES = 5
"""Slices of a volume that are looked at, evenly spread."""
CAUTION = "The labels compete only with each other, and a probability is no diagnosis."
UNJUDGED = "Whether the model knows images of this kind is undecided: no reference images are configured."

_MODALITIES = {
    "XR": "x-ray",
    "MR": "MRI",
    "US": "ultrasound",
    "MG": "mammography",
    "PT": "PET",
    "OP": "fundus photography",
    "OPT": "OCT",
    "SM": "histopathology",
    "ES": "endoscopy",
    "DMS": "dermoscopy",
}
"""Families of modalities as labels say them; others by their code."""
_VIEWS = {"AP": "anteroposterior", "PA": "posteroanterior", "LL": "lateral", "RL": "lateral"}


@dataclass(frozen=True)
class Ranked:
    """One label over all slices that were looked at.

    Attributes:
        probability: mean, 0–1, among these labels; spread: its largest minus its smallest.
        similarity: mean cosine of image and label.
    """

    label: str
    probability: float
    spread: float
    similarity: float


@dataclass(frozen=True)
class Ranking:
    """Labels, most probable first; the slices from 0; familiarity of the least familiar slice, None when unjudged."""

    rows: tuple[Ranked, ...]
    slices: tuple[int, ...]
    warnings: tuple[str, ...]
    familiarity: Familiarity | None = None


class FeaturesPlugin:
    """Zero-shot labels; there only where an endpoint is configured."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="classify",
        description="Rank 2 to 12 labels (findings, diagnoses) for a series with MedImageInsight. Only for labels that "
        "the user gives or that exclude each other.",
    )
    async def classify(
        self,
        series: Annotated[str, "series name from study-describe"],
        labels: Annotated[list[str], "labels in plain English"],
    ) -> Annotated[str, "JSON: ranking with probability, spread and similarity; familiarity; warnings; text"]:
        """The ranking, kept as a statement with its step."""
        workspace = self._workspace
        shown = workspace.series(series)
        model = workspace.around.insight
        if model is None:
            raise ModelUnavailable(
                "Ranking labels is not available on this machine.",
                remedy="Set MEDIMAGE_MODELS__MEDIMAGEINSIGHT__ENDPOINTS to a MedImageInsight endpoint.",
            )
        chosen = self._labels(names(labels))
        prompts = [_prompt(shown, label) for label in chosen]

        async def work() -> Ranking:
            return await self._rank(model, series, chosen, prompts)

        ranking, step = await workspace.runner.run(
            "features",
            "classify",
            work,
            inputs={"series": series, "labels": chosen},
            model=str(model.identity),
            outputs=lambda r: {
                "ranking": {row.label: round(row.probability, 4) for row in r.rows},
                "slices": list(r.slices),
            },
        )
        workspace.model_versions[model.identity.name] = model.identity.version
        text = _text(model.identity.name, series, ranking)
        workspace.classified[shown.series_uid] = (Statement(text, str(model.identity), step.step_id),)
        for warning in ranking.warnings:
            workspace.warn(f"{series}: {model.identity.name}: {warning}")
        return result(
            {
                "step": step.step_id,
                "model": str(model.identity),
                "slices": [index + 1 for index in ranking.slices],
                "ranking": [
                    {
                        "label": row.label,
                        "probability": round(row.probability, 4),
                        "spread": round(row.spread, 4),
                        "similarity": round(row.similarity, 4),
                    }
                    for row in ranking.rows
                ],
                "familiarity": _familiarity(ranking.familiarity),
                "warnings": [CAUTION, *ranking.warnings],
                "text": f"{text} [{step.step_id}]",
            }
        )

    def _labels(self, labels: list[str]) -> list[str]:
        """Different labels without identity. Raises TargetRefused."""
        patient = self._workspace.ingested.study.patient
        found: dict[str, str] = {}
        for label in labels:
            found.setdefault(" ".join(label.lower().split()), " ".join(label.split()))
        chosen = list(found.values())
        if not FEWEST <= len(chosen) <= MOST:
            raise TargetRefused(
                f"{len(chosen)} different labels cannot be ranked.",
                remedy=f"Give {FEWEST} to {MOST} different labels.",
                where="labels",
            )
        if any(scrub_text(label, patient).value != label for label in chosen):
            raise TargetRefused("A label may name a person.", remedy="Give findings or diagnoses.", where="labels")
        return chosen

    async def _rank(
        self, model: ImageEmbedding, series: str, labels: list[str], prompts: list[Deidentified[str]]
    ) -> Ranking:
        workspace = self._workspace
        volume, references = workspace.volume(series), workspace.around.references
        slices = sampled(volume.geometry.slices)
        images = [await model.image_of(volume, index, released=workspace.released) for index in slices]
        answers = [await model.zero_shot(image, prompts) for image in images]
        warnings = dict.fromkeys(w for a in answers for w in a.warnings)
        familiarity = None
        if references is not None:
            familiarity = _judged(references, await model.embed_images(images))
            if familiarity.outlier:
                warnings[f"the image {familiarity.reason}: do not rely on the ranking"] = None
        return Ranking(_ranked(labels, answers), slices, tuple(warnings), familiarity)


def sampled(count: int) -> tuple[int, ...]:
    """At most SLICES indexes of `count` slices, in the middle of equal parts."""
    parts = min(count, SLICES)
    return tuple((2 * part + 1) * count // (2 * parts) for part in range(parts))


def _prompt(series: Series, label: str) -> Deidentified[str]:
    modality = _MODALITIES.get(lexicon().family(series.modality), series.modality)
    view = _VIEWS.get(series.view_position.upper(), "")
    # Text in the place of a code would say something to the model beside the label.
    anatomy = series.body_part.lower() if is_code(series.body_part) else ""
    return label_text(modality, anatomy, view, label)


def _ranked(labels: Sequence[str], answers: Sequence[ZeroShot]) -> tuple[Ranked, ...]:
    probabilities = np.stack([a.probabilities for a in answers])
    mean, spread = probabilities.mean(axis=0), np.ptp(probabilities, axis=0)
    similar = np.stack([a.similarities for a in answers]).mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    return tuple(Ranked(labels[i], float(mean[i]), float(spread[i]), float(similar[i])) for i in order)


def _judged(references: References, vectors: Embeddings) -> Familiarity:
    """Of the least familiar slice; undecided before all others, as too few references judge no slice.

    Raises:
        ConfigurationError: the references are of another model.
    """
    try:
        found = [references.judge(vector) for vector in vectors]
    except ValueError as error:
        raise ConfigurationError(
            f"The reference images of {references.name} are not of this model.",
            remedy="Embed the references again with the model that is configured.",
        ) from error
    return min(found, key=lambda f: -1.0 if f.p_value is None else f.p_value)


def _familiarity(found: Familiarity | None) -> dict[str, object]:
    if found is None:
        return {"outlier": None, "reason": UNJUDGED}
    return {"outlier": found.outlier, "p_value": found.p_value, "reason": found.reason}


def _text(model: str, series: str, ranking: Ranking) -> str:
    order = ", ".join(f"{row.label} {row.probability:.2f}" for row in ranking.rows)
    where = series
    if len(ranking.slices) > 1:
        widest = max(row.spread for row in ranking.rows)
        where = f"{series}, mean of {len(ranking.slices)} slices, spread up to {widest:.2f}"
    return f"{model} ranks, of the labels given: {order} ({where}). {CAUTION}"
