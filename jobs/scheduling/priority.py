"""How urgent a job is: what the order says, raised by its indication and by critical findings on the way.

A priority that a person gave is never lowered. RESEARCH is never raised: its patients wait for nothing, and a study of
a thousand strokes would take the slots that one stroke needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from domain.study import Priority
from jobs.scheduling.policy import RANK
from prompts.critical_table import Urgency
from prompts.urgency import urgent_of

CODES: Mapping[str, Priority] = {
    # DICOM (0040,1003) Requested Procedure Priority, (0074,1200) Scheduled Procedure Step Priority
    "STAT": Priority.STAT,
    "HIGH": Priority.URGENT,
    "ROUTINE": Priority.ROUTINE,
    "MEDIUM": Priority.ROUTINE,
    "LOW": Priority.ROUTINE,
    # HL7 v2 table 0485, Extended Priority Codes: TQ1-9, OBR-27
    "S": Priority.STAT,
    "A": Priority.URGENT,
    "T": Priority.URGENT,
    "P": Priority.URGENT,
    "C": Priority.ROUTINE,
    "R": Priority.ROUTINE,
    "PRN": Priority.ROUTINE,
    # FHIR http://hl7.org/fhir/request-priority
    "URGENT": Priority.URGENT,
    "ASAP": Priority.URGENT,
    # ours
    "RESEARCH": Priority.RESEARCH,
}
"""Codes of the three standards. ASAP comes after STAT in both HL7 and FHIR; nothing of theirs means RESEARCH."""
_TIMING = re.compile(r"T[SMHDWL]\d+")
"""HL7 timing critical within so many seconds, minutes, hours, days, weeks or months."""
_CRITICAL: Mapping[Urgency, Priority] = {Urgency.MINUTES: Priority.STAT, Urgency.HOURS: Priority.URGENT}


@dataclass(frozen=True)
class Reason:
    """Why a job has its priority, or more than it was ordered with.

    Attributes:
        kind: "order", "indication", "finding" or "person".
        code: as the order gave it, or the id of the rule that raised it; never text of a patient.
        source: the guideline behind a rule.
    """

    kind: str
    code: str
    text: str
    priority: Priority
    source: str = ""

    def as_row(self) -> dict[str, str]:
        """As JSON."""
        return {
            "kind": self.kind,
            "code": self.code,
            "text": self.text,
            "priority": self.priority.value,
            "source": self.source,
        }


@dataclass(frozen=True)
class Urgent:
    """A priority and its reasons, in the order in which they came."""

    priority: Priority
    reasons: tuple[Reason, ...] = ()

    def raised(self, reasons: Iterable[Reason]) -> Urgent:
        """With the reasons that raise it; those that would lower it, or change nothing, are left out."""
        urgent = self
        for reason in reasons:
            if urgent.priority is not Priority.RESEARCH and RANK[reason.priority] < RANK[urgent.priority]:
                urgent = Urgent(reason.priority, (*urgent.reasons, reason))
        return urgent


def from_order(code: str) -> Urgent:
    """What a code of an order means: DICOM, HL7 v2 (also a whole TQ field, whose sixth component it is) or FHIR.

    A code that nobody knows is ROUTINE, and the reason says so.
    """
    given = code.strip()
    if "^" in given:
        parts = given.split("^")
        given = parts[5] if len(parts) > 5 else next((part for part in reversed(parts) if part), "")
    key = given.strip().upper()
    priority = Priority.URGENT if _TIMING.fullmatch(key) else CODES.get(key)
    if priority is not None:
        return Urgent(priority, (Reason("order", key, f"Ordered as {key}.", priority),))
    known = "Ordered without a priority." if not key else "Ordered with a priority that is not known here."
    return Urgent(Priority.ROUTINE, (Reason("order", key[:16] if key.isalnum() else "", known, Priority.ROUTINE),))


def from_indication(text: str) -> tuple[Reason, ...]:
    """What an indication names that cannot wait, most urgent first. See `prompts.urgency`."""
    return tuple(
        Reason("indication", rule.rule_id, f"The indication names {rule.name}.", rule.priority, rule.source)
        for rule in urgent_of(text)
    )


def from_critical(rows: Iterable[Mapping[str, object]]) -> tuple[Reason, ...]:
    """What critical findings (rows of `domain.analysis.Analysis.critical`) ask for; those of days ask for nothing."""
    found = []
    for row in rows:
        try:
            priority = _CRITICAL.get(Urgency(str(row.get("urgency", ""))))
        except ValueError:
            continue
        if priority is not None:
            name, rule, source = (str(row.get(key, "")) for key in ("name", "rule", "source"))
            found.append(Reason("finding", rule, f"A critical finding: {name}.", priority, source))
    return tuple(sorted(found, key=lambda reason: RANK[reason.priority]))


def urgency(ordered: Priority | str, indication: str = "") -> Urgent:
    """How urgent an order is: what it says, raised by what its indication names.

    Args:
        ordered: what a person chose, or a code of `from_order`.
    """
    if isinstance(ordered, Priority):
        stated = Urgent(ordered, (Reason("person", ordered.value, f"Given as {ordered.value}.", ordered),))
    else:
        stated = from_order(ordered)
    return stated.raised(from_indication(indication))


def raised_by_person(urgent: Urgent, priority: Priority) -> Urgent:
    """Raised by a person; RESEARCH as well. What is no raise changes nothing."""
    if RANK[priority] >= RANK[urgent.priority]:
        return urgent
    reason = Reason("person", priority.value, f"Raised to {priority.value} by a person.", priority)
    return replace(urgent, priority=priority, reasons=(*urgent.reasons, reason))
