"""A value that may leave the process: remote transports accept nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Deidentified(Generic[T]):
    """`value`, freed of identity by `method`. Made by `tools.deidentification` only."""

    value: T
    method: str
