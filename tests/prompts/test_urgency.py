"""What in an indication cannot wait: three languages, denial, the past, short names in capitals."""

from __future__ import annotations

import pytest

from domain.study import Priority
from prompts.urgency import urgency_table, urgent_of


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("?PE", ["pulmonary-embolism"]),
        ("Ausschluss Lungenembolie", ["pulmonary-embolism"]),
        ("Descartar TEP", ["pulmonary-embolism"]),
        ("No trauma. Acute chest pain, ?aortic dissection", ["aortic-dissection"]),
        ("follow-up SDH, worsening GCS", ["intracranial-haemorrhage"]),
        ("History of stroke 2019, new hemiparesis today", ["stroke"]),
        ("Z. n. Sturz, Kopfschmerz", ["trauma"]),
        ("s/p fall from ladder", ["trauma"]),
        ("gunshot wound", ["major-trauma"]),
        ("bitte dringend", ["said-urgent"]),
        ("STAT", ["said-stat"]),
        ("urgente: ictus", ["stroke", "said-urgent"]),
        ("Querschnitt seit heute", ["cord-compression"]),
        ("síndrome de cauda equina", ["cauda-equina"]),
        ("Spannungspneumothorax", ["tension-pneumothorax"]),
        ("Testicular torsion?", ["torsion"]),
    ],
)
def test_what_cannot_wait_is_found(text: str, rules: list[str]) -> None:
    assert [rule.rule_id for rule in urgent_of(text)] == rules


@pytest.mark.parametrize(
    "text",
    [
        "",
        "measure the liver",
        "physical exam pe normal",
        "No evidence of PE on prior.",
        "Kein Trauma, Husten seit 3 Wochen",
        "sin traumatismo, tos",
        "Hirnblutung ausgeschlossen",
        "history of stroke",
        "old stroke",
        "had a stroke 5 years ago, now knee pain",
        "Z.n. Polytrauma 2015",
        "Follow-up of known subdural hematoma",
        "post-traumatic arthritis",
        "not urgent",
        "nicht dringend",
        "lymph node dissection planned",
        "the patient falls asleep",
    ],
)
def test_what_is_denied_settled_or_something_else_is_not(text: str) -> None:
    assert urgent_of(text) == ()


def test_every_rule_has_a_source_and_raises() -> None:
    assert all(rule.source and rule.priority in {Priority.STAT, Priority.URGENT} for rule in urgency_table().rules)
