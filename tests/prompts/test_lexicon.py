"""The lexicon and the protocols hold together."""

from __future__ import annotations

import pytest

from domain.model import Window
from prompts.lexicon import lexicon
from prompts.protocols import protocols
from prompts.words import fold, phrase, singulars, words

REGIONS = {"head", "neck", "chest", "abdomen", "pelvis", "spine", "breast", "arm", "leg", "eye", "skin", "any"}


def test_concepts_are_well_formed() -> None:
    concepts = lexicon().concepts.values()
    families = {*lexicon().families.values()}
    assert len(concepts) >= 400
    for concept in concepts:
        assert concept.regions <= REGIONS, concept.text
        assert concept.regions, concept.text
        assert concept.modalities <= families, concept.text
        assert concept.modalities, concept.text
        assert lexicon().named(concept.text) is concept
        assert not concept.elsewhere or concept.elsewhere in lexicon().concepts


def test_a_synonym_names_one_concept() -> None:
    owners: dict[tuple[str, ...], set[str]] = {}
    for concept in lexicon().concepts.values():
        for name in (concept.text, *concept.synonyms):
            owners.setdefault(phrase(name), set()).add(concept.text)
    assert {k: v for k, v in owners.items() if len(v) > 1} == {}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("IVC", "postcava"),
        ("Inferior Vena Cava", "postcava"),
        ("kidneys", "kidney"),
        ("Oesophagus", "esophagus"),
        ("tumours", "tumor"),
        ("haematoma", "hematoma"),
        ("Metastases", "metastasis"),
        ("vertebrae", "vertebra"),
        ("hígado", "liver"),
        ("GGOs", "ground glass opacity"),
        ("ovaries", "ovary"),
        ("pleural effusions", "pleural effusion"),
        ("optic nerve head", "optic disc"),
    ],
)
def test_names(written: str, text: str) -> None:
    found = lexicon().named(written)
    assert found is not None
    assert found.text == text


def test_modalities() -> None:
    liver = lexicon().concepts["liver"]
    assert lexicon().family("dx") == "XR"
    assert lexicon().shows(liver, "CT")
    assert not lexicon().shows(liver, "CR")
    assert lexicon().shows(liver, "OT")
    assert lexicon().shows(liver, "")


def test_protocols_name_concepts_that_their_examination_shows() -> None:
    for protocol in protocols().all:
        assert protocol.basis
        assert protocol.level in {"screening", "diagnostic"}
        assert protocol.region in REGIONS
        assert protocol.targets
        for target in protocol.targets:
            concepts = lexicon().concepts
            concept = concepts.get(target) or concepts[target.split(" ", 1)[1]]
            assert protocol.modality in concept.modalities, (protocol.name, target)
            near = protocols().near.get(protocol.region, ())
            seen = {"any", protocol.region, *near}
            assert seen & concept.regions or protocol.region == "any", (protocol.name, target)


@pytest.mark.parametrize(
    ("modality", "part", "indication", "name"),
    [
        ("CT", "ABDOMEN", "", "CT abdomen"),
        ("CT", "ABDOMEN", "abdominal pain", "CT abdomen"),
        ("CT", "ABDOMENPELVIS", "polytrauma, FAST positive", "CT abdomen trauma"),
        ("CT", "CHEST", "cough, fever", "CT chest for infection"),
        ("CT", "HEAD", "rule out stroke", "CT head stroke"),
        ("CT", "", "", "CT of an unnamed region"),
        ("CR", "CHEST", "", "chest radiograph"),
        ("DX", "Chest", "CHF", "chest radiograph for heart size"),
        ("MR", "BRAIN", "glioma follow-up", "MR brain tumour"),
        ("MR", "PROSTATE", "", "MR prostate"),
        ("US", "BREAST", "lump", "breast ultrasound"),
        ("OP", "", "", "fundus photograph"),
        ("SM", "", "", "histology"),
    ],
)
def test_selection(modality: str, part: str, indication: str, name: str) -> None:
    protocol = protocols().select(modality, part, indication)
    assert protocol is not None
    assert protocol.name == name


def test_no_protocol_for_what_nobody_described() -> None:
    assert protocols().select("CR", "", "") is None
    assert protocols().select("", "CHEST", "") is None


def test_windows_of_the_model_card() -> None:
    assert protocols().window("lung") == Window("lung", -1000.0, 1000.0)
    assert protocols().window("liver") == Window("liver", -25.0, 230.0)
    assert protocols().window("nowhere") is None


def test_words_keep_their_place() -> None:
    text = "Left-sided Oedema, r/o 1.5 cm mass? ?PE"
    for word in words(text):
        assert text[word.start : word.end] == word.raw
    assert [w.folded for w in words(text)] == [
        "left", "sided", "edema", ",", "r/o", "1.5", "cm", "mass", "?", "query", "pe",
    ]  # fmt: skip


def test_folding() -> None:
    assert fold("Tumour") == "tumor"
    assert fold("Schilddrüse") == "schilddruse"
    assert "metastasis" in singulars("metastases")
