"""What a reader is told of an outline that was made again. Pure text, each sentence with the ids behind it."""

from __future__ import annotations

from collections.abc import Sequence

from domain.analysis import Complaint, Refinement
from domain.finding import Measurement
from domain.mask import Mask
from plugins.complaint import Wish
from tools.findings import quantity

SIZES = ("volume", "area", "long_axis")
"""Measurements by which two outlines are told apart, the first that both have."""
EXCHANGE = 'Say "take the other outline" to exchange them.'
_ASKED_FOR = {
    Complaint.TOO_LARGE: "a smaller outline",
    Complaint.TOO_SMALL: "a larger outline",
    Complaint.WRONG_SIDE: "an outline on the other side",
    Complaint.POOR: "another outline",
}


def kept_text(before: Mask, kept: Mask, made: Sequence[Refinement]) -> str:
    """QA thinks more of the new one."""
    last = made[-1]
    return (
        f"{_capital(kept.target)} was outlined again with {_change(last)}. QA says {last.outcome_after} of the new "
        f"outline and {last.outcome_before} of the earlier one: the new one, {kept.mask_id}, stands; the earlier one, "
        f"{before.mask_id}, can be taken back {_ids(kept, last)}."
    )


def beside_text(
    stands: Mask,
    other: Mask,
    numbers: Sequence[Measurement],
    others: Sequence[Measurement],
    made: Sequence[Refinement],
) -> str:
    """QA does not decide."""
    last = made[-1]
    size = _sizes(stands, other, numbers, others)
    return (
        f"{_capital(stands.target)} was outlined again with {_change(last)}: {size}. QA says {last.outcome_after} of "
        f"the new outline and {last.outcome_before} of the earlier one and does not decide between them, so both are "
        f"kept: {stands.mask_id} stands, {other.mask_id} is beside it {_ids(stands, last)}. {EXCHANGE}"
    )


def vain_text(mask: Mask, wish: Wish, made: Sequence[Refinement]) -> str:
    """Nothing that was tried answers the complaint."""
    tried = "; ".join(dict.fromkeys(_change(r) for r in made))
    ids = ", ".join(dict.fromkeys((mask.mask_id, *(s for r in made for s in r.steps))))
    return (
        f"{_capital(mask.target)} was tried again with {tried}: none of it gave {_ASKED_FOR[wish.complaint]} that QA "
        f"does not reject. The earlier outline stays and is marked for review [{ids}]. Correct it by hand in the "
        "viewer, or say what else to change: wording, window, slices or model."
    )


def chosen_text(before: Mask, chosen: Mask) -> str:
    """The reader chose."""
    return (
        f"The other outline of {chosen.target}, {chosen.mask_id}, stands now; {before.mask_id} is kept beside it "
        f"[{chosen.mask_id}, {chosen.step_id}]."
    )


def _change(record: Refinement) -> str:
    """One change in words: 'the wording "gall bladder"'."""
    match record.change:
        case "prompt":
            return f'the wording "{record.after}"'
        case "window":
            return f"the window {record.after} instead of {record.before or 'the earlier one'}"
        case "model":
            return f"the model {record.after}"
        case "contour":
            return f"its contour drawn at {record.after}"
        case _:
            return record.after


def _sizes(stands: Mask, other: Mask, numbers: Sequence[Measurement], others: Sequence[Measurement]) -> str:
    """Both sizes, in the first measurement that both have; voxels where there is none."""
    for name in SIZES:
        pair = [next((m for m in each if m.name == name), None) for each in (others, numbers)]
        new, old = pair
        if new is not None and old is not None:
            words = name.replace("_", " ")
            return f"{words} {quantity(new.value, new.unit)} instead of {quantity(old.value, old.unit)}"
    return f"{other.voxel_count} voxels instead of {stands.voxel_count}"


def _ids(mask: Mask, record: Refinement) -> str:
    return f"[{', '.join(dict.fromkeys((mask.mask_id, *record.steps)))}]"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
