"""From the bytes of a MedImageParse answer to measurements: four masks of 1024 × 1024 on a source of 512 × 512.

    python -m benchmarks.answer [--repeat N] [--masks N]

The answers are made here: ellipses of several sizes, written as the contract's JSON string, once hard (0 and 255)
and once soft. The product's own path runs: find the payload, parse JSON, decode base64, classify, bring masks back
to source pixels, measure each (`tools.measurement.measure`: area, axes, values). No request is sent.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit
from domain.geometry import Geometry
from domain.mask import Mask
from domain.study import Series, Volume
from inference.medimageparse import parse_response
from inference.series.volumes import map_back
from inference.wire_masks import classify_mask_values, decode_masks, lift_payload, probabilities
from tools.letterbox import MODEL_SIZE, Letterbox
from tools.measurement import measure

SOURCE = 512
BAR_MS = 25.0
TARGETS = ("liver", "left kidney", "spleen", "aorta")
_SHAPES = ((0.45, 0.35, 0.22, 0.16), (0.55, 0.70, 0.08, 0.05), (0.40, 0.72, 0.10, 0.07), (0.60, 0.52, 0.02, 0.02))
"""Centre (row, column) and half axes of each ellipse, as fractions of the image."""
_OUTSIDE = 127
"""Highest level, of 255, of a soft mask that is outside."""
_WARM_UP = 3

Work = Callable[[], object]


def masks_of(count: int, *, soft: bool) -> NDArray[np.uint8]:
    """(count, 1024, 1024): 0 and 255, or a border that falls off over a few pixels."""
    row, column = np.mgrid[:MODEL_SIZE, :MODEL_SIZE] / MODEL_SIZE
    masks = np.zeros((count, MODEL_SIZE, MODEL_SIZE), np.uint8)
    for index in range(count):
        y, x, high, wide = _SHAPES[index % len(_SHAPES)]
        depth = 1 - np.hypot((row - y) / high, (column - x) / wide)
        level = np.clip(0.5 + depth * 20, 0, 1) if soft else depth > 0
        masks[index] = np.rint(255 * level)
    return masks


def answer_of(masks: NDArray[np.uint8], targets: Sequence[str]) -> bytes:
    """The answer's bytes, `image_features` as a JSON string inside the JSON."""
    data = base64.b64encode(masks.tobytes()).decode()
    features = json.dumps({"data": data, "shape": list(masks.shape), "dtype": "uint8"})
    return json.dumps([{"image_features": features, "text_features": ["other organ"] * len(targets)}]).encode()


def source_volume() -> Volume:
    """One CT slice of 512 × 512 pixels of 0.8 mm."""
    geometry = Geometry(
        (1, SOURCE, SOURCE), (0.8, 0.8), np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.zeros((1, 3)), "PixelSpacing"
    )
    pixels = np.random.default_rng(0).normal(60, 15, (1, SOURCE, SOURCE)).astype(np.int16)
    return Volume(Series("1.2.3", "1.2", "CT", geometry, (), value_unit=Unit.HU), pixels)


def mapped(letterbox: Letterbox, probability: NDArray[np.float32], soft: bool) -> NDArray[np.bool_]:
    """Masks in source pixels, as `inference.series.volumes` asks for them."""
    planes = map_back(letterbox, probability if soft else probability.astype(np.bool_))
    return np.asarray(planes > _OUTSIDE if soft else planes, dtype=np.bool_)


def measured(masks: NDArray[np.bool_], targets: Sequence[str], volume: Volume) -> int:
    """How many measurements the masks give."""
    found = 0
    for index, target in enumerate(targets):
        mask = Mask(f"m{index}", target, "", "1.2.3", volume.geometry, masks[index][None], "bench@1", "s1")
        found += len(measure(mask, volume, step_id="s2")[0])
    return found


def whole(raw: bytes, targets: Sequence[str], volume: Volume) -> Work:
    """The product's path from bytes to measurements."""
    letterbox = Letterbox.fit(SOURCE, SOURCE)

    def run() -> int:
        answer = parse_response(raw, targets)
        return measured(mapped(letterbox, answer.probability, answer.soft), targets, volume)

    return run


def parts(raw: bytes, targets: Sequence[str], volume: Volume) -> dict[str, Work]:
    """The same work in parts, each on what the part before made."""
    text, payload = lift_payload(raw)
    features = json.loads(text)[0]["image_features"]
    values = decode_masks(features, payload)
    kind = classify_mask_values(values)
    probability = probabilities(values, kind)
    letterbox = Letterbox.fit(SOURCE, SOURCE)
    masks = mapped(letterbox, probability, kind == "soft")
    return {
        "find payload, JSON": lambda: json.loads(lift_payload(raw)[0]),
        "base64": lambda: decode_masks(features, payload),
        "classify, scale": lambda: probabilities(values, classify_mask_values(values)),
        "inverse map": lambda: mapped(letterbox, probability, kind == "soft"),
        "measure": lambda: measured(masks, targets, volume),
    }


def milliseconds(works: dict[str, Work], repeat: int) -> dict[str, list[float]]:
    """Times of each work, taken in turns so that a busy machine slows all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(_WARM_UP + repeat):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if turn >= _WARM_UP:
                times[name].append((time.perf_counter() - start) * 1000)
    return times


def naive(raw: bytes) -> Work:
    """What plain library calls take for decoding alone: json twice, base64, one array."""

    def run() -> NDArray[np.uint8]:
        features = json.loads(json.loads(raw)[0]["image_features"])
        return np.frombuffer(base64.b64decode(features["data"]), np.uint8).reshape(features["shape"])

    return run


def report(times: dict[str, list[float]]) -> None:
    """One line a work: median and fastest."""
    for name, taken in times.items():
        print(f"{name:<22}{median(taken):9.2f} ms median {min(taken):9.2f} ms fastest")


def main(arguments: list[str] | None = None) -> int:
    """Run and print; 0 when the hard answer's median keeps the bar, 1 when it does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answer", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repeat", type=int, default=15, help="timed runs of each (15)")
    parser.add_argument("--masks", type=int, default=4, help="masks in the answer (4)")
    options = parser.parse_args(arguments)
    targets = [TARGETS[index % len(TARGETS)] for index in range(options.masks)]
    volume = source_volume()
    kept = True
    for soft in (False, True):
        raw = answer_of(masks_of(options.masks, soft=soft), targets)
        print(f"{options.masks} {'soft' if soft else 'hard'} masks, {len(raw):,} bytes, {options.repeat} runs")
        times = milliseconds(
            {"bytes to measurements": whole(raw, targets, volume), "plain decoding alone": naive(raw)}, options.repeat
        )
        report(times)
        report(milliseconds(parts(raw, targets, volume), options.repeat))
        kept = kept and (soft or median(times["bytes to measurements"]) <= BAR_MS)
    print(f"bar of {BAR_MS:g} ms for hard masks: {'kept' if kept else 'missed'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
