"""From intents to work: what is done, and what is not done again."""

from __future__ import annotations

from agents.needs import looking_for, needs_of
from agents.routing.request import Intent, Request, Routed

FIND_LIVER = Request(Intent.FIND, "how big is the liver", targets=("liver",))
PROTOCOL = Request(Intent.FIND, "")
REPORT_FILM = Request(Intent.CHEST_REPORT, "report this film")


def test_a_named_structure_is_looked_for_and_drafted() -> None:
    made = needs_of(Routed((FIND_LIVER,)), found=(), films=("series-1",))
    assert (made.find, made.targets, made.compose) == (True, ("liver",), True)
    assert not made.chest_report


def test_a_film_without_a_named_structure_is_reported_where_a_model_is() -> None:
    assert needs_of(Routed((PROTOCOL,)), found=(), films=("series-1",)).chest_report
    assert not needs_of(Routed((PROTOCOL,)), found=(), films=()).chest_report
    with_model = needs_of(Routed((REPORT_FILM,)), found=(), films=("series-1",))
    without = needs_of(Routed((REPORT_FILM,)), found=(), films=())
    assert (with_model.chest_report, with_model.find) == (True, False)
    assert (without.chest_report, without.find) == (False, True)


def test_a_comparison_finds_only_what_was_not_found_before() -> None:
    compare = Request(Intent.COMPARE, "compare the liver with the last scan", targets=("liver",), prior="prior-1")
    assert needs_of(Routed((compare,)), found=(), films=()).find
    assert not needs_of(Routed((compare,)), found=("liver", "spleen"), films=()).find
    assert needs_of(Routed((compare,)), found=("spleen",), films=()).targets == ("liver",)


def test_a_recall_or_a_lookup_drafts_nothing() -> None:
    for intent in (Intent.RECALL, Intent.HISTORY, Intent.GUIDANCE, Intent.SIGN, Intent.REFUSE, Intent.ASK):
        made = needs_of(Routed((Request(intent, "words"),)), found=("liver",), films=())
        assert not made.find
        assert not made.compose


def test_what_is_looked_for_are_the_words_that_ask_for_it() -> None:
    history = Request(Intent.HISTORY, "has the pancreas been operated on")
    assert looking_for(Routed((FIND_LIVER, history)), "whole question") == "how big is the liver"
    assert looking_for(Routed((history,)), "whole question") == "whole question"
