"""What can go wrong with the memory. An analysis never depends on it: who recalls goes on without.

MemoryUnavailable         the store does not answer, or cannot be read
├── MemoryOwned               another process has the folder open
└── MemoryCorrupt             the folder's files cannot be read as a memory
FeedbackRefused           a record that may not or cannot be kept
FeedbackNotFound          no feedback with that id
StrategyConflict          an experiment or outcome that contradicts what is recorded
"""

from __future__ import annotations

from domain.errors import MedImageError, NotFound, UnusableInput


class MemoryUnavailable(MedImageError):
    """The feedback memory does not answer."""

    remedy_default = "Analyses go on without it; start the server that is configured, or use a folder."


class MemoryOwned(MemoryUnavailable):
    """Another process has the memory's folder open, and two writers would lose what each other wrote."""

    remedy_default = "Stop the other process, or run `chroma run --path FOLDER` and give both its URL."


class MemoryCorrupt(MemoryUnavailable):
    """The files of the memory cannot be read."""

    remedy_default = "Move the folder aside, start with an empty one and import the last export."


class FeedbackRefused(UnusableInput):
    """Feedback that lacks something, contradicts itself or may name a person."""

    remedy_default = "Correct the field that is named and send the feedback again."


class FeedbackNotFound(NotFound):
    """No such feedback."""


class StrategyConflict(MedImageError):
    """An experiment or outcome that contradicts what is recorded."""

    remedy_default = "Start a new experiment under another name."
