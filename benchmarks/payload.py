"""From a DICOM file to the finished MedImageParse request, ours and the public toolkit's, in one process.

    python -m benchmarks.payload [--dicom FILE] [--toolkit PATH] [--repeat N]

PATH is the folder that holds `healthcareai_toolkit` (`package/` in a checkout of microsoft/healthcareai-examples);
its own code runs, from its reader to its payload, with its defaults (percentiles 0.5–99.5, square padding,
1024 pixels). The interpreter needs what the toolkit imports besides what we do: SimpleITK, python-magic,
requests, tqdm, joblib, ratelimit, tenacity, azure-ai-ml, azure-identity, python-dotenv. No request is sent.
Without --toolkit ours runs alone; without --dicom a CT slice of `pydicom-data` is used.
"""

from __future__ import annotations

import argparse
import base64
import importlib
import importlib.util
import json
import logging
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.medimageparse import request_body
from tools.ingest import ingest
from tools.letterbox import Letterbox
from tools.png import encode_rgb
from tools.preparation import prepare_slice
from tools.windowing import IDENTITY, PERCENTILE, apply_window

PROMPTS = ("liver",)
_WARM_UP = 3

Work = Callable[[], bytes]


def our_body(dicom: Path) -> bytes:
    """The product's own path: ingest, window, letterbox, PNG, base64, JSON."""
    study = ingest([dicom]).studies[0]
    volume = study.volumes[study.study.series[0].series_uid]
    window = IDENTITY if volume.array.ndim == 4 else PERCENTILE
    return request_body(prepare_slice(volume, 0, window).image.png, PROMPTS)


def our_stages(dicom: Path) -> dict[str, Callable[[], object]]:
    """The same work in parts, each on what the part before made."""
    volume = next(iter(ingest([dicom]).studies[0].volumes.values()))
    slice_ = volume.array[0]
    window = IDENTITY if slice_.ndim == 3 else PERCENTILE
    grey = apply_window(slice_, window)
    letterbox = Letterbox.fit(*grey.shape[:2])
    shown = letterbox.apply(grey)
    png = encode_rgb(shown)
    return {
        "ingest": lambda: ingest([dicom]),
        "window": lambda: apply_window(slice_, window),
        "letterbox": lambda: letterbox.apply(grey),
        "PNG": lambda: encode_rgb(shown),
        "base64 and JSON": lambda: request_body(png, PROMPTS),
    }


def toolkit_work(toolkit: Path, dicom: Path) -> Work:
    """The toolkit's path. Its client is made without its constructor, which would look for an Azure workspace."""
    sys.path.insert(0, str(toolkit))
    if importlib.util.find_spec("torch") is None:
        # Another client of the same package imports it to decode answers; nothing on this path calls it.
        sys.modules["torch"] = ModuleType("torch")
    client_type: Any = importlib.import_module(
        "healthcareai_toolkit.clients.medimage.medimageparse"
    ).MedImageParseClient
    client = client_type.__new__(client_type)
    client.logger = logging.getLogger("healthcareai_toolkit")
    client.params = {}
    client.image_reader = client.get_reader(None)
    client.image_preprocessor = client.get_preprocessor(None, None)
    return lambda: json.dumps(client.create_payload([str(dicom)], [" & ".join(PROMPTS)])).encode()


def milliseconds(works: dict[str, Callable[[], object]], repeat: int) -> dict[str, list[float]]:
    """Times of each work, taken in turns so that a busy machine slows all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(_WARM_UP + repeat):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if turn >= _WARM_UP:
                times[name].append((time.perf_counter() - start) * 1000)
    return times


def image_in(body: bytes) -> NDArray[np.int16]:
    """(rows, columns, channels) that a request shows."""
    encoded = json.loads(body)["input_data"]["data"][0][0]
    return np.array(Image.open(BytesIO(base64.b64decode(encoded)))).astype(np.int16)


def example_dicom() -> Path:
    """One CT slice of 512 × 512 pixels, not compressed."""
    from pydicom.data import get_testdata_file

    return Path(str(get_testdata_file("693_UNCI.dcm") or get_testdata_file("CT_small.dcm")))


def report(times: dict[str, list[float]]) -> None:
    """One line a work: median and fastest."""
    for name, taken in times.items():
        print(f"{name:<18}{median(taken):9.2f} ms median {min(taken):9.2f} ms fastest")


def compare(ours: bytes, theirs: bytes, times: dict[str, list[float]]) -> None:
    """What the difference in time costs: nothing in grey levels, little in bytes."""
    difference = np.abs(image_in(ours) - image_in(theirs))
    print(f"ratio             {median(times['toolkit']) / median(times['ours']):9.1f} × (medians)")
    share = np.mean(difference > 0)
    print(f"grey levels       {int(difference.max()):9d} largest difference, {share:.2%} of values differ")
    print(f"body              {len(ours) / len(theirs):9.2f} × ({len(ours):,} and {len(theirs):,} bytes)")


def main(arguments: list[str] | None = None) -> int:
    """Run and print; 0 when all that was asked for ran."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.payload", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--dicom", type=Path, help="a DICOM image; one slice")
    parser.add_argument("--toolkit", type=Path, help="folder that holds healthcareai_toolkit")
    parser.add_argument("--repeat", type=int, default=15, help="timed runs of each (15)")
    options = parser.parse_args(arguments)
    dicom = options.dicom or example_dicom()
    works: dict[str, Callable[[], object]] = {"ours": lambda: our_body(dicom)}
    theirs: Work | None = None
    if options.toolkit:
        try:
            theirs = toolkit_work(options.toolkit, dicom)
        except ModuleNotFoundError as missing:
            print(f"The toolkit cannot run here: {missing}. Install it for this interpreter.", file=sys.stderr)
            return 1
        works["toolkit"] = theirs
    times = milliseconds(works, options.repeat)
    print(f"{dicom.name}, {options.repeat} runs, percentile window, from file to request body")
    report(times)
    if theirs:
        compare(our_body(dicom), theirs(), times)
    else:
        print("No --toolkit given: nothing to compare with.")
    print("ours, in parts")
    report(milliseconds(our_stages(dicom), options.repeat))
    return 0


if __name__ == "__main__":
    sys.exit(main())
