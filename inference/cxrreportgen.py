"""CXRReportGen of the Azure AI Foundry catalogue: a grounded draft report of a chest radiograph.

Source: Azure AI Foundry documentation, public toolkit and notebooks of CXRReportGen; they differ in places.

Request (pandas split), columns out of `frontal_image, lateral_image, prior_image, indication, technique, comparison,
prior_report`; only `frontal_image` must be there. Images: 8-bit grey PNG in source size (the notebooks resize nothing;
the toolkit takes percentiles 1–99 of what is not 8-bit). Fewer than 10 rows a call, here one.
Answer: `[{"output": "<JSON text>"}]`, in the documentation one object whose output is parsed already:
`[[text, null | [[x0, y0, x1, y1], …]], …]`. Boxes are fractions of the centre square of the frontal image, the
square that a crop to the shorter side leaves; the documentation's "multiply by width and height" fits square images
only.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.chest_report import Box, ChestCase, ChestReport, ReportSentence
from domain.errors import TargetRefused
from domain.model import ModelIdentity, ModelImage, Window
from domain.ports import Compute
from domain.privacy import Deidentified
from domain.study import Series, Volume
from inference.wire_json import AnswerReader, Scorer, base64_cell, identity_at, scored, split_body, text_cell
from tools.deidentification import deidentify_image
from tools.quality_body import LATERAL_VIEWS
from tools.windowing import apply_window, percentile_limits

NAME = "CXRReportGen"
MODALITIES = frozenset({"CR", "DX", "RG", "XR"})
"""DICOM modalities of chest radiographs: projections, without mammography and fluoroscopy."""
PERCENTILES = (1.0, 99.0)
LONGEST_SENTENCE = 4000
MOST_SENTENCES = 200
MOST_BOXES = 64
_ROUNDING = 0.01
"""How far a fraction may lie outside 0–1 and is clipped; the model counts in steps of 0.01."""

_IMAGES = ("frontal_image", "lateral_image", "prior_image")
_TEXTS = ("indication", "technique", "comparison", "prior_report")
_CHEST_WORDS = ("chest", "thora", "lung", "pulmon", "cxr", "torax")
_OTHER_WORDS = (
    *("abdom", "pelvi", "hip", "femur", "knee", "tibia", "ankle", "foot", "toe", "calcan", "shoulder", "humer"),
    *("elbow", "forearm", "wrist", "hand", "finger", "skull", "sinus", "mandib", "spine", "lumb", "cervic", "dental"),
)
_LATERAL = LATERAL_VIEWS | {"LLD", "RLD", "LAT"}
_READER = AnswerReader(NAME)

REGION_UNKNOWN = "the files state no body part: taken for a chest radiograph as asked"
VIEW_UNKNOWN = "the files state no view: taken for a frontal one"
DRAFTED = "sentences of a generative model; each one needs to be checked against the image"


@dataclass(frozen=True)
class CentreCrop:
    """The centre square of an image of rows × columns pixels, an odd remainder after it."""

    rows: int
    columns: int

    @property
    def side(self) -> int:
        """Side of the square in pixels: the shorter side of the image."""
        return min(self.rows, self.columns)

    @property
    def left(self) -> int:
        """Columns before the square."""
        return (self.columns - self.side) // 2

    @property
    def top(self) -> int:
        """Rows above the square."""
        return (self.rows - self.side) // 2

    def to_source(self, fractions: tuple[float, float, float, float]) -> Box:
        """A box (x0, y0, x1, y1) in fractions of the square, in pixels of the image, clipped to the square."""
        x0, y0, x1, y1 = (min(max(value, 0.0), 1.0) * self.side for value in fractions)
        return Box(x0 + self.left, y0 + self.top, x1 + self.left, y1 + self.top)

    def to_fractions(self, box: Box) -> tuple[float, float, float, float]:
        """The way back."""
        left, top, side = self.left, self.top, self.side
        return (box.left - left) / side, (box.top - top) / side, (box.right - left) / side, (box.bottom - top) / side


def encode_grey(array: NDArray[np.generic]) -> ModelImage:
    """An 8-bit grey PNG of (rows, columns) values, in their size, without metadata. Bright is dense.

    8-bit values stay as they are; others are shown from percentile 1 to 99.
    """
    from PIL import Image

    grey = array if array.dtype == np.uint8 else _windowed(array)
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey)).save(stream, format="PNG", compress_level=1)
    return ModelImage(stream.getvalue(), array.shape[1], array.shape[0])


def _windowed(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    low, high = percentile_limits(array, PERCENTILES)
    if high <= low:
        return np.zeros(array.shape, np.uint8)
    return apply_window(array, Window("percentiles 1-99", low, high))


def request_body(images: dict[str, bytes], texts: dict[str, str]) -> bytes:
    """The body for one case; columns that nobody filled are left out.

    Args:
        images: PNG by column; `frontal_image` is among them.
        texts: by column.
    """
    cells = {name: base64_cell(images[name]) for name in _IMAGES if name in images}
    cells |= {name: text_cell(texts[name]) for name in _TEXTS if name in texts}
    return split_body(tuple(cells), [tuple(cells.values())])


def parse_response(raw: bytes, rows: int, columns: int) -> tuple[ReportSentence, ...]:
    """The sentences of one case, boxes in pixels of the frontal image.

    Args:
        rows, columns: of the frontal image.

    Raises:
        ModelResponseInvalid: names the field that breaks the contract.
    """
    (row,) = _READER.rows(_READER.document(raw), 1, "output")
    findings = _READER.nested(row["output"], "output")
    if not isinstance(findings, list) or not 0 < len(findings) <= MOST_SENTENCES:
        raise _READER.broken(f"not a list of 1 to {MOST_SENTENCES} sentences", "output")
    crop = CentreCrop(rows, columns)
    return tuple(_sentence(finding, crop, f"output[{number}]") for number, finding in enumerate(findings))


def _sentence(finding: object, crop: CentreCrop, where: str) -> ReportSentence:
    if not isinstance(finding, list | tuple) or len(finding) != 2:
        raise _READER.broken("not [text, boxes]", where)
    text, boxes = finding
    if not isinstance(text, str) or not 0 < len(text.strip()) <= LONGEST_SENTENCE:
        raise _READER.broken("no text, or an endless one", f"{where}[0]")
    found = [] if boxes is None else boxes
    if not isinstance(found, list | tuple) or len(found) > MOST_BOXES:
        raise _READER.broken("neither null nor a list of boxes", f"{where}[1]")
    return ReportSentence(text.strip(), tuple(_box(b, crop, f"{where}[1][{n}]") for n, b in enumerate(found)))


def _box(box: object, crop: CentreCrop, where: str) -> Box:
    limits = _READER.numbers(list(box) if isinstance(box, tuple) else box, where)
    if limits.shape != (4,):
        raise _READER.broken("not four numbers", where)
    if limits.min() < -_ROUNDING or limits.max() > 1 + _ROUNDING:
        raise _READER.broken("not fractions from 0 to 1", where)
    x0, y0, x1, y1 = np.clip(limits, 0.0, 1.0).tolist()
    if x0 >= x1 or y0 >= y1:
        raise _READER.broken("a box without area, or the wrong way round", where)
    return crop.to_source((x0, y0, x1, y1))


def require_chest(series: Series, *, region: str = "", lateral: bool = False, where: str = "frontal") -> list[str]:
    """Refuse what is no chest radiograph of the wanted view; returns what could not be checked.

    Raises:
        TargetRefused: another modality, several images, colour, another body part, or another view.
    """
    if series.modality not in MODALITIES or series.geometry.slices != 1 or series.colour:
        raise _refused(f"{series.modality or 'this'} series is not one grey projection radiograph", where)
    stated = (series.body_part or region).casefold()
    described = f"{series.description} {series.protocol}".casefold()
    said = any(word in (stated or described) for word in _CHEST_WORDS)
    other = not series.body_part and any(re.search(rf"\b{word}", described) for word in _OTHER_WORDS)
    if (stated and not said) or (other and not any(word in described for word in _CHEST_WORDS)):
        raise _refused("the examined body part is not the chest", where)
    view = series.view_position.upper()
    if view and (view in _LATERAL) != lateral:
        raise _refused(f"view {view} is not {'lateral' if lateral else 'frontal'}", where)
    return ([] if said else [REGION_UNKNOWN]) + ([] if view or lateral else [VIEW_UNKNOWN])


def _refused(reason: str, where: str) -> TargetRefused:
    return TargetRefused(
        f"{NAME} drafts reports of chest radiographs only: {reason}.",
        remedy="Send a frontal chest radiograph, or ask another model.",
        where=where,
    )


class CXRReportGen:
    """A CXRReportGen endpoint (`domain.chest_report.ChestReportModel`).

    Args:
        compute: where images are encoded.
    """

    def __init__(self, transport: Scorer, *, compute: Compute) -> None:
        self._transport = transport
        self._compute = compute

    @property
    def identity(self) -> ModelIdentity:
        """CXRReportGen, in the version that the configuration names."""
        return identity_at(NAME, self._transport)

    async def report(self, case: ChestCase, *, released: bool = False) -> ChestReport:
        """The draft for one case.

        Args:
            released: a person has looked at burned-in text and let the pixels go to a remote model.

        Raises:
            TargetRefused: not a frontal chest radiograph, or not the lateral or prior one that it is given as.
            BurnedInTextSuspected: pixels must not leave this machine.
            ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """
        warnings = require_chest(case.frontal.series, region=case.region)
        volumes = {"frontal_image": case.frontal}
        if case.lateral is not None:
            warnings += require_chest(case.lateral.series, region=case.region, lateral=True, where="lateral")
            volumes["lateral_image"] = case.lateral
        if case.prior is not None:
            warnings += require_chest(case.prior.series, region=case.region, where="prior")
            volumes["prior_image"] = case.prior
        images = {name: await self._image(volume, released) for name, volume in volumes.items()}
        rows, columns = case.frontal.geometry.shape[1:]
        sentences = await scored(
            self._transport, _body(case, images), lambda raw: self._compute.run(parse_response, raw, rows, columns)
        )
        return ChestReport(sentences, tuple(dict.fromkeys((DRAFTED, *warnings))))

    async def _image(self, volume: Volume, released: bool) -> Deidentified[ModelImage]:
        image = await self._compute.run(encode_grey, volume.array[0])
        local = self.identity.local
        return deidentify_image(image, volume.series, destination_is_local=local, released=released)


def _body(case: ChestCase, images: dict[str, Deidentified[ModelImage]]) -> Deidentified[bytes]:
    """Made of de-identified parts only."""
    given = (case.indication, case.technique, case.comparison, case.prior_report)
    texts = {name: text for name, text in zip(_TEXTS, given, strict=True) if text is not None}
    methods = [*(image.method for image in images.values()), *(text.method for text in texts.values())]
    body = request_body(
        {name: image.value.png for name, image in images.items()}, {name: text.value for name, text in texts.items()}
    )
    return Deidentified(body, "; ".join(dict.fromkeys(methods)))
