"""What one installation has learned: its feedback memory and its experiments, opened by the one process that owns them.

They are opened when first asked for, and again some time after a failure: a memory that was down at the start, or
held by another process, is found when it is there, and until then its absence is an error that says why.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Generic, Literal, TypeVar

from memory.embedder import Embedder, best_embedder
from memory.errors import MemoryUnavailable
from memory.feedback import FeedbackMemory, open_memory
from memory.outcomes import SqliteOutcomes
from memory.prompt_advice import MemoryAdvice
from memory.prompt_experiments import AdviceExperiment
from memory.pseudonym import Pseudonyms
from memory.vectors import VectorStore

T = TypeVar("T")

RETRY_S = 30.0

ExperimentMode = Literal["off", "ab", "shadow"]


class Opened(Generic[T]):
    """Something that is opened at the first look. Safe between threads.

    Args:
        retry_s: for this long after a failure the same error is given without another try.
    """

    def __init__(
        self, open_: Callable[[], T], retry_s: float = RETRY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open = open_
        self._retry_s = retry_s
        self._clock = clock
        self._lock = threading.Lock()
        self._value: T | None = None
        self._failed: tuple[MemoryUnavailable, float] | None = None

    def get(self) -> T:
        """Raises MemoryUnavailable."""
        with self._lock:
            if self._value is not None:
                return self._value
            if self._failed is not None and self._clock() - self._failed[1] < self._retry_s:
                raise copy.copy(self._failed[0])
            try:
                self._value = self._open()
            except MemoryUnavailable as error:
                self._failed = (error, self._clock())
                raise
            return self._value

    @property
    def value(self) -> T | None:
        """What was opened; None as long as nothing was."""
        return self._value


class Learning:
    """The feedback memory, the experiments over it, and the advice that runs ask for.

    Args:
        mode: which experiment runs; "off" lets all advice be followed.
    """

    def __init__(
        self,
        memory: Callable[[], FeedbackMemory],
        outcomes: Callable[[], SqliteOutcomes],
        pseudonyms: Pseudonyms,
        mode: ExperimentMode = "off",
    ) -> None:
        self.mode = mode
        self._memory = Opened(memory)
        self._outcomes = Opened(outcomes)
        self._pseudonyms = pseudonyms
        self._experiments: Opened[dict[str, AdviceExperiment]] = Opened(self._made)

    @cached_property
    def advice(self) -> MemoryAdvice:
        """For the runs."""
        return MemoryAdvice(self.memory, self.running)

    def begin(self) -> None:
        """Open what the first run would wait for; a failure is a line in the log, and the server serves without."""
        try:
            self.memory().counts()
            self.experiments()
        except MemoryUnavailable as error:
            logging.getLogger("medimage.memory").warning("Without feedback memory: %s", error)

    def memory(self) -> FeedbackMemory:
        """The memory. Blocks while it opens. Raises MemoryUnavailable and its kinds."""
        return self._memory.get()

    def experiments(self) -> Mapping[str, AdviceExperiment]:
        """By mode; those that do not run now have what they found before. Raises MemoryUnavailable."""
        return self._experiments.get()

    def running(self) -> AdviceExperiment | None:
        """The experiment that runs, None when none does. Raises MemoryUnavailable."""
        return None if self.mode == "off" else self.experiments()[self.mode]

    def close(self) -> None:
        """Let go of folder and file."""
        self.advice.close()
        for opened in (self._memory.value, self._outcomes.value):
            if opened is not None:
                opened.close()

    def _made(self) -> dict[str, AdviceExperiment]:
        store = self._outcomes.get()
        return {mode: AdviceExperiment(mode, store, self._pseudonyms) for mode in ("ab", "shadow")}


def open_learning(
    folder: Path,
    key: bytes,
    *,
    url: str = "",
    token: str = "",
    mode: ExperimentMode = "off",
    embedder: Embedder | None = None,
) -> Learning:
    """Of a data folder: `memory` below it or a Chroma server, and `strategies.db`. Nothing is opened yet.

    Args:
        key: the installation's secret.
        url, token: of a Chroma server that several processes share; "" takes the folder.
    """
    pseudonyms = Pseudonyms(key)

    def memory() -> FeedbackMemory:
        words = embedder or best_embedder()
        if not url:
            return open_memory(folder / "memory", words, pseudonyms)
        # Chroma's own header, and the one that a proxy in front of it checks.
        headers = {"X-Chroma-Token": token, "Authorization": f"Bearer {token}"} if token else {}
        return FeedbackMemory(VectorStore.at_url(url, headers), words, pseudonyms)

    return Learning(memory, lambda: SqliteOutcomes(folder / "strategies.db"), pseudonyms, mode)
