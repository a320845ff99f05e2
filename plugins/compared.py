"""The work of a comparison: series by series, outline the earlier study, register, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.analysis import Change
from domain.errors import MedImageError
from domain.finding import Measurement
from domain.mask import Mask, Outcome
from domain.study import Series
from plugins.prior_study import PriorWorkspace, outline_prior, sent
from plugins.workspace import DerivedMeasurement, Workspace
from prompts.protocols import protocols
from tools.comparison.change import Laid, Outlined, ratio_change
from tools.comparison.lesion_change import Compared, compare
from tools.comparison.pairing import counterpart
from tools.comparison.plausibility import registrable
from tools.comparison.registration import Registration, register


@dataclass(frozen=True)
class NotCompared:
    """A target that could not be compared, and why."""

    target: str
    reason: str
    series_uid: str = ""


@dataclass(frozen=True)
class Done:
    """What came of a comparison; `step_id` is its last step."""

    changes: tuple[Change, ...]
    refused: tuple[NotCompared, ...]
    warnings: tuple[str, ...]
    step_id: str


def compare_all(pairs: Sequence[tuple[Outlined, Outlined, Laid]]) -> list[Compared]:
    """Compare targets; called in a compute process."""
    return [compare(now, before, laid) for now, before, laid in pairs]


class Comparing:
    """One comparison of the present study with an earlier one."""

    def __init__(self, workspace: Workspace, earlier: PriorWorkspace) -> None:
        self._now = workspace
        self._earlier = earlier
        self._refused: list[NotCompared] = []

    async def run(self, masks: Sequence[Mask]) -> Done:
        """Changes of masks that are judged and measured."""
        changes: list[Change] = []
        warnings: list[str] = []
        step_id = ""
        for uid in dict.fromkeys(m.series_uid for m in masks):
            own = [m for m in masks if m.series_uid == uid]
            found = await self._series(uid, own)
            changes += found.changes
            warnings += found.warnings
            step_id = found.step_id or step_id
        for text in warnings:
            self._now.warn(text)
        return Done(tuple(changes), tuple(self._refused), tuple(dict.fromkeys(warnings)), step_id)

    async def _series(self, uid: str, masks: list[Mask]) -> Done:
        now, earlier = self._now, self._earlier
        series = now.series(now.name_of(uid))
        before = counterpart(series, earlier.ingested.study.series, regions_of)
        if before is None:
            reason = f"{earlier.name} has no {series.modality} images of the same region, side and view."
            self._refused += [NotCompared(m.target, reason, uid) for m in masks]
            return Done((), (), (), "")
        ratios = [d for d in now.derived if set(d.mask_ids) & {m.mask_id for m in masks}]
        needed = {m.mask_id: m for m in masks} | {i: now.masks[i] for d in ratios for i in d.mask_ids}
        name = earlier.name_of(before.series_uid)
        await outline_prior(earlier, name, [(m, sent(now, m)[0]) for m in needed.values()])
        pairs = [(m, there) for m in masks if (there := self._usable(m, before)) is not None]
        warnings = self._caveats(name, before, [there for _, there in pairs])
        if not pairs:
            return Done((), (), warnings, "")
        laid, registered = await self._laid(series, before)
        found, step_id = await self._compared(pairs, laid)
        changes = [
            replace(change, how=self._asked_otherwise(mask, there, change.how), steps=steps)
            for (mask, there), one in zip(pairs, found, strict=True)
            for steps in (self._steps(mask, there, registered, step_id),)
            for change in one.changes
        ]
        changes += self._ratios(ratios, before, laid, step_id)
        said = [f"{earlier.name}: {text}" for one in found for text in one.warnings]
        return Done(tuple(changes), (), (*warnings, *said), step_id)

    def _usable(self, mask: Mask, before: Series) -> Mask | None:
        """The same target in the earlier series; a reason where it cannot be compared."""
        earlier = self._earlier
        there = earlier.mask_of(before.series_uid, mask.target)
        reason = earlier.unanswered.get((before.series_uid, mask.target), "it was not outlined.")
        if there is not None and not earlier.usable(there):
            reason = f"QA rejected its outline: {' '.join(there.quality.reasons if there.quality else ())}"
        if there is None or not earlier.usable(there):
            self._refused.append(NotCompared(mask.target, f"in {earlier.name}, {reason}", mask.series_uid))
            return None
        return there

    def _caveats(self, name: str, before: Series, masks: Sequence[Mask]) -> tuple[str, ...]:
        """What a reader must know of the earlier study: its images, its outlines, its measurements."""
        earlier = self._earlier
        said = [f"{name}: {text}" for text in before.warnings]
        said += [
            f"{mask.target}: for review: {' '.join(mask.quality.reasons)}"
            for mask in masks
            if mask.quality is not None and mask.quality.outcome is Outcome.REVIEW
        ]
        return tuple(dict.fromkeys(f"{earlier.name}: {text}" for text in (*said, *earlier.warnings)))

    async def _laid(self, now: Series, before: Series) -> tuple[Laid, str]:
        """How the series lie to each other, and the step that found it, "" without one."""
        earlier = self._earlier
        aside = registrable(now, before, regions_now=regions_of(now), regions_before=regions_of(before))
        if aside:
            return Laid(earlier.name, None, aside), ""
        key = (now.series_uid, before.series_uid)
        if key not in earlier.registrations:
            moving = earlier.ingested.volumes[before.series_uid]
            fixed = self._now.ingested.volumes[now.series_uid]

            async def work() -> Registration:
                return await self._now.compute.run(register, moving, fixed)

            try:
                found, step = await self._now.runner.run(
                    "comparison",
                    "register",
                    work,
                    inputs={"series": self._now.name_of(now.series_uid), "prior": earlier.name},
                    outputs=lambda r: {"method": r.words, "trusted": r.trusted, "doubt": r.doubt},
                )
            except MedImageError as error:
                return Laid(earlier.name, None, error.reason), ""
            earlier.registrations[key] = (found, step.step_id)
        registration, step_id = earlier.registrations[key]
        return Laid(earlier.name, registration), step_id

    async def _compared(self, pairs: Sequence[tuple[Mask, Mask]], laid: Laid) -> tuple[list[Compared], str]:
        work_on = [(_outlined(self._now, mask), _outlined(self._earlier, there), laid) for mask, there in pairs]

        async def work() -> list[Compared]:
            return await self._now.compute.run(compare_all, work_on)

        found, step = await self._now.runner.run(
            "comparison",
            "compare",
            work,
            inputs={
                "prior": laid.prior,
                "masks": [m.mask_id for m, _ in pairs],
                "before": [m.mask_id for _, m in pairs],
            },
            outputs=lambda rows: {
                f"{change.target}: {change.name}": change.state for row in rows for change in row.changes
            },
        )
        return found, step.step_id

    def _steps(self, mask: Mask, there: Mask, registered: str, step_id: str) -> tuple[str, ...]:
        """Everything behind a change; the comparison itself comes last."""
        behind = [s for w, m in ((self._now, mask), (self._earlier, there)) for s in _steps_of(w, m)]
        return (*dict.fromkeys(s for s in (*behind, registered) if s), step_id)

    def _asked_otherwise(self, mask: Mask, there: Mask, how: str) -> str:
        """The way of comparing, with the windows where the two outlines were asked for in different ones."""
        (_, now), (_, before) = sent(self._now, mask), sent(self._earlier, there)
        return f"{how}; asked for in the window {now} now and {before} before" if now != before else how

    def _ratios(self, ratios: Sequence[DerivedMeasurement], before: Series, laid: Laid, step_id: str) -> list[Change]:
        """Changes of numbers that several masks give together."""
        there = [d.measurement for d in self._earlier.derived if d.measurement.series_uid == before.series_uid]
        made = []
        for own in (d.measurement for d in ratios):
            same: Measurement | None = next((m for m in there if m.name == own.name), None)
            if same is None:
                reason = f"it was not measured in {self._earlier.name}."
                self._refused.append(NotCompared(own.name.replace("_", " "), reason, own.series_uid))
                continue
            now = self._now.series(self._now.name_of(own.series_uid))
            change = ratio_change(own, same, laid, (now.view_position, before.view_position))
            made.append(replace(change, steps=(own.step_id, same.step_id, step_id)))
        return made


def regions_of(series: Series) -> tuple[str, ...]:
    """Regions of the body that a series shows, wholly or in part; empty when it does not say."""
    shown = protocols().regions(series.body_part)
    return (*shown, *sorted(protocols().partly(series.body_part))) if shown else ()


def _outlined(workspace: Workspace, mask: Mask) -> Outlined:
    volume = workspace.ingested.volumes[mask.series_uid]
    return Outlined(replace(mask, probability=None), volume, workspace.measured.get(mask.mask_id, ()))


def _steps_of(workspace: Workspace, mask: Mask) -> list[str]:
    measured = [m.step_id for m in workspace.measured.get(mask.mask_id, ())]
    return [mask.step_id, workspace.quality_steps.get(mask.mask_id, ""), *measured]
