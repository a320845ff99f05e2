"""A series through a model that sees one image at a time: every slice, in parallel, back into source pixels.

Prompts that want the same window share one request a slice. A slice that fails fails the series: there is no
silently partial mask.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domain.model import ModelImage, Window
from domain.ports import Compute, SegmentationModel
from domain.privacy import Deidentified
from domain.study import Volume
from tools.deidentification import deidentify_image
from tools.letterbox import Letterbox
from tools.preparation import prepare_array
from tools.windowing import IDENTITY

IN_FLIGHT = 8
"""Slices under way at once; the transport limits calls besides."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PromptWindow:
    """A prompt, and the window that its target is shown with."""

    prompt: str
    window: Window


@dataclass(frozen=True, eq=False)
class SeriesMask:
    """What a model found of one target in a series.

    Attributes:
        target: the prompt's text in lower case.
        category: the model's name for it on most slices that show it; "" when it says none, or on a tie.
        array: (slices, rows, columns) bool in source pixels.
        kind: "binary", "binary255" or "soft", as `ParseAnswer.kind`; of all slices together.
        slices_inferred: number of slices that the model was asked about.
        category_votes: slices with voxels for each category.
    """

    target: str
    category: str
    array: NDArray[np.bool_]
    kind: str
    slices_inferred: int
    category_votes: dict[str, int]
    _levels: NDArray[np.uint8] | None = field(default=None, repr=False)

    @property
    def probability(self) -> NDArray[np.float32] | None:
        """(slices, rows, columns) float32 0–1 in steps of 1/255; None for hard masks."""
        if self._levels is None:
            return None
        scaled: NDArray[np.float32] = np.multiply(self._levels, np.float32(1 / 255), dtype=np.float32)
        return scaled


async def segment_series(
    model: SegmentationModel,
    volume: Volume,
    prompts: Sequence[PromptWindow],
    *,
    compute: Compute,
    released: bool = False,
    on_progress: Progress | None = None,
    slices: Sequence[int] | None = None,
) -> dict[str, SeriesMask]:
    """Masks of each prompt over a series, keyed by target (the prompt in lower case).

    Args:
        released: a person has looked at burned-in text and let the pixels go to a remote model.
        on_progress: called with (requests done, requests in all), the first time with 0.
        slices: 0-based slices to ask about; all when None. Voxels of the others stay outside.

    Raises:
        BurnedInTextSuspected: pixels must not leave this machine.
        ModelUnreachable, ModelRefused, ModelResponseInvalid: of the first slice that failed; the rest stops.
        ValueError: no prompts, the same one twice, or a slice that is not there.
    """
    run = _Run(model, volume, prompts, compute, released)
    requests = run.requests(range(volume.geometry.slices) if slices is None else slices)
    report = on_progress or (lambda _done, _all: None)
    report(0, len(requests))
    waiting, done = iter(requests), 0

    async def worker() -> None:
        nonlocal done
        for request in waiting:
            await run.infer(request)
            done += 1
            report(done, len(requests))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(IN_FLIGHT, len(requests))):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return {found.target: found.result() for found in run.found}


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@dataclass(frozen=True)
class _Request:
    """One slice in one window, for the prompts (by number) that share it."""

    slice_index: int
    window: Window
    prompts: tuple[int, ...]


class _Run:
    """One series on its way through one model."""

    def __init__(
        self,
        model: SegmentationModel,
        volume: Volume,
        prompts: Sequence[PromptWindow],
        compute: Compute,
        released: bool,
    ) -> None:
        names = [prompt.prompt.casefold().strip() for prompt in prompts]
        if not names or len(set(names)) != len(names):
            raise ValueError("Each target of a series is asked for once, and there is at least one.")
        self._model, self._volume, self._compute, self._released = model, volume, compute, released
        self._prompts = prompts
        self.found = [_Found(name, volume.geometry.shape) for name in names]

    def requests(self, slices: Sequence[int]) -> list[_Request]:
        """Slice by slice, so that a cancelled run has whole slices."""
        if any(not 0 <= number < self._volume.geometry.slices for number in slices):
            raise ValueError("A slice that the series does not have.")
        colour = self._volume.array.ndim == 4
        windows: dict[Window, list[int]] = {}
        for number, prompt in enumerate(self._prompts):
            windows.setdefault(IDENTITY if colour else prompt.window, []).append(number)
        return [
            _Request(number, window, tuple(sharing))
            for number in dict.fromkeys(slices)
            for window, sharing in windows.items()
        ]

    async def infer(self, request: _Request) -> None:
        pixels = self._volume.array[request.slice_index]
        image, letterbox = await self._compute.run(prepare_array, pixels, request.window)
        answer = await self._model.segment(self._allowed_out(image), [self._prompts[n].prompt for n in request.prompts])
        probability = answer.probability if answer.soft else answer.probability.astype(np.bool_)
        masks, levels = await self._compute.run(map_back, letterbox, probability)
        for place, number in enumerate(request.prompts):
            level = None if levels is None else levels[place]
            self.found[number].add(request.slice_index, masks[place], level, answer.kind, answer.categories[place])

    def _allowed_out(self, image: ModelImage) -> Deidentified[ModelImage]:
        return deidentify_image(
            image,
            self._volume.series,
            destination_is_local=self._model.identity.local,
            released=self._released,
        )


def map_back(
    letterbox: Letterbox, probability: NDArray[np.generic]
) -> tuple[NDArray[np.bool_], NDArray[np.uint8] | None]:
    """Masks (prompts, size, size) in source pixels; with them probability × 255 when they are soft (float)."""
    masks = letterbox.mask_to_source(probability)
    if probability.dtype.kind != "f":
        return masks, None
    soft = letterbox.probability_to_source(probability)
    return masks, np.rint(soft * np.float32(255)).astype(np.uint8)


class _Found:
    """What is known of one target so far. Probabilities take a byte a voxel, and none before a soft answer."""

    def __init__(self, target: str, shape: tuple[int, int, int]) -> None:
        self.target = target
        self._array = np.zeros(shape, np.bool_)
        self._levels: NDArray[np.uint8] | None = None
        self._kinds: dict[int, str] = {}
        self._says: dict[int, str] = {}

    def add(
        self, slice_index: int, mask: NDArray[np.bool_], level: NDArray[np.uint8] | None, kind: str, category: str
    ) -> None:
        self._array[slice_index] = mask
        self._kinds[slice_index] = kind
        self._says[slice_index] = category
        if level is not None:
            if self._levels is None:
                self._levels = np.zeros(self._array.shape, np.uint8)
            self._levels[slice_index] = level

    def result(self) -> SeriesMask:
        kinds = set(self._kinds.values())
        kind = next((k for k in ("soft", "binary255") if k in kinds), "binary")
        if kind != "binary":
            self._reread_ones()
        self._fill_levels()
        shown = [number for number in self._kinds if self._array[number].any()]
        votes = Counter(self._says[number] for number in shown if self._says[number])
        return SeriesMask(self.target, _winner(votes), self._array, kind, len(self._kinds), dict(votes), self._levels)

    def _reread_ones(self) -> None:
        """{0, 1} on a slice, when others show that this model counts to 255: the ones are 1/255, not inside."""
        for number, kind in self._kinds.items():
            if kind == "binary":
                self._array[number] = False

    def _fill_levels(self) -> None:
        if self._levels is not None:
            for number, kind in self._kinds.items():
                if kind != "soft":
                    self._levels[number] = self._array[number] * np.uint8(255)


def _winner(votes: Counter[str]) -> str:
    ranked = votes.most_common(2)
    tie = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return ranked[0][0] if ranked and not tie else ""
