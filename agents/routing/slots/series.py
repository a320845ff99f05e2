"""Which series a clause names: by number, or by what its description says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from agents.routing.cues import folded_text, group_finder
from agents.routing.masking import WORD, masked
from agents.routing.request import Situation
from prompts.data import read_yaml, strings

_EXCLUSIVE = (
    frozenset({"axial", "coronal", "sagittal"}),
    frozenset({"t1 contrast", "t1 native"}),
    frozenset({"left view", "right view"}),
    frozenset({"frontal", "lateral", "oblique", "craniocaudal", "mediolateral oblique"}),
    frozenset({"t1", "t2", "flair", "dwi", "adc", "swi", "stir"}),
    frozenset({"arterial", "portal venous", "delayed", "nephrographic", "corticomedullary", "hepatobiliary", "native"}),
)
_SPECIAL = frozenset(
    {"elastography", "spectroscopy", "diffusion tensor", "tomosynthesis", "expiratory", "prone", "doppler", "dynamic"}
)
"""Acquisitions that a description always tells: one that does not is of another kind."""
_MODALITIES = {"CT": re.compile(r"(?<= )ct "), "PT": re.compile(r"(?<= )pet "), "MR": re.compile(r"(?<= )mri? ")}
"""They choose a series only where a study has several, as PET/CT has."""
_NOT_AXIAL = frozenset({"coronal", "sagittal", "scout"})
_LEFT_OUT = re.compile(
    r" (?:not|forget|ignore|skip|without|instead of|rather than|nicht|statt|anstatt|ohne|no|sin|en vez de|olvida)"
    r" (?:[^ ]+ ){0,2}$"
)
_NEXT = re.compile(rf"[,;.]+\s+(?={WORD}\b)")
"""Where a new structure begins after a mark: a series before it does not describe it ("on the CC view, mass on …")."""
_CORRECTED = re.compile(
    r"(?:^|[,.;:…–-])\s*(?:(?:no|nein|nee|sorry|wait|actually|rather|quatsch|halt|korrektur|perd[oó]n|digo|i mean"
    r"|scratch that|correction|ich meine|mejor dicho|quiero decir)\b[\s,.]*)+",
    re.IGNORECASE,
)
"""Between a series and the one that is meant instead: "on the arterial, no, on the native"."""
_OTHER = re.compile(
    r" (?:other|andere[nrs]?|otra) (?:series|sequence|phase|view|projection|plane|stack|serie|sequenz|aufnahme|ansicht"
    r"|secuencia|fase|vista) "
)


@dataclass(frozen=True)
class Named:
    """Series that a clause names, () for none; `missing` when it names one that is not there.

    `other`: it means the one that was not looked at before.
    """

    series: tuple[str, ...] = ()
    missing: bool = False
    other: bool = False


@dataclass(frozen=True)
class _Words:
    names: Mapping[str, re.Pattern[str]]
    before: re.Pattern[str]
    after: re.Pattern[str]
    number: re.Pattern[str]
    numerals: Mapping[str, str]


@cache
def _words() -> _Words:
    raw = read_yaml("intents/series.yaml")
    numerals: dict[str, str] = raw["numerals"]
    number = "|".join(strings(raw["number"]))
    numeral = rf"(?:\d{{1,3}}|{'|'.join(numerals)})"
    list_of = rf"{numeral}(?: (?:and|or|und|oder|y) {numeral})?"
    said = rf" (?:(?:{number}) (?:no |nr |number )?(?P<after>{list_of})|(?P<before>{numeral}) (?:{number})) "
    return _Words(
        group_finder("series", "names"),
        re.compile(rf" (?:{'|'.join(strings(raw['before']))}) (?:[^ ]+ ){{0,2}}$"),
        re.compile(rf"^(?:[^ ]+ )?(?:{'|'.join(strings(raw['after']))}) "),
        re.compile(said),
        numerals,
    )


def named_series(text: str, situation: Situation) -> Named:
    """The series that a clause names. Without descriptions a name says nothing, a number always does."""
    folded = folded_text(text)
    # "Tumour in the frontal lobe" names no frontal series: structures are masked.
    named = _numbered(folded, situation) or _described(_NEXT.sub(" then ", masked(text)), situation)
    return named or _the_other(folded, situation) or Named()


def _the_other(folded: str, situation: Situation) -> Named | None:
    """ "And on the other series?": of two the one that the turn before did not name."""
    if _OTHER.search(folded) is None:
        return None
    before = named_series(situation.earlier[-1][0], situation).series if situation.earlier else ()
    left = tuple(n for n in situation.series if n not in before)
    return Named(left, other=True) if before and len(left) == 1 else Named(missing=True, other=True)


def _numbered(folded: str, situation: Situation) -> Named | None:
    found = _words().number.search(folded)
    if found is None:
        return None
    said = (found["after"] or found["before"]).split()
    numbers = [_words().numerals.get(w, w) for w in said if w.isdigit() or w in _words().numerals]
    names = tuple(f"series-{int(n)}" for n in numbers)
    return Named(names) if {*names} <= {*situation.series} else Named(missing=True)


def _described(text: str, situation: Situation) -> Named | None:
    """What stands where a series' name stands ("on the T2", "arterial phase"), sought in the descriptions."""
    meant, left_out = _settled(text)
    if len({*situation.modalities}) < 2:
        meant, left_out = meant - _MODALITIES.keys(), left_out - _MODALITIES.keys()
    if not (meant or left_out) or not any(situation.series_text):
        return None
    described = {n: names for n, names in _descriptions(situation).items() if not names & left_out}
    if not meant:
        others = len(described) < len(situation.series)
        return Named(tuple(described)) if described and others else None
    fitting = _each_of_several(meant, described) or _fitting(meant, described)
    if not fitting and left_out:
        fitting = tuple(described)
    fitting = fitting or _plain_axial(meant, described, situation)
    if fitting:
        return Named(fitting)
    only = next(iter(described.values()), meant)
    return Named(missing=len(situation.series) > 1 or not described or _contradict(meant, only))


def _descriptions(situation: Situation) -> dict[str, set[str]]:
    """Names by which each series is known; its modality where there are several."""
    found = {n: _names_in(folded_text(t)) for n, t in zip(situation.series, situation.series_text, strict=False)}
    if len({*situation.modalities}) > 1:
        for name, modality in zip(situation.series, situation.modalities, strict=False):
            found[name] |= {modality} & _MODALITIES.keys()
    return found


def _fitting(meant: set[str], described: Mapping[str, set[str]]) -> tuple[str, ...]:
    """ "T2" is not the FLAIR, whose description says T2 too, unless there is no other."""
    rank = {
        n: (len(names & meant), -len(names - meant))
        for n, names in described.items()
        if names & meant and not _contradict(meant, names)
    }
    return tuple(n for n, fit in rank.items() if fit == max(rank.values()))


def _each_of_several(meant: set[str], described: Mapping[str, set[str]]) -> tuple[str, ...]:
    """ "The gland on the T2, the lesion on the ADC": a series for each name, where no one series has them all."""
    several = next((meant & kinds for kinds in _EXCLUSIVE if len(meant & kinds) > 1), set())
    best = [_described_best({name}, described) for name in sorted(several)]
    if not all(best) or any(several <= names for names in described.values()):
        return ()
    return tuple(n for n in described if any(n in names for names in best))


def _described_best(meant: set[str], described: Mapping[str, set[str]]) -> tuple[str, ...]:
    """The series with a name that have the fewest others."""
    rank = {n: len(names) for n, names in described.items() if names & meant}
    return tuple(n for n, others in rank.items() if others == min(rank.values()))


def _plain_axial(meant: set[str], described: Mapping[str, set[str]], situation: Situation) -> tuple[str, ...]:
    """CT series whose descriptions tell no plane are axial, but for the scout."""
    if meant != {"axial"} or "CT" not in situation.modalities:
        return ()
    return tuple(n for n, names in described.items() if not names & _NOT_AXIAL)


def _contradict(meant: set[str], described: set[str]) -> bool:
    """Whether both name a plane, a sequence or a phase, and not the same: the T1 that is asked for is no FLAIR."""
    if meant & _SPECIAL - described:
        return True
    meant, described = _with_base(meant), _with_base(described)
    pairs = ((meant & kinds, described & kinds) for kinds in _EXCLUSIVE)
    return any(one and other and not one & other for one, other in pairs)


def _with_base(names: set[str]) -> set[str]:
    """ "T1 with contrast" is a T1."""
    return names | ({"t1"} if names & {"t1 contrast", "t1 native"} else set())


def _settled(text: str) -> tuple[set[str], set[str]]:
    """As `_meant`, where a later plane, sequence or phase stands for the one that a correction takes back."""
    meant, left_out = _meant(folded_text(text))
    taken, *later = [_meant(folded_text(piece))[0] for piece in _CORRECTED.split(text)]
    for instead in later:
        for kinds in _EXCLUSIVE:
            if kinds & taken and kinds & instead:
                meant = (meant - (taken & kinds)) | instead
                left_out = left_out - instead
        taken = taken | instead
    return meant, left_out


def _meant(folded: str) -> tuple[set[str], set[str]]:
    """Names of series that a clause wants, and those that it does not: "not on the topogram"."""
    known = _words()
    meant: set[str] = set()
    left_out: set[str] = set()
    for name, pattern in (*known.names.items(), *_MODALITIES.items()):
        for found in pattern.finditer(folded):
            before, after = folded[: found.start()], folded[found.end() :]
            if after.startswith(f"{WORD} "):
                continue
            if _LEFT_OUT.search(before):
                left_out.add(name)
            elif known.before.search(before) or known.after.search(after):
                meant.add(name)
    return meant, left_out - meant


def _names_in(folded: str) -> set[str]:
    return {name for name, pattern in _words().names.items() if pattern.search(folded)}
