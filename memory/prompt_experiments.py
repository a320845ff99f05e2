"""Does advice from the memory help? The protocol's wording against the advised one, study by study.

Only studies for which the memory advises other words take part: for all others both strategies ask the same.

ab       half of them are asked as advised, by a salted hash of the study; the review's outcome counts for the arm.
shadow   all of them are asked as the protocol says; what would have been asked is written down. Nothing runs unseen,
         so a review alone says nothing about the candidate. A study counts when a review compares its corrected mask
         with both masks: the protocol's, and one of an analysis in which somebody asked with the very words that the
         candidate would have used.

The arm of a study is in the reason of its prompt and nowhere that a reviewer is shown.
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import datetime
from typing import Literal

from domain.ports import Wording
from memory.experiment import Experiment, Verdict
from memory.outcomes import Arm, OutcomeStore
from memory.pseudonym import Pseudonyms
from memory.record import Origin, Setting
from memory.strategies import StrategyTest

Mode = Literal["ab", "shadow"]

BASELINE, CANDIDATE = "baseline", "candidate"


def definition(mode: Mode) -> Experiment:
    """The experiment of a mode; each has its own, so that changing the mode mixes nothing."""
    return Experiment(
        name=f"prompt-advice-{mode}",
        default="protocol wording",
        challenger="with memory advice",
        mode="even" if mode == "ab" else "shadow",
        strata="scanner",
    )


class AdviceExperiment:
    """One experiment. Safe between threads; calls block.

    Raises:
        StrategyConflict: the store has another definition under the name.
        MemoryUnavailable: the store fails; from every method.
    """

    def __init__(self, mode: Mode, store: OutcomeStore, pseudonyms: Pseudonyms) -> None:
        self.mode = mode
        self.experiment = definition(mode)
        self._store = store
        self._pseudonyms = pseudonyms
        self._test = StrategyTest(self.experiment, store, pseudonyms)
        self._lock = threading.Lock()
        # At the end only: the words of a question stand before it, and could be anything.
        self._noted = re.compile(rf"\[{self.experiment.name}: (?:{CANDIDATE}|{BASELINE}; [^\]]*)\]$")

    def shown(self, study_uid: str, origin: Origin, default: Wording, candidate: Wording) -> Wording:
        """How a study is asked, with the arm in the reason. A study keeps its arm."""
        with self._lock:
            arm = self._test.assign(study_uid, origin).arm
        if arm is Arm.CHALLENGER:
            return replace(candidate, reason=f"{candidate.reason} {self._candidate}", arm=CANDIDATE)
        note = self._baseline(Setting(candidate.prompt, candidate.window))
        return replace(default, reason=note, evidence=candidate.evidence, arm=BASELINE)

    def record(
        self,
        study_uid: str,
        reason: str,
        value: float,
        *,
        at: datetime,
        tried: Setting | None = None,
        tried_value: float | None = None,
    ) -> bool:
        """Take a review as the study's outcome; False when it says nothing about the strategies, or came later.

        Args:
            reason: of the reviewed target's prompt, as `shown` made it.
            value: 0–1, `memory.experiment.outcome_value` of what was asked.
            tried, tried_value: other words that were tried on this study, and their outcome.
        """
        with self._lock:
            if self._store.assignment(self.experiment.name, self._pseudonyms.of("study", study_uid)) is None:
                return False
            if self.mode == "ab":
                return bool(self._noted.search(reason)) and self._test.record(study_uid, value, at=at)
            if tried is None or tried_value is None or not reason.endswith(self._baseline(tried)):
                return False
            return self._test.record(study_uid, value, at=at, shadow=tried_value)

    def verdict(self) -> Verdict:
        """Where the experiment stands."""
        with self._lock:
            return self._test.verdict()

    @property
    def _candidate(self) -> str:
        return f"[{self.experiment.name}: {CANDIDATE}]"

    def _baseline(self, other: Setting) -> str:
        window = f" in window {other.window.name}" if other.window is not None else ""
        return f"[{self.experiment.name}: {BASELINE}; the candidate asks as {other.prompt.lower()!r}{window}]"
