"""Which DICOM modality (PS3.3 C.7.3.1.1.1) a file without one shows, from the words of the question."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNKNOWN = "OT"

COLOUR = frozenset({"US", "IVUS", "SM", "GM", "OP", "XC", "ES", "DMS", "OPT", "OPTENF", "OPM"})
"""Modalities whose pixels may be coloured."""

MONOCHROME = frozenset({"CT", "MR", "PT", "NM", "CR", "DX", "MG", "RF", "XA", "RG", "XR", "PX", "IO"})
"""Modalities whose pixels are one value each."""

_STRONG = {
    "CT": r"\bct\b|\bcta\b|\b(?:hr|ce|nc|ld|cb)ct\b|comput(?:ed|er) tomograph|\bcat scan",
    "MR": r"\bf?mri\b|\bmra\b|\bmrcp\b|\bcmr\b|magnetic resonance|\bt[12](?:w|\*|[- ]?weighted)|\bflair\b|\bdwi\b",
    "CR": r"\bx[- ]?rays?\b|\bradiograph|\bcxr\b|\bplain films?\b|r(?:ö|oe)ntgen",
    "MG": r"\bmammogra|\btomosynthesis\b",
    "US": r"\bultrasound|\bultrasonograph|\bsonogra|\bechocardiogra|\bdoppler\b|\bpocus\b",
    "PT": r"\bpet\b|positron emission",
    "NM": r"\bscintigra|\bspect\b|\bbone scan",
    "SM": r"\bh ?& ?e\b|\bh ?and ?e stain|\bhistolog|\bhistopatholog|\bmicroscop|\bimmunohistochem|\bihc\b"
    r"|\bwhole[- ]slide|\bpathology (?:slide|image|section)|\bha?ematoxylin",
    "OP": r"\bfundus\b|\bfundoscop|\bretinal? (?:photo|image|picture|fundus)|\bophthalmoscop",
    "OPT": r"\boct\b|optical coherence tomograph",
    "XC": r"\bderm(?:at)?oscop|\bskin (?:photo|image|lesion)|\bclinical photo",
    "ES": r"\bendoscop|\bcolonoscop|\bgastroscop|\bbronchoscop|\bcystoscop|\blaparoscop",
}
_WEAK = {
    "XA": r"\bangiogra",
    "RF": r"\bfluoroscop",
    "US": r"\becho\b",
    "SM": r"\bpatholog|\bbiopsy\b|\bcytolog",
    "OP": r"\bretina",
    "CR": r"\bchest film",
}
_STRONG_RULES = {name: re.compile(rule, re.IGNORECASE) for name, rule in _STRONG.items()}
_WEAK_RULES = {name: re.compile(rule, re.IGNORECASE) for name, rule in _WEAK.items()}
_WEAK_RULES["MR"] = re.compile(r"\bMR\b(?!\.)")  # in capitals only: "Mr" is a man


@dataclass(frozen=True)
class NamedModality:
    """What a question says about the modality.

    Attributes:
        modality: a DICOM modality, "" when the question names none or several.
        warning: what the reader must know about that, "" when there is nothing to say.
    """

    modality: str
    warning: str = ""


def modalities_in(question: str) -> tuple[str, ...]:
    """DICOM modalities that the words of a question name; general words count only when no exact one is there."""
    strong = tuple(name for name, rule in _STRONG_RULES.items() if rule.search(question))
    return strong or tuple(name for name, rule in _WEAK_RULES.items() if rule.search(question))


def modality_named(question: str) -> NamedModality:
    """The one modality that a question names; several are not a choice for us to make."""
    found = modalities_in(question)
    if len(found) == 1:
        return NamedModality(found[0], f"modality {found[0]} taken from the question")
    if found:
        return NamedModality("", f"the question names several modalities ({', '.join(found)}): none was assumed")
    return NamedModality("")
