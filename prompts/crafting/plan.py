"""From a question to the prompts that a model gets: what is sent, what is refused and why. Pure logic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.model import KnownTarget, Window
from prompts.crafting.alternatives import alternatives
from prompts.crafting.fit import Refused, misfit, not_imaging, partly_in_view
from prompts.crafting.wanted import Wanted, for_heart_size, of_protocol
from prompts.lexicon import lexicon
from prompts.protocols import protocols
from prompts.question.understanding import AskedTarget, Question, understand
from prompts.words import readable

MOST_TARGETS = 64
"""Targets of one series in one run; each is a call of a model for every slice."""

WIRE_SEPARATOR = "&"
"""MedImageParse's separator of prompts in one row: a prompt cannot hold it."""

RELIABLE_DICE = 0.7
"""Published mean Dice under which a target is warned of."""

Known = Callable[[str, str, str], KnownTarget | None]
"""(modality, target, region) → what is published, `SegmentationModel.known`."""

Answerable = Callable[[str, str], bool]


@dataclass(frozen=True)
class CraftedPrompt:
    """One target as a model is asked for it.

    Attributes:
        target: the prompt's text in lower case.
        text: what is sent.
        region: site of the published evaluation that it is filed under, "" when none.
        window: CT window of that site; None lets the rule for the target decide.
        known: a model here was evaluated on it.
        published_dice: mean Dice of that evaluation.
        expected_category: MedImageParse's category of a right answer, "" when unknown.
        reason: why it is asked.
        alternatives: other wordings to try when the first result is poor.
    """

    target: str
    text: str
    region: str
    window: Window | None
    known: bool
    published_dice: float | None
    expected_category: str
    side: str
    reason: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class PromptPlan:
    """What to ask of one series; `refused` is (target, reason, remedy)."""

    prompts: tuple[CraftedPrompt, ...]
    refused: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def craft(
    question: Question,
    *,
    modality: str,
    body_part: str,
    view: str,
    explicit: Sequence[str],
    known: Known,
    answerable: Answerable = lambda _target, _region: True,
) -> PromptPlan:
    """Prompts for one series.

    Args:
        question: what `understand` made of the order's or the user's words.
        modality, body_part, view: the series'; "" where the source is silent.
        explicit: targets that the requester names exactly: sent as they are, in lower case.
        known: what is published of a target.
        answerable: some model may be asked for (target, region); a target without one needs no word on quality.
    """
    named = [*(_explicit(t) for text in explicit for t in text.split(WIRE_SEPARATOR) if t.strip()), *_asked(question)]
    refused = [*not_imaging(question), *(r for r in (_refusal(w, modality, body_part) for w in named) if r)]
    fitting = [w for w in named if _refusal(w, modality, body_part) is None]
    silent = not (named or question.not_imaging)
    fitting_protocol = protocols().select(modality, body_part or question.region, question.text)
    protocol = fitting_protocol if silent else None
    wanted = of_protocol(protocol, question) if protocol else fitting
    wanted = _unique([*wanted, *for_heart_size(question, wanted, modality, view)])
    kept, left = wanted[:MOST_TARGETS], wanted[MOST_TARGETS:]
    prompts = tuple(_prompt(w, modality, body_part, known) for w in kept)
    warnings = [
        *_warnings([p for p in prompts if answerable(p.target, p.region)]),
        *partly_in_view([w.target for w in kept], body_part),
    ]
    if protocol and not question.recognised:
        warnings.insert(0, f"No target was recognised in the question; the protocol for {protocol.name} was used.")
    if left:
        names = ", ".join(w.target.text for w in left)
        warnings.append(
            f"Only {MOST_TARGETS} targets are taken in one run; left out: {names}. Ask for them separately."
        )
    warnings += [f"Not understood, so not looked for: {unclear!r}." for unclear in question.not_understood]
    if not prompts and (not refused or not (named or fitting_protocol)):
        warnings.append("The question names no target, and no protocol fits this series. Name what to look for.")
    return PromptPlan(prompts, tuple(dict.fromkeys(refused)), tuple(dict.fromkeys(warnings)))


def _explicit(text: str) -> Wanted:
    plain = " ".join(readable(text).split())
    target = _meaning(plain)
    return Wanted(target, _spelling(plain.lower()), "named by the requester")


def _meaning(text: str) -> AskedTarget:
    """What the lexicon knows of an explicit prompt, under the requester's own words."""
    read = understand(text)
    own = AskedTarget(text.lower(), span=text)
    if len(read.targets) != 1 or read.targets[0].span.casefold() not in text.casefold():
        return own
    found = read.targets[0]
    return AskedTarget(text.lower(), found.side, found.kind, found.category, found.in_lexicon, text, found.concept)


def _spelling(text: str) -> str:
    """The model's own spelling of a canonical text ("covid-19 infection" → "COVID-19 infection")."""
    concept = lexicon().named(text)
    return concept.text if concept is not None and concept.text.lower() == text else text


def _asked(question: Question) -> list[Wanted]:
    return [
        Wanted(t, t.text, f"asked for as {' '.join(t.span.split())!r}" if t.span else "asked for")
        for t in question.targets
    ]


def _unique(wanted: Sequence[Wanted]) -> list[Wanted]:
    first: dict[str, Wanted] = {}
    for one in wanted:
        first.setdefault(one.text.lower(), one)
    return list(first.values())


def _refusal(wanted: Wanted, modality: str, body_part: str) -> Refused | None:
    return misfit(wanted.target, modality, body_part)


def _prompt(wanted: Wanted, modality: str, body_part: str, known: Known) -> CraftedPrompt:
    target = wanted.target
    row = _published(target, modality, body_part, known)
    site = (row.site if row else "") or (target.concept.site if target.concept else "")
    window = row.window if row and row.window else None
    if window is None and lexicon().family(modality) == "CT" and target.concept is not None:
        window = protocols().window(site)
    return CraftedPrompt(
        target=wanted.text.lower(),
        text=wanted.text,
        region=site,
        window=window,
        known=row is not None,
        published_dice=row.published_dice if row else None,
        expected_category=(row.category if row else "") or target.category,
        side=target.side,
        reason=wanted.reason,
        alternatives=alternatives(target),
    )


def _published(target: AskedTarget, modality: str, body_part: str, known: Known) -> KnownTarget | None:
    """The published row of the prompt's own words at its site, then the row that stands for it, then any site.

    A lesion evaluated at another site says nothing about this one.
    """
    concept = target.concept
    sites = [concept.site] if concept is not None and concept.site else []
    sites += [s for r in protocols().regions(body_part) for s in protocols().sites[r] if s not in sites]
    places = [(target.text, site) for site in sites]
    if concept is not None and concept.table is not None:
        places.append(concept.table)
    anywhere = not protocols().regions(body_part) or target.kind not in {"lesion", "fluid"}
    if anywhere:
        places.append((target.text, ""))
    for text, site in places:
        if (row := known(modality, text, site)) is not None:
            return row
    return None


def _warnings(prompts: Sequence[CraftedPrompt]) -> list[str]:
    found = []
    for prompt in prompts:
        if not prompt.known:
            found.append(
                f"No model here was evaluated on {prompt.target!r} in this kind of image: its result needs review."
            )
        elif prompt.published_dice is not None and prompt.published_dice < RELIABLE_DICE:
            found.append(f"{prompt.target!r} is hard for the model: published mean Dice {prompt.published_dice:.2f}.")
    return found
