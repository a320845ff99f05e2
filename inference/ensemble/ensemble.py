"""The same question several times, to models and views that differ: one mask, and how far the answers agree.

Every member's mask is mapped back exactly before anything is compared. Soft masks are fused by their mean
probability, hard ones by majority; how agreement becomes confidence is in `inference.ensemble.agreement`. The base
answer must come; a further member that fails is left out by name, and all extra work is bounded and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from domain.errors import BurnedInTextSuspected, ModelError
from domain.ports import Compute
from domain.study import Volume
from inference.ensemble.agreement import Agreement, Tally, compare_slice
from inference.ensemble.augmentation import PLAIN
from inference.ensemble.plan import Asked, EnsemblePlan, Member, reworded
from inference.series.mask import GatheredMask, SeriesMask
from inference.series.row_batches import Batching
from inference.series.slice_choice import SliceChoice, every_slice
from inference.series.volumes import IN_FLIGHT, Progress, images_asked, segment_series

EXTRA_IMAGES = 400
"""Images that an ensemble may send besides the base answer's, unless its caller says otherwise."""

Answer = dict[str, SeriesMask]


@dataclass(frozen=True, eq=False)
class EnsembleMask:
    """One target after all members answered.

    Attributes:
        mask: fused, when every member was asked about the same slices; else the base answer.
        fused: which of the two.
        repeats: the other members' own masks, in the plan's order.
        agreement: None when no other member answered: then nothing measures a confidence.
    """

    mask: SeriesMask
    fused: bool
    repeats: tuple[SeriesMask, ...]
    agreement: Agreement | None


@dataclass(frozen=True, eq=False)
class EnsembleResult:
    """What came of an ensemble.

    Attributes:
        masks: by target.
        answered: the members that did, the base first.
        extra_images: images that were answered besides those of the base answer.
        notes: what was left out and why, and the plan's own notes, in sentences.
    """

    masks: dict[str, EnsembleMask]
    answered: tuple[Member, ...]
    extra_images: int
    notes: tuple[str, ...]


async def segment_ensemble(
    plan: EnsemblePlan,
    asked: Sequence[Asked],
    volume: Volume,
    *,
    compute: Compute,
    base: Answer | None = None,
    slices: SliceChoice | None = None,
    extra_images: int = EXTRA_IMAGES,
    released: bool = False,
    on_progress: Progress | None = None,
    batching: Batching | None = None,
    in_flight: int = IN_FLIGHT,
) -> EnsembleResult:
    """Ask the plan's members one after the other, compare and fuse.

    Args:
        asked: the models that the plan was made for.
        base: the first model's plain answer, when it is there already; else it is asked for.
        slices: what the members are asked about; all when None. With a `base` of more slices they measure the
            agreement on a sample, and the base stays as it is.
        extra_images: bound of images besides the base answer's; members that do not fit in are left out by name.
        on_progress: called with (images answered, images in all).

    Raises:
        ModelUnreachable, ModelRefused, ModelResponseInvalid, BurnedInTextSuspected: of the base answer.
        ValueError: the plan is of other models, or `base` lacks slices or targets.
    """
    _require_same_models(plan, asked)
    choice = slices or every_slice(volume.geometry)
    if base is not None:
        _require_covering(base, asked[0].targets, choice)
    run = _Run(plan, asked, volume, choice, compute, released, batching, in_flight)
    affordable = run.affordable(extra_images)
    run.follow(on_progress, affordable, base is None)
    if base is None:
        base = await run.ask(plan.members[0])
    for member in affordable:
        await run.try_to_ask(member)
    answers = [base, *[answer for _, answer in run.answers]]
    answered = (plan.members[0], *[member for member, _ in run.answers])
    masks = {
        target: await _combine([answer[target] for answer in answers], answered, choice, compute)
        for target in asked[0].targets
    }
    return EnsembleResult(masks, answered, run.extra_images, (*plan.notes, *run.notes))


def _require_same_models(plan: EnsemblePlan, asked: Sequence[Asked]) -> None:
    known = dict(enumerate(str(one.model.identity) for one in asked))
    if any(known.get(member.asked) != member.model for member in plan.members):
        raise ValueError("The plan was made for other models, or other versions of them.")
    if not plan.members or plan.members[0].augmentation != PLAIN:
        raise ValueError("The first member of a plan is the plain answer.")


def _require_covering(base: Answer, targets: Sequence[str], choice: SliceChoice) -> None:
    for target in targets:
        if target not in base or not set(choice.indices) <= set(base[target].slices.indices):
            raise ValueError(f"The base answer does not hold {target!r} on all slices that are compared.")


class _Run:
    """One ensemble under way."""

    def __init__(
        self,
        plan: EnsemblePlan,
        asked: Sequence[Asked],
        volume: Volume,
        choice: SliceChoice,
        compute: Compute,
        released: bool,
        batching: Batching | None,
        in_flight: int,
    ) -> None:
        self._plan, self._asked, self._volume, self._choice = plan, asked, volume, choice
        self._compute, self._released, self._batching, self._in_flight = compute, released, batching, in_flight
        self._report: Progress = lambda _done, _all: None
        self._done = self._total = 0
        self.answers: list[tuple[Member, Answer]] = []
        self.extra_images = 0
        self.notes: list[str] = []

    def affordable(self, budget: int) -> list[Member]:
        """The further members that fit into the budget, in order."""
        fitting: list[Member] = []
        for member in self._plan.members[1:]:
            cost = self._cost(member)
            if cost <= budget:
                budget -= cost
                fitting.append(member)
            else:
                self.notes.append(f"{_name(member)} was not asked: {cost} images are more than the {budget} left.")
        return fitting

    def follow(self, on_progress: Progress | None, members: Sequence[Member], with_base: bool) -> None:
        """Report progress over these members."""
        counted = [*([self._plan.members[0]] if with_base else []), *members]
        self._total = sum(map(self._cost, counted))
        if on_progress is not None:
            self._report = on_progress
        self._report(0, self._total)

    async def ask(self, member: Member) -> Answer:
        """One member's masks by the targets' own names."""
        asked = self._asked[member.asked]
        prompts, names = reworded(asked.prompts, member.augmentation)
        start = self._done

        def report(done: int, _all: int) -> None:
            self._done = start + done
            if done:
                self._report(self._done, self._total)

        found = await segment_series(
            asked.model,
            self._volume,
            prompts,
            compute=self._compute,
            released=self._released,
            on_progress=report,
            slices=self._choice,
            batching=self._batching,
            in_flight=self._in_flight,
            augmentation=replace(member.augmentation, wording=()),
        )
        return {names[sent]: mask.renamed(names[sent]) for sent, mask in found.items()}

    async def try_to_ask(self, member: Member) -> None:
        """A further member; one that fails is noted, what it answered before that is counted."""
        before = self._done
        try:
            self.answers.append((member, await self.ask(member)))
        except (ModelError, BurnedInTextSuspected) as error:
            self.notes.append(f"{_name(member)} gave no answer: {error}")
        finally:
            self.extra_images += self._done - before

    def _cost(self, member: Member) -> int:
        return images_asked(self._volume, self._asked[member.asked].prompts, self._choice)


def _name(member: Member) -> str:
    return f"{member.model}, plain" if member.augmentation == PLAIN else f"A repeat of {member.model}"


async def _combine(
    masks: Sequence[SeriesMask], members: Sequence[Member], choice: SliceChoice, compute: Compute
) -> EnsembleMask:
    """Slice by slice, so that no member is unpacked whole."""
    base, repeats = masks[0], tuple(masks[1:])
    if not repeats:
        return EnsembleMask(base, False, (), None)
    soft = tuple(mask.soft for mask in masks)
    fusing = all(mask.slices.indices == base.slices.indices for mask in masks)
    tally, fused = Tally(len(masks)), GatheredMask(base.target, base.planes.shape)
    kind = "soft" if any(soft) else base.kind
    for number in choice.indices:
        levels = np.stack([mask.planes.levels(number) for mask in masks])
        if not levels.any():
            tally.add(None)
            fused.add(number, levels[0] if any(soft) else np.zeros(levels[0].shape, np.bool_), kind, "")
            continue
        plane, counts = await compute.run(compare_slice, levels, soft)
        tally.add(counts)
        fused.add(number, plane, kind, "")
    agreement = tally.agreement(_source(members))
    if not fusing:
        return EnsembleMask(base, False, repeats, agreement)
    return EnsembleMask(_with_category(fused.result(choice), masks), True, repeats, agreement)


def _with_category(fused: SeriesMask, masks: Sequence[SeriesMask]) -> SeriesMask:
    """The category that most slices of all members voted for."""
    votes: Counter[str] = Counter()
    for mask in masks:
        votes.update(mask.category_votes)
    return fused.with_votes(votes)


def _source(members: Sequence[Member]) -> str:
    models = list(dict.fromkeys(member.model for member in members))
    if len(models) == 1:
        return f"agreement of {len(members)} repeats"
    named = f"agreement of models {', '.join(models)}"
    again = len(members) - len(models)
    return f"{named} and {again} repeats" if again else named
