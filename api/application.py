"""The FastAPI application: features, errors, guard, description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException

from api.analyses.endpoints import router as analyses
from api.approvals.endpoints import router as approvals
from api.audit.endpoints import router as audit
from api.boards.endpoints import router as boards
from api.chat.endpoints import router as chat
from api.dicomweb.endpoints import router as dicomweb
from api.errors import http_problem, install
from api.feedback.endpoints import router as feedback
from api.guard import Guard
from api.health.endpoints import router as health
from api.history.endpoints import router as history
from api.jobs.endpoints import router as jobs
from api.mcp.endpoints import ToolServer
from api.metrics.endpoints import router as metrics
from api.models.endpoints import router as models
from api.openai_chat.endpoints import router as openai_chat
from api.operations.endpoints import router as operations
from api.page import or_page, page_router
from api.problems import Problem, problems
from api.reviews.endpoints import router as reviews
from api.services import Services
from api.strategies.endpoints import router as strategies
from api.studies.endpoints import router as studies
from api.studies.rendering import PictureCache
from api.worklist.endpoints import router as worklist

DESCRIPTION = """Images and a question in; a validated, measured draft out.

Research software, not a medical device: every result is a draft until a physician has reviewed and
signed it. Errors are problem documents (RFC 9457) with a `remedy`.
"""


def create_app(services: Services) -> FastAPI:
    """The application over its services; nothing is started before the server starts it."""
    app = FastAPI(
        title="MedImage Orchestrator",
        version=services.software_version,
        description=DESCRIPTION,
        docs_url=None,  # the usual pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.services = services
    app.state.pictures = PictureCache()
    v1 = APIRouter(prefix="/api/v1", responses=problems(400, 500))
    for feature in (
        studies,
        analyses,
        jobs,
        chat,
        models,
        audit,
        feedback,
        strategies,
        history,
        approvals,
        boards,
        operations,
        reviews,
        worklist,
    ):
        v1.include_router(feature)
    app.include_router(v1)
    app.include_router(health)
    app.include_router(metrics)
    app.include_router(openai_chat)
    app.include_router(dicomweb)
    app.state.tools = ToolServer(services)
    app.router.add_route("/mcp", app.state.tools, methods=["POST", "DELETE"], include_in_schema=False)
    install(app)
    if services.page is not None:
        app.include_router(page_router(services.page))
        app.add_exception_handler(HTTPException, or_page(services.page, http_problem))
    app.add_middleware(Guard, allowed_hosts=services.allowed_hosts, limits=services.limits)
    _describe(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    await services.start()
    async with app.state.tools.running():
        yield
    await services.close()


def _describe(app: FastAPI) -> None:
    """Put the problem document, which routes refer to, among the schemas."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schemas = plain().setdefault("components", {}).setdefault("schemas", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= problem.pop("$defs", {}) | {"Problem": problem}
        return plain()

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend the description
