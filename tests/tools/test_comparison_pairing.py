"""The earlier series that is most alike, and none where none is of the same kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.study import Series
from tests.tools import builders
from tools.comparison.pairing import counterpart

CT = Series("1", "1", "CT", builders.axial((20, 8, 8), (3.0, 1.0, 1.0)), (), body_part="ABDOMEN",
            description="abdomen portal venous", contrast="agent")  # fmt: skip
FILM = replace(CT, modality="DX", geometry=builders.plain((1, 8, 8), (0.2, 0.2)), view_position="PA", contrast="")


def thick(spacing: float) -> Series:
    return replace(CT, series_uid=f"{spacing}", geometry=builders.axial((20, 8, 8), (spacing, 1.0, 1.0)))


@pytest.mark.parametrize(
    ("now", "better", "worse"),
    [
        pytest.param(CT, CT, replace(CT, geometry=builders.axial((1, 8, 8))), id="volume before slice"),
        pytest.param(CT, CT, replace(CT, contrast="", description=CT.description), id="same contrast"),
        pytest.param(CT, CT, replace(CT, description="abdomen native"), id="words"),
        pytest.param(CT, thick(4.0), thick(1.0), id="slice distance"),
        pytest.param(CT, CT, replace(CT, modality="MR"), id="modality"),
        pytest.param(CT, CT, replace(CT, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")), id="localizer"),
        pytest.param(
            FILM, replace(FILM, modality="CR", view_position="AP"), replace(FILM, view_position="LL"), id="view"
        ),
    ],
)
def test_the_most_alike_is_taken(now: Series, better: Series, worse: Series) -> None:
    better, worse = replace(better, series_uid="better"), replace(worse, series_uid="worse")
    for order in ((better, worse), (worse, better)):
        found = counterpart(now, order)
        assert found is not None
        assert found.series_uid == "better"


@pytest.mark.parametrize(
    ("now", "before"),
    [
        pytest.param(CT, replace(CT, modality="MR"), id="modality"),
        pytest.param(FILM, replace(FILM, view_position="LL"), id="view"),
        pytest.param(replace(CT, laterality="L"), replace(CT, laterality="R"), id="side"),
        pytest.param(CT, replace(CT, body_part="HEAD"), id="region"),
        pytest.param(
            replace(FILM, modality="MG", view_position="CC"), replace(FILM, modality="MG", view_position="MLO"), id="MG"
        ),
    ],
)
def test_nothing_of_the_same_kind_is_nothing(now: Series, before: Series) -> None:
    assert counterpart(now, [before], lambda series: (series.body_part,)) is None
