"""Changes lesion by lesion, where two studies were registered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from domain.analysis import Change
from domain.finding import Measurement
from tools.comparison.change import FEWEST_VOXELS, NOT_COMPARABLE, REFUSED, Laid, Outlined, between, changes
from tools.comparison.lesions import Lesion, Lesions, lesions
from tools.comparison.matching import Matching, Pair, match
from tools.comparison.tolerance import is_lesion, kind_of, tolerance

NAMES = ("volume", "long_axis")


@dataclass(frozen=True)
class Compared:
    """A target in two studies.

    Attributes:
        changes: of the whole first, then lesion by lesion.
        matching: of its lesions; None where there was nothing to match.
        warnings: what a reader must know.
    """

    changes: tuple[Change, ...]
    matching: Matching | None = None
    warnings: tuple[str, ...] = ()


def compare(now: Outlined, before: Outlined, laid: Laid) -> Compared:
    """Everything that can be said of a target in two studies."""
    several = is_lesion(now.mask) and now.mask.voxel_count > 0 and before.mask.voxel_count > 0
    if not several or laid.trusted is None:
        return Compared(changes(now, before, laid))
    first, second = lesions(now.mask, now.volume), lesions(before.mask, before.volume)
    matching = match(first, second, laid.trusted)
    alone = len(first.found) == len(second.found) == 1 and len(matching.pairs) == 1
    if alone:
        return Compared(changes(now, before, laid, note=_place(matching.pairs[0])), matching)
    rows = tuple(_rows(first, second, matching, now, laid))
    left = first.left_out + second.left_out
    said = f"{now.mask.target}: {left} smaller parts were not compared one by one." if left else ""
    note = f"{len(matching.pairs)} of {len(first.found)} lesions now and {len(second.found)} before matched"
    return Compared((*changes(now, before, laid, note=note), *rows), matching, (said,) if said else ())


def _rows(now: Lesions, before: Lesions, matching: Matching, outlined: Outlined, laid: Laid) -> Iterator[Change]:
    target, kind = outlined.mask.target, kind_of(outlined.mask)
    mine, theirs = {one.number: one for one in now.found}, {one.number: one for one in before.found}

    def row(own: Lesion | None, other: Lesion | None, state: str, why: str) -> Iterator[Change]:
        number = f"lesion {own.number}" if own else f"lesion {other.number} of {laid.prior}" if other else ""
        for name in NAMES:
            values = (_measured(own, name), _measured(other, name))
            unit = next((m.unit.value for m in values if m is not None), "")
            if unit:
                first, second = (None if m is None else m.value for m in values)
                made = Change(f"{target}, {number}", laid.prior, name, first, second, unit, None, None, state, why)
                yield replace(made, how=f"{laid.words}; {why}")

    for pair in matching.pairs:
        for made in row(mine[pair.now], theirs[pair.before], NOT_COMPARABLE, _place(pair)):
            yield _judged(made, mine[pair.now], theirs[pair.before], kind)
    for number in matching.new:
        yield from row(mine[number], None, "new", f"nothing was outlined there in {laid.prior}")
    for number in matching.gone:
        yield from row(None, theirs[number], "gone", "nothing is outlined there now, which does not exclude it")
    for number, whole in matching.split:
        why = f"{REFUSED}one lesion then, several now, of which lesion {_partner(matching, before=whole)} is one"
        yield from row(mine[number], None, NOT_COMPARABLE, why)
    for number, whole in matching.merged:
        yield from row(None, theirs[number], NOT_COMPARABLE, f"{REFUSED}several then, one now: lesion {whole}")
    for number in matching.unseen_before:
        yield from row(mine[number], None, NOT_COMPARABLE, f"{REFUSED}{laid.prior} does not show this place")
    for number in matching.unseen_now:
        yield from row(None, theirs[number], NOT_COMPARABLE, f"{REFUSED}the present images do not show this place")


def _judged(made: Change, now: Lesion, before: Lesion, kind: str) -> Change:
    rule = tolerance(kind, made.name)
    if rule is None or made.now is None or made.before is None:
        return made
    few = min(len(now.voxels), len(before.voxels))
    if made.name == "volume" and few < FEWEST_VOXELS:
        return replace(made, how=f"{made.how}; {REFUSED}{few} voxels are too few for a volume")
    if now.cut or before.cut:
        return replace(made, how=f"{made.how}; {REFUSED}it reaches the first or last slice")
    judged = between(made, made.now, made.before)
    return replace(judged, state=rule.state(made.now, made.before), how=f"{made.how}; {rule.words}")


def _measured(lesion: Lesion | None, name: str) -> Measurement | None:
    return None if lesion is None else next((m for m in lesion.measurements if m.name == name), None)


def _partner(matching: Matching, *, before: int) -> int:
    return next(p.now for p in matching.pairs if p.before == before)


def _place(pair: Pair) -> str:
    return f"same place: overlap {pair.overlap:.2f}, centres {pair.distance_mm:.1f} mm apart"
