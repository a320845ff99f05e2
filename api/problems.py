"""Problem documents (RFC 9457), and how routes document theirs."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"


class RefusedFile(BaseModel):
    """A file that was not used."""

    file: str = Field(description="Name relative to what was sent.", examples=["series/0001.dcm"])
    reason: str = Field(examples=["The file ends before its pixels."])
    remedy: str = Field(default="", examples=["Send the file again from its source."])


class FieldError(BaseModel):
    """A field of the request that breaks the schema."""

    field: str = Field(examples=["body.priority"])
    reason: str = Field(examples=["Input should be 'STAT', 'URGENT', 'ROUTINE' or 'RESEARCH'"])


class Problem(BaseModel):
    """An error, with what to do about it (RFC 9457; `remedy` and below are extensions)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:medimage:problem:study-not-found",
                    "title": "No such study.",
                    "status": 404,
                    "detail": "There is no such study.",
                    "instance": "/api/v1/studies/1.2.3",
                    "remedy": "Check the identifier; list what is there with GET on the collection.",
                }
            ]
        }
    )

    type: str = Field(description="URI of the kind of problem.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="HTTP status.")
    detail: str = Field(description="What is wrong this time; never patient data.")
    instance: str = Field(description="Path of the request.")
    remedy: str = Field(description="What the caller can do.")
    refused: list[RefusedFile] | None = Field(default=None, description="Files that were refused.")
    errors: list[FieldError] | None = Field(default=None, description="Fields that break the schema.")

    def response(self) -> JSONResponse:
        """The HTTP response."""
        return JSONResponse(self.model_dump(exclude_none=True), status_code=self.status, media_type=MEDIA_TYPE)


_REASONS = {
    400: "The request cannot be read, or its Host is not this server.",
    403: "Another patient's data, or a request from another web site.",
    404: "Nothing with that identifier.",
    409: "The state of the object does not allow that.",
    412: "It was changed since it was read.",
    413: "More bytes than the limit.",
    415: "Not the media type that is expected here.",
    422: "The request breaks the schema, or nothing in it can be used.",
    500: "An internal error; the remedy names its reference in the log.",
    503: "Not ready to serve.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with these problem documents."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _REASONS[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }
