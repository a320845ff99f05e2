"""Sentences of a chat model stand only on what tools said."""

from __future__ import annotations

import pytest

from agents.grounding import grounded

FACTS = [
    '{"measurements":[{"name":"volume","target":"liver","value":70.3619,"unit":"mL"},{"name":"mean","value":-70.362}]}',
    '{"summary":"Liver: volume 70.4 mL, mean 37.3 HU (series-1)."}',
]
IDS = {"s3", "s5", "m1", "f1"}


@pytest.mark.parametrize(
    "sentence",
    [
        "Liver: volume 70.4 mL, mean 37.3 HU (series-1).",
        "The liver measures 70.36 mL [s5].",
        "The liver has 70 mL [m1, s5].",
        "Its mean is -70.4 [s5].",
        "The outline of series-1 needs review [m1].",
    ],
)
def test_supported_sentences_stay(sentence: str) -> None:
    assert grounded(sentence, FACTS, IDS) == (sentence, ())


@pytest.mark.parametrize(
    "sentence",
    [
        "The liver measures 71.2 mL [s5].",
        "The liver measures 12mm [s5].",
        "There is a 12x14 mm lesion [m1].",
        "Its mean is -37.3 HU [s5].",
        "The patient has metastatic cancer.",
        "No pneumothorax; the lungs are clear.",
        "The liver measures 70.4 mL.",
        "The liver measures 70.4 mL [s99].",
    ],
)
def test_unsupported_sentences_are_left_out(sentence: str) -> None:
    assert grounded(sentence, FACTS, IDS) == ("", (sentence,))


def test_the_rest_of_the_answer_stays() -> None:
    kept, dropped = grounded("The liver measures 70.4 mL [s5]. It weighs 1234 g [s5].", FACTS, IDS)
    assert kept == "The liver measures 70.4 mL [s5]."
    assert dropped == ("It weighs 1234 g [s5].",)
