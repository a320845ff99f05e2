"""The OHIF viewer as a peer: its prebuilt files, served beside our /dicom-web under one origin."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.api.dicomweb.archive import WEB

FOLDER = Path(os.environ.get("MEDIMAGE_TEST_OHIF", Path(__file__).resolve().parents[2] / "peers" / "ohif"))
INSTALL = "sh tests/peers/install.sh (npm: @ohif/app)"

CONFIGURATION = {
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "customizationService": {},
    "showStudyList": True,
    "maxNumberOfWebWorkers": 2,
    "showCPUFallbackMessage": False,
    "strictZSpacingForVolumeViewport": False,
    "investigationalUseDialog": {"option": "never"},
    "defaultDataSourceName": "medimage",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "medimage",
            "configuration": {
                "friendlyName": "MedImage Orchestrator",
                "name": "medimage",
                "wadoUriRoot": WEB,
                "qidoRoot": WEB,
                "wadoRoot": WEB,
                "qidoSupportsIncludeField": True,
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "supportsFuzzyMatching": True,
                "supportsWildcard": True,
                "omitQuotationForMultipartRequest": True,
                "bulkDataURI": {"enabled": True},
            },
        }
    ],
}
"""As docs/dicomweb.md gives it."""


def dist() -> Path:
    """Folder of the viewer's files; the test is skipped where it is not installed."""
    if not (FOLDER / "dist" / "index.html").is_file():
        pytest.skip(f"OHIF is missing: {INSTALL}")
    return (FOLDER / "dist").resolve()


def beside(ours: ASGIApp, files: Path) -> ASGIApp:
    """One origin: /dicom-web is ours, the rest is the viewer."""

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "app-config.js":
            return Response(f"window.config = {json.dumps(CONFIGURATION)};", media_type="text/javascript")
        path = (files / name).resolve()
        known = path.is_relative_to(files) and path.is_file()
        return FileResponse(path if known else files / "index.html")

    viewer = Starlette(routes=[Route("/{name:path}", static)])

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        await (ours if scope["path"].startswith(WEB) else viewer)(scope, receive, send)

    return both
