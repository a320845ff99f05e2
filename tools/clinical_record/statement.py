"""A sentence in its document: which day it is about, which examination, and how it becomes a fact."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from domain.history import HistoryDocument
from tools.clinical_record.assertion import Assertion, assertion
from tools.clinical_record.dates import DateHit, find_dates
from tools.clinical_record.fact import Certainty, ClinicalFact, FactKind
from tools.clinical_record.sentences import Sentence

_OTHER_CLAUSE = re.compile(
    r";|,\s+(?:and|but|which|then|with|so|an?|the)\b|\bbut\b|\bhowever\b|\bafter\b", re.IGNORECASE
)
_NEAR = 45
"""Characters between an examination and its own date: "repeat CT scan with contrast of the chest on 2020-02-21"."""


@dataclass(frozen=True)
class Examination:
    """The examination that a stretch of text reports on; empty where it is none."""

    modality: str = ""
    day: DateHit | None = None
    compared_with: DateHit | None = None


@dataclass(frozen=True)
class Statement:
    """A sentence, ready to be read by a grammar. Offsets are those of the sentence.

    Attributes:
        examination: what its measurements were made on.
        lesion: what "this" of the sentence stands for, from the sentences before.
    """

    document: HistoryDocument
    sentence: Sentence
    examination: Examination = Examination()
    lesion: str = ""
    dates: tuple[DateHit, ...] = field(default=())

    @classmethod
    def of(cls, document: HistoryDocument, sentence: Sentence, examination: Examination, lesion: str) -> Statement:
        """A sentence with its dates found."""
        return cls(document, sentence, examination, lesion, tuple(find_dates(sentence.text, document.dated)))

    @property
    def text(self) -> str:
        """The sentence as it was written."""
        return self.sentence.text

    @property
    def of_family(self) -> bool:
        """It speaks of relatives."""
        return self.sentence.heading == "family"

    def meant(self, start: int, end: int) -> Assertion:
        """How some words were meant."""
        return assertion(self.sentence, start, end)

    def day_of_finding(self, start: int) -> DateHit | None:
        """The day that something found is about: the date before it in the sentence, else after it, else the list's."""
        before = [d for d in self.dates if d.start <= start]
        nearest = before[-1:] or list(self.dates[:1])
        return nearest[0] if nearest else self.sentence.context

    def day_of_event(self, start: int, end: int) -> DateHit | None:
        """The day that an event is given by its own clause, else by the dated line it stands in."""
        after = [d for d in self.dates if d.start >= end and self._joined(end, d.start)]
        before = [d for d in self.dates if d.end <= start and self._joined(d.end, start)]
        nearest = sorted((*after[:1], *before[-1:]), key=lambda d: max(d.start - end, start - d.end))
        return nearest[0] if nearest else (None if self.dates else self.sentence.context)

    def _joined(self, left: int, right: int) -> bool:
        return right - left <= _NEAR and not _OTHER_CLAUSE.search(self.text[left:right])

    def fact(
        self,
        kind: FactKind,
        attribute: str,
        value: str,
        span: tuple[int, int],
        *,
        day: DateHit | None = None,
        meant: Assertion | None = None,
        qualifier: str = "",
        method: str = "",
        numbers: tuple[float, ...] = (),
        previous: bool = False,
        undated: bool = False,
    ) -> ClinicalFact:
        """A fact at `span` of the sentence; without a day of its own it has the document's, unless `undated`."""
        how = meant or Assertion(Certainty.STATED)
        written = None if undated else self.document.dated
        return ClinicalFact(
            attribute=attribute,
            value=value,
            qualifier=qualifier,
            dated=day.first if day else written,
            until=day.last if day else written,
            own_date=day is not None,
            document_id=self.document.document_id,
            span=(self.sentence.start + span[0], self.sentence.start + span[1]),
            sentence=self.text,
            negated=how.negated,
            certainty=Certainty.HISTORICAL if previous and how.certainty is Certainty.STATED else how.certainty,
            kind=kind,
            method=method,
            numbers=numbers,
            block=self.sentence.block,
            previous=previous,
        )
