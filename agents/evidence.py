"""What stands behind each id of a run: the target, its side, whether it was found, its numbers and changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.analysis import Change
from domain.finding import Finding, Measurement
from domain.mask import Mask
from plugins.workspace import Statement, Workspace
from tools.anatomy import side_of
from tools.laterality import lies_on


@dataclass(frozen=True)
class Number:
    """A number that a tool gave.

    Attributes:
        name: of the measurement ("volume"), "" when it has none.
        unit: UCUM; "" and "1" without one.
        target: of what; "" when it is of no structure.
    """

    name: str
    value: float
    unit: str
    target: str = ""


@dataclass(frozen=True)
class Behind:
    """What one id stands for.

    Attributes:
        target: as it was asked for, "" for a step.
        side: "left" or "right" of the patient, "" when it has or is known to have none.
        present: outlined; False when the outline is empty; None when nothing can be said (rejected, not judged).
        outcome: of quality assurance: "pass", "review", "reject", "" before.
        texts: sentences that tools and models gave under this id.
        covers: further ids that come with it: the masks that a step worked on.
    """

    target: str = ""
    side: str = ""
    present: bool | None = None
    outcome: str = ""
    numbers: tuple[Number, ...] = ()
    changes: tuple[Change, ...] = ()
    texts: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """All of a run.

    Attributes:
        behind: by id: "m1", "f2", "s3", "series-1", "prior-1".
        undone: what could not be answered, as (target, reason).
    """

    behind: Mapping[str, Behind] = field(default_factory=dict)
    undone: tuple[tuple[str, str], ...] = ()

    def cited(self, ids: Iterable[str]) -> tuple[Behind, ...]:
        """What stands behind ids, with what they cover; unknown ids give nothing."""
        named = dict.fromkeys(ids)
        wider = dict.fromkeys([*named, *(c for i in named if i in self.behind for c in self.behind[i].covers)])
        return tuple(self.behind[i] for i in wider if i in self.behind)


def evidence_of(workspace: Workspace) -> Evidence:
    """What the tools of a run have given so far, by id."""
    behind: dict[str, Behind] = {}
    for mask_id, mask in (*((m.mask_id, m) for m in workspace.beside.values()), *workspace.masks.items()):
        behind[mask_id] = _of_mask(workspace, mask)
    for finding in workspace.findings:
        behind[finding.finding_id] = _of_finding(workspace, finding, behind)
    for step in workspace.runner.steps:
        behind[step.step_id] = _of_step(workspace, step.step_id)
    for name in workspace.series_names:
        behind[name] = _of_series(workspace, name)
    for change in workspace.changes:
        earlier = behind.get(change.prior, Behind())
        behind[change.prior] = Behind(
            changes=(*earlier.changes, change), numbers=(*earlier.numbers, *numbers_of_change(change))
        )
    return Evidence(behind, tuple((target, reason) for (_, target), reason in workspace.unanswered.items()))


def _of_mask(workspace: Workspace, mask: Mask) -> Behind:
    usable = workspace.usable(mask)
    changes = tuple(c for c in workspace.changes if c.target.split(", lesion ")[0] == mask.target)
    numbers = [
        Number("voxel_count", mask.voxel_count, "1", mask.target),
        Number("voxel_count", mask.voxel_count, "pixel", mask.target),
    ]
    if usable:
        numbers += [_number(m) for m in workspace.measured.get(mask.mask_id, ())]
        numbers += [_number(d.measurement) for d in workspace.derived if mask.mask_id in d.mask_ids]
        numbers += _features(workspace.features.get(mask.mask_id, ()))
    if mask.quality is not None and mask.quality.confidence is not None:
        numbers.append(Number("confidence", mask.quality.confidence, "1", mask.target))
    volume = workspace.ingested.volumes.get(mask.series_uid)
    return Behind(
        target=mask.target,
        side=side_of(mask.target) or (lies_on(mask, volume) if usable and volume is not None else ""),
        present=bool(mask.voxel_count) if usable else None,
        outcome=mask.quality.outcome.value if mask.quality else "",
        numbers=(*numbers, *(n for c in changes for n in numbers_of_change(c))),
        changes=changes,
        texts=(mask.model, *(mask.quality.reasons if mask.quality else ())),
    )


def _of_finding(workspace: Workspace, finding: Finding, behind: Mapping[str, Behind]) -> Behind:
    """A finding about one mask says what the mask says; any other what its own words say."""
    own = [
        i
        for i, m in workspace.masks.items()
        if m.step_id in finding.evidence and finding.text.lower().startswith(f"{m.target}:")
    ]
    if own:
        mask = behind[own[0]]
        return Behind(
            mask.target, mask.side, mask.present, mask.outcome, mask.numbers, mask.changes, (*mask.texts, finding.text)
        )
    derived = [d for d in workspace.derived if d.measurement.step_id in finding.evidence and ":" in finding.text]
    named = [d for d in derived if finding.text.lower().startswith(d.measurement.name.replace("_", " "))]
    return Behind(
        numbers=tuple(_number(d.measurement) for d in named),
        texts=(finding.text,),
        covers=tuple(i for d in named for i in d.mask_ids),
    )


def _of_step(workspace: Workspace, step_id: str) -> Behind:
    statements: list[Statement] = [
        *workspace.facts,
        *(s for said in workspace.reported.values() for s in said),
        *(s for said in workspace.classified.values() for s in said),
    ]
    covered = [
        i
        for i, m in workspace.masks.items()
        if step_id in {m.step_id, workspace.quality_steps.get(i, "")}
        or any(x.step_id == step_id for x in workspace.measured.get(i, ()))
    ]
    changes = tuple(c for c in workspace.changes if step_id in c.steps)
    derived = [d.measurement for d in workspace.derived if d.measurement.step_id == step_id]
    return Behind(
        numbers=(*(_number(m) for m in derived), *(n for c in changes for n in numbers_of_change(c))),
        changes=changes,
        texts=tuple(s.text for s in statements if s.step_id == step_id),
        covers=tuple(covered),
    )


def _of_series(workspace: Workspace, name: str) -> Behind:
    series = workspace.series(name)
    geometry = series.geometry
    numbers = [
        Number("slices", geometry.slices, "1"),
        Number("rows", geometry.shape[1], "1"),
        Number("columns", geometry.shape[2], "1"),
    ]
    numbers += [Number("spacing", s, "mm") for s in geometry.pixel_spacing_mm or ()]
    if geometry.slice_spacing_mm is not None:
        numbers.append(Number("slice spacing", geometry.slice_spacing_mm, "mm"))
    return Behind(numbers=tuple(numbers), texts=(f"{series.modality} {series.body_part} {series.view_position}",))


def _number(measurement: Measurement) -> Number:
    return Number(measurement.name, measurement.value, measurement.unit.value, measurement.target)


def _features(rows: Iterable[dict[str, object]]) -> list[Number]:
    return [
        Number(str(row["name"]), float(str(row["value"])), str(row["unit"]), str(row["target"]))
        for row in rows
        if isinstance(row.get("value"), int | float)
    ]


def numbers_of_change(change: Change) -> tuple[Number, ...]:
    """Both values, and what lies between them; a fall is said without its sign, too."""
    parts = (
        (f"{change.name}.now", change.now, change.unit),
        (f"{change.name}.before", change.before, change.unit),
        (f"{change.name}.change", change.change, change.unit),
        (f"{change.name}.change", None if change.change is None else abs(change.change), change.unit),
        (f"{change.name}.percent", change.percent, "%"),
        (f"{change.name}.percent", None if change.percent is None else abs(change.percent), "%"),
    )
    return tuple(Number(name, value, unit, change.target) for name, value, unit in parts if value is not None)
