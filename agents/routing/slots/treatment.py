"""Whether a clause wants treatment decided: a dose, a rate, one of several treatments, more of one.

What a patient was given is history; what a structure measures for a treatment is plain work. Drugs are told by how
their names are made as well as by a list, since no list is ever complete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from agents.routing.cues import folded_text, group_finder
from prompts.words import phrase


@cache
def _groups() -> Mapping[str, re.Pattern[str]]:
    return group_finder("treatments")


_NAMED = re.compile(
    r"[a-z]{2,}(?:mab|nib|pril|prilat|olol|sartan|statin|vastatin[ae]?|cillin[ae]?|mycin[ae]?|micin[ae]?|floxacin[oae]?"
    r"|azol[e]?|parin[ae]?|xaban|gatran|prazol[e]?|platin[oae]?|taxel|rubicin[ae]?|tidin[ae]?|gliptin[ae]?|gliflozin[ae]?"
    r"|setron|cain[ea]?|dipin[oe]?|semid[ea]?|pam|olam|zolam|triptan|penem|cyclin[ea]?|ciclin[ae]|vir|fibrat[eo]?|formin[ae]?"
    r"|solon[e]?|metason[ea]?|epinephrin[e]?|adrenalin[ae]?|tecan|trexat[e]?|citabin[ea]?|tinib|ciclib|parib|lukast|thiazid[e]?"
    r"|barbital|caftor|oxetin[ae]?|triptylin[ea]?|fenac|profen[o]?|morphin[ea]?|codein[ea]?|fentanil[o]?|fentanyl|nitrat[eo]?)"
    r"|anti(?!cip|gen|body|bodies|korper|cuerpo|dot)[a-z]{4,}"
)
"""How drugs' names end, and those of groups of them begin, in English, German and Spanish."""
_NO_DRUG = frozenset({"spam", "exam", "program", "elvir", "creatin", "creatinin", "hepatitis", "nitrat", "nitrate"})


def names_drug(text: str) -> bool:
    """Whether a text names a drug or a regimen of drugs."""
    if _groups()["drugs"].search(folded_text(text)):
        return True
    return any(_NAMED.fullmatch(word) and word not in _NO_DRUG for word in phrase(text))


def decides_treatment(text: str) -> bool:
    """Whether a clause wants to be told how, how much, or with which of several things to treat.

    "What dose did she get" and "is he on warfarin" are of the record; "no doses needed" wants none.
    """
    folded, groups = folded_text(text), _groups()
    if recorded_treatment(text) or groups["declined"].search(folded):
        return False
    if groups["weighed"].search(folded):
        return True
    wanted = any(groups[name].search(folded) for name in ("dosing", "more", "steering"))
    return wanted and names_drug(text)


def needs_treatment(text: str) -> bool:
    """Whether a clause asks whether something is needed that is a treatment: "does he need a stent"."""
    folded, groups = folded_text(text), _groups()
    named = names_drug(text) or groups["other"].search(folded) or groups["needed"].search(folded)
    return groups["needs"].search(folded) is not None and bool(named)


def recorded_treatment(text: str) -> bool:
    """Whether a clause is about what was given or is taken: "which antiepileptic is she on"."""
    folded, groups = folded_text(text), _groups()
    return groups["recorded"].search(folded) is not None and groups["advice"].search(folded) is None


def all_treatments(labels: tuple[str, ...]) -> bool:
    """Whether what is to be chosen from are treatments: "FOLFOX or CAPOX", but not "radiation necrosis or tumour"."""
    return len(labels) > 1 and all(_is_treatment(phrase(label)) for label in labels)


def _is_treatment(label: tuple[str, ...]) -> bool:
    ends = (" ".join(label), label[-1]) if label else ()
    return any(names_drug(end) or _groups()["other"].search(f" {end} ") is not None for end in ends)
