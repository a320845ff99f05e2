"""Who is asked what in an ensemble: drawn from a seed, written down, read back and asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.ports import SegmentationModel
from domain.study import Series
from inference.ensemble.augmentation import PLAIN, Augmentation, draw
from inference.ensemble.flip_rules import allowed_flips
from inference.series.volumes import PromptWindow


@dataclass(frozen=True)
class Asked:
    """A model, and how the targets are put to it: same targets for all, each model with its own windows."""

    model: SegmentationModel
    prompts: tuple[PromptWindow, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """Keys of the masks."""
        return tuple(prompt.target for prompt in self.prompts)


@dataclass(frozen=True)
class Member:
    """One answer of an ensemble.

    Attributes:
        asked: which of the models, by number.
        model: its "name@version" when the plan was made.
        augmentation: what is done to its images and words.
    """

    asked: int
    model: str
    augmentation: Augmentation = PLAIN


@dataclass(frozen=True)
class EnsemblePlan:
    """All answers that will be asked for, the plain one of the first model first.

    Attributes:
        seed: what the augmentations were drawn from.
        notes: what was not allowed or not possible, in sentences.
    """

    seed: int
    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As JSON-able values; `from_record` reads them."""
        members = [{"asked": m.asked, "model": m.model, "augmentation": m.augmentation.record()} for m in self.members]
        return {"seed": self.seed, "members": members, "notes": list(self.notes)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> EnsemblePlan:
        """What `record` wrote."""
        members = tuple(
            Member(int(m["asked"]), str(m["model"]), Augmentation.from_record(m["augmentation"]))
            for m in record["members"]
        )
        return cls(int(record["seed"]), members, tuple(record["notes"]))


def plan_ensemble(
    asked: Sequence[Asked],
    series: Series,
    *,
    repeats: int,
    seed: int,
    wordings: Mapping[str, Sequence[str]] | None = None,
) -> EnsemblePlan:
    """The first model plain, every other model plain, then `repeats` augmented answers of the first.

    Args:
        repeats: augmented answers of the first model; fewer where so many different ones do not exist.
        wordings: target → other words for it. Those that the first model does not accept are left out.

    Raises:
        ValueError: no model, models that are asked for different targets, or a negative number of repeats.
    """
    if not asked or repeats < 0:
        raise ValueError("An ensemble has at least one model and no negative number of repeats.")
    if any(one.targets != asked[0].targets for one in asked):
        raise ValueError("All models of an ensemble are asked for the same targets, in the same order.")
    flips = allowed_flips(series, asked[0].targets)
    words, notes = _accepted(asked[0], series, wordings or {})
    fixed = _fixed_window(asked[0], series)
    drawn = draw(repeats, seed=seed, flips=flips, keep_window=series.colour or bool(fixed), wordings=words)
    if len(drawn) < repeats:
        notes.append(f"{len(drawn)} of {repeats} repeats: no more different views of these images are allowed.")
    if repeats:
        notes += [fixed] if fixed else []
        named = zip(("Images are not mirrored", "Images are not inverted"), flips.reasons, strict=True)
        allowed = (flips.columns, flips.rows)
        notes += [f"{what}: {why}." for (what, why), may in zip(named, allowed, strict=True) if not may]
    plain = [Member(number, str(one.model.identity)) for number, one in enumerate(asked)]
    augmented = [Member(0, plain[0].model, augmentation) for augmentation in drawn]
    return EnsemblePlan(seed, (*plain, *augmented), tuple(notes))


def reworded(prompts: Sequence[PromptWindow], augmentation: Augmentation) -> tuple[list[PromptWindow], dict[str, str]]:
    """The prompts in the augmentation's words, and sent target → asked target. Words never make two targets one."""
    taken = {prompt.target for prompt in prompts}
    sent: list[PromptWindow] = []
    names: dict[str, str] = {}
    for prompt in prompts:
        other = PromptWindow(augmentation.text(prompt.target, prompt.prompt), prompt.window)
        use = prompt if other.target in taken else other
        taken.add(use.target)
        sent.append(use)
        names[use.target] = prompt.target
    return sent, names


def _fixed_window(asked: Asked, series: Series) -> str:
    """Why the window must stay: a model that wants its own reads values out of the grey. "" when it may move."""
    for target in asked.targets:
        known = asked.model.known(series.modality, target)
        if known is not None and known.window is not None:
            return f"Windows are not changed: {asked.model.identity.name} wants its own for {target!r}."
    return ""


def _accepted(
    asked: Asked, series: Series, wordings: Mapping[str, Sequence[str]]
) -> tuple[dict[str, list[str]], list[str]]:
    words: dict[str, list[str]] = {}
    notes: list[str] = []
    for target, texts in wordings.items():
        if target not in asked.targets:
            raise ValueError(f"Other words were given for {target!r}, which is not asked for.")
        fitting = [text for text in texts if asked.model.accepts(series.modality, text)]
        if len(fitting) < len(texts):
            notes.append(f"{asked.model.identity.name} does not take {len(texts) - len(fitting)} words for {target!r}.")
        if fitting:
            words[target] = fitting
    return words, notes
