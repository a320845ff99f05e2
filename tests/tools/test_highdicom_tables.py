"""Kept answers are highdicom's own."""

from __future__ import annotations

import highdicom.base
import highdicom.sr.content
import pytest
from highdicom import _standard_utils as tables
from pydicom.uid import Comprehensive3DSRStorage, CTImageStorage, EnhancedCTImageStorage, SegmentationStorage

from tools import highdicom_tables
from tools.highdicom_tables import is_attribute_in_iod, keep_answers


@pytest.mark.parametrize("uid", [CTImageStorage, EnhancedCTImageStorage, SegmentationStorage, Comprehensive3DSRStorage])
@pytest.mark.parametrize("attribute", ["PixelData", "FloatPixelData", "PerFrameFunctionalGroupsSequence", "Nothing"])
@pytest.mark.parametrize("excluded", [None, ["IconImageSequence"]])
def test_answers_are_those_of_the_tables(uid: str, attribute: str, excluded: list[str] | None) -> None:
    wanted = highdicom_tables._asked(attribute, uid, excluded)
    for _ in range(2):
        assert is_attribute_in_iod(attribute, uid, excluded) is wanted


def test_an_unknown_class_is_an_error_each_time() -> None:
    for _ in range(2):
        with pytest.raises(KeyError):
            is_attribute_in_iod("PixelData", "1.2.3")


def test_highdicom_asks_here_however_often_it_is_told_to() -> None:
    keep_answers()
    keep_answers()
    for module in (tables, highdicom.base, highdicom.sr.content):
        assert module.is_attribute_in_iod is is_attribute_in_iod
