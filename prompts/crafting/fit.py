"""Whether an examination can show a target at all: modality and region, and what is no image."""

from __future__ import annotations

from collections.abc import Sequence

from prompts.lexicon import ANYWHERE, lexicon
from prompts.protocols import protocols
from prompts.question.understanding import AskedTarget, Question, understand

Refused = tuple[str, str, str]
"""Target, reason, remedy."""

_FAMILY_NAMES = {
    "CT": "CT",
    "MR": "MR",
    "US": "ultrasound",
    "XR": "radiography",
    "MG": "mammography",
    "PT": "PET",
    "NM": "nuclear medicine",
    "OP": "fundus photography",
    "OPT": "optical coherence tomography",
    "SM": "microscopy",
    "ES": "endoscopy",
    "DMS": "dermoscopy",
}
LONGEST_PROMPT = 120
"""Characters of a prompt; a text encoder of 77 tokens reads no more than that well."""

_REMEDY = "Ask for a structure or abnormality that an image can show."


def not_imaging(question: Question) -> list[Refused]:
    """Refusals of what the question wants that no image shows."""
    return [(asked.lower(), f"This asks for {what}.", _REMEDY) for asked, what in question.not_imaging]


def misfit(target: AskedTarget, modality: str, body_part: str) -> Refused | None:
    """Why this examination cannot show the target; None when it can, or when nothing is known against it."""
    if target.concept is None:
        return _not_a_target(target)
    return _wrong_modality(target, modality) or _wrong_region(target, body_part)


def _not_a_target(target: AskedTarget) -> Refused | None:
    if not any(c.isalpha() for c in target.text):
        return target.text, "This names nothing.", _REMEDY
    if len(target.text) > LONGEST_PROMPT:
        return target.text[:LONGEST_PROMPT], "This is too long for the name of a structure.", "Name one structure."
    other = understand(target.text).not_imaging
    return (target.text, f"This asks for {other[0][1]}.", _REMEDY) if other else None


def _wrong_modality(target: AskedTarget, modality: str) -> Refused | None:
    concept = target.concept
    if concept is None or lexicon().shows(concept, modality):
        return None
    shown = ", ".join(name for code, name in _FAMILY_NAMES.items() if code in concept.modalities)
    name = _FAMILY_NAMES.get(lexicon().family(modality), modality)
    return target.text, f"{name} does not show it.", f"Send one of: {shown}."


def _wrong_region(target: AskedTarget, body_part: str) -> Refused | None:
    concept, regions = target.concept, protocols().regions(body_part)
    if concept is None or not regions or ANYWHERE in concept.regions:
        return None
    if concept.regions & {*regions, *protocols().partly(body_part)}:
        return None
    lies = ", ".join(sorted(concept.regions))
    reason = f"It lies in {lies}; this series shows {', '.join(regions)}."
    return target.text, reason, "Send a series of that region, or correct BodyPartExamined."


def partly_in_view(targets: Sequence[AskedTarget], body_part: str) -> list[str]:
    """Warnings for targets in a neighbouring region: they may be cut off by the field of view."""
    regions = protocols().regions(body_part)
    found = []
    for target in targets:
        concept = target.concept
        if concept is None or not regions or ANYWHERE in concept.regions or concept.regions & {*regions}:
            continue
        found.append(f"{target.text!r} may be only partly in view: the series is labelled {', '.join(regions)}.")
    return found
