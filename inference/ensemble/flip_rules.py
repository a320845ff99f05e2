"""Where an image may be mirrored before a model sees it. A table with its reasons; what is in no row is not flipped.

A mirrored image shows a patient who does not exist: with a target that has a side, or lies on one, the answer to it
says nothing about the answer to the real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.study import Series
from tools.anatomy import Anatomy, anatomy, imaging_kind

OFF_CENTRE = 0.02
"""Largest distance of the middle of a structure's range from the body's midline, as a fraction of the body's width."""


@dataclass(frozen=True)
class AllowedFlips:
    """What may be flipped, and why the rest may not.

    Attributes:
        columns: the image may be mirrored (first column last).
        rows: the image may stand on its head (first row last).
        reasons: for each axis of the image, in the order columns, rows.
    """

    columns: bool
    rows: bool
    reasons: tuple[str, str]


NO_UP = "it has no up, down, left or right"
KINDS: dict[str, tuple[tuple[bool, str], tuple[bool, str]]] = {
    "pathology": ((True, f"a tissue section: {NO_UP}"), (True, f"a tissue section: {NO_UP}")),
    "dermoscopy": ((True, f"a patch of skin: {NO_UP}"), (True, f"a patch of skin: {NO_UP}")),
    "endoscopy": ((True, f"a turning camera: {NO_UP}"), (True, f"a turning camera: {NO_UP}")),
    "fundus": (
        (True, "a mirrored right eye is a left eye"),
        (False, "fundus photographs are upright: no eye stands on its head"),
    ),
    "OCT": ((True, "a mirrored right eye is a left eye"), (False, "depth runs down the image")),
}
"""Kinds of image in which the target has no say: columns, rows."""

PATIENT_AXES = {
    "left-right": (True, "left and right may change places where the target has no side"),
    "front-back": (False, "a body's front and back are not alike"),
    "head-feet": (False, "a body's upper and lower end are not alike"),
    "depth": (False, "depth runs down the image, and shadows with it"),
    "upright": (False, "projections are upright: an inverted one is no examination"),
}
"""Directions in the patient that a flip reverses. "left-right" depends on the target besides."""

OFF_MIDLINE = {
    "portal vein": "it runs to the liver, on the right",
    "small bowel": "its loops are not alike left and right",
    "colon": "its ascending and descending parts are not alike",
    "myocardium": "the heart lies to the left",
}
"""Structures whose range in the anatomy table is wide or unknown although they are not alike left and right."""

ON_MIDLINE = frozenset({"pubic symphysis", "fetal head", "optic disc", "optic cup", "anterior hippocampus"})
"""Structures without a range in the anatomy table that are alike left and right, or have no side at all."""


def allowed_flips(series: Series, targets: tuple[str, ...]) -> AllowedFlips:
    """What all targets that share an image allow in this series.

    Args:
        targets: texts in lower case ("left kidney", "liver tumor").
    """
    kind = imaging_kind(series.modality)
    sides = [side_reason(target, kind) for target in targets]
    sided = next((reason for reason in sides if reason), "")
    if kind in KINDS:
        columns, rows = KINDS[kind]
    else:
        columns, rows = (PATIENT_AXES.get(axis, _unknown(series)) for axis in _axes(series, kind))
    if sided and columns[0]:
        columns = (False, sided)
    if sided and rows[0] and kind not in KINDS:
        rows = (False, sided)
    return AllowedFlips(columns[0], rows[0], (columns[1], rows[1]))


def side_reason(target: str, kind: str = "") -> str:
    """Why left and right must not change places for a target; "" when they may.

    Args:
        kind: of the image, as `tools.anatomy.imaging_kind`; where it has no sides only a named side counts.
    """
    words = target.lower().replace("-", " ").split()
    named = {"left", "right"} & set(words)
    if named:
        return f"{target!r} names the {min(named)} side"
    if kind in KINDS:
        return ""
    found = _structures_in(target, words)
    if not found:
        return f"nothing is known about the side of {target!r}"
    return next((reason for reason in map(_lies_on_a_side, found) if reason), "")


def _structures_in(target: str, words: list[str]) -> list[Anatomy]:
    """The target itself and every structure that its words name ("pancreas tumor" is a tumor of the pancreas)."""
    parts = [" ".join(words[a:b]) for a in range(len(words)) for b in range(a + 1, min(a + 3, len(words)) + 1)]
    found = [anatomy(text) for text in dict.fromkeys((target.lower(), *parts))]
    return [facts for facts in found if facts is not None]


def _lies_on_a_side(facts: Anatomy) -> str:
    if facts.name in OFF_MIDLINE:
        return f"{facts.name}: {OFF_MIDLINE[facts.name]}"
    if facts.paired or facts.name in ON_MIDLINE:
        return ""
    if facts.across is None:
        return "" if facts.kind != "organ" else f"{facts.name}: nothing is known about its side"
    middle = sum(facts.across) / 2
    if abs(middle - 0.5) <= OFF_CENTRE:
        return ""
    return f"{facts.name} lies to the {'right' if middle < 0.5 else 'left'} of the midline"


def _axes(series: Series, kind: str) -> tuple[str, str]:
    """Directions in the patient along which a flip of columns, and of rows, reverses the image."""
    if kind == "XR":
        return "left-right", "upright"
    if kind == "US":
        return "left-right", "depth"
    if kind not in {"CT", "MR", "PT", "NM"}:
        return "", ""
    orientation = series.geometry.orientation
    if orientation is None:
        return "left-right", "upright"
    names = ("left-right", "front-back", "head-feet")
    along_row, along_column = (names[int(np.argmax(np.abs(direction)))] for direction in orientation)
    return along_row, along_column


def _unknown(series: Series) -> tuple[bool, str]:
    return False, f"nothing is known about mirrored images of modality {series.modality or 'unknown'!r}"
