"""A complaint about an outline: what is wrong with it, what is to be changed, and whose outline it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.routing.request import Request, Situation
from agents.routing.router import Router
from agents.routing.slots.complaint import Complained, complaint_of, whose_outline
from domain.analysis import Complaint
from memory.embedder import NgramEmbedder
from tests.agents.routing_set import SITUATIONS

LARGE, SMALL, SIDE, POOR = Complaint.TOO_LARGE, Complaint.TOO_SMALL, Complaint.WRONG_SIDE, Complaint.POOR
FRESH = SITUATIONS["ct"]
PANCREAS = replace(
    FRESH,
    found=("pancreas",),
    last=("pancreas",),
    answered=True,
    earlier=(("Outline the pancreas", "I outlined the pancreas."),),
)
SEVERAL = replace(SITUATIONS["ct_done"], last=("left kidney", "right kidney"))


@pytest.fixture(scope="module")
def router() -> Router:
    """Without the language model: cues and grammar must carry it."""
    return Router(NgramEmbedder())


def only(router: Router, text: str, situation: Situation) -> Request:
    (request,) = router.route(text, situation).requests
    return request


@pytest.mark.parametrize(
    ("text", "what", "change", "to"),
    [
        ("The outline leaks into the duodenum, try again.", LARGE, "", ""),
        ("too big, tighten the contour", LARGE, "", ""),
        ("not tight enough", LARGE, "", ""),
        ("nochmal, die Kontur läuft aus", LARGE, "", ""),
        ("el contorno se sale hacia el colon", LARGE, "", ""),
        ("you missed the lower pole", SMALL, "", ""),
        ("too tight", SMALL, "", ""),
        ("der Unterpol fehlt", SMALL, "", ""),
        ("te falta el polo inferior", SMALL, "", ""),
        ("you outlined the wrong side", SIDE, "", ""),
        ("left and right are swapped", SIDE, "", ""),
        ("Seite verwechselt, bitte neu", SIDE, "", ""),
        ("Redo it with a different window", POOR, "window", ""),
        ("again in a lung window please", POOR, "window", "lung"),
        ("mit Knochenfenster nochmal", POOR, "window", "bone"),
        ("repítelo con otra ventana", POOR, "window", ""),
        ("it leaks, use the soft tissue window", LARGE, "window", "abdomen"),
        ("another wording please", POOR, "prompt", ""),
        ('call it "gall bladder" instead', POOR, "prompt", "gall bladder"),
        ("anders formulieren bitte, mit anderen Worten", POOR, "prompt", ""),
        ("use another model", POOR, "model", ""),
        ("take the other outline", POOR, "choice", ""),
        ("nimm wieder die alte Kontur", POOR, "choice", ""),
        ("try again", POOR, "", ""),
    ],
)
def test_what_is_wrong_and_what_is_to_be_changed(text: str, what: Complaint, change: str, to: str) -> None:
    assert complaint_of(text) == Complained(what, change, to)


def test_an_outline_runs_into_what_was_not_outlined() -> None:
    assert whose_outline("The liver contour leaks into the stomach") == "The liver contour leaks "
    assert whose_outline("die Leber läuft in den Magen aus") == "die Leber läuft "
    assert whose_outline("the stomach outline is too small") == "the stomach outline is too small"


@pytest.mark.parametrize(
    ("text", "complaint", "change"),
    [
        ("The outline leaks into the duodenum, try again.", "too_large", ""),
        ("Redo it with a different window", "poor", "window"),
        ("you missed the lower pole", "too_small", ""),
        ("too big, tighten the contour", "too_large", ""),
        ("another wording please", "poor", "prompt"),
        ("nochmal, die Kontur läuft aus", "too_large", ""),
        ("repítelo con otra ventana", "poor", "window"),
        ("The outline is wrong. Try again.", "poor", ""),
        ("tighten the contour and measure again", "too_large", ""),
        ("the tail is missing", "too_small", ""),
        ("take the other outline", "poor", "choice"),
    ],
)
def test_a_complaint_is_about_the_outlines_of_the_turn_before(
    router: Router, text: str, complaint: str, change: str
) -> None:
    request = only(router, text, PANCREAS)
    assert (request.intent.value, request.targets) == ("refine", ("pancreas",))
    assert (request.complaint, request.change) == (complaint, change)


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("The liver outline leaks into the stomach", ("liver",)),
        ("the left one misses the lower pole", ("left kidney",)),
        ("redo both kidneys with another wording", ("left kidney", "right kidney")),
        ("The outlines are all too generous", ("left kidney", "right kidney")),
    ],
)
def test_the_one_that_is_named_is_made_again(router: Router, text: str, targets: tuple[str, ...]) -> None:
    request = only(router, text, SEVERAL)
    assert (request.intent.value, request.targets) == ("refine", targets)


def test_one_of_several_is_asked_back(router: Router) -> None:
    request = only(router, "The outline leaks into the muscle, try again.", SEVERAL)
    assert (request.intent.value, request.about, request.complaint) == ("ask", "target", "too_large")


@pytest.mark.parametrize(
    "text",
    ["The outline leaks into the duodenum, try again.", "Redo it with a different window", "you missed the lower pole"],
)
def test_without_an_outline_it_is_asked_back(router: Router, text: str) -> None:
    request = only(router, text, FRESH)
    assert (request.intent.value, request.about) == ("ask", "target")


def test_a_structure_that_was_never_outlined_is_looked_for(router: Router) -> None:
    request = only(router, "you missed the spleen", PANCREAS)
    assert (request.intent.value, request.targets) == ("find", ("spleen",))


def test_a_series_that_is_named_is_looked_at_instead(router: Router) -> None:
    request = only(router, "redo the liver outline on series 1", SEVERAL)
    assert (request.intent.value, request.targets, request.series) == ("find", ("liver",), ("series-1",))


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("How big was it again?", "recall"),
        ("How sure are you about that outline?", "recall"),
        ("Is the contour leaking anywhere?", "recall"),
        ("Show me the draft again", "recall"),
        ("Redo the report", "report"),
    ],
)
def test_a_question_about_an_outline_makes_none_again(router: Router, text: str, intent: str) -> None:
    assert only(router, text, PANCREAS).intent.value == intent


@pytest.mark.parametrize("text", ["Contrast leak into the retroperitoneum?", "Bile leak after cholecystectomy?"])
def test_a_leak_of_the_patient_is_no_complaint(router: Router, text: str) -> None:
    assert not any(r.complaint for r in router.route(text, FRESH).requests)


def test_what_breaks_off_is_asked_back(router: Router) -> None:
    request = only(router, "Can you measure the", FRESH)
    assert (request.intent.value, request.about) == ("ask", "target")
