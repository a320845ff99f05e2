"""MedImageParse 2D, version 2 of the Azure AI Foundry catalogue: text-prompted segmentation of one image.

Source: Azure AI Foundry documentation, model card and notebooks of MedImageParse; they differ in places.

Request (pandas split): `{"input_data": {"columns": ["image", "text"], "index": [0], "data": [[png as base64,
"prompt 1 & prompt 2"]]}, "params": {}}`; several rows have several indices. PNG, 8 bit, RGB, 1024 × 1024, aspect
kept, padded with black.
Answer: one object a row, `image_features` (see `wire_masks`; a JSON string, an object, once with single
quotes) and `text_features`, a category name for each prompt out of sixteen.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from domain.codes import Category
from domain.errors import ModelResponseInvalid, TargetRefused
from domain.model import KnownTarget, ModelIdentity, ModelImage, ParseAnswer
from domain.privacy import Deidentified
from inference import targets
from inference.series.row_batches import RowsNotAnswered
from inference.wire_json import Forgetting, Scorer
from inference.wire_masks import classify_mask_values, decode_masks, lift_payload, probabilities

NAME = "MedImageParse"
SIZE = 1024
SEPARATOR = " & "
_CATEGORIES = {category.value for category in Category}


def request_body(png: bytes, prompts: Sequence[str]) -> bytes:
    """The body that asks for `prompts` in one image.

    Raises:
        TargetRefused: no prompt, an empty one, or one that the contract would split at its '&'.
    """
    return request_rows([png], prompts)


def request_rows(pngs: Sequence[bytes], prompts: Sequence[str]) -> bytes:
    """The body that asks for `prompts` in each image, joined without a JSON encoder touching the pixels.

    Raises:
        TargetRefused: as `request_body`.
    """
    text = json.dumps(_joined(prompts)).encode()
    index = ",".join(map(str, range(len(pngs)))).encode()
    parts = [b'{"input_data":{"columns":["image","text"],"index":[', index, b'],"data":[']
    for number, png in enumerate(pngs):
        parts += [b',["' if number else b'["', base64.b64encode(png), b'",', text, b"]"]
    return b"".join((*parts, b']},"params":{}}'))


def _joined(prompts: Sequence[str]) -> str:
    if not prompts:
        raise TargetRefused("Nothing was asked for.", where="prompts")
    for prompt in prompts:
        if not prompt.strip() or "&" in prompt:
            raise TargetRefused(
                "A prompt must not be empty or contain '&', which separates prompts.",
                remedy="Ask for each structure by a prompt of its own.",
                where="prompts",
            )
    return SEPARATOR.join(" ".join(prompt.split()) for prompt in prompts)


def parse_response(raw: bytes, prompts: Sequence[str], size: tuple[int, int] = (SIZE, SIZE)) -> ParseAnswer:
    """The answer to one image, in any documented form.

    Args:
        size: height and width of the image that was sent.

    Raises:
        ModelResponseInvalid: names the field that breaks the contract; never a guess at what was meant.
    """
    text, payload = lift_payload(raw)
    return _answer(_rows(text, 1)[0], payload, prompts, size)


def parse_rows(raw: bytes, prompts: Sequence[str], sizes: Sequence[tuple[int, int]]) -> list[ParseAnswer]:
    """The answers to several images, in their order.

    Args:
        sizes: height and width of each image that was sent.

    Raises:
        RowsNotAnswered: not one object an image.
        ModelResponseInvalid: as `parse_response`, of any of them.
    """
    text, payloads = _lift_all(raw)
    lifted: Sequence[bytes | None] = payloads
    if len(payloads) != len(sizes):
        text, lifted = raw, [None] * len(sizes)
    rows = _rows(text, len(sizes))
    return [_answer(row, payload, prompts, size) for row, payload, size in zip(rows, lifted, sizes, strict=True)]


def _lift_all(raw: bytes) -> tuple[bytes, list[bytes]]:
    """`lift_payload` for each row: the text with placeholders, and what they stand for."""
    pieces: list[bytes] = []
    payloads: list[bytes] = []
    while True:
        text, payload = lift_payload(raw)
        if payload is None:
            return b"".join((*pieces, raw)), payloads
        # Up to the placeholder both texts are equal; there, the original has a character of base64.
        at = next(n for n, (one, other) in enumerate(zip(text, raw, strict=False)) if one != other)
        pieces.append(text[: at + 1])
        payloads.append(payload)
        raw = text[at + 1 :]


def _answer(row: dict[str, Any], payload: bytes | None, prompts: Sequence[str], size: tuple[int, int]) -> ParseAnswer:
    if "image_features" not in row:
        raise _broken("there is none", "image_features")
    values = decode_masks(row["image_features"], payload)
    if values.shape[0] != len(prompts):
        raise _broken(f"{values.shape[0]} masks for {len(prompts)} prompts", "image_features.shape")
    if values.shape[1:] != tuple(size):
        raise _broken(f"masks {values.shape[1:]} for an image {tuple(size)}", "image_features.shape")
    kind = classify_mask_values(values)
    return ParseAnswer(probabilities(values, kind), kind, _categories(row.get("text_features"), len(prompts)))


def _rows(text: bytes, count: int) -> list[dict[str, Any]]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken("not JSON, or cut off", "answer") from error
    if isinstance(answer, dict) and "image_features" in answer:
        answer = [answer]
    if isinstance(answer, dict) and ("error" in answer or "message" in answer):
        raise _broken("an error in place of masks", "answer")
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise _broken("not one object for each image", "answer")
    if len(answer) != count:
        raise RowsNotAnswered(
            f"The answer breaks MedImageParse's contract: {len(answer)} objects for {count} images.", where="answer"
        )
    return answer


def _categories(value: object, count: int) -> tuple[str, ...]:
    """A category for each prompt. Fewer or more names than prompts cannot be assigned: then there are none."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or len(names) != count:
        return ("",) * count
    spelled = (" ".join(name.casefold().replace("_", " ").split()) if isinstance(name, str) else "" for name in names)
    return tuple(name if name in _CATEGORIES else "" for name in spelled)


def _broken(reason: str, where: str) -> ModelResponseInvalid:
    return ModelResponseInvalid(f"The answer breaks MedImageParse's contract: {reason}.", where=where)


class MedImageParse:
    """A MedImageParse endpoint as a segmentation model (`domain.ports.SegmentationModel`)."""

    def __init__(self, transport: Scorer) -> None:
        self._transport = transport

    @property
    def identity(self) -> ModelIdentity:
        """MedImageParse, in the version that the configuration names."""
        endpoint = self._transport.endpoint
        return ModelIdentity(NAME, endpoint.version, endpoint.local)

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:
        """The published evaluation of this target."""
        return targets.find(modality, target, region)

    def accepts(self, modality: str, target: str) -> bool:  # noqa: ARG002 - part of the port
        """Any text that the contract does not split."""
        return bool(target.strip()) and "&" not in target

    async def segment(self, image: Deidentified[ModelImage], prompts: Sequence[str]) -> ParseAnswer:
        """Masks in the image's own pixels, one for each prompt, in their order."""
        return await segment_over(self._transport, image, prompts)

    async def segment_many(
        self, images: Sequence[Deidentified[ModelImage]], prompts: Sequence[str]
    ) -> list[ParseAnswer]:
        """The same for several images in one request (`inference.series.row_batches.BatchSegmentationModel`)."""
        return await segment_many_over(self._transport, images, prompts)


async def segment_over(transport: Scorer, image: Deidentified[ModelImage], prompts: Sequence[str]) -> ParseAnswer:
    """One call by the contract, whoever serves it.

    Raises:
        ModelUnreachable, ModelRefused, ModelResponseInvalid, TargetRefused.
    """
    return (await segment_many_over(transport, [image], prompts))[0]


async def segment_many_over(
    transport: Scorer, images: Sequence[Deidentified[ModelImage]], prompts: Sequence[str]
) -> list[ParseAnswer]:
    """One call with a row an image.

    Raises:
        RowsNotAnswered: the endpoint answered another number of rows.
        ModelUnreachable, ModelRefused, ModelResponseInvalid, TargetRefused.
    """
    methods = "; ".join(dict.fromkeys(image.method for image in images))
    body = Deidentified(request_rows([image.value.png for image in images], prompts), methods)
    raw = await transport.score(body)
    sizes = [(image.value.height, image.value.width) for image in images]
    try:
        return [parse_response(raw, prompts, sizes[0])] if len(sizes) == 1 else parse_rows(raw, prompts, sizes)
    except ModelResponseInvalid as error:
        if isinstance(transport, Forgetting):
            await transport.discard(body)
        where = f"{transport.endpoint.label}, {error.where}"
        raise type(error)(error.reason, remedy=error.remedy, where=where) from error
