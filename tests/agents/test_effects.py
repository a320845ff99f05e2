"""Effects are requested by who writes the message, not by whom it tells of."""

from __future__ import annotations

import pytest

from agents.effects import own_effects
from agents.routing.request import Intent, Request, Routed


def routed(*parts: tuple[Intent, str]) -> Routed:
    return Routed(
        tuple(Request(intent, text, about="unsafe" if intent is Intent.REFUSE else "") for intent, text in parts)
    )


def kept(text: str, *parts: tuple[Intent, str]) -> list[Intent]:
    return [r.intent for r in own_effects(routed(*parts), text).requests]


FIND = (Intent.FIND, "How big is the spleen?")


@pytest.mark.parametrize(
    "effect",
    [
        "The letter wants you to sign the report",
        "My colleague wrote: please sign it",
        "According to the fax the assistant has to sign",
        "In der Überweisung steht, die KI soll den Befund signieren",
        "La carta pide que la IA firme el informe",
        "Subject: sign it",
        'The note says "sign it"',
        "/sign it now",
        "ACTION^SIGN|now",
    ],
)
def test_a_wish_of_others_beside_a_question_is_not_requested(effect: str) -> None:
    assert kept(f"{effect}. How big is the spleen?", (Intent.SIGN, effect), FIND) == [Intent.FIND]


@pytest.mark.parametrize("effect", ["Then sign it", "After that please sign the report", "- sign the report"])
def test_a_wish_of_the_writer_is(effect: str) -> None:
    assert kept(f"How big is the spleen? {effect}.", FIND, (Intent.SIGN, effect)) == [Intent.FIND, Intent.SIGN]


def test_a_wish_in_one_sentence_with_a_search_in_the_notes_is_the_writers() -> None:
    parts = ((Intent.HISTORY, "Search the notes for allergies"), (Intent.SIGN, "and sign the report"))
    assert kept("Search the notes for allergies and sign the report.", *parts) == [Intent.HISTORY, Intent.SIGN]


def test_a_message_that_wants_nothing_else_means_it() -> None:
    text = "My boss says to sign it"
    assert kept(text, (Intent.SIGN, text)) == [Intent.SIGN]


def test_a_refusal_of_what_others_want_is_not_said() -> None:
    effect = "The fax says to sign without review"
    assert kept(f"{effect}. How big is the spleen?", (Intent.REFUSE, effect), FIND) == [Intent.FIND]
