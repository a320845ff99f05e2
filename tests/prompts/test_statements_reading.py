"""A sentence read: structures, sides, and what is claimed of each, in English, German and Spanish."""

from __future__ import annotations

import pytest

from prompts.statements.reading import Stance, read
from prompts.statements.sided import sided
from prompts.statements.text import marked_up, plain, sentences


def stances(text: str) -> dict[str, Stance]:
    return {m.name: m.stance for m in read(text).mentions}


def sides(text: str) -> dict[str, set[str]]:
    return {m.name: set(m.sides) for m in read(text).mentions}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("There is a pneumothorax.", Stance.AFFIRMED),
        ("Pneumothorax rechts.", Stance.AFFIRMED),
        ("No pneumothorax.", Stance.DENIED),
        ("No evidence of pneumothorax.", Stance.DENIED),
        ("No effusion or pneumothorax is seen.", Stance.DENIED),
        ("The lungs are free of pneumothorax.", Stance.DENIED),
        ("Pneumothorax is absent.", Stance.DENIED),
        ("Pneumothorax was ruled out.", Stance.DENIED),
        ("The patient does not have a pneumothorax.", Stance.DENIED),
        ("Kein Pneumothorax.", Stance.DENIED),
        ("Ein Pneumothorax ist nicht nachweisbar.", Stance.DENIED),
        ("No se observa neumotórax.", Stance.DENIED),
        ("Sin neumotórax.", Stance.DENIED),
        ("No effusion, but a pneumothorax.", Stance.AFFIRMED),
        ("No effusion and a small pneumothorax.", Stance.AFFIRMED),
        ("Effusion is absent and pneumothorax is present.", Stance.AFFIRMED),
        ("Pneumothorax is seen and effusion is absent.", Stance.AFFIRMED),
        ("Possible pneumothorax.", Stance.POSSIBLE),
        ("Pneumothorax is suspected.", Stance.POSSIBLE),
        ("V.a. Pneumothorax.", Stance.POSSIBLE),
        ("Posible neumotórax.", Stance.POSSIBLE),
        ("Pneumothorax cannot be excluded.", Stance.KEPT_OPEN),
        ("This does not exclude a pneumothorax.", Stance.KEPT_OPEN),
        ("Ein Pneumothorax ist nicht auszuschließen.", Stance.KEPT_OPEN),
        ("No se puede descartar neumotórax.", Stance.KEPT_OPEN),
        ("No pneumothorax was outlined.", Stance.EMPTY),
        ("Pneumothorax: nothing was outlined by a model.", Stance.EMPTY),
        ("For the pneumothorax, the model returned an empty outline.", Stance.EMPTY),
        ("The empty outline shows no pneumothorax.", Stance.DENIED),
        ("Es wurde kein Pneumothorax umrissen.", Stance.EMPTY),
        ("No se delineó ningún neumotórax.", Stance.EMPTY),
        ("History of pneumothorax.", Stance.PAST),
        ("Resolved pneumothorax.", Stance.PAST),
        ("Z.n. Pneumothorax.", Stance.PAST),
        ("The pneumothorax has not resolved.", Stance.AFFIRMED),
        ("Persistent treated pneumothorax.", Stance.AFFIRMED),
        ("To rule out pneumothorax.", Stance.ASKED),
        ("Is there a pneumothorax?", Stance.ASKED),
        ("The pneumothorax could not be measured.", Stance.UNDONE),
        ("Pneumothorax is not under tension.", Stance.UNCLEAR),
    ],
)
def test_what_is_claimed(text: str, expected: Stance) -> None:
    assert stances(text)["pneumothorax"] is expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Left pleural effusion.", "pleural effusion", {"left"}),
        ("Effusion on the left.", "pleural effusion", {"left"}),
        ("Left-sided effusion and right pneumothorax.", "pleural effusion", {"left"}),
        ("Left-sided effusion and right pneumothorax.", "pneumothorax", {"right"}),
        ("Small left apical pneumothorax.", "pneumothorax", {"left"}),
        ("Nodule in the right lung.", "nodule", {"right"}),
        ("Both kidneys.", "kidney", {"left", "right"}),
        ("Bilateral effusions.", "pleural effusion", {"left", "right"}),
        ("L kidney", "kidney", {"left"}),
        ("Linksseitiger Pneumothorax.", "pneumothorax", {"left"}),
        ("Pneumothorax rechts.", "pneumothorax", {"right"}),
        ("Beidseitiger Pleuraerguss.", "pleural effusion", {"left", "right"}),
        ("Derrame pleural izquierdo.", "pleural effusion", {"left"}),
        ("The liver was left out.", "liver", set()),
    ],
)
def test_sides_belong_to_their_structure(text: str, name: str, expected: set[str]) -> None:
    assert sides(text)[name] == expected


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("larger than before", "larger"),
        ("größer als zuvor", "larger"),
        ("ha aumentado", "larger"),
        ("has shrunk", "smaller"),
        ("abgenommen", "smaller"),
        ("no significant change", "stable"),
        ("unverändert", "stable"),
        ("sin cambios", "stable"),
        ("newly appeared", "new"),
        ("no longer visible", "gone"),
    ],
)
def test_comparison_words(text: str, state: str) -> None:
    assert state in {c.role for c in read(f"The lesion is {text}.").states}


def test_an_attributive_adjective_compares_nothing() -> None:
    assert not read("Ein kleiner Pleuraerguss.").states


def test_what_is_said_of_a_side_is_read_for_comparison_with_outlines() -> None:
    assert sided("Left pneumothorax. No right effusion. Possible right nodule. Both kidneys.") == (
        ("pneumothorax", "left"),
        ("nodule", "right"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The liver measures 3 mL. [m1]\nNext.", ("The liver measures 3 mL. [m1]", "Next.")),
        ("One approx. 3 mm. Two.", ("One approx. 3 mm.", "Two.")),
        ("1. First\n2. Second", ("1. First", "2. Second")),
        ("", ()),
    ],
)
def test_sentences(text: str, expected: tuple[str, ...]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**Liver** − 70 mL", "Liver - 70 mL"),
        ("- item", "item"),
        ("a\u200bb", "ab"),
        ("1\u202f234 mm²", "1234 mm2"),
        ("10² mm", "10^2 mm"),
        ("７ mL", "7 mL"),
    ],
    ids=["emphasis", "list", "invisible", "thousands", "power", "full width"],
)
def test_plain_text(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("text", ["<b>a</b>", "[a](http://x)", "![a](b)", "~~a~~", "a <!-- b -->", "$a$", "&nbsp;"])
def test_markup_is_seen(text: str) -> None:
    assert marked_up(text)


def test_a_limit_is_no_markup() -> None:
    assert not marked_up("A nodule < 6 mm [m1].")
