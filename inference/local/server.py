"""Embedded models behind MedImageParse's wire contracts: the same request, the same answer, another model.

`POST /score` as Azure ML serves MedImageParse (pandas split, columns image and text, rows in order; header
`azureml-model-deployment` names a model; bearer key when one is set). A picture is answered as MedImageParse 2D
answers, a NIfTI volume as MedImageParse 3D, by a label map in `nifti_file`. Errors are JSON:
`{"error": {"code": …, "message": …}}`. Beyond the contract: the header `x-medimage-model: name@version` says
who answered, `GET /models` gives the model cards, `GET /` health. It never calls itself MedImageParse.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.ports import Compute
from inference.local.card import PARSE_2D, PARSE_3D, Card
from inference.local.nifti_volume import GZIP_MAGIC
from inference.local.registry import segment_nifti, segment_png

LARGEST_BODY = 64 * 2**20
LARGEST_ROWS = 64
NOT_AVAILABLE = "not available on this machine; configure an endpoint"

P = ParamSpec("P")
R = TypeVar("R")


class ThreadCompute:
    """Runs CPU work in a thread of this process: good enough where no process pool is given."""

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call in a thread."""
        return await asyncio.to_thread(function, *args, **kwargs)


@dataclass(frozen=True)
class _Refused(Exception):
    status: int
    code: str
    message: str


def create_app(models: Sequence[Card], *, key: str = "", compute: Compute | None = None) -> Starlette:
    """The scoring server as an ASGI application.

    Args:
        models: cards of the models to serve; each is a deployment of its own name.
        key: bearer key that `POST /score` then asks for.
        compute: where the models run; a thread when None.
    """
    server = _Server({card.name: card for card in models}, key, compute or ThreadCompute())
    return Starlette(
        routes=[
            Route("/", server.health, methods=["GET"]),
            Route("/models", server.models, methods=["GET"]),
            Route("/score", server.score, methods=["POST"]),
        ]
    )


class _Server:
    def __init__(self, cards: Mapping[str, Card], key: str, compute: Compute) -> None:
        self._cards = cards
        self._key = key
        self._compute = compute

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "healthy", "models": [card.identity for card in self._cards.values()]})

    async def models(self, _: Request) -> Response:
        return JSONResponse([card.as_json() for card in self._cards.values()])

    async def score(self, request: Request) -> Response:
        try:
            self._authorise(request.headers.get("authorization", ""))
            rows = _rows(await _body(request))
            deployment = request.headers.get("azureml-model-deployment", "")
            cards = [self._choose(deployment, *row) for row in rows]
            answers = [await self._answer(card, *row) for card, row in zip(cards, rows, strict=True)]
        except _Refused as refused:
            error = {"error": {"code": refused.code, "message": refused.message}}
            return JSONResponse(error, status_code=refused.status)
        names = ", ".join(dict.fromkeys(card.identity for card in cards))
        body = b"[" + b",".join(answers) + b"]"
        return Response(body, media_type="application/json", headers={"x-medimage-model": names})

    def _authorise(self, header: str) -> None:
        if self._key and not hmac.compare_digest(header.encode(), f"Bearer {self._key}".encode()):
            raise _Refused(401, "unauthorized", "The bearer key is missing or wrong.")

    def _choose(self, deployment: str, image: bytes, prompts: Sequence[str]) -> Card:
        """The named model, or the only one for this kind of image that knows every prompt; never a guess."""
        if deployment:
            if deployment not in self._cards:
                raise _Refused(404, "deployment_not_found", f"Deployments here: {', '.join(self._cards)}.")
            candidates = [self._cards[deployment]]
        else:
            contract = PARSE_3D if _is_volume(image) else PARSE_2D
            candidates = [card for card in self._cards.values() if card.contract == contract]
        fitting = [card for card in candidates if all(card.target(prompt) for prompt in prompts)]
        if not fitting:
            raise _Refused(400, "target_not_available", f"The target is {NOT_AVAILABLE}.")
        if len(fitting) > 1:
            names = ", ".join(card.name for card in fitting)
            raise _Refused(400, "deployment_needed", f"Name one in azureml-model-deployment: {names}.")
        return fitting[0]

    async def _answer(self, card: Card, image: bytes, prompts: Sequence[str]) -> bytes:
        targets = [name for name in map(card.target, prompts) if name]
        try:
            if card.contract == PARSE_3D:
                return _encoded_labels(await self._compute.run(segment_nifti, card.name, image, targets))
            masks = await self._compute.run(segment_png, card.name, image, targets)
        except ValueError as error:
            raise _Refused(400, "image_unreadable", str(error)) from error
        return _encoded(masks, [card.targets[name] for name in targets])


def _encoded(masks: NDArray[np.uint8], categories: Sequence[str]) -> bytes:
    """One row of the answer. `image_features` is a JSON string in JSON, so its quotes are escaped."""
    shape = json.dumps(list(masks.shape))
    return b"".join(
        (
            b'{"image_features":"{\\"data\\": \\"',
            base64.b64encode(masks.tobytes()),
            f'\\", \\"shape\\": {shape}, \\"dtype\\": \\"uint8\\"}}","text_features":'.encode(),
            json.dumps(list(categories)).encode(),
            b"}",
        )
    )


def _encoded_labels(nifti: bytes) -> bytes:
    """One row of the answer for a volume: a label map as JSON string in JSON."""
    return b"".join((b'{"nifti_file":"{\\"data\\": \\"', base64.b64encode(nifti), b'\\"}"}'))


def _is_volume(image: bytes) -> bool:
    """Whether it is NIfTI, packed or not (its magic number lies at byte 344), rather than a picture."""
    return image.startswith(GZIP_MAGIC) or image[344:347] in (b"n+1", b"ni1")


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise _Refused(413, "too_large", "A request may have 64 MiB.")
        chunks.append(chunk)
    return b"".join(chunks)


def _rows(body: bytes) -> list[tuple[bytes, list[str]]]:
    """(image, prompts) of each row."""
    try:
        table: dict[str, Any] = json.loads(body)["input_data"]
        image, text = table["columns"].index("image"), table["columns"].index("text")
        rows = [(row[image], row[text]) for row in table["data"]]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise _Refused(400, "request_invalid", "The body is not pandas split with columns image and text.") from error
    if not 0 < len(rows) <= LARGEST_ROWS:
        raise _Refused(400, "request_invalid", f"A request has 1 to {LARGEST_ROWS} rows.")
    return [(_image(data), _prompts(words)) for data, words in rows]


def _image(data: object) -> bytes:
    try:
        if not isinstance(data, str):
            raise TypeError(type(data).__name__)
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise _Refused(400, "image_unreadable", "The image is not base64.") from error


def _prompts(words: object) -> list[str]:
    prompts = [part.strip() for part in words.split("&")] if isinstance(words, str) else []
    if not prompts or not all(prompts):
        raise _Refused(400, "request_invalid", "The text names no target, or an empty one.")
    return prompts
