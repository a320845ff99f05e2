"""Slots of a request: side, series, earlier study, labels, parts of the record, people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.routing.cues import compiled, cue_phrases, folded_text
from agents.routing.examples import shipped_examples
from agents.routing.masking import masked
from agents.routing.request import PriorFacts, Situation
from agents.routing.slots.kinds import kinds_of
from agents.routing.slots.labels import asks_to_choose, labels_of
from agents.routing.slots.person import names_person
from agents.routing.slots.prior import chosen_prior, mentions_prior, set_against, worth_comparing
from agents.routing.slots.series import Named, named_series
from agents.routing.slots.side import conflicting, opposite, points_across, untold
from domain.history import DocumentKind
from prompts.data import read_yaml

BRAIN = Situation(
    modalities=("MR",) * 3,
    body_parts=("BRAIN",) * 3,
    series=("series-1", "series-2", "series-3"),
    series_text=("T1 axial", "T2 tse", "T2 FLAIR"),
)
PRIORS = Situation(
    modalities=("CT",),
    body_parts=("ABDOMEN",),
    priors=(
        PriorFacts("prior-1", "2024-05-02", "CR", "CHEST"),
        PriorFacts("prior-2", "2023-11-20", "CT", "ABDOMEN"),
        PriorFacts("prior-3", "2023-02-01", "CT", "ABDOMEN"),
        PriorFacts("prior-4", "2019-07-07", "MR", "ABDOMEN"),
    ),
)


@pytest.mark.parametrize(
    ("text", "conflict"),
    [
        ("left right kidney", True),
        ("right kidney on the left side", True),
        ("linke Niere auf der rechten Seite", True),
        ("riñón derecho del lado izquierdo", True),
        ("left kidney and the right kidney", False),
        ("left kidney, right kidney", False),
        ("left or right kidney", False),
        ("is the left kidney larger than the right", False),
        ("left upper lobe nodule and right effusion", False),
    ],
)
def test_sides_that_contradict_each_other(text: str, conflict: bool) -> None:
    assert conflicting(text) is conflict


@pytest.mark.parametrize(
    ("text", "open_side"),
    [
        ("length of the symptomatic kidney", True),
        ("the lung on the painful side", True),
        ("just one adrenal, not both", True),
        ("nur eine Niere", True),
        ("only the right one of the two kidneys", False),
        ("length of the left kidney", False),
    ],
)
def test_one_of_a_pair_that_is_not_said_which(text: str, open_side: bool) -> None:
    assert untold(text) is open_side


@pytest.mark.parametrize(
    "text", ["and the contralateral one?", "now the other side", "die andere auch", "el otro riñón"]
)
def test_the_other_one_of_a_pair(text: str) -> None:
    assert points_across(text)
    assert opposite(("left kidney",), ()) == "right kidney"
    assert opposite((), ("Length of the left kidney?",)) == "right kidney"
    assert opposite(("left kidney", "right kidney"), ()) == ""
    assert opposite(("liver",), ()) == ""


@pytest.mark.parametrize(
    ("text", "against"),
    [
        ("oedema vs Feb", True),
        ("next to the CT of March", True),
        ("cyst vs abscess", False),
        ("against the wall", False),
    ],
)
def test_what_is_set_against_another_time(text: str, against: bool) -> None:
    assert set_against(text) is against


def test_the_other_series_is_the_one_that_was_not_asked_about() -> None:
    asked = replace(BRAIN, earlier=(("Edema on the FLAIR", ""),))
    assert named_series("and on the other series?", asked) == Named(missing=True, other=True)
    two = replace(asked, series=("series-2", "series-3"), series_text=("T2 tse", "T2 FLAIR"))
    assert named_series("and on the other series?", two) == Named(("series-2",), other=True)


def test_a_series_for_each_of_several_names() -> None:
    assert named_series("the gland on the T1, the lesion on the FLAIR", BRAIN) == Named(("series-1", "series-3"))
    assert named_series(
        "the tumor on the T1 with contrast", replace(BRAIN, series_text=("T1 pre", "T2", "FLAIR"))
    ).missing


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("measure it in series 2", Named(("series-2",))),
        ("series 1 and 3", Named(("series-1", "series-3"))),
        ("on the second series", Named(("series-2",))),
        ("en la serie tres", Named(("series-3",))),
        ("series 9", Named(missing=True)),
        ("on the FLAIR", Named(("series-3",))),
        ("on the T2", Named(("series-2",))),
        ("auf den axialen Bildern", Named(("series-1",))),
        ("in the arterial phase", Named(missing=True)),
        ("arterial bleeding", Named()),
        ("portal vein", Named()),
        ("only on the T1", Named(("series-1",))),
        ("usa la secuencia FLAIR", Named(("series-3",))),
        ("third sequence please", Named(("series-3",))),
        ("on the b1000 images", Named(missing=True)),
        ("auf der Serie ohne KM", Named(missing=True)),
        ("in the corticomedullary phase", Named(missing=True)),
        ("in this scan trace the aorta", Named()),
        ("on the plain film", Named()),
        ("patient with portal hypertension", Named()),
        ("repaired TOF, volume in cc", Named()),
        ("node in short axis", Named()),
        ("gut, in Ordnung, sag mir die Größe", Named()),
    ],
)
def test_named_series(text: str, named: Named) -> None:
    assert named_series(text, BRAIN) == named


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("compare with the prior", "prior-2"),
        ("since 2019", "prior-4"),
        ("since February 2023", "prior-3"),
        ("compared with 2023", "prior-2"),
        ("the very first study", "prior-4"),
        ("mit der ersten CT vergleichen", "prior-3"),
        ("the previous MRI", "prior-4"),
        ("the chest film from 2024", "prior-1"),
        ("compare with prior-3", "prior-3"),
        ("compare with prior-9", ""),
        ("compare with 1999", ""),
        ("the CT before surgery", ""),
        ("the MRI before surgery", "prior-4"),
        ("the one before last", "prior-3"),
        ("two scans ago", "prior-3"),
        ("vor der letzten", "prior-3"),
        ("compare it with last November's CT", "prior-2"),
        ("may I have it compared with the last one", "prior-2"),
        ("the changes in the basal ganglia since the last one", "prior-2"),
        ("since the May x-rays", "prior-1"),
        ("Kernspin vom Juli", "prior-4"),
        ("the index CT", "prior-3"),
        ("bei Erstdiagnose", "prior-4"),
        ("respecto al basal", "prior-4"),
        ("the one before chemo", ""),
        ("prior to the ablation", ""),
        ("antes de la cirugía", ""),
        ("the staging CT", ""),
        ("since 01.02.2023", "prior-3"),
        ("against the scan of 3 March 1999", ""),
        ("the PET from January", ""),
    ],
)
def test_chosen_prior(text: str, prior: str) -> None:
    assert chosen_prior(text, PRIORS) == prior


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("two weeks ago", True),
        ("voriges Jahr", True),
        ("vor zwei Jahren", True),
        ("con la de hace seis meses", True),
        ("than on the staging scan", True),
        ("gestern", True),
        ("the basal ganglia on both sides", False),
        ("left against right", False),
    ],
)
def test_another_time(text: str, said: bool) -> None:
    assert mentions_prior(text) is said


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("restaging", True),
        ("response assessment after two cycles", True),
        ("Therapiekontrolle", True),
        ("reestadificación", True),
        ("dolor de tres días de evolución", False),
        ("fever and cough", False),
    ],
)
def test_an_indication_worth_comparing(text: str, worth: bool) -> None:
    assert worth_comparing(text) is worth


def test_an_event_is_found_in_the_description_of_a_study() -> None:
    described = replace(
        PRIORS,
        priors=(
            PriorFacts("prior-1", "2024-05-02", "CT", "ABDOMEN", "CT abdomen after chemotherapy"),
            PriorFacts("prior-2", "2024-01-02", "CT", "ABDOMEN", "CT abdomen pre-chemo"),
            PriorFacts("prior-3", "2023-12-01", "CT", "ABDOMEN", "CT staging"),
        ),
    )
    asked = ("the one before chemo", "nach der Chemo", "vor der Chemo", "the staging scan", "antes de la quimioterapia")
    assert [chosen_prior(t, described) for t in asked] == ["prior-2", "prior-1", "prior-2", "prior-3", "prior-2"]


def test_a_film_is_meant_in_either_code_of_a_radiograph() -> None:
    film = replace(PRIORS, priors=(PRIORS.priors[1], PriorFacts("prior-5", "2022-01-01", "DX", "CHEST")))
    assert chosen_prior("compared with the chest film", film) == "prior-5"


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Is this pneumonia or just atelectasis?", ("pneumonia", "atelectasis")),
        ("TB vs sarcoid vs lymphoma?", ("tb", "sarcoid", "lymphoma")),
        ("classify as normal, pneumonia or tuberculosis", ("normal", "pneumonia", "tuberculosis")),
        ("Lungenembolie oder Pneumothorax?", ("pulmonary embolism", "pneumothorax")),
        ("tell abscess from tumour", ("abscess", "tumour")),
        ("normal or not?", ()),
        ("classify this", ()),
        ("is it new or was it there before?", ()),
        ("Please sort it: nevus / basal cell carcinoma / melanoma", ("nevus", "basal cell carcinoma", "melanoma")),
        (
            "Basal cell carcinoma or squamous cell carcinoma, which is it?",
            ("basal cell carcinoma", "squamous cell carcinoma"),
        ),
        ("Pneumonie, Atelektase oder Ödem?", ("pneumonia", "atelectasis", "edema")),
        (
            "That thing in the left kidney, simple cyst, complicated cyst or solid tumour?",
            ("simple cyst", "complicated cyst", "solid tumour"),
        ),
        ("Would you label that mass benign or rather malignant?", ("benign", "malignant")),
        ("Adenoma or hyperplastic, judging from the surface?", ("adenoma", "hyperplastic")),
        ("Would this fit a fibroadenoma better than a cyst or a carcinoma?", ("fibroadenoma", "cyst", "carcinoma")),
        ("Is the pattern ductal carcinoma or lobular carcinoma?", ("ductal carcinoma", "lobular carcinoma")),
        ("Would you say tuberculosis or lung cancer on this film?", ("tuberculosis", "lung cancer")),
        ("fracture or no fracture?", ("fracture", "no fracture")),
        ("Size of the renal cyst versus 2022?", ()),
        ("tumor core now vs before the operation", ()),
        ("liver, spleen", ()),
        ("Is this rather an abscess, or is it a necrotic tumour?", ("abscess", "necrotic tumour")),
        ("Looks more like a lipoma than a liposarcoma?", ("lipoma", "liposarcoma")),
        ("Could this be scar rather than recurrence?", ("scar", "recurrence")),
        ("ddx cyst / abscess / metastasis, pls choose", ("cyst", "abscess", "metastasis")),
        ("in keeping with gout, pseudogout or septic arthritis?", ("gout", "pseudogout", "septic arthritis")),
        ("Assign one: grade 1, grade 2", ("grade 1", "grade 2")),
        ("grade 1, 2 or 3?", ("grade 1", "grade 2", "grade 3")),
        ("Passt das zu einem Abszess oder doch einem Hämatom?", ("abscess", "hematoma")),
        ("If you had to choose between scar and recurrence, what would it be?", ("scar", "recurrence")),
        ("Is a fracture or a luxation visible?", ()),
        ("Any effusion or pneumothorax?", ()),
        ("lymph node vs Feb", ()),
        ("Shall I drain it or wait?", ()),
        ("Which is larger, the spleen or the liver?", ()),
    ],
)
def test_labels(text: str, labels: tuple[str, ...]) -> None:
    assert labels_of(text) == labels


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("last creatinine", ("laboratory",)),
        ("Welche Medikamente nimmt er?", ("medication",)),
        ("¿alergias?", ("allergy",)),
        ("biopsy result", ("pathology_report",)),
        ("tell me everything", ()),
    ],
)
def test_kinds_of_documents(text: str, kinds: tuple[str, ...]) -> None:
    assert kinds_of(text) == kinds


def test_every_kind_is_one_of_the_history() -> None:
    kinds = {*DocumentKind}
    assert {*read_yaml("intents/kinds.yaml")} == kinds
    assert {e.label.group for e in shipped_examples() if e.label.intent == "history"} == kinds


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("the scan of Jane Doe", True),
        ("What did Mrs. Brown's scan show?", True),
        ("Bilder von Frau Schneider", True),
        ("send it to Mr. Khan", False),
        ("MR brain with contrast", False),
        ("MRI of the Left Kidney", False),
        ("Dr. Smith asks about the liver", False),
    ],
)
def test_people(text: str, named: bool) -> None:
    assert names_person(text) is named


def test_structures_are_masked_whatever_they_are() -> None:
    assert masked("Segment the liver and the spleen") == masked("Segment the kidney") == "Segment the organ"


def test_every_kind_of_intent_has_examples_and_cues() -> None:
    labels = {str(e.label) for e in shipped_examples()}
    intents = {name.partition("/")[0] for name in labels}
    assert {*cue_phrases()} <= labels | intents
    for intent in intents:
        assert sum(e.label.intent == intent for e in shipped_examples()) >= 25, intent


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("sign (it|this) now?", "sign it", True),
        ("sign (it|this) now?", "sign of it", False),
        ("delete … data", "delete all of the data", True),
        ("delete … data", "delete one two three four five data", False),
        ("bed #", "bed 12", True),
        ("since @", "since 2021", True),
        ("since @", "since 12", False),
        ("^ hello $", "hello", True),
        ("^ hello $", "hello there", False),
        ("unterschr*", "Unterschreibe", True),
    ],
)
def test_phrases(phrase: str, text: str, found: bool) -> None:
    import re

    pattern = compiled(phrase) if phrase.startswith("^") else rf"(?<= ){compiled(phrase)}"
    assert bool(re.search(pattern, folded_text(text))) is found


def test_unbalanced_phrase() -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        compiled("sign (it|this")


@pytest.mark.parametrize(
    ("text", "chooses"),
    [
        ("Please sort it: nevus / melanoma", True),
        ("FNH or adenoma, which does it look like more?", True),
        ("Ordne zu: Nävus, Melanom", True),
        ("effusion or pneumothorax?", False),
        ("which series?", False),
    ],
)
def test_a_choice_between_labels(text: str, chooses: bool) -> None:
    assert asks_to_choose(text) is chooses
