"""The feedback memory as a run asks it: off the event loop, bounded in time, and never a reason to fail.

A setting's window is None wherever the protocol or the model's rule decides; it has limits only where reviewers asked
for them. So the default of every run, and what a review says was used, are the same setting.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from domain.errors import MedImageError
from domain.model import Window
from domain.ports import Wording
from domain.study import Series, Study
from memory.advice import advise_or_go_on
from memory.feedback import FeedbackMemory
from memory.prompt_experiments import AdviceExperiment
from memory.record import Origin, Setting
from memory.wording import same_target
from prompts.protocols import protocols

LIMIT_S = 2.0
"""Of one question to the memory: an analysis does not wait for it."""

LONGEST_WORDING = 120
MOST_WORDS = 16
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,'()/+-]*")
_NUMBER = r"-?\d+(?:\.\d+)?"
_LIMITS = re.compile(f"({_NUMBER}) to ({_NUMBER})")
_LONGEST_CODE = 64


def region_of(body_part: str) -> str:
    """The one region that BodyPartExamined names; "" for none or several, which feedback of any region answers."""
    regions = protocols().regions(body_part)
    return regions[0] if len(regions) == 1 else ""


def origin_of(institution: str, manufacturer: str, scanner: str) -> Origin:
    """Where images come from, in the form in which the memory keeps it."""
    return Origin(*(" ".join(code.split())[:_LONGEST_CODE] for code in (institution, manufacturer, scanner)))


def asked_window(low: float, high: float) -> Window:
    """A window that reviewers ask for; its name tells the limits to whoever reads the record of a prompt."""
    return Window(f"{_digits(low)} to {_digits(high)}", low, high)


def window_named(name: str) -> Window | None:
    """The window of `asked_window` that has this name; None for a window of a protocol or a model."""
    found = _LIMITS.fullmatch(name)
    return Window(name, float(found[1]), float(found[2])) if found else None


def fit_to_send(target: str, words: str) -> bool:
    """Whether words may take the place of a target's own: short, plain, and asking for the same target.

    What reviewers wrote is data. A text that is longer than any name of a structure, or holds signs that no name has,
    is not sent, whoever vouches for it.
    """
    plain = len(words) <= LONGEST_WORDING and _PLAIN.fullmatch(words) is not None
    return plain and len(words.split()) <= MOST_WORDS and same_target(target, words)


class MemoryAdvice:
    """`domain.ports.PromptAdvice` over the feedback memory; the patient's own feedback is left out.

    Args:
        memory: gives the memory, or raises MemoryUnavailable; called in a thread.
        experiment: decides by study whether advice is followed; None follows it always.
        limit_s: after this long the run goes on without.
    """

    def __init__(
        self,
        memory: Callable[[], FeedbackMemory],
        experiment: Callable[[], AdviceExperiment | None] = lambda: None,
        *,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._memory = memory
        self._experiment = experiment
        self._limit_s = limit_s
        # Threads of its own: calls that hang must not use up those that the records work in.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="feedback-memory")

    async def wording(self, study: Study, series: Series, target: str, region: str, default: Wording) -> Wording:
        """See `domain.ports.PromptAdvice.wording`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limit_s):
                return await loop.run_in_executor(
                    self._threads, self._decide, study, series, target.lower(), region, default
                )
        except TimeoutError:
            return _without(default, f"it did not answer within {self._limit_s:g} s.")
        except MedImageError as error:
            return _without(default, error.reason)
        except Exception as error:  # whatever is wrong with it: a run never depends on the memory
            return _without(default, f"it failed ({type(error).__name__}).")

    def close(self) -> None:
        """Wait for nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _decide(self, study: Study, series: Series, target: str, region: str, default: Wording) -> Wording:
        origin = origin_of(series.institution, series.manufacturer, series.scanner)
        found = advise_or_go_on(
            self._memory(),
            modality=series.modality,
            region=region,
            target=target,
            default=Setting(default.prompt, default.window),
            origin=origin,
            exclude_patient=study.patient.key,
        )
        advice = found.advice
        if advice is None or not fit_to_send(target, advice.setting.prompt):
            return replace(default, warning=found.warning)
        window = advice.setting.window
        reason = advice.reason if window is None else f"{advice.reason} Window: {window.name}."
        candidate = Wording(advice.setting.prompt, window, reason, advice.evidence)
        experiment = self._experiment()
        return candidate if experiment is None else experiment.shown(study.study_uid, origin, default, candidate)


def _without(default: Wording, why: str) -> Wording:
    return replace(default, warning=f"Without feedback memory: {why}")


def _digits(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.4f}".rstrip("0")
