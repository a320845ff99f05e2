"""The lexicon of imaging targets (lexicon.yaml): names, kinds, and the examinations that show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from domain.codes import Category
from prompts.data import read_yaml, strings
from prompts.terms import Terms
from prompts.words import phrase

ANYWHERE = "any"
KINDS = frozenset({"organ", "substructure", "lesion", "fluid", "device", "tissue", "region"})


@dataclass(frozen=True)
class Concept:
    """A target that can be asked for.

    Attributes:
        text: the canonical prompt.
        kind: organ, substructure, lesion, fluid, device, tissue; "region" for what is a place only.
        category: what MedImageParse is expected to call it.
        paired: there is a left and a right one.
        attributive: the word before a lesion in it ("pancreatic").
        site: where the published evaluation files it; "" when it does not.
        table: (target, site) of the published row that stands for it, None for its own text at `site`.
        joins: a lesion word that joins a site.
        elsewhere: what its short names mean where it cannot be.
        means: for a short name that is no concept of the lexicon: what it may stand for.
        regions: body regions it lies in; {"any"} for all.
        modalities: families of modalities that show it.
    """

    text: str
    kind: str
    category: Category
    paired: bool = False
    attributive: str = ""
    site: str = ""
    table: tuple[str, str] | None = None
    joins: bool = False
    elsewhere: str = ""
    means: tuple[str, ...] = ()
    regions: frozenset[str] = frozenset({ANYWHERE})
    modalities: frozenset[str] = frozenset()
    synonyms: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Lexicon:
    """All concepts.

    Attributes:
        concepts: by canonical text.
        names: phrases that ask for a concept.
        adjectives: phrases that name a concept as the site of what follows.
    """

    concepts: Mapping[str, Concept]
    families: Mapping[str, str]
    names: Terms[Concept] = field(repr=False)
    adjectives: Terms[Concept] = field(repr=False)

    def family(self, modality: str) -> str:
        """The family of a DICOM modality ("DX" → "XR"); "" for one that says nothing ("OT", "")."""
        return self.families.get(modality.strip().upper(), "")

    def named(self, text: str) -> Concept | None:
        """The concept that a text names as a whole; None when it names none."""
        return self.names.get(phrase(text))

    def shows(self, concept: Concept, modality: str) -> bool:
        """Whether an examination can show it; an unknown modality can."""
        family = self.family(modality)
        return not family or family in concept.modalities


@cache
def lexicon() -> Lexicon:
    """The lexicon, read once."""
    raw = read_yaml("lexicon.yaml")
    families = {code: family for family, codes in raw["modality_families"].items() for code in codes}
    sets = {name: frozenset(strings(members)) for name, members in raw["modality_sets"].items()}
    concepts: dict[str, Concept] = {}
    group: dict[str, object] = {}
    for entry in raw["groups"]:
        if "concepts" not in entry:
            group = entry
            continue
        for text, own in entry["concepts"].items():
            if text in concepts:
                raise ValueError(f"lexicon.yaml: {text!r} stands twice")
            concepts[text] = _concept(text, {**group, **(own or {})}, sets)
    return Lexicon(concepts, families, _names(concepts), _adjectives(concepts))


def _concept(text: str, raw: dict[str, object], sets: Mapping[str, frozenset[str]]) -> Concept:
    modalities = raw["modalities"]
    kind = str(raw["kind"])
    if kind not in KINDS:
        raise ValueError(f"lexicon.yaml: {text!r} has the unknown kind {kind!r}")
    target, _, site = str(raw.get("table", "")).partition("@")
    return Concept(
        text=text,
        kind=kind,
        category=Category(str(raw["category"])),
        paired=raw.get("side") == "true",
        attributive=str(raw.get("attr", text)),
        site=str(raw.get("site", "")),
        table=(target, site) if target else None,
        joins=raw.get("made") == "true",
        elsewhere=str(raw.get("elsewhere", "")),
        regions=frozenset(strings(raw["regions"])),
        modalities=sets[modalities] if isinstance(modalities, str) else frozenset(strings(modalities)),
        synonyms=strings(raw.get("say", [])),
        adjectives=strings(raw.get("adj", [])),
    )


def _names(concepts: Mapping[str, Concept]) -> Terms[Concept]:
    names: Terms[Concept] = Terms()
    for text, concept in concepts.items():
        names.add([text], concept)
    for concept in concepts.values():
        names.add(concept.synonyms, concept)
    return names


def _adjectives(concepts: Mapping[str, Concept]) -> Terms[Concept]:
    adjectives: Terms[Concept] = Terms()
    for concept in concepts.values():
        adjectives.add(concept.adjectives, concept)
    return adjectives
