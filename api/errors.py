"""Errors at the HTTP edge: one table from our classes to statuses; never a traceback, never patient data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.problems import FieldError, Problem, RefusedFile
from domain import errors
from domain.study import Refusal
from memory.errors import FeedbackNotFound, FeedbackRefused, MemoryOwned, MemoryUnavailable, StrategyConflict
from records.errors import Conflict, DatabaseUnavailable, SchemaMismatch, Unstorable


class UploadTooLarge(errors.UnusableInput):
    """More bytes than this server takes at once."""

    remedy_default = "Send fewer files at a time, or raise the limit in the settings."


class NotMultipart(errors.UnusableInput):
    """Files must come as multipart/form-data."""

    remedy_default = "Send the files as parts named `files` of a multipart/form-data request."


class NothingUsable(errors.UnusableInput):
    """Nothing in the upload can be used."""

    remedy_default = "See the reason of each file; send DICOM, NIfTI, TIFF, PNG or JPEG images."

    def __init__(self, reason: str, *, refused: Sequence[Refusal]) -> None:
        super().__init__(reason)
        self.refused = tuple(refused)


class RequestIncomplete(errors.MedImageError):
    """The request lacks something that it needs."""

    remedy_default = "Add the field that is named and send the request again."


class HostRefused(errors.MedImageError):
    """The Host header names another server."""

    remedy_default = "Use the address that the server prints at its start."


class OriginRefused(errors.MedImageError):
    """A request that changes something came from another web site."""

    remedy_default = "Use this server's own page, or a client that sends no Origin header."


class Outdated(Conflict):
    """It was changed since the caller read it."""


class NotReady(errors.MedImageError):
    """A part that the server needs does not work."""

    remedy_default = "Run `app.py doctor`."


STATUS: dict[type[errors.MedImageError], int] = {
    errors.MedImageError: 500,
    errors.UnusableInput: 422,
    errors.FileUnreadable: 422,
    errors.PixelsUndecodable: 422,
    errors.NotAnImage: 422,
    errors.GeometryInvalid: 422,
    errors.OutOfDistribution: 422,
    errors.SpacingMissing: 422,
    errors.TargetRefused: 422,
    errors.PatientLockViolation: 403,
    errors.BurnedInTextSuspected: 409,
    errors.ModelError: 502,
    errors.ModelUnavailable: 501,
    errors.ModelUnreachable: 503,
    errors.ModelRefused: 502,
    errors.ModelResponseInvalid: 502,
    errors.ChatError: 502,
    errors.BudgetExceeded: 429,
    errors.NotFound: 404,
    errors.StudyNotFound: 404,
    errors.AnalysisNotFound: 404,
    errors.JobNotFound: 404,
    errors.ArtifactNotFound: 404,
    errors.HistoryUnavailable: 503,
    errors.ApprovalNotFound: 404,
    errors.ApprovalDecided: 409,
    errors.BoardNotFound: 404,
    errors.OpinionNotFound: 404,
    errors.BoardClosed: 409,
    errors.TransitionRefused: 409,
    errors.CriticalUntold: 409,
    errors.SignatureBroken: 409,
    errors.ReviewRefused: 422,
    errors.ConfigurationError: 500,
    Conflict: 409,
    Outdated: 412,
    DatabaseUnavailable: 503,
    SchemaMismatch: 500,
    Unstorable: 422,
    MemoryUnavailable: 503,
    MemoryOwned: 409,
    FeedbackRefused: 422,
    FeedbackNotFound: 404,
    StrategyConflict: 409,
    UploadTooLarge: 413,
    NotMultipart: 415,
    NothingUsable: 422,
    RequestIncomplete: 422,
    HostRefused: 400,
    OriginRefused: 403,
    NotReady: 503,
}


def status_of(error: errors.MedImageError) -> int:
    """HTTP status of an error: its own row, or that of the nearest ancestor with one."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem_of(error: errors.MedImageError, path: str) -> Problem:
    """The problem document of one of our errors."""
    refused = [RefusedFile(file=r.file, reason=r.reason, remedy=r.remedy) for r in getattr(error, "refused", ())]
    return Problem(
        type=f"urn:medimage:problem:{_kebab(type(error).__name__)}",
        title=(type(error).__doc__ or type(error).__name__).strip().splitlines()[0],
        status=status_of(error),
        detail=f"{error.where}: {error.reason}" if error.where else error.reason,
        instance=path,
        remedy=error.remedy,
        refused=refused or None,
    )


def internal_problem(path: str, reason: str, remedy: str) -> Problem:
    """The problem document of an error that nobody foresaw."""
    return Problem(
        type="urn:medimage:problem:internal-error",
        title="An internal error.",
        status=500,
        detail=reason,
        instance=path,
        remedy=remedy,
    )


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.MedImageError)
    return problem_of(error, request.url.path).response()


async def http_problem(request: Request, error: Exception) -> JSONResponse:
    """The problem document of an answer that the framework gives, such as 404 for an unknown route."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    response = Problem(
        type=f"urn:medimage:problem:{phrase.lower().replace(' ', '-')}",
        title=f"{phrase}.",
        status=error.status_code,
        detail=f"{request.method} {request.url.path}: {phrase.lower()}.",
        instance=request.url.path,
        remedy="See /openapi.json for what this server offers.",
    ).response()
    response.headers.update(error.headers or {})
    return response


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Names the fields and the rule, never the value: it may be patient data."""
    assert isinstance(error, RequestValidationError)
    found = [FieldError(field=".".join(str(p) for p in e["loc"]), reason=e["msg"]) for e in error.errors()]
    return Problem(
        type="urn:medimage:problem:request-invalid",
        title="The request breaks the schema.",
        status=422,
        detail="; ".join(f"{e.field}: {e.reason}" for e in found),
        instance=request.url.path,
        remedy="Correct the fields that are named and send the request again.",
        errors=found,
    ).response()


def install(app: FastAPI) -> None:
    """Give an application these answers."""
    app.add_exception_handler(errors.MedImageError, _ours)
    app.add_exception_handler(HTTPException, http_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
