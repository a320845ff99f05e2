"""What a workspace holds, by topic: facts for a model, and a sentence with its ids for a reader. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

from domain.codes import Unit
from domain.finding import Finding, Measurement
from domain.mask import Mask, Outcome, Quality
from plugins.workspace import Workspace
from tools.anatomy import side_of
from tools.findings import quantity
from tools.scale import without_scale

COMPARABLE = {"volume": "larger", "area": "larger", "long_axis": "longer"}
"""Measurements by which two sides of a pair are compared, the first that both have, and what the greater one is."""


@dataclass(frozen=True)
class Recalled:
    """One row. `text` is "" where another row's sentence says it."""

    facts: Mapping[str, object]
    text: str


def about(topic: str, workspace: Workspace, chosen: Sequence[Mask], *, all_of_it: bool) -> tuple[Recalled, ...]:
    """What is known under a topic.

    Args:
        topic: one of TOPICS.
        chosen: outlines that are asked about.
        all_of_it: no target was named: what is about no outline belongs to it.
    """
    return tuple(_TOPICS[topic](workspace, chosen, all_of_it))


def _findings(workspace: Workspace, chosen: Sequence[Mask], all_of_it: bool) -> Iterator[Recalled]:
    for finding in workspace.findings:
        if all_of_it or any(_speaks_of(finding, mask) for mask in chosen):
            facts = {
                "id": finding.finding_id,
                "text": finding.text,
                "evidence": list(finding.evidence),
                "confidence": finding.confidence,
                "quality": finding.quality.value,
            }
            yield Recalled(facts, f"{finding.text} {_ids(finding.finding_id, *finding.evidence)}")
    if not workspace.findings:
        yield from _measurements(workspace, chosen, all_of_it)


def _speaks_of(finding: Finding, mask: Mask) -> bool:
    """A finding of one outline begins with its target; others name it."""
    return mask.target in finding.text.lower()


def _measurements(workspace: Workspace, chosen: Sequence[Mask], all_of_it: bool) -> Iterator[Recalled]:
    for mask in chosen:
        yield from _measured_mask(workspace, mask)
    ids = {m.mask_id for m in chosen}
    for derived in workspace.derived:
        if all_of_it or ids.intersection(derived.mask_ids):
            number = derived.measurement
            said = f"{_capital(_words(number.name))}: {quantity(number.value, number.unit)} ({number.method})"
            yield Recalled(
                {**_number(number), "masks": list(derived.mask_ids)},
                f"{said} {_ids(*derived.mask_ids, number.step_id)}.",
            )
    yield from _pairs(workspace, chosen)
    yield from _scales(workspace, chosen)


def _measured_mask(workspace: Workspace, mask: Mask) -> Iterator[Recalled]:
    numbers = workspace.measured.get(mask.mask_id, ()) if workspace.usable(mask) else ()
    name, ids = _named(workspace, mask), _ids(mask.mask_id, mask.step_id)
    if not workspace.usable(mask):
        verdict = "was not judged yet" if mask.quality is None else "was rejected"
        yield Recalled(_outline(workspace, mask), f"{name}: not measured, its outline {verdict} {ids}.")
    elif not mask.voxel_count:
        yield Recalled(
            _outline(workspace, mask), f"{name}: {mask.model} outlined nothing; that does not exclude it {ids}."
        )
    elif not numbers:
        yield Recalled(_outline(workspace, mask), f"{name}: not measured yet {ids}.")
    for index, number in enumerate(numbers):
        listed = ", ".join(f"{_words(m.name)} {quantity(m.value, m.unit)}" for m in numbers)
        sentence = f"{name}: {listed} {_ids(mask.mask_id, number.step_id)}." if index == 0 else ""
        yield Recalled({"mask": mask.mask_id, "side": side_of(mask.target), **_number(number)}, sentence)


def _pairs(workspace: Workspace, chosen: Sequence[Mask]) -> Iterator[Recalled]:
    """Which side of a pair is larger, from its measurements."""
    usable = {(m.series_uid, m.target): m for m in chosen if workspace.usable(m) and m.voxel_count}
    for (uid, target), left in usable.items():
        organ = target.removeprefix("left ")
        right = usable.get((uid, f"right {organ}"))
        if organ == target or right is None:
            continue
        for name in COMPARABLE:
            sides = [m for mask in (left, right) for m in workspace.measured.get(mask.mask_id, ()) if m.name == name]
            if len(sides) == 2 and sides[0].unit == sides[1].unit:
                yield _compared(organ, sides[0], sides[1])
                break


def _compared(organ: str, left: Measurement, right: Measurement) -> Recalled:
    big, small = (left, right) if left.value >= right.value else (right, left)
    side = "left" if big is left else "right"
    facts: dict[str, object] = {"compared": organ, "name": left.name, "unit": left.unit.value}
    facts |= {"left": left.value, "right": right.value, "difference": big.value - small.value}
    one, other = _precise(big.value, big.unit), _precise(small.value, small.unit)
    if one == other:
        text = f"The left and the right {organ} have the same {_words(left.name)}: {one}"
        return Recalled({**facts, "greater": ""}, f"{text} {_ids(left.mask_id, right.mask_id, left.step_id)}.")
    percent = f", {100 * (big.value - small.value) / small.value:.3g} % more" if small.value > 0 else ""
    return Recalled(
        {**facts, "greater": side},
        f"The {side} {organ} is {COMPARABLE[left.name]}: {one} {_ids(big.mask_id, big.step_id)} against {other} "
        f"{_ids(small.mask_id, small.step_id)}{percent}.",
    )


def _scales(workspace: Workspace, chosen: Sequence[Mask]) -> Iterator[Recalled]:
    """Why the outlines of a series have no size."""
    for uid in dict.fromkeys(m.series_uid for m in chosen):
        name = workspace.name_of(uid)
        missing = without_scale(name, workspace.series(name).geometry)
        if missing:
            yield Recalled({"series": name, "missing": missing}, f"{missing} {_ids(name)}.")


def _quality(workspace: Workspace, chosen: Sequence[Mask], _all: bool) -> Iterator[Recalled]:
    for mask in chosen:
        quality = mask.quality or Quality(Outcome.REVIEW, ("not judged yet",))
        sure = "" if quality.confidence is None else f", confidence {quality.confidence:.2f}"
        source = f" ({quality.confidence_source})" if sure and quality.confidence_source else ""
        reasons = "; ".join(r.rstrip(".") for r in quality.reasons) or "no objection"
        step = workspace.quality_steps.get(mask.mask_id, mask.step_id)
        text = f"{_named(workspace, mask)}: QA says {quality.outcome.value}{sure}{source}: {reasons}"
        yield Recalled(_outline(workspace, mask), f"{text} {_ids(mask.mask_id, step)}.")
    yield from _scales(workspace, chosen)
    for tried in workspace.refinements:
        if any((tried.series_uid, tried.target) == (m.series_uid, m.target) for m in chosen):
            end = "kept" if tried.kept else f"kept beside it as {tried.beside}" if tried.beside else "not kept"
            text = f"{_capital(tried.target)} was tried again with another {tried.change} ({tried.after}): {end}"
            ids = tried.steps or [m.mask_id for m in chosen if m.target == tried.target]
            yield Recalled({"refinement": asdict(tried)}, f"{text} {_ids(*ids)}.")


def _models(workspace: Workspace, chosen: Sequence[Mask], all_of_it: bool) -> Iterator[Recalled]:
    for mask in chosen:
        facts = {"id": mask.mask_id, "target": mask.target, "model": mask.model, "step": mask.step_id}
        text = f"{_named(workspace, mask)} was outlined by {mask.model} {_ids(mask.mask_id, mask.step_id)}."
        yield Recalled(facts, text)
    by_series = chain(workspace.reported.items(), workspace.classified.items()) if all_of_it else ()
    for uid, statements in by_series:
        for said in statements:
            series = workspace.name_of(uid)
            facts = {"series": series, "text": said.text, "model": said.model, "step": said.step_id}
            yield Recalled(facts, f'{said.model} said of {series}: "{said.text}" {_ids(said.step_id)}')


def _prompts(workspace: Workspace, chosen: Sequence[Mask], all_of_it: bool) -> Iterator[Recalled]:
    masks = {(m.series_uid, m.target): m for m in workspace.masks.values()}
    asked = {(m.series_uid, m.target) for m in chosen}
    for sent in workspace.prompts:
        key = (sent.series_uid, sent.target)
        if key in asked or (all_of_it and key not in masks):
            mask, series = masks.get(key), workspace.name_of(sent.series_uid)
            ids = _ids(mask.mask_id, mask.step_id) if mask else _ids(series)
            text = f'{_capital(sent.target)}: sent as "{sent.text}", window {sent.window}; {sent.reason.rstrip(".")}'
            yield Recalled({**asdict(sent), "series": series, "mask": mask.mask_id if mask else ""}, f"{text} {ids}.")


def _changes(workspace: Workspace, chosen: Sequence[Mask], all_of_it: bool) -> Iterator[Recalled]:
    targets = {m.target for m in chosen}
    for change in workspace.changes:
        if all_of_it or change.target in targets:
            percent = "" if change.percent is None else f" ({change.percent:+.3g} %)"
            before, now = _amount(change.before, change.unit), _amount(change.now, change.unit)
            text = f"{_capital(change.target)}, {_words(change.name)}: {before} in {change.prior}, now {now}"
            state = f"{_words(change.state)}{percent}; {change.how.rstrip('.')}"
            yield Recalled(asdict(change), f"{text}: {state} {_ids(*change.steps)}.")


def _report(workspace: Workspace, chosen: Sequence[Mask], _all: bool) -> Iterator[Recalled]:
    """The whole draft: a report is not cut to a target."""
    yield from _findings(workspace, chosen, True)
    for text in workspace.unanswered_texts:
        yield Recalled({"unanswered": text}, f"Not answered: {text}")


def _outline(workspace: Workspace, mask: Mask) -> dict[str, object]:
    quality = mask.quality
    return {
        "id": mask.mask_id,
        "target": mask.target,
        "side": side_of(mask.target),
        "series": workspace.name_of(mask.series_uid),
        "model": mask.model,
        "step": mask.step_id,
        "voxel_count": mask.voxel_count,
        "outcome": quality.outcome.value if quality else "not judged",
        "reasons": list(quality.reasons) if quality else [],
        "confidence": quality.confidence if quality else None,
        "confidence_source": quality.confidence_source if quality else "",
    }


def _number(number: Measurement) -> dict[str, object]:
    return {
        "target": number.target,
        "name": number.name,
        "value": float(f"{number.value:.6g}"),
        "unit": number.unit.value,
        "method": number.method,
        "source": number.source,
        "step": number.step_id,
    }


def _named(workspace: Workspace, mask: Mask) -> str:
    """The target, and its series where outlines of several series could be meant."""
    several = len({m.series_uid for m in workspace.masks.values()}) > 1
    return _capital(mask.target) + (f" in {workspace.name_of(mask.series_uid)}" if several else "")


def _ids(*found: str) -> str:
    return f"[{', '.join(dict.fromkeys(i for i in found if i))}]"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _precise(value: float, unit: Unit) -> str:
    """Four figures: two sides that differ must not read the same."""
    return f"{value:.4g} {quantity(0, unit).removeprefix('0').strip()}".strip()


def _amount(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{value:.4g} {unit}".strip()


_TOPICS: Mapping[str, Callable[[Workspace, Sequence[Mask], bool], Iterator[Recalled]]] = {
    "findings": _findings,
    "measurements": _measurements,
    "quality": _quality,
    "models": _models,
    "prompts": _prompts,
    "changes": _changes,
    "report": _report,
}
TOPICS = tuple(_TOPICS)
