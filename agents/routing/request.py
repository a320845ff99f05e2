"""What a message asks for, and the situation it is read in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Intent(StrEnum):
    """What a part of a message wants.

    FIND without targets is the usual protocol. ASK and REFUSE end a request: `Request.about` says what is missing or
    why. UNKNOWN is what no example is near to; the router turns it into ASK about the question.
    """

    FIND = "find"
    DESCRIBE = "describe"
    CHEST_REPORT = "chest_report"
    CLASSIFY = "classify"
    COMPARE = "compare"
    HISTORY = "history"
    GUIDANCE = "guidance"
    RECALL = "recall"
    REFINE = "refine"
    REPORT = "report"
    SIGN = "sign"
    DELIVER = "deliver"
    GREETING = "greeting"
    CAPABILITIES = "capabilities"
    REFUSE = "refuse"
    ASK = "ask"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PriorFacts:
    """An earlier study: "prior-1" is the newest; `date` is ISO 8601, "" when unknown; `description` as in DICOM."""

    name: str
    date: str = ""
    modality: str = ""
    body_part: str = ""
    description: str = ""


@dataclass(frozen=True)
class Situation:
    """What a message is read against; no identity, no pixels.

    Attributes:
        modalities, body_parts, series_text: of each series: DICOM modality, body part, description.
        series: short names, "series-1", ….
        found: targets that were outlined in earlier turns.
        last: those of them that the turn before was about.
        answered: an analysis exists.
        priors: newest first.
        chest_report, classifier, history: whether these specialists are here for this study.
        earlier: (question, answer) of the turns before, oldest first.
        order: the message is an order's indication; nobody is there who could sign, approve or be refused.
    """

    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    series_text: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    answered: bool = False
    priors: tuple[PriorFacts, ...] = ()
    chest_report: bool = False
    classifier: bool = False
    history: bool = False
    earlier: tuple[tuple[str, str], ...] = ()
    order: bool = False


@dataclass(frozen=True)
class Request:
    """One thing that is wanted.

    Attributes:
        text: the words that ask for it.
        targets: canonical prompt texts ("left kidney").
        series: the only ones to look at, () for all.
        prior: name of the earlier study, "" without one.
        labels: for CLASSIFY.
        kinds: for HISTORY, values of `domain.history.DocumentKind`; () for all.
        topic: for RECALL: findings, measurements, quality, models, prompts, changes or report.
        action: for SIGN and DELIVER: "sign" or "deliver".
        about: for ASK what is missing, for REFUSE the reason.
        complaint: for REFINE what is wrong with the outline, a value of `domain.analysis.Complaint`.
        change: for REFINE what is to be changed: "prompt", "window", "slices", "model", "choice" (the outline that was
            kept beside the other is wanted), "" for any; to: its value where the words name one.
        confidence: 0–1, of the intent.
    """

    intent: Intent
    text: str
    targets: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    prior: str = ""
    labels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    topic: str = ""
    action: str = ""
    about: str = ""
    complaint: str = ""
    change: str = ""
    to: str = ""
    confidence: float = 1.0


@dataclass(frozen=True)
class Routed:
    """A message as requests in the order of the text, and the parts of it that nothing was made of.

    Attributes:
        others: parts that are not the writer's own words, read as data.
    """

    requests: tuple[Request, ...]
    not_understood: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
