"""Where a mask lies, from the images' own geometry, and what a drafted side says against it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.finding import Finding
from domain.geometry import Geometry
from domain.mask import Mask, Outcome, Quality
from domain.study import Series, Volume
from tools.findings import conflicts
from tools.laterality import lies_on

AXIAL = Geometry((1, 8, 10), (1.0, 1.0), np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([[0.0, 0, 0]]))


def volume(geometry: Geometry, modality: str = "MR", laterality: str = "") -> Volume:
    series = Series("1.2.3", "1.2", modality, geometry, (), laterality=laterality, view_position="PA")
    return Volume(series, np.ones(geometry.shape, np.float32))


def mask(columns: slice, geometry: Geometry = AXIAL, target: str = "pneumothorax", mask_id: str = "m2") -> Mask:
    array = np.zeros(geometry.shape, bool)
    array[:, 2:6, columns] = True
    made = Mask(mask_id, target, "", "1.2.3", geometry, array, "model@1", "s3")
    return made.judged(Quality(Outcome.PASS))


def mirrored() -> Geometry:
    return replace(AXIAL, orientation=np.array([[-1.0, 0, 0], [0, 1, 0]]), _cache={})


def test_low_columns_are_the_patients_right_where_columns_increase_to_the_left() -> None:
    assert lies_on(mask(slice(0, 4)), volume(AXIAL)) == "right"
    assert lies_on(mask(slice(6, 10)), volume(AXIAL)) == "left"


def test_orientation_decides_not_the_picture() -> None:
    assert lies_on(mask(slice(0, 4), mirrored()), volume(mirrored())) == "left"


def test_a_frontal_radiograph_is_taken_as_displayed() -> None:
    plain = Geometry((1, 8, 10))
    assert lies_on(mask(slice(0, 4), plain), volume(plain, "DX")) == "right"


@pytest.mark.parametrize("columns", [slice(3, 7), slice(0, 0)], ids=["both halves", "empty"])
def test_no_side_is_made_up(columns: slice) -> None:
    assert lies_on(mask(columns), volume(AXIAL)) == ""


def test_without_orientation_a_section_has_no_side() -> None:
    plain = Geometry((1, 8, 10))
    assert lies_on(mask(slice(0, 4), plain), volume(plain, "CT")) == ""


def test_the_series_own_laterality_decides() -> None:
    assert lies_on(mask(slice(0, 4)), volume(AXIAL, laterality="L")) == "left"


FINDING = Finding("f3", "CXRReportGen drafts: left pneumothorax.", ("s4",))


def said(side: str, target: str = "pneumothorax"):  # type: ignore[no-untyped-def]
    return lambda _: [(target, side)]


def test_a_drafted_side_against_the_outline_is_a_warning() -> None:
    (warning,) = conflicts([FINDING], [mask(slice(0, 4))], {"m2": "right"}, said("left"))
    assert warning == (
        'The drafted sentence f3 says "left"; the outline m2 of pneumothorax lies on the patient\'s right.'
    )


def test_agreement_another_target_and_no_side_are_silent() -> None:
    one = [mask(slice(0, 4))]
    assert conflicts([FINDING], one, {"m2": "left"}, said("left")) == ()
    assert conflicts([FINDING], one, {"m2": "right"}, said("left", "effusion")) == ()
    assert conflicts([FINDING], one, {}, said("left")) == ()


def test_one_outline_on_the_said_side_is_enough() -> None:
    two = [mask(slice(0, 4)), mask(slice(6, 10), mask_id="m4")]
    assert conflicts([FINDING], two, {"m2": "right", "m4": "left"}, said("left")) == ()


def test_a_sided_target_says_its_side_itself() -> None:
    lung = mask(slice(0, 4), target="right lung")
    assert conflicts([FINDING], [lung], {}, said("left", "lung"))


def test_rejected_and_empty_outlines_say_nothing() -> None:
    rejected = mask(slice(0, 4)).judged(Quality(Outcome.REJECT))
    assert conflicts([FINDING], [rejected, mask(slice(0, 0))], {"m2": "right"}, said("left")) == ()
