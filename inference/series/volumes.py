"""A series through a model that sees one image at a time: the chosen slices, in parallel, back into source pixels.

Prompts that want the same window share one image of a slice; images of neighbouring slices share a request where
the model takes rows. A slice that fails fails the series: there is no silently partial mask. Nothing is smoothed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.model import ModelImage, Window
from domain.ports import Compute, SegmentationModel
from domain.privacy import Deidentified
from domain.study import Volume
from inference.ensemble.augmentation import PLAIN, Augmentation, prepare_view, restore
from inference.series.mask import GatheredMask, SeriesMask
from inference.series.mask_planes import INSIDE, Plane
from inference.series.row_batches import Batching, answer_rows
from inference.series.slice_choice import SliceChoice, every_slice, these_slices
from tools.deidentification import deidentify_image
from tools.letterbox import Letterbox
from tools.windowing import IDENTITY

__all__ = ["IN_FLIGHT", "Progress", "PromptWindow", "SeriesMask", "images_asked", "segment_series"]

IN_FLIGHT = 8
"""Requests under way at once; the transport limits calls besides."""
ROWS_IN_FLIGHT = 16
"""Images under way at once when requests have several: an answer takes 4 bytes a model pixel and target."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PromptWindow:
    """A prompt, and the window that its target is shown with."""

    prompt: str
    window: Window

    @property
    def target(self) -> str:
        """The key of its mask."""
        return self.prompt.casefold().strip()


async def segment_series(
    model: SegmentationModel,
    volume: Volume,
    prompts: Sequence[PromptWindow],
    *,
    compute: Compute,
    released: bool = False,
    on_progress: Progress | None = None,
    slices: SliceChoice | Sequence[int] | None = None,
    batching: Batching | None = None,
    in_flight: int = IN_FLIGHT,
    augmentation: Augmentation = PLAIN,
) -> dict[str, SeriesMask]:
    """Masks of each prompt over a series, keyed by target (the prompt in lower case).

    Args:
        released: a person has looked at burned-in text and let the pixels go to a remote model.
        on_progress: called with (images answered, images in all), the first time with 0.
        slices: what to ask about; all when None. Voxels of the others stay outside: `SeriesMask.slices` says so.
        batching: images in a request; one when None.
        in_flight: requests under way at once.
        augmentation: what is done to every image and undone on every mask. Its wording is the caller's to apply.

    Raises:
        BurnedInTextSuspected: pixels must not leave this machine.
        ModelUnreachable, ModelRefused, ModelResponseInvalid: of the first slice that failed; the rest stops.
        ValueError: no prompts, the same one twice, no slices, or a slice that is not there.
    """
    run = _Run(model, volume, prompts, compute, released, batching or Batching(), augmentation)
    choice = _choice(volume, slices)
    requests = run.requests(choice.indices)
    report = on_progress or (lambda _done, _all: None)
    total = sum(len(request.slices) for request in requests)
    report(0, total)
    waiting, done = iter(requests), 0

    async def worker() -> None:
        nonlocal done
        for request in waiting:
            await run.infer(request)
            done += len(request.slices)
            report(done, total)

    rows = max(len(request.slices) for request in requests)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(max(1, in_flight if rows == 1 else ROWS_IN_FLIGHT // rows), in_flight, len(requests))):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return {found.target: found.result(choice) for found in run.found}


def images_asked(volume: Volume, prompts: Sequence[PromptWindow], slices: SliceChoice) -> int:
    """Number of images that `segment_series` would send: slices × different windows."""
    return len(slices.indices) * len(_by_window(volume, prompts))


def _choice(volume: Volume, slices: SliceChoice | Sequence[int] | None) -> SliceChoice:
    if slices is None:
        return every_slice(volume.geometry)
    if not isinstance(slices, SliceChoice):
        return these_slices(volume.geometry, slices)
    if slices.total != volume.geometry.slices:
        raise ValueError(f"The slice choice is of {slices.total} slices; the series has {volume.geometry.slices}.")
    return slices


def _by_window(volume: Volume, prompts: Sequence[PromptWindow]) -> dict[Window, list[int]]:
    """Numbers of the prompts that share an image. Colour has no window."""
    colour = volume.array.ndim == 4
    windows: dict[Window, list[int]] = {}
    for number, prompt in enumerate(prompts):
        windows.setdefault(IDENTITY if colour else prompt.window, []).append(number)
    return windows


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@dataclass(frozen=True)
class _Request:
    """Slices in one window, for the prompts (by number) that share it."""

    slices: tuple[int, ...]
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
        batching: Batching,
        augmentation: Augmentation,
    ) -> None:
        names = [prompt.target for prompt in prompts]
        if not names or len(set(names)) != len(names):
            raise ValueError("Each target of a series is asked for once, and there is at least one.")
        self._model, self._volume, self._compute, self._released = model, volume, compute, released
        self._prompts, self._batching, self._augmentation = prompts, batching, augmentation
        self.found = [GatheredMask(name, volume.geometry.shape) for name in names]

    def requests(self, slices: Sequence[int]) -> list[_Request]:
        """Slice by slice, or a few together, so that what is done when a run ends early is whole slices."""
        rows = self._batching.rows_for(self._model)
        windows = _by_window(self._volume, self._prompts)
        return [
            _Request(tuple(slices[start : start + rows]), window, tuple(sharing))
            for start in range(0, len(slices), rows)
            for window, sharing in windows.items()
        ]

    async def infer(self, request: _Request) -> None:
        views = [
            await self._compute.run(prepare_view, self._volume.array[number], request.window, self._augmentation)
            for number in request.slices
        ]
        letterbox = views[0][1]
        images = [self._allowed_out(image) for image, _ in views]
        texts = [self._prompts[number].prompt for number in request.prompts]
        waiting = iter(request.slices)
        for batch in self._batching.split(images):
            answers = await answer_rows(self._model, batch, texts)
            while answers:
                answer = answers.pop(0)
                probability = answer.probability if answer.soft else answer.probability.astype(np.bool_)
                kind, categories = answer.kind, answer.categories
                del answer
                planes = await self._compute.run(map_back, letterbox, probability, self._augmentation)
                self._keep(next(waiting), request, planes, kind, categories)

    def _keep(self, number: int, request: _Request, planes: Plane, kind: str, categories: Sequence[str]) -> None:
        for place, prompt in enumerate(request.prompts):
            self.found[prompt].add(number, planes[place], kind, categories[place])

    def _allowed_out(self, image: ModelImage) -> Deidentified[ModelImage]:
        return deidentify_image(
            image,
            self._volume.series,
            destination_is_local=self._model.identity.local,
            released=self._released,
        )


def map_back(letterbox: Letterbox, probability: NDArray[np.generic], augmentation: Augmentation = PLAIN) -> Plane:
    """Masks (prompts, size, size) in source pixels, the augmentation undone.

    Returns:
        (prompts, rows, columns): bool of hard masks (bool), uint8 levels of soft ones (float 0–1): probability × 255,
        rounded, and at least 128 exactly where `Letterbox.mask_to_source` says inside. Only a probability of one
        half, which rounds either way, is decided by that.
    """
    if probability.dtype.kind != "f":
        return np.asarray(restore(letterbox.mask_to_source(probability), augmentation), np.bool_)
    soft = letterbox.probability_to_source(probability)
    levels = np.rint(soft * np.float32(255)).astype(np.uint8)
    undecided = np.abs(soft - np.float32(0.5)) < 1e-3
    for place in np.flatnonzero(undecided.any(axis=(1, 2))):
        inside = letterbox.mask_to_source(probability[place])
        levels[place] = np.where(inside, np.maximum(levels[place], INSIDE), np.minimum(levels[place], INSIDE - 1))
    return np.asarray(restore(levels, augmentation), np.uint8)
