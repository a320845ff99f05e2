"""A stream of reviewed studies with a hidden truth: what each wording is worth, and reviewers who partly know it.

It imports nothing of the learner. A study's Dice for a wording is logistic(worth + the study's ease + noise); the
ease is shared between wordings, so that two wordings can be compared on one study. Reviewers accept what is good
enough for them, else redraw by hand, try another wording, or only say which they would prefer; some are careless.
Their free text names the patient, as reviewers' notes do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np

SITES = (("north", "Siemens", "SOMATOM Force"), ("south", "GE", "Revolution CT"), ("west", "Philips", "Ingenia"))
EASE_SD, NOISE_SD = 0.45, 0.2
CARELESS = 0.06
EARLIEST = datetime(2024, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Way:
    """Words and limits of a window (None: the model's own)."""

    words: str
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Topic:
    """A target, the ways to ask for it (the first is the default) and, hidden, what each is worth in logits.

    Attributes:
        elsewhere: worth at the site "south" where it differs.
    """

    modality: str
    region: str
    target: str
    ways: tuple[Way, ...]
    worth: tuple[float, ...]
    elsewhere: tuple[float, ...] = ()


TOPICS = (
    Topic(
        "CT", "abdomen", "liver tumor", (Way("liver tumor"), Way("hepatic mass"), Way("liver lesion")), (0.5, 1.9, 0.6)
    ),
    Topic("CT", "abdomen", "kidney cyst", (Way("kidney cyst"), Way("renal cyst")), (0.3, 1.6)),
    Topic("CT", "chest", "lung nodule", (Way("lung nodule"), Way("pulmonary nodule")), (2.1, 1.0)),
    Topic("CT", "abdomen", "spleen", (Way("spleen"), Way("splenic organ", (-150.0, 250.0))), (2.6, 2.4)),
    Topic("CT", "abdomen", "pancreas", (Way("pancreas"), Way("pancreas", (-100.0, 200.0))), (0.6, 1.8)),
    Topic("MR", "head", "brain tumor", (Way("brain tumor"), Way("brain mass")), (0.9, 0.8), (0.4, 1.9)),
    Topic("MR", "head", "enhancing core", (Way("enhancing core"), Way("contrast enhancing core")), (0.5, 1.6)),
    Topic("CR", "chest", "left lung", (Way("left lung"), Way("left pulmonary field")), (2.8, 2.0)),
    Topic("CR", "chest", "pleural effusion", (Way("pleural effusion"), Way("pleural fluid")), (1.2, 1.1)),
    Topic("US", "abdomen", "left kidney", (Way("left kidney"), Way("kidney on the left")), (1.9, 1.0)),
)
"""Made up: nothing here says how a real model answers these words."""


@dataclass(frozen=True)
class Person:
    """A patient, with what must never be kept."""

    number: int
    patient_id: str
    name: str
    born: date
    phone: str

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Each as it stands in notes."""
        family, given = self.name.split("^")
        return family, given, self.patient_id, f"{self.born:%d.%m.%Y}", f"{self.born:%Y-%m-%d}", self.phone


@dataclass(frozen=True)
class Case:
    """A study to analyse. `dice` is hidden from the learner but for what a review tells."""

    number: int
    person: Person
    topic: Topic
    place: tuple[str, str, str]
    when: datetime
    dice: tuple[float, ...]
    question: str

    def dice_of(self, way: Way) -> float:
        """What the model reaches on this study when it is asked so."""
        return self.dice[self.topic.ways.index(way)]


@dataclass(frozen=True)
class Review:
    """What a reviewer did with a study that was asked in one way."""

    kind: str
    used: Way
    better: Way | None = None
    before: float | None = None
    after: float | None = None
    note: str = ""
    sentence: tuple[str, str] | None = None


@dataclass
class Stream:
    """The studies of one seed; with `different` False no wording is worth more than another."""

    seed: int
    studies: int = 500
    different: bool = True
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng([self.seed, 811])

    def cases(self) -> Iterator[Case]:
        """The studies, in the order of their days."""
        people = [self._person(number) for number in range(max(1, self.studies * 3 // 5))]
        for number in range(self.studies):
            person = people[int(self._random.integers(len(people)))]
            topic = TOPICS[int(self._random.integers(len(TOPICS)))]
            place = SITES[int(self._random.integers(len(SITES)))]
            when = EARLIEST + timedelta(days=number)
            question = f"{_spoken(person)}, {topic.target}? Compare with {person.born:%d.%m.%Y}."
            yield Case(number, person, topic, place, when, self._dice(topic, place[0]), question)

    def review(self, case: Case, used: Way) -> Review:
        """What the reviewer does after the study was asked for in that way."""
        before, patience = case.dice_of(used), float(self._random.uniform(0.72, 0.85))
        if self._random.random() < CARELESS:
            return Review("accepted", used) if self._random.random() < 0.5 else Review("rejected", used)
        if before >= patience:
            return Review("accepted", used, note=f"Seen with {_spoken(case.person)}, tel. {case.person.phone}")
        return self._correction(case, used, before)

    def _correction(self, case: Case, used: Way, before: float) -> Review:
        others = [way for way in case.topic.ways if way != used]
        other = others[int(self._random.integers(len(others)))]
        note = f"{case.person.name.replace('^', ', ')} (MRN {case.person.patient_id}): border missed"
        kind = self._random.choice(["hand", "tried", "sentence", "preferred", "rejected"], p=[0.3, 0.4, 0.1, 0.1, 0.1])
        if kind == "hand":
            return Review("corrected", used, before=before, note=note)
        if kind == "tried":
            return Review("corrected", used, other, before, case.dice_of(other), note)
        if kind == "sentence":
            sentence = (
                f"{_spoken(case.person)} has a {case.topic.target}.",
                f"{case.topic.target.capitalize()} is seen.",
            )
            return Review("sentence", used, note=note, sentence=sentence)
        mistaken = self._random.random() < 0.3
        if kind == "preferred" and (mistaken or case.dice_of(other) > before):
            return Review("preferred", used, other, note=note)
        return Review("rejected", used, note=note)

    def _dice(self, topic: Topic, site: str) -> tuple[float, ...]:
        worth = topic.elsewhere if topic.elsewhere and site == "south" else topic.worth
        if not self.different:
            worth = (1.2,) * len(topic.ways)
        ease = float(self._random.normal(0.0, EASE_SD))
        noise = self._random.normal(0.0, NOISE_SD, len(worth))
        return tuple(1.0 / (1.0 + math.exp(-(w + ease + float(n)))) for w, n in zip(worth, noise, strict=True))

    def _person(self, number: int) -> Person:
        family, given = (self._name() for _ in range(2))
        born = date(1930, 1, 1) + timedelta(days=int(self._random.integers(365 * 80)))
        phone = f"+49 {self._random.integers(30, 999)} {self._random.integers(100000, 9999999)}"
        return Person(number, f"P{self._random.integers(10**6, 10**7)}", f"{family}^{given}", born, phone)

    def _name(self) -> str:
        """Pronounceable, and no word of any language that notes are written in."""
        syllables = [f"{c}{v}" for c in "bdfgjkmnprstvwz" for v in ("ax", "oq", "iu", "yx", "ew")]
        return "".join(str(s) for s in self._random.choice(syllables, 3)).capitalize()


def _spoken(person: Person) -> str:
    family, given = person.name.split("^")
    return f"{given} {family}"
