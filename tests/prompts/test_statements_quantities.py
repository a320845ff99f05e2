"""Numbers of a sentence: value, place, unit, in digits and words, and whether a fact gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.statements.quantities import quantities
from prompts.statements.text import plain
from prompts.statements.units import scale

MM, ML, HU = "mm", "mL", "[hnsf'U]"


def numbers(text: str) -> list[tuple[float | None, str]]:
    """Values in the base unit, and that unit."""
    found = quantities(plain(text))
    return [(None if q.value is None else round(q.value * q.scale.factor, 9), q.scale.base) for q in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 mm", [(12, MM)]),
        ("1.2 cm", [(12, MM)]),
        ("1,2 cm", [(12, MM)]),
        ("12mm", [(12, MM)]),
        ("12-mm", [(12, MM)]),
        ("5 cm³ and 5 cc", [(5, ML), (5, ML)]),
        ("1.5 L", [(1500, ML)]),
        ("1,234 mm²", [(1234, "mm2")]),
        ("1.234 mL", [(1.234, ML)]),
        ("1.234,5 mL", [(1234.5, ML)]),
        ("1,234.5 mL", [(1234.5, ML)]),
        ("12 cm²", [(1200, "mm2")]),
        ("-70 HU", [(-70, HU)]),
        ("−70 HU", [(-70, HU)]),
        ("minus 70 HU", [(-70, HU)]),
        ("37 [hnsf'U]", [(37, HU)]),
        ("52 %", [(0.52, "1")]),
        ("5-7 mm", [(5, MM), (7, MM)]),
        ("5–7 mm", [(5, MM), (7, MM)]),
        ("12 x 8 mm", [(12, MM), (8, MM)]),
        ("12, 14 and 16 mm", [(12, MM), (14, MM), (16, MM)]),
        ("from 18.1 to 23.4 mm", [(18.1, MM), (23.4, MM)]),
        ("twelve millimetres", [(12, MM)]),
        ("twenty-five mm", [(25, MM)]),
        ("seventy point four mL", [(70.4, ML)]),
        ("zwölf Millimeter", [(12, MM)]),
        ("doce milímetros", [(12, MM)]),
        ("a millimetre", [(1, MM)]),
        ("a lesion", []),
        ("1/2", [(None, "1")]),
        ("10² mL", [(None, ML)]),
        ("twice the size", [(None, "?fold")]),
        ("T1, L2, 3D, 7th", []),
        ("24 slices", [(24, "1")]),
        ("1234 g", [(1234, "?g")]),
    ],
)
def test_numbers_are_read(text: str, expected: list[tuple[float | None, str]]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("less than 5 mm", -1),
        ("< 5 mm", -1),
        ("at least 5 mm", 1),
        ("mehr als 5 mm", 1),
        ("más de 5 mm", 1),
        ("5 mm", 0),
    ],
)
def test_limits(text: str, limit: int) -> None:
    (found,) = quantities(text)
    assert found.limit == limit


@pytest.mark.parametrize(
    ("said", "value", "unit", "agrees"),
    [
        ("70.4 mL", 70.36, ML, True),
        ("70.4 mL", 70.3, ML, False),
        ("70 mL", 70.36, ML, True),
        ("1.2 cm", 12.4, MM, True),
        ("1 cm", 14.0, MM, False),
        ("1.52 L", 1523.0, ML, True),
        ("0 mL", 0.3, ML, False),
        ("0 mL", 0.0, ML, True),
        ("93 %", 0.93, "1", True),
        ("93", 0.93, "1", False),
        ("70 mm", 70.0, ML, False),
        ("70", 70.0, ML, False),
        ("1/2 mL", 0.5, ML, False),
        ("12 furlong", 12.0, "furlong", False),
    ],
)
def test_a_number_agrees_with_a_fact_in_its_own_rounding(said: str, value: float, unit: str, agrees: bool) -> None:
    (found,) = quantities(plain(said))
    assert found.agrees(value, unit) is agrees


@given(st.floats(0.1, 99_999), st.integers(0, 3))
def test_what_is_written_is_read_back(value: float, decimals: int) -> None:
    written = f"{value:.{decimals}f}"
    (found,) = quantities(f"{written} mm")
    assert found.value == float(written)


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    for found in quantities(plain(text)):
        assert found.start < found.end


def test_units_and_their_plurals() -> None:
    assert scale("millimetres") == scale("mm")
    assert scale("nonsense") is None
