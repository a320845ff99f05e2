"""Arguments of requests: which earlier study, side, part and series a clinician's words mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.routing.request import PriorFacts, Situation
from agents.routing.slots.prior import chosen_prior, set_against
from agents.routing.slots.series import named_series
from prompts.question.understanding import understand

FILMS = Situation(
    modalities=("DX",),
    body_parts=("CHEST",),
    priors=(
        PriorFacts("prior-1", "2026-02-09", "DX", "CHEST", "Chest AP"),
        PriorFacts("prior-2", "2026-02-03", "DX", "CHEST", "Chest AP"),
        PriorFacts("prior-3", "2025-11-20", "DX", "CHEST", "Chest PA"),
    ),
)
PHASES = Situation(
    modalities=("CT",) * 3,
    body_parts=("ABDOMEN",) * 3,
    series=("series-1", "series-2", "series-3"),
    series_text=("NATIVE", "ARTERIAL", "PORTAL VENOUS"),
)
VIEWS = replace(PHASES, modalities=("MG",) * 2, series=("series-1", "series-2"), series_text=("R CC", "R MLO"))


def targets(text: str) -> list[str]:
    return [t.text for t in understand(text).targets]


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("effusion vs 3 February", "prior-2"),
        ("effusion against 09.02.2026", "prior-1"),
        ("effusion cf nov 25 film", "prior-3"),
        ("effusion vs the february film, skip the november one", "prior-1"),
        ("effusion compared with the last film, not the one of February", "prior-3"),
        ("¿bajó el derrame desde la placa de ingreso?", "prior-3"),
        ("Erguss im Vergleich zum Einlieferungsbild", "prior-3"),
    ],
)
def test_an_earlier_study_by_its_date(text: str, prior: str) -> None:
    assert chosen_prior(text, FILMS) == prior


def test_a_day_without_a_study_names_none() -> None:
    assert chosen_prior("effusion vs 5 February", FILMS) == ""


@pytest.mark.parametrize("text", ["nodule cf 12.11.2024", "cyst, smaller than on 3 May?"])
def test_set_against_a_day(text: str) -> None:
    assert set_against(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("left kidney - no, the other one", ["right kidney"]),
        ("rechte Niere, nein, die andere", ["left kidney"]),
        ("riñón izquierdo, perdón, el otro", ["right kidney"]),
        ("left kidney, sorry, right", ["right kidney"]),
        ("nothing about the spleen, liver only", ["liver"]),
        ("liver. Leave spleen, I did that by hand", ["liver"]),
        ("the liver is done, now the spleen", ["spleen"]),
        ("everything except the spleen is done", ["spleen"]),
        ("Alles außer Leber ist erledigt", ["liver"]),
        ("Doppelpunkt rechte Niere messen Komma die linke ist draußen Punkt", ["right kidney"]),
        ("hippocampus, not the anterior part, the posterior one only", ["posterior hippocampus"]),
        ("lt lng vol, hrt too", ["left lung", "heart"]),
        ("on HRT. liver size", ["liver"]),
        ("liver lesion on the arterial, no, on the portal venous", ["liver lesion"]),
    ],
)
def test_what_a_correction_or_exclusion_leaves(text: str, wanted: list[str]) -> None:
    assert targets(text) == wanted


@pytest.mark.parametrize(
    ("text", "situation", "series"),
    [
        ("lesion on the arterial, no, on the native", PHASES, ("series-1",)),
        ("lesión hepática en arterial. no, pará, en la nativa", PHASES, ("series-1",)),
        ("lesion on the arterial, not on the native", PHASES, ("series-2",)),
        ("liver lesion arterial phase, sorry, venous phase", PHASES, ("series-3",)),
        ("calcifications on the CC view, mass on the MLO", VIEWS, ("series-1", "series-2")),
    ],
)
def test_a_series_for_each_target_and_one_taken_back(text: str, situation: Situation, series: tuple[str, ...]) -> None:
    assert named_series(text, situation).series == series
