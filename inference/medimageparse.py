"""MedImageParse 2D, version 2 of the Azure AI Foundry catalogue: text-prompted segmentation of one image.

Source: Azure AI Foundry documentation, model card and notebooks of MedImageParse; they differ in places.

Request (pandas split): `{"input_data": {"columns": ["image", "text"], "index": [0], "data": [[png as base64,
"prompt 1 & prompt 2"]]}, "params": {}}`. PNG, 8 bit, RGB, 1024 × 1024, aspect kept, padded with black.
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
from inference.transport import EndpointTransport
from inference.wire_masks import classify_mask_values, decode_masks, lift_payload, probabilities

NAME = "MedImageParse"
SIZE = 1024
SEPARATOR = " & "
_CATEGORIES = {category.value for category in Category}


def request_body(png: bytes, prompts: Sequence[str]) -> bytes:
    """The body that asks for `prompts` in one image, joined without a JSON encoder touching the pixels.

    Raises:
        TargetRefused: no prompt, an empty one, or one that the contract would split at its '&'.
    """
    if not prompts:
        raise TargetRefused("Nothing was asked for.", where="prompts")
    for prompt in prompts:
        if not prompt.strip() or "&" in prompt:
            raise TargetRefused(
                "A prompt must not be empty or contain '&', which separates prompts.",
                remedy="Ask for each structure by a prompt of its own.",
                where="prompts",
            )
    text = json.dumps(SEPARATOR.join(" ".join(prompt.split()) for prompt in prompts)).encode()
    return b"".join(
        (
            b'{"input_data":{"columns":["image","text"],"index":[0],"data":[["',
            base64.b64encode(png),
            b'",',
            text,
            b']]},"params":{}}',
        )
    )


def parse_response(raw: bytes, prompts: Sequence[str], size: tuple[int, int] = (SIZE, SIZE)) -> ParseAnswer:
    """The answer to one image, in any documented form.

    Args:
        size: height and width of the image that was sent.

    Raises:
        ModelResponseInvalid: names the field that breaks the contract; never a guess at what was meant.
    """
    text, payload = lift_payload(raw)
    row = _only_row(text)
    if "image_features" not in row:
        raise _broken("there is none", "image_features")
    values = decode_masks(row["image_features"], payload)
    if values.shape[0] != len(prompts):
        raise _broken(f"{values.shape[0]} masks for {len(prompts)} prompts", "image_features.shape")
    if values.shape[1:] != tuple(size):
        raise _broken(f"masks {values.shape[1:]} for an image {tuple(size)}", "image_features.shape")
    kind = classify_mask_values(values)
    return ParseAnswer(probabilities(values, kind), kind, _categories(row.get("text_features"), len(prompts)))


def _only_row(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken("not JSON, or cut off", "answer") from error
    if isinstance(answer, dict) and "image_features" in answer:
        answer = [answer]
    if isinstance(answer, dict) and ("error" in answer or "message" in answer):
        raise _broken("an error in place of masks", "answer")
    if not isinstance(answer, list) or len(answer) != 1 or not isinstance(answer[0], dict):
        raise _broken("not one object for the one image", "answer")
    return answer[0]


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

    def __init__(self, transport: EndpointTransport) -> None:
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


async def segment_over(
    transport: EndpointTransport, image: Deidentified[ModelImage], prompts: Sequence[str]
) -> ParseAnswer:
    """One call by the contract, whoever serves it.

    Raises:
        ModelUnreachable, ModelRefused, ModelResponseInvalid, TargetRefused.
    """
    body = Deidentified(request_body(image.value.png, prompts), image.method)
    raw = await transport.score(body)
    try:
        return parse_response(raw, prompts, (image.value.height, image.value.width))
    except ModelResponseInvalid as error:
        where = f"{transport.endpoint.label}, {error.where}"
        raise ModelResponseInvalid(error.reason, remedy=error.remedy, where=where) from error
