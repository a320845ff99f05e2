"""From feedback to advice: another wording or window for a target, only when the evidence is sufficient.

Each patient is one observation of a setting (the mean of what was said about it), because studies of one patient are
alike. Two settings are compared by P(alternative succeeds more often than the default) under uniform Beta priors;
the level is shared between all alternatives and scopes that are looked at (Bonferroni), so that many tries do not
make one look good. At least three patients must speak for an alternative: what one patient's review says never
shapes another's prompt by itself. Scopes: this site and scanner, this site, everywhere; the narrowest that suffices.

What counts: accepted 1; rejected 0; preferred wording 0 for the used, 1 for the better one; a correction with two
Dice 0 and 1 for the worse and the better when they differ by 0.05 or more, nothing when by less; a correction by
hand 1 when the model's mask had Dice 0.85 or more, else 0. Edited sentences say nothing about prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from domain.errors import MedImageError
from memory.beta import Tally, probability_greater
from memory.feedback import FeedbackMemory
from memory.record import UNKNOWN, Feedback, FeedbackKind, Origin, Setting
from memory.wording import same_target

LEVEL = 0.95
FEWEST_PATIENTS = 3
CLEAR_DICE = 0.05
USABLE_DICE = 0.85
"""Judgements: a difference that readers notice, and a mask that needed little work."""

_Key = tuple[str, float | str | None, float | None]


@dataclass(frozen=True)
class Advice:
    """Ask for a target in another way.

    Attributes:
        setting: the words and window to use; words that a reviewer used for this target.
        instead_of: the default.
        probability: that the setting succeeds more often than the default.
        scope: "site and scanner", "site" or "everywhere".
        patients: who speak for it.
        evidence: ids of the feedback that was counted, sorted.
    """

    target: str
    setting: Setting
    instead_of: Setting
    probability: float
    scope: str
    patients: int
    evidence: tuple[str, ...]

    @property
    def reason(self) -> str:
        """One sentence for the trail."""
        return (
            f"{self.target}: asked as {self.setting.prompt!r} instead of {self.instead_of.prompt!r}, because reviews "
            f"of {self.patients} patients ({self.scope}) say so with probability {self.probability:.3f}."
        )


@dataclass(frozen=True)
class Advised:
    """Advice, or none; `warning` when the memory could not be asked."""

    advice: Advice | None = None
    warning: str = ""


def advise(
    evidence: Sequence[Feedback],
    target: str,
    default: Setting,
    origin: Origin = UNKNOWN,
    *,
    level: float = LEVEL,
    fewest_patients: int = FEWEST_PATIENTS,
) -> Advice | None:
    """The best setting that beats the default, None when the evidence is insufficient.

    Args:
        evidence: `FeedbackMemory.evidence` of this target.
        default: how the target would be asked for without memory.
        origin: of the images that are to be analysed.
    """
    scopes = [(name, kept) for name, fits in _scopes(origin) if (kept := [f for f in evidence if fits(f)])]
    alternatives = {s.key for f in evidence for s, _ in _observations(f) if _usable(s, target, default)}
    if not scopes or not alternatives:
        return None
    needed = 1.0 - (1.0 - level) / (len(alternatives) * len(scopes))
    for name, kept in scopes:
        found = _best(kept, target, default, name, needed, fewest_patients)
        if found is not None:
            return found
    return None


def advise_or_go_on(
    memory: FeedbackMemory | None,
    *,
    modality: str,
    region: str,
    target: str,
    default: Setting,
    origin: Origin = UNKNOWN,
    exclude_patient: str | None = None,
) -> Advised:
    """Advice from the memory; whatever is wrong with the memory becomes a warning, and the run goes on."""
    if memory is None:
        return Advised()
    try:
        evidence = memory.evidence(modality, target, region, exclude_patient=exclude_patient)
    except MedImageError as error:
        return Advised(warning=f"Without feedback memory: {error.reason}")
    return Advised(advise(evidence, target, default, origin))


def _scopes(origin: Origin) -> Iterator[tuple[str, Callable[[Feedback], bool]]]:
    if origin.site and origin.scanner:
        yield "site and scanner", lambda f: f.origin.site == origin.site and f.origin.scanner == origin.scanner
    if origin.site:
        yield "site", lambda f: f.origin.site == origin.site
    yield "everywhere", lambda _: True


def _best(
    evidence: Sequence[Feedback], target: str, default: Setting, scope: str, needed: float, fewest: int
) -> Advice | None:
    tallies, settings, patients = _tallies(evidence)
    base = tallies.get(default.key, Tally())
    found: list[Advice] = []
    for key, setting in settings.items():
        speaking = patients[key]
        if not _usable(setting, target, default) or len(speaking) < fewest:
            continue
        probability = probability_greater(tallies[key], base)
        if probability >= needed:
            ids = tuple(sorted(f.feedback_id for f in evidence if _speaks_of(f, {key, default.key})))
            found.append(Advice(target, setting, default, probability, scope, len(speaking), ids))
    return min(found, key=lambda a: (-a.probability, -a.patients, str(a.setting.key)), default=None)


def _tallies(
    evidence: Sequence[Feedback],
) -> tuple[dict[_Key, Tally], dict[_Key, Setting], dict[_Key, set[str]]]:
    """By setting: one observation a patient, the setting itself, and the patients who speak for it."""
    said: dict[_Key, dict[str, list[float]]] = {}
    settings: dict[_Key, Setting] = {}
    for feedback in evidence:
        for setting, value in _observations(feedback):
            settings.setdefault(setting.key, setting)
            said.setdefault(setting.key, {}).setdefault(feedback.patient, []).append(value)
    tallies: dict[_Key, Tally] = {}
    for key, by_patient in said.items():
        means = [sum(values) / len(values) for values in by_patient.values()]
        tallies[key] = Tally(sum(means), len(means))
    return tallies, settings, {k: {p for p, v in by.items() if sum(v) > len(v) / 2} for k, by in said.items()}


def _observations(feedback: Feedback) -> Iterator[tuple[Setting, float]]:
    """(setting, success 0–1) that the feedback tells of."""
    used, better = feedback.used, feedback.better
    if used is None:
        return
    if feedback.kind is FeedbackKind.ACCEPTED:
        yield used, 1.0
    elif feedback.kind is FeedbackKind.REJECTED_PROMPT:
        yield used, 0.0
    elif feedback.kind is FeedbackKind.PREFERRED_WORDING and better is not None:
        yield from ((used, 0.0), (better, 1.0))
    elif feedback.kind is FeedbackKind.MASK_CORRECTION and feedback.dice_before is not None:
        yield from _of_correction(used, better, feedback.dice_before, feedback.dice_after)


def _of_correction(
    used: Setting, better: Setting | None, before: float, after: float | None
) -> Iterator[tuple[Setting, float]]:
    if better is None or after is None:
        yield used, float(before >= USABLE_DICE)
    elif abs(after - before) >= CLEAR_DICE:
        yield used, float(before > after)
        yield better, float(after > before)


def _usable(setting: Setting, target: str, default: Setting) -> bool:
    return setting.key != default.key and same_target(target, setting.prompt)


def _speaks_of(feedback: Feedback, keys: set[_Key]) -> bool:
    return any(setting.key in keys for setting, _ in _observations(feedback))
