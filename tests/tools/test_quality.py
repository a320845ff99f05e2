"""What QA says, and with which weight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.codes import Unit
from domain.mask import Mask, Outcome, Quality
from domain.model import KnownTarget
from domain.study import Volume
from tests.tools import builders as b
from tools.quality import assess, suggest

SHAPE = (40, 64, 64)
GEOMETRY = b.axial(SHAPE, (5.0, 6.0, 6.0))
Z, Y, X = np.mgrid[:40, :64, :64]
BODY = ((Y - 32) / 20) ** 2 + ((X - 32) / 28) ** 2 < 1


def ball(centre: tuple[float, float, float], radii_mm: tuple[float, float, float]) -> np.ndarray:
    return (
        ((Z - centre[0]) * 5 / radii_mm[0]) ** 2
        + ((Y - centre[1]) * 6 / radii_mm[1]) ** 2
        + ((X - centre[2]) * 6 / radii_mm[2]) ** 2
    ) < 1


LIVER = ball((20, 28, 20), (80, 60, 60))
LEFT_KIDNEY = ball((20, 42, 45), (50, 28, 28))


def abdomen() -> Volume:
    pixels = np.where(BODY, 30.0, -1000.0)
    pixels[LIVER] = 60.0
    return b.volume(pixels, GEOMETRY)


def judge(mask: Mask, volume: Volume | None = None, **options: Any) -> Quality:
    published = KnownTarget(mask.target, "CT", "abdomen", 0.9, 100, options.pop("category", mask.category))
    return assess(mask, volume or abdomen(), known=options.pop("known", published), **options)


def liver(array: np.ndarray = LIVER, **fields: Any) -> Mask:
    return replace(b.mask(array, GEOMETRY, "liver", "liver"), **fields)


def kidney(array: np.ndarray = LEFT_KIDNEY, target: str = "left kidney") -> Mask:
    return b.mask(array, GEOMETRY, target, "kidney", mask_id="m2")


def test_plausible_masks_pass_without_a_confidence_that_nobody_measured() -> None:
    for mask in (liver(), kidney()):
        assert judge(mask) == Quality(Outcome.PASS)


def test_an_organ_that_is_empty_is_rejected_a_lesion_is_not_seen() -> None:
    nothing = np.zeros(SHAPE, bool)
    organ = judge(liver(nothing))
    lesion = judge(b.mask(nothing, GEOMETRY, "liver tumor", ""))
    assert organ.outcome is Outcome.REJECT
    assert "empty" in organ.reasons[0]
    assert lesion.outcome is Outcome.REVIEW
    assert "not seen" in lesion.reasons[0]


@pytest.mark.parametrize("array", [np.ones(SHAPE, bool), ~LIVER])
def test_the_whole_image_and_inverted_masks_are_rejected(array: np.ndarray) -> None:
    assert judge(liver(array)).outcome is Outcome.REJECT


def test_masks_that_do_not_fit_the_pixels_are_rejected() -> None:
    other = b.axial((3, 64, 64))
    assert "voxels" in judge(b.mask(np.zeros(other.shape, bool), other)).reasons[0]
    assert judge(liver(series_uid="9.9")).outcome is Outcome.REJECT
    assert "yes or no" in judge(liver(LIVER.astype(np.uint8))).reasons[0]
    soft = LIVER.astype(np.float32)
    assert judge(liver(probability=np.where(LIVER, np.nan, soft).astype(np.float32))).outcome is Outcome.REJECT
    assert "0 to 1" in judge(liver(probability=soft * 255)).reasons[0]


def test_a_mask_outside_the_patient_is_rejected() -> None:
    quality = judge(liver(ball((20, 3, 3), (60, 15, 15))))
    assert quality.outcome is Outcome.REJECT
    assert "outside the patient" in quality.reasons[0]


def test_fragments_speckles_and_gaps_go_to_review() -> None:
    pieces = LIVER & (Y % 4 < 2)
    assert any("pieces" in reason for reason in judge(liver(pieces)).reasons)
    gapped = LIVER.copy()
    gapped[20] = False
    assert any("1 slices between" in reason for reason in judge(liver(gapped)).reasons)
    dot = np.zeros(SHAPE, bool)
    dot[20, 30, 20] = True
    assert any("speckle of 1" in reason for reason in judge(liver(dot)).reasons)


def test_a_category_that_is_wrong_or_missing_goes_to_review() -> None:
    assert '"other organ"' in judge(liver(category="other organ"), category="liver").reasons[0]
    assert "does not say" in judge(liver(category=""), category="liver").reasons[0]
    assert judge(liver(category="other organ"), category="", expected_category="liver").outcome is Outcome.REVIEW


def test_an_unknown_target_and_a_weak_one_go_to_review() -> None:
    assert "outside the model's published targets" in judge(liver(), known=None).reasons[0]
    weak = judge(liver(), known=KnownTarget("liver", "CT", "abdomen", 0.58, 2204, "liver"))
    assert weak.outcome is Outcome.REVIEW
    assert "0.58" in weak.reasons[0]


def test_the_side_is_that_of_the_patient_not_of_the_picture() -> None:
    wrong = judge(kidney(LEFT_KIDNEY[..., ::-1]))
    assert wrong.outcome is Outcome.REVIEW
    assert any("100% of left kidney lies on the patient's right half" in reason for reason in wrong.reasons)
    mirrored = replace(GEOMETRY, orientation=np.array([[-1.0, 0, 0], [0, 1.0, 0]]), _cache={})
    pixels = abdomen().array[..., ::-1]
    seen_from_above = b.mask(LEFT_KIDNEY[..., ::-1], mirrored, "left kidney", "kidney")
    assert judge(seen_from_above, b.volume(pixels, mirrored)).outcome is Outcome.PASS


def test_a_question_about_a_side_is_held_against_an_unsided_target() -> None:
    both = kidney(target="kidney")
    assert judge(both, question_side="left").outcome is Outcome.PASS
    assert judge(both, question_side="right").outcome is Outcome.REVIEW
    assert any("the question is about" in reason for reason in judge(kidney(), question_side="right").reasons)


def test_without_orientation_a_side_of_a_section_cannot_be_checked() -> None:
    bare = b.plain((1, 64, 64))
    mask = b.mask(LEFT_KIDNEY[20:21], bare, "left kidney", "kidney")
    quality = judge(mask, b.volume(abdomen().array[20:21], bare))
    assert quality.outcome is Outcome.REVIEW
    assert "cannot be checked" in quality.reasons[0]


def test_the_laterality_of_the_series_decides_for_one_sided_images() -> None:
    geometry = b.plain((1, 64, 64), (1.0, 1.0))
    tumor = b.mask(ball((20, 30, 30), (60, 60, 60))[20:21], geometry, "left breast tumor", "tumor")
    images = b.volume(np.zeros((1, 64, 64), np.uint8), geometry, modality="MG", unit=Unit.ONE, laterality="R")
    assert any("the images show the right side" in reason for reason in judge(tumor, images).reasons)


def test_targets_that_this_modality_does_not_show_go_to_review() -> None:
    polyp = b.mask(LIVER, GEOMETRY, "optic disc", "eye anatomies")
    assert any("is looked for on fundus" in reason for reason in judge(polyp).reasons)


def test_a_liver_that_is_too_small_is_doubted_only_when_it_is_wholly_in_view() -> None:
    small = judge(liver(ball((20, 28, 20), (30, 30, 30))))
    assert small.outcome is Outcome.REVIEW
    assert any("below 500 mL" in reason and "covers 200 mm" in reason for reason in small.reasons)
    part = judge(b.mask(LIVER[19:22], b.axial((3, 64, 64), (1.0, 6.0, 6.0)), "liver", "liver"), _slices(19, 22))
    assert part.outcome is Outcome.PASS
    assert any("3 mm are covered" in reason for reason in part.reasons)


def _slices(first: int, last: int) -> Volume:
    return b.volume(abdomen().array[first:last], b.axial((last - first, 64, 64), (1.0, 6.0, 6.0)))


def test_a_nodule_of_six_centimetres_is_no_nodule() -> None:
    quality = judge(b.mask(ball((20, 28, 20), (30, 30, 30)), GEOMETRY, "lung nodule", "other lesion"))
    assert any("largest plausible nodule" in reason for reason in quality.reasons)


def test_density_of_air_is_no_liver() -> None:
    pixels = abdomen().array.copy()
    pixels[LIVER] = -850.0
    quality = judge(liver(), b.volume(pixels, GEOMETRY))
    assert quality.outcome is Outcome.REVIEW
    assert any("mean -850 HU" in reason for reason in quality.reasons)


def test_organs_that_cannot_overlap_are_both_named() -> None:
    spleen = b.mask(LIVER, GEOMETRY, "spleen", "other organ", mask_id="m9")
    quality = judge(liver(), others=(spleen,))
    assert any("liver and spleen share 100%" in reason for reason in quality.reasons)
    tumor = b.mask(ball((20, 28, 20), (20, 20, 20)), GEOMETRY, "liver tumor", "tumor", mask_id="m8")
    assert judge(liver(), others=(tumor,)).outcome is Outcome.PASS


def test_confidence_comes_from_the_soft_mask() -> None:
    sharp = np.where(LIVER, 0.98, 0.01).astype(np.float32)
    vague = np.where(LIVER, 0.6, 0.3).astype(np.float32)
    confident, doubtful = judge(liver(probability=sharp)), judge(liver(probability=vague))
    in_bytes = judge(liver(probability=np.rint(sharp * 255).astype(np.uint8)))
    assert in_bytes.confidence == pytest.approx(confident.confidence, abs=0.01)
    assert confident.confidence_source == doubtful.confidence_source == "soft mask"
    assert confident.confidence is not None
    assert doubtful.confidence is not None
    assert confident.confidence > 0.8 > 0.5 > doubtful.confidence
    assert confident.outcome is Outcome.PASS
    assert doubtful.outcome is Outcome.REVIEW


def test_a_hard_mask_in_disguise_has_no_confidence() -> None:
    assert judge(liver(probability=LIVER.astype(np.float32))).confidence is None


def test_confidence_comes_from_repeats_when_there_is_no_soft_mask() -> None:
    same = judge(liver(), repeats=(liver(), liver()))
    assert (same.confidence, same.confidence_source) == (1.0, "agreement of 3 answers")
    apart = judge(liver(), repeats=(kidney(),))
    assert apart.confidence == 0.0
    assert apart.outcome is Outcome.REVIEW


def test_a_bad_mask_brings_hints_a_good_one_none() -> None:
    assert suggest(judge(liver()), "liver") == ()
    assert any("window" in hint for hint in suggest(judge(liver(np.zeros(SHAPE, bool))), "liver"))
    swapped = suggest(judge(kidney(LEFT_KIDNEY[..., ::-1])), "left kidney")
    assert any('"kidney" without a side' in hint for hint in swapped)


def test_a_mislabelled_mask_of_the_samples_is_caught(data: Path) -> None:
    """The sample's "heart" holds the fundus of the stomach and fat below the left diaphragm."""
    folder = data / "ct_liver_seg_sr"
    array, geometry = b.read_dicom_series(sorted((folder / "ct").glob("*.dcm")))
    heart, _ = b.read_nrrd(folder / "masks" / "heart_seg.nrrd")
    quality = judge(b.mask(heart > 0, geometry, "heart", "heart anatomies"), b.volume(array, geometry))
    assert quality.outcome is Outcome.REVIEW
    assert any("HU" in reason for reason in quality.reasons)


def test_reasons_are_sentences_with_the_worst_first() -> None:
    quality = judge(liver(~LIVER, category="other"), category="liver")
    assert "nothing was delineated" in quality.reasons[0]
    assert any('calls it "other"' in reason for reason in quality.reasons[1:])


def test_images_of_an_unnamed_kind_and_pixels_without_values_are_doubted_not_trusted() -> None:
    bare = b.plain((1, 64, 64))
    inverted = b.mask(~ball((20, 32, 32), (90, 150, 150))[20:21], bare, "melanoma", "tumor")
    pixels = b.volume(np.zeros((1, 64, 64), np.uint8), bare, modality="OT", unit=Unit.ONE)
    assert any("inverted" in reason for reason in judge(inverted, pixels).reasons)
    assert any(
        "finite" in r for r in judge(liver(), b.volume(np.where(LIVER, np.nan, abdomen().array), GEOMETRY)).reasons
    )
