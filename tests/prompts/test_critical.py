"""Critical findings: which sentences and outlines must be told of, by what they claim and how large it is."""

from __future__ import annotations

import pytest

from domain.codes import Unit
from domain.finding import Finding, Measurement
from prompts.critical import Urgency, critical_of, critical_rows, critical_rules
from prompts.lexicon import lexicon


def ids(text: str, *, modality: str = "", region: str = "") -> set[str]:
    return {rule.rule_id for rule in critical_of(text, modality=modality, region=region)}


def size(target: str, value: float, name: str = "long_axis") -> Measurement:
    return Measurement(name, target, value, Unit.MM, "largest in-plane diameter", "1.2", "m1 (s3)", "m1", "s3")


def test_every_rule_is_whole_and_cited() -> None:
    rules = critical_rules().rules
    assert len(rules) >= 40
    families = set(lexicon().families.values())
    for rule in rules.values():
        assert rule.source
        assert rule.minutes == {"minutes": 60, "hours": 360, "days": 4320}[rule.urgency.value], rule.rule_id
        assert rule.modalities <= families
        assert (rule.at_least_mm is None) or rule.at_least_mm > 0


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Large left pneumothorax.", "pneumothorax"),
        ("Spannungspneumothorax rechts.", "tension-pneumothorax"),
        ("Neumotórax derecho.", "pneumothorax"),
        ("Acute subdural hematoma over the left convexity.", "intracranial-haemorrhage"),
        ("Akute Hirnblutung.", "intracranial-haemorrhage"),
        ("Hemorragia subaracnoidea.", "intracranial-haemorrhage"),
        ("Bilateral pulmonary emboli.", "pulmonary-embolism"),
        ("Lungenembolie beidseits.", "pulmonary-embolism"),
        ("Type A dissection of the ascending aorta.", "aortic-dissection"),
        ("Free air under the diaphragm.", "free-air"),
        ("Freie Luft im Abdomen.", "free-air"),
        ("Findings of testicular torsion on the left.", "testicular-torsion"),
        ("Ectopic pregnancy in the right adnexa.", "ectopic-pregnancy"),
        ("Compression of the spinal cord at T8.", "cord-compression"),
        ("Epiglottitis.", "epiglottitis"),
        ("The endotracheal tube tip lies in the right main bronchus.", "tube-malposition"),
        ("Magensonde: selective intubation.", "tube-malposition"),
        ("Unstable vertebral fracture of L1.", "unstable-spine-fracture"),
        ("Cervical spine fracture at C5.", "unstable-spine-fracture"),
        ("Ruptured abdominal aortic aneurysm.", "ruptured-aneurysm"),
        ("Pneumatosis intestinalis with portal venous gas.", "bowel-ischaemia"),
        ("Liver abscess in segment 7.", "abdominal-abscess"),
        ("Acute appendicitis.", "acute-abdomen"),
    ],
)
def test_a_stated_finding_is_critical(text: str, rule: str) -> None:
    assert rule in ids(text)


@pytest.mark.parametrize(
    "text",
    [
        "No pneumothorax.",
        "No evidence of pneumothorax, pleural effusion or pulmonary embolism.",
        "There is no intracranial hemorrhage and no midline shift.",
        "Kein Pneumothorax.",
        "Keine Lungenembolie.",
        "No se observa neumotórax.",
        "Pneumothorax is not seen.",
        "Pneumothorax was ruled out.",
        "To rule out pulmonary embolism.",
        "Zum Ausschluss einer Lungenembolie.",
        "Known pneumothorax, treated.",
        "The pneumothorax has resolved.",
        "History of pulmonary embolism.",
        "Z.n. Lungenembolie.",
        "Is there a pneumothorax?",
        "Pneumothorax: nothing was outlined by embedded-cxr@1 in series-1; this does not exclude it.",
        "The endotracheal tube ends above the carina.",
        "The endotracheal tube is not malpositioned.",
        "Vertebral fracture of L1.",
        "The liver measures 1523 mL.",
    ],
)
def test_what_is_denied_resolved_or_only_looked_for_is_not(text: str) -> None:
    assert ids(text) == set()


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("Possible left pneumothorax.", "possible"),
        ("V.a. Lungenembolie.", "possible"),
        ("Posible neumotórax.", "possible"),
        ("Pneumothorax cannot be excluded.", "not excluded"),
        ("Midline shift.", "size not known"),
    ],
)
def test_a_doubt_is_critical_and_noted(text: str, note: str) -> None:
    (rule,) = critical_of(text)
    assert note in rule.note


def test_a_stated_finding_outweighs_a_doubt_about_it() -> None:
    (rule,) = critical_of("Possible pneumothorax at the apex. Pneumothorax at the base.")
    assert rule.note == ""


@pytest.mark.parametrize(
    "text", ["The pneumothorax persists, treated with a tube.", "The pneumothorax has not resolved."]
)
def test_what_persists_is_still_critical(text: str) -> None:
    assert "pneumothorax" in ids(text)


@pytest.mark.parametrize(
    ("text", "critical"),
    [
        ("Midline shift of 4 mm.", False),
        ("Midline shift of 5 mm.", True),
        ("Midline shift of 0.7 cm.", True),
        ("Midline shift of less than 5 mm.", False),
        ("Mittellinienverlagerung von 8 mm.", True),
        ("Abdominal aortic aneurysm of 54 mm.", False),
        ("Abdominal aortic aneurysm of 5.5 cm.", True),
        ("Abdominal aortic aneurysm.", False),
        ("Lung nodule of 5 mm.", False),
        ("Lung nodule of 8 mm.", True),
    ],
)
def test_thresholds_hold_in_any_unit(text: str, critical: bool) -> None:
    assert bool(ids(text)) is critical


def test_a_generic_word_counts_in_its_region_only() -> None:
    assert "intracranial-haemorrhage" in ids("Acute hemorrhage.", region="head")
    assert ids("Acute hemorrhage.", region="leg") == set()


def test_a_measurement_gives_the_size_that_the_target_lacks() -> None:
    small, large = size("lung nodule", 5.0), size("lung nodule", 7.0)
    assert critical_of("lung nodule", measurements=[small]) == ()
    (rule,) = critical_of("lung nodule", measurements=[large])
    assert (rule.urgency, rule.note) == (Urgency.DAYS, "")


def test_the_most_urgent_comes_first() -> None:
    rules = critical_of("Lung nodule of 9 mm. Acute appendicitis. Pneumothorax.")
    assert [r.urgency for r in rules] == [Urgency.MINUTES, Urgency.HOURS, Urgency.DAYS]


def test_rows_name_finding_rule_time_and_source() -> None:
    findings = [
        Finding("f1", "Liver: volume 1523 mL (series-1).", ("s3",)),
        Finding("f2", "CXRReportGen drafts: Possible left pneumothorax.", ("s4",)),
    ]
    (row,) = critical_rows(findings, [("liver", True, 100)], [], "DX", "chest")
    assert (row["finding"], row["rule"], row["urgency"], row["minutes"]) == ("f2", "pneumothorax", "minutes", 60)
    assert row["note"] == "stated as possible"
    assert "J Am Coll Radiol" in str(row["source"])


def test_an_outline_counts_when_it_is_usable_and_not_empty() -> None:
    masks = [("pneumothorax", True, 0), ("pulmonary embolism", False, 50), ("subdural hematoma", True, 50)]
    assert [r["rule"] for r in critical_rows([], masks, [], "CT", "head")] == ["intracranial-haemorrhage"]


def test_a_finding_and_its_outline_make_one_row() -> None:
    finding = Finding("f1", "Pneumothorax: area 900 mm² (series-1).", ("s3",))
    rows = critical_rows([finding], [("pneumothorax", True, 50)], [], "DX", "chest")
    assert [(r["finding"], r["rule"]) for r in rows] == [("f1", "pneumothorax")]


def test_a_draft_that_denies_does_not_silence_an_outline() -> None:
    findings = [
        Finding("f1", "Pneumothorax: area 900 mm² (series-1).", ("s3",)),
        Finding("f2", "No pneumothorax.", ("s4",)),
    ]
    rows = critical_rows(findings, [("pneumothorax", True, 50)], [], "DX", "chest")
    assert [r["finding"] for r in rows] == ["f1"]
