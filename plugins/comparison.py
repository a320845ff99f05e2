"""`comparison-compare`: what was outlined now beside the same targets in an earlier study of the same patient.

The earlier study is outlined by the same words and models, judged and measured; both are registered where they can be,
else they are read side by side and say why.
"""

from __future__ import annotations

from typing import Annotated, Any

from semantic_kernel.functions import kernel_function

from domain.analysis import Change
from domain.errors import MedImageError
from domain.mask import Mask
from domain.prior import PriorStudy
from plugins.compared import Comparing, NotCompared
from plugins.prior_study import open_prior
from plugins.results import names, result
from plugins.workspace import UnknownName, Workspace
from prompts.lexicon import lexicon
from tools.comparison.sentences import sentences
from tools.deidentification_text import scrub_text

LATER = "later"
FAILED = ("", "comparison with an earlier study")
"""Where it is kept that nothing could be compared."""


class NoPrior(MedImageError):
    """There is no earlier study to compare with."""

    remedy_default = "Send the earlier study of this patient, then ask again."


class NothingMeasured(MedImageError):
    """Nothing of the present study is outlined, judged and measured yet."""

    remedy_default = "Call prompts-craft, segmentation-segment, quality-assess and measurement-measure first."


async def prior_rows(workspace: Workspace) -> tuple[dict[str, str], ...]:
    """The patient's other studies as a model sees them: "prior-1" is the newest earlier one; no identity.

    Earlier ones come first, newest first, then undated, then later ones. Names stay as long as the workspace does. An
    archive that does not answer is a warning.
    """
    try:
        priors = await _priors(workspace)
    except MedImageError as error:
        workspace.warn(f"Other studies of this patient could not be listed: {error}")
        return ()
    return tuple(
        {
            "name": name,
            "date": _month(prior),
            "modality": prior.modality,
            "body_part": prior.body_part,
            "description": scrub_text(prior.description, workspace.ingested.study.patient).value,
            "relation": prior.relation,
        }
        for name, prior in priors.items()
    )


class ComparisonPlugin:
    """The comparison specialist; there only where other studies can be reached. It reaches one patient alone."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @kernel_function(
        name="compare",
        description="Compare outlined and measured targets with an earlier study of the same patient: outlines them "
        "there by the same model, registers both studies and gives each change with its tolerance. Numbers only: "
        "larger, smaller, stable, new, gone or not_comparable; never progression or response.",
    )
    async def compare(
        self,
        prior: Annotated[str, "name of an earlier study from study-describe: prior-1 is the newest"] = "prior-1",
        targets: Annotated[list[str] | None, "only these targets; left out: those of the question"] = None,
    ) -> Annotated[str, "JSON: step, prior, date, changes, not_compared, warnings, text"]:
        """Changes of the asked targets, kept in the workspace in place of those of an earlier comparison.

        Raises:
            NoPrior: no other study is stored, or it is a later one.
            UnknownName: there is no such prior.
            NothingMeasured: there is nothing to compare yet.
            PatientLockViolation: the stored study is not certainly of the same patient.
        """
        unanswered = self._workspace.unanswered
        unanswered.pop(FAILED, None)
        try:
            return await self._compare(prior, [t.lower() for t in names(targets)])
        except MedImageError as error:
            unanswered[FAILED] = f"the studies could not be compared. {error.reason} {error.remedy}"
            raise

    async def _compare(self, name: str, asked: list[str]) -> str:
        workspace = self._workspace
        port = workspace.around.priors
        prior = await self._prior(name)
        assert port is not None
        async with workspace.writing:  # an outline must not be replaced while it is compared
            masks, refused = self._masks(asked)
            earlier = await open_prior(workspace, port, prior, name)
            done = await Comparing(workspace, earlier).run(masks)
            refused = (*refused, *done.refused)
            self._keep(name, masks, done.changes, refused)
        dates = {name: _month(prior)}
        lines = [f"{text} [{', '.join(steps)}]" for text, steps in sentences(done.changes, dates)]
        lines += [f"{r.target}: not compared with {name}: {r.reason}" for r in refused]
        return result(
            {
                "step": done.step_id,
                "prior": name,
                "date": dates[name],
                "modality": prior.modality,
                "changes": [_row(change) for change in done.changes],
                "not_compared": [{"target": r.target, "reason": r.reason} for r in refused],
                "warnings": list(done.warnings),
                "text": "\n".join(lines),
            }
        )

    async def _prior(self, name: str) -> PriorStudy:
        workspace = self._workspace
        if workspace.around.priors is None:
            raise NoPrior("Other studies of the patient cannot be reached here.", where="prior")
        priors = await _priors(workspace)
        if not priors:
            raise NoPrior("No other study of this patient is stored.", where="prior")
        if name not in priors:
            raise UnknownName(f"There is no {name[:40]!r}; there is {', '.join(priors)}.", where="prior")
        if priors[name].relation == LATER:
            remedy = "Open that study and compare it with this one."
            raise NoPrior(f"{name} is later than this study.", remedy=remedy, where="prior")
        return priors[name]

    def _masks(self, asked: list[str]) -> tuple[list[Mask], tuple[NotCompared, ...]]:
        """What of the present study is compared, and why the rest of what was asked for is not."""
        workspace = self._workspace
        wanted = asked or sorted(workspace.targets_in_question & {m.target for m in workspace.masks.values()})
        about = [m for m in workspace.masks.values() if not wanted or any(_means(m, t) for t in wanted)]
        ready = [m for m in about if workspace.usable(m) and m.mask_id in workspace.measured]
        refused = [
            NotCompared(t, "it was not outlined in this study.") for t in asked if not any(_means(m, t) for m in about)
        ]
        refused += [NotCompared(m.target, self._unready(m), m.series_uid) for m in about if m not in ready]
        if not ready:
            why = "; ".join(f"{r.target}: {r.reason}" for r in refused)
            raise NothingMeasured(f"Nothing that could be compared is measured yet. {why}".strip(), where="targets")
        return ready, tuple(refused)

    def _unready(self, mask: Mask) -> str:
        if mask.quality is None:
            return "QA has not judged its outline."
        return "its outline is not measured." if self._workspace.usable(mask) else "QA rejected its outline."

    def _keep(
        self, name: str, masks: list[Mask], changes: tuple[Change, ...], refused: tuple[NotCompared, ...]
    ) -> None:
        """The new changes in place of earlier ones of the same targets, and what could not be answered."""
        workspace = self._workspace
        again = {m.target for m in masks} | {c.target for c in changes}
        kept = [c for c in workspace.changes if c.prior != name or c.target.split(", lesion ")[0] not in again]
        workspace.changes = [*kept, *changes]
        for mask in masks:
            workspace.unanswered.pop((mask.series_uid, _compared(mask.target, name)), None)
        for one in refused:
            workspace.unanswered[(one.series_uid, _compared(one.target, name))] = one.reason


async def _priors(workspace: Workspace) -> dict[str, PriorStudy]:
    """The patient's other studies by name; asked for until there are some."""
    port = workspace.around.priors
    if port is not None and not workspace.prior_list:
        found = await port.listed(workspace.access, workspace.ingested.study.study_uid)
        order = {"earlier": 0, "undated": 1, LATER: 2}
        workspace.prior_list = tuple(sorted(found, key=lambda p: order.get(p.relation, 1)))
    return {f"prior-{number}": prior for number, prior in enumerate(workspace.prior_list, 1)}


def _compared(target: str, name: str) -> str:
    return f"{target} (compared with {name})"


def _month(prior: PriorStudy) -> str:
    return prior.started.strftime("%Y-%m") if prior.started else ""


def _means(mask: Mask, target: str) -> bool:
    """Whether a mask is of a target, in these or other words for the same."""
    concept = lexicon().named(target)
    return mask.target == target or (concept is not None and concept == lexicon().named(mask.target))


def _row(change: Change) -> dict[str, Any]:
    numbers = {key: getattr(change, key) for key in ("now", "before", "change", "percent")}
    shown = {key: None if value is None else float(f"{value:.6g}") for key, value in numbers.items()}
    return {
        "target": change.target,
        "name": change.name,
        **shown,
        "unit": change.unit,
        "state": change.state,
        "how": change.how,
        "steps": list(change.steps),
    }
