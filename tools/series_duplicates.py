"""Several images at one place: copies, or another time, echo or diffusion weighting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from domain.study import Refusal
from tools.dicom_pixels import DecodedFrame

SAME_PLACE_MM = 0.01


@dataclass(frozen=True, eq=False)
class Layer:
    """Frames of one grid with at most one at each place.

    Attributes:
        label: what tells it from the others at the same places, "" for an only one.
    """

    frames: list[DecodedFrame]
    label: str = ""
    notes: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


def without_copies(frames: Sequence[DecodedFrame]) -> tuple[list[DecodedFrame], list[str], list[Refusal]]:
    """Keep one frame for each SOP Instance UID and frame number; name the others and say what they were."""
    kept: dict[tuple[str, int], DecodedFrame] = {}
    notes: list[str] = []
    refused: list[Refusal] = []
    for decoded in frames:
        uid = decoded.frame.header.text("SOPInstanceUID")
        key = (uid or decoded.frame.header.name, decoded.frame.number)
        first = kept.setdefault(key, decoded)
        if first is decoded:
            continue
        if _same_pixels(first, decoded):
            notes.append(f"{decoded.frame.header.name} is a copy of {first.frame.header.name}: not used")
        else:
            refused.append(_contradiction(decoded, first, "has the same SOP Instance UID as"))
    return list(kept.values()), notes, refused


def layers_of(frames: Sequence[DecodedFrame], distances_mm: Sequence[float]) -> list[Layer]:
    """Split frames so that no two of a layer lie at the same distance along the normal.

    Copies are dropped by name; other times, echoes, b-values become layers of their own; what nothing tells
    apart is refused by name.
    """
    ordered = sorted(zip(distances_mm, frames, strict=True), key=lambda pair: (pair[0], pair[1].frame.order))
    places = _places(ordered)
    if all(len(place) == 1 for place in places):
        return [Layer([place[0] for place in places])]
    if all(_same_pixels(place[0], other) for place in places for other in place[1:]):
        return [_first_of_each(places)]
    return _by_trait(places) or [_first_of_each(places)]


def _places(ordered: Iterable[tuple[float, DecodedFrame]]) -> list[list[DecodedFrame]]:
    places: list[list[DecodedFrame]] = []
    start = -np.inf
    for distance, decoded in ordered:
        if distance - start < SAME_PLACE_MM:
            places[-1].append(decoded)
        else:
            places.append([decoded])
            start = distance
    return [sorted(place, key=lambda one: one.frame.order) for place in places]


def _first_of_each(places: Sequence[Sequence[DecodedFrame]]) -> Layer:
    notes: list[str] = []
    refused: list[Refusal] = []
    for first, *others in places:
        for other in others:
            if _same_pixels(first, other):
                notes.append(f"{_label(other)} repeats {_label(first)} at the same position: not used")
            else:
                refused.append(_contradiction(other, first, "lies at the same position as"))
    return Layer([place[0] for place in places], "", tuple(notes), tuple(refused))


def _by_trait(places: Sequence[Sequence[DecodedFrame]]) -> list[Layer]:
    frames = [decoded for place in places for decoded in place]
    deepest = max(len(place) for place in places)
    keywords = [k for k in _keywords(frames) if len({one.frame.traits.get(k, "") for one in frames}) > 1]
    for chosen in [*((k,) for k in keywords), *combinations(keywords, 2)]:
        groups = _grouped(frames, chosen)
        if 1 < len(groups) <= 2 * deepest and all(_apart(places, chosen, key) for key in groups):
            return _named(groups, chosen)
    return []


def _keywords(frames: Sequence[DecodedFrame]) -> list[str]:
    return list(dict.fromkeys(keyword for decoded in frames for keyword in decoded.frame.traits))


def _key(decoded: DecodedFrame, chosen: Sequence[str]) -> tuple[str, ...]:
    return tuple(decoded.frame.traits.get(keyword, "") for keyword in chosen)


def _grouped(frames: Sequence[DecodedFrame], chosen: Sequence[str]) -> dict[tuple[str, ...], list[DecodedFrame]]:
    groups: dict[tuple[str, ...], list[DecodedFrame]] = defaultdict(list)
    for decoded in frames:
        groups[_key(decoded, chosen)].append(decoded)
    return groups


def _apart(places: Sequence[Sequence[DecodedFrame]], chosen: Sequence[str], key: tuple[str, ...]) -> bool:
    return all(sum(_key(decoded, chosen) == key for decoded in place) <= 1 for place in places)


def _named(groups: dict[tuple[str, ...], list[DecodedFrame]], chosen: Sequence[str]) -> list[Layer]:
    trait = " and ".join(chosen)
    note = f"several images at the same places: split by {trait} into {len(groups)} series"
    keys = sorted(groups, key=lambda key: (-len(groups[key]), [_numeric(part) for part in key]))
    return [Layer(groups[key], f"{trait} {number} of {len(keys)}", (note,)) for number, key in enumerate(keys, start=1)]


def _numeric(text: str) -> tuple[float, str]:
    try:
        return float(text), ""
    except ValueError:
        return float("inf"), text


def _same_pixels(one: DecodedFrame, other: DecodedFrame) -> bool:
    return np.array_equal(one.array, other.array)


def _label(decoded: DecodedFrame) -> str:
    header = decoded.frame.header
    frames = header.integer("NumberOfFrames") or 1
    return f"{header.name} frame {decoded.frame.number}" if frames > 1 else header.name


def _contradiction(later: DecodedFrame, first: DecodedFrame, how: str) -> Refusal:
    return Refusal(
        later.frame.header.name,
        f"{_label(later)} {how} {_label(first)}, but its pixels differ.",
        "Send one of the two, or give the acquisitions series of their own.",
    )
