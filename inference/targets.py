"""What MedImageParse is known to find: its published targets, looked up by DICOM modality and region."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from domain.model import KnownTarget

_TABLE = Path(__file__).with_name("medimageparse_targets.json")

MODALITIES: dict[str, tuple[str, ...]] = {
    "CT": ("CT",),
    "MR": ("MRI", "MRI-T1-Gd", "MRI-FLAIR", "MRI-T2", "MRI-ADC"),
    "CR": ("X-Ray",),
    "DX": ("X-Ray",),
    "RG": ("X-Ray",),
    "XR": ("X-Ray",),
    "US": ("ultrasound",),
    "SM": ("pathology",),
    "OP": ("fundus",),
    "OPT": ("OCT",),
    "ES": ("endoscope",),
    "XC": ("dermoscopy",),
}
"""DICOM's (0008,0060) to the names of the publication."""

_SITES: dict[str, tuple[str, ...]] = {
    "chest": ("chest", "lung"),
    "thorax": ("chest", "lung"),
    "lung": ("lung", "chest"),
    "head": ("brain",),
    "brain": ("brain",),
    "neuro": ("brain",),
    "abdomen": ("abdomen", "liver", "colon"),
    "liver": ("liver", "abdomen"),
    "kidney": ("kidney", "abdomen"),
    "pancreas": ("pancreatic", "abdomen"),
    "colon": ("colon",),
    "pelvis": ("pelvis", "prostate", "bladder", "uterus"),
    "prostate": ("prostate",),
    "heart": ("heart",),
    "cardiac": ("heart",),
    "breast": ("breast",),
    "eye": ("retinal",),
    "retina": ("retinal",),
    "skin": ("skin",),
}

_SPELLINGS = {"tumour": "tumor", "oedema": "edema", "oesophagus": "esophagus"}


def canonical(target: str) -> str:
    """A target as tables spell it: lower case, single spaces, American spelling."""
    words = target.casefold().split()
    return " ".join(_SPELLINGS.get(word, word) for word in words)


def singular(target: str) -> str:
    """`canonical`, without a plural's s at the end ("lungs" → "lung"; "pancreas" and "pelvis" stay)."""
    name = canonical(target)
    return name[:-1] if name.endswith("s") and not name.endswith(("ss", "as", "is", "us")) else name


def find(modality: str, target: str, region: str = "") -> KnownTarget | None:
    """The published row that fits best: the region's own site, then the one with the most images.

    Args:
        modality: DICOM's ("MR") or the publication's own ("MRI-FLAIR").
        region: body part in any spelling; empty or strange ones match any site.
    """
    modalities = MODALITIES.get(modality.upper(), (modality,))
    sites = _sites(region)
    rows = [row for name in modalities for row in _rows().get((name.casefold(), singular(target)), ())]
    return max(rows, key=lambda row: (_closeness(row.site, sites), row.cases), default=None)


def _closeness(site: str, sites: tuple[str, ...]) -> int:
    return len(sites) - sites.index(site) if site in sites else 0


def _sites(region: str) -> tuple[str, ...]:
    """Sites of a region, nearest first; the region may be a body part with words around it ("CHEST_ABDOMEN")."""
    words = "".join(letter if letter.isalpha() else " " for letter in region.casefold()).split()
    found = [site for word in words for site in (word, *_SITES.get(word, ()))]
    return tuple(dict.fromkeys(found))


@cache
def _rows() -> dict[tuple[str, str], tuple[KnownTarget, ...]]:
    table: dict[tuple[str, str], tuple[KnownTarget, ...]] = {}
    for modality, site, target, dice, images, category in json.loads(_TABLE.read_text("utf-8"))["targets"]:
        row = KnownTarget(target, modality, site, dice, images, category)
        key = (modality.casefold(), singular(target))
        table[key] = (*table.get(key, ()), row)
    return table


def all_targets() -> tuple[KnownTarget, ...]:
    """Every published row."""
    return tuple(row for rows in _rows().values() for row in rows)
