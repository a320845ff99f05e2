"""The page: what the build left in `web/dist`, and `index.html` for every place that the page has an address for."""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from domain.errors import ArtifactNotFound

PLACES = ("/", "/studies/{place}", "/boards", "/boards/{place}", "/operations")
FOR_PROGRAMS = ("/api/", "/v1/", "/mcp", "/dicom-web", "/cds-services", "/assets/")
FOR_EVER = "public, max-age=31536000, immutable"
"""Names of assets carry a hash of their content."""
REVISED = "no-cache"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm"}

Answer = Callable[[Request, Exception], Awaitable[Response]]


def or_page(folder: Path, otherwise: Answer) -> Answer:
    """Answers a browser that has gone to an address of nothing with the page, which says so, and 404; else as ever."""

    async def answer(request: Request, error: Exception) -> Response:
        lost = isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND
        reads = request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", "")
        if lost and reads and not request.url.path.startswith(FOR_PROGRAMS) and (folder / "index.html").is_file():
            headers = {"Cache-Control": REVISED}
            return FileResponse(folder / "index.html", HTTPStatus.NOT_FOUND, headers, media_type="text/html")
        return await otherwise(request, error)

    return answer


def page_router(folder: Path) -> APIRouter:
    """Routes of the page's files; they are not part of the API's description."""
    router = APIRouter(include_in_schema=False)

    async def index() -> Response:
        if not (folder / "index.html").is_file():
            raise ArtifactNotFound(
                "The page has not been built.", remedy="Run `python web/build.py`, or use the API under /api/v1."
            )
        return FileResponse(folder / "index.html", media_type="text/html", headers={"Cache-Control": REVISED})

    async def icon() -> Response:
        return FileResponse(folder / "icon.svg", media_type="image/svg+xml", headers={"Cache-Control": REVISED})

    async def asset(
        name: Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", max_length=200)],
        accept_encoding: Annotated[str, Header()] = "",
    ) -> Response:
        path = folder / "assets" / name
        if not path.is_file() or path.suffix == ".gz":
            raise ArtifactNotFound("The page has no such file.", where="name", remedy="Load the page again.")
        kind = TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
        packed = path.with_name(f"{name}.gz")
        if "gzip" in accept_encoding and packed.is_file():
            return FileResponse(packed, media_type=kind, headers=headers | {"Content-Encoding": "gzip"})
        return FileResponse(path, media_type=kind, headers=headers)

    for place in PLACES:
        router.add_api_route(place, index, methods=["GET", "HEAD"], response_model=None)
    router.add_api_route("/icon.svg", icon, methods=["GET"], response_model=None)
    router.add_api_route("/assets/{name}", asset, methods=["GET"], response_model=None)
    return router
