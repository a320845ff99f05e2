"""Differences, percentages and states of known growth; what is not of the same kind is not compared, and says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.analysis import Change
from domain.codes import Unit
from domain.finding import Measurement
from domain.geometry import Geometry
from domain.mask import Mask
from tests.tools.comparison_phantoms import balls, outlined, shifted
from tools.comparison.change import Laid, Outlined, changes, ratio_change
from tools.comparison.lesion_change import compare
from tools.comparison.tolerance import SOURCES, Tolerance, kind_of, tolerance

ASIDE = Laid("prior-1", None, "CR images are not registered")


def named(found: tuple[Change, ...], name: str) -> Change:
    return next(c for c in found if c.name == name)


def block(length: int, *, shape: tuple[int, int, int] = (20, 30, 60)) -> np.ndarray:  # type: ignore[type-arg]
    """5 × 10 × `length` voxels: 100 mm³ each of its columns."""
    array = np.zeros(shape, bool)
    array[5:10, 5:15, 5 : 5 + length] = True
    return array


def organ(length: int, **how: object) -> Outlined:
    return outlined(block(length), target="liver", category="liver", **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "percent", "state"),
    [
        (20, 22, 10.0, "larger"),
        (20, 21, 5.0, "stable"),
        (40, 43, 7.5, "stable"),
        (20, 18, -10.0, "smaller"),
        (20, 20, 0.0, "stable"),
    ],
)
def test_the_volume_of_an_organ_changes_as_it_grew(before: int, now: int, percent: float, state: str) -> None:
    found = named(changes(organ(now), organ(before), shifted()), "volume")
    assert (found.before, found.now) == pytest.approx((before / 10, now / 10))
    assert found.change == pytest.approx((now - before) / 10)
    assert found.percent == pytest.approx(percent)
    assert (found.unit, found.state, found.target, found.prior) == ("mL", state, "liver", "prior-1")
    assert "Heymsfield" in found.how


@pytest.mark.parametrize(
    ("before", "now", "state"),
    [(20, 25, "larger"), (20, 24, "stable"), (20, 15, "smaller"), (20, 16, "stable")],
)
def test_a_lesion_needs_a_quarter_more_or_less(before: int, now: int, state: str) -> None:
    found = changes(outlined(block(now)), outlined(block(before)), shifted())
    assert named(found, "volume").state == state


def test_recist_needs_a_share_and_an_amount_to_grow_and_a_share_to_shrink() -> None:
    rule = tolerance("lesion", "long_axis")
    assert rule is not None
    grown = [rule.state(now, before) for now, before in ((12, 10), (15, 10), (29, 25), (30, 25), (120, 100))]
    assert grown == ["stable", "larger", "stable", "larger", "larger"]
    assert [rule.state(now, 10) for now in (7.0, 7.1)] == ["smaller", "stable"]


def test_a_nodule_is_larger_from_two_millimetres_on() -> None:
    rule = tolerance("nodule", "long_axis")
    assert rule is not None
    assert [rule.state(now, 6.0) for now in (7.9, 8.0, 4.0, 4.1)] == ["stable", "larger", "smaller", "stable"]


def test_every_rule_names_its_source() -> None:
    rules = [
        tolerance(kind, name) for kind in ("lesion", "nodule", "organ", "lung") for name in ("volume", "area", "mean")
    ]
    assert all(rule is not None and rule.source in SOURCES for rule in rules)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.1, 1e4), st.floats(0.1, 1e4), st.floats(0, 60), st.floats(0, 5))
def test_states_are_antisymmetric_in_sign_and_equal_values_stable(
    now: float, before: float, percent: float, amount: float
) -> None:
    rule = Tolerance("judgement", percent, percent, amount, amount)
    assert rule.state(now, before) in ({"larger", "stable"} if now > before else {"smaller", "stable"})
    assert Tolerance("judgement", 1, 1).state(before, before) == "stable"


def test_kinds_decide_the_rule() -> None:
    assert [kind_of(outlined(block(9), target=t, category=c).mask) for t, c in (
        ("liver", "liver"), ("left lung", "lung"), ("lung nodule", "tumor"), ("kidney cyst", "other lesion"),
        ("pleural effusion", "fluid disturbance"),
    )] == ["organ", "lung", "nodule", "lesion", "lesion"]  # fmt: skip


def test_nothing_before_has_no_percentage_and_is_new_for_a_lesion_only() -> None:
    empty = np.zeros((20, 30, 60), bool)
    new = named(changes(outlined(block(9)), outlined(empty), shifted()), "volume")
    assert (new.state, new.before, new.percent) == ("new", 0.0, None)
    assert new.change == pytest.approx(0.9)
    gone = named(changes(outlined(empty), outlined(block(9)), shifted()), "volume")
    assert (gone.state, gone.percent) == ("gone", pytest.approx(-100))
    assert "does not exclude" in gone.how
    both = named(changes(outlined(empty), outlined(empty), shifted()), "volume")
    assert (both.state, both.percent) == ("stable", None)
    missing = named(changes(organ(9), outlined(empty, target="liver", category="liver"), shifted()), "volume")
    assert (missing.state, missing.change) == ("not_comparable", None)


def without_size(case: Outlined) -> Outlined:
    grid = Geometry(case.mask.geometry.shape)
    return Outlined(replace(case.mask, geometry=grid), case.volume, ())


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        pytest.param(organ(20), organ(20, model="other@2"), "other method", id="model"),
        pytest.param(organ(20), organ(20, modality="MR"), "other modality", id="modality"),
        pytest.param(organ(20), without_size(organ(20)), "no physical size", id="no spacing"),
        pytest.param(
            organ(20),
            outlined(block(9)[:1] | block(9)[6:7], target="liver", category="liver"),
            "one of the studies only",
            id="volume and area",
        ),
        pytest.param(outlined(balls(((9, 9, 9), 1))), outlined(balls(((9, 9, 9), 2))), "too small", id="few voxels"),
    ],
)
def test_what_is_not_of_the_same_kind_is_not_compared(now: Outlined, before: Outlined, said: str) -> None:
    found = changes(now, before, shifted())[0]
    assert found.state == "not_comparable"
    assert (found.change, found.percent) == (None, None)
    assert said in found.how


def test_hounsfield_units_differ_by_amount_and_not_across_contrast_agent() -> None:
    dense = named(changes(organ(20, value=75.0), organ(20, value=60.0), shifted()), "mean")
    assert (dense.state, dense.change, dense.percent) == ("larger", pytest.approx(15.0), None)
    assert named(changes(organ(20, value=65.0), organ(20, value=60.0), shifted()), "mean").state == "stable"
    enhanced = named(changes(organ(20, value=120.0, contrast="yes"), organ(20), shifted()), "mean")
    assert enhanced.state == "not_comparable"
    assert "contrast" in enhanced.how


def test_what_one_study_cuts_off_is_left_out_of_both() -> None:
    tall = np.zeros((20, 30, 30), bool)
    tall[:, 10:20, 10:20] = True
    short = tall[8:]
    now = outlined(tall, target="liver", category="liver")
    before = outlined(short, target="liver", category="liver")
    found = named(changes(now, before, shifted(z=16.0)), "volume")
    assert (found.now, found.before) == pytest.approx((2.4, 2.4))
    assert found.state == "stable"
    assert "both studies image" in found.how
    aside = named(changes(now, before, ASIDE), "volume")
    assert aside.state == "not_comparable"
    assert (aside.now, aside.before) == pytest.approx((4.0, 2.4))


def test_side_by_side_says_why_and_still_compares_what_is_whole() -> None:
    found = named(changes(organ(24), organ(20), ASIDE), "volume")
    assert found.state == "larger"
    assert found.how.startswith("side by side: CR images are not registered")


def test_thicker_slices_are_told() -> None:
    thin, thick = organ(20), organ(20, spacing=(5.0, 1.0, 1.0))
    assert "every 2 mm now and every 5 mm before" in named(changes(thin, thick, shifted()), "volume").how


def test_a_ratio_needs_no_size_but_the_same_projection() -> None:
    def ratio(value: float) -> Measurement:
        return Measurement("cardiothoracic_ratio", "heart", value, Unit.ONE, "widths", "1.2", "m1")

    assert ratio_change(ratio(0.58), ratio(0.50), ASIDE, ("PA", "PA")).state == "larger"
    assert ratio_change(ratio(0.53), ratio(0.50), ASIDE).state == "stable"
    portable = ratio_change(ratio(0.58), ratio(0.50), ASIDE, ("AP", "PA"))
    assert portable.state == "not_comparable"
    assert "AP now, PA before" in portable.how


def test_lesions_are_compared_one_by_one() -> None:
    now = outlined(balls(((8, 10, 10), 5), ((20, 28, 28), 4), ((22, 8, 30), 3)))
    before = outlined(balls(((8, 10, 10), 3), ((20, 28, 28), 4), ((8, 30, 10), 3.4)))
    found = compare(now, before, shifted())
    states = {(c.target, c.name): c.state for c in found.changes}
    assert states[("liver tumor, lesion 1", "volume")] == "larger"
    assert states[("liver tumor, lesion 2", "volume")] == "stable"
    assert states[("liver tumor, lesion 3", "volume")] == "new"
    assert [t for (t, n), s in states.items() if s == "gone" and n == "volume"] == ["liver tumor, lesion 2 of prior-1"]
    assert "2 of 3 lesions now and 3 before matched" in found.changes[0].how
    total = named(found.changes, "volume")
    sums = sum(c.now or 0 for c in found.changes if c.name == "volume" and "lesion " in c.target)
    assert total.now == pytest.approx(sums)


def test_one_lesion_that_stayed_in_its_place_has_no_rows_of_its_own() -> None:
    case = outlined(balls(((15, 20, 20), 5)))
    found = compare(case, outlined(balls(((15, 20, 20), 4))), shifted())
    assert {c.target for c in found.changes} == {"liver tumor"}
    assert "same place: overlap" in found.changes[0].how


def test_without_a_registration_lesions_are_not_told_apart() -> None:
    case = outlined(balls(((8, 10, 10), 5), ((20, 28, 28), 4)))
    found = compare(case, case, ASIDE)
    assert found.matching is None
    assert {c.target for c in found.changes} == {"liver tumor"}


def test_a_lesion_at_the_last_slice_is_not_compared_alone() -> None:
    now = outlined(balls(((28, 20, 20), 4), ((10, 20, 20), 4)))
    before = outlined(balls(((28, 20, 20), 3), ((10, 20, 20), 4)))
    rows = compare(now, before, shifted()).changes
    cut = [c for c in rows if c.target == "liver tumor, lesion 2" and c.name == "volume"]
    assert [c.state for c in cut] == ["not_comparable"]
    assert "last slice" in cut[0].how


def test_masks_are_not_changed_by_a_comparison() -> None:
    case = outlined(balls(((8, 10, 10), 5)))
    kept: Mask = case.mask
    array = kept.array.copy()
    compare(case, case, shifted())
    assert np.array_equal(kept.array, array)
