"""Bodies about models."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ModelRow(BaseModel):
    """What a reader should know about a model before believing it."""

    name: str = Field(examples=["embedded-ct"])
    contract: str = Field(examples=["MedImageParse 2D"])
    modalities: list[str] = Field(examples=[["CT"]])
    targets: list[str] = Field(examples=[["lung", "bone"]])
    licence: str
    intended_use: str
    research_use: str
    available: bool = Field(description="It can be asked in this set-up; the others can be configured.")


class ModelList(BaseModel):
    """The models of this set-up, in the order in which they are asked."""

    models: list[ModelRow]
