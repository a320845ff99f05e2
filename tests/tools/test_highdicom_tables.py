"""Kept answers are highdicom's own."""

from __future__ import annotations

from pathlib import Path

import highdicom.base
import highdicom.image
import highdicom.sr.content
import pytest
from highdicom import _standard_utils as tables
from pydicom.uid import Comprehensive3DSRStorage, CTImageStorage, EnhancedCTImageStorage, SegmentationStorage

from tests.tools.outputs_builders import WHEN, box, mask_on, volume_of, write_phantom
from tools import highdicom_tables
from tools.derived_uid import uid_factory
from tools.highdicom_tables import construct_module_tree, is_attribute_in_iod, keep_answers
from tools.segmentation_object import segmentation_object

MODULE = "segmentation-multi-frame-functional-groups"


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
    assert highdicom.image.construct_module_tree is construct_module_tree


def test_a_module_keeps_its_tree_when_objects_are_made_of_it(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    masks = [mask_on(volume, "liver", box(volume.geometry))]
    asked = construct_module_tree.cache_info()
    segmentation_object(volume.series, masks, when=WHEN, uid=uid_factory("a-0001"), software_version="0.1.0")
    after = construct_module_tree.cache_info()
    assert after.hits + after.misses > asked.hits + asked.misses, "highdicom did not ask"
    assert construct_module_tree(MODULE) == highdicom_tables._built(MODULE)
