"""Sentences are written from masks and measurements, carry their steps, and hide no doubt."""

from __future__ import annotations

import numpy as np
import pytest

from domain.chest_report import Box
from domain.codes import Unit
from domain.finding import Measurement
from domain.geometry import Geometry
from domain.mask import Mask, Outcome, Quality
from tools.findings import Drafted, findings_of, quantity, summary_of


def mask(mask_id: str, target: str, quality: Quality, *, voxels: int = 4, category: str = "") -> Mask:
    array = np.zeros((1, 4, 4), bool)
    array.reshape(-1)[:voxels] = True
    judged = Mask(mask_id, target, category, "1.2.3", Geometry((1, 4, 4)), array, "model@1", "s3")
    return judged.judged(quality)


def area(mask_id: str, value: float) -> Measurement:
    return Measurement("area", "liver", value, Unit.MM2, "pixels", "1.2.3", f"{mask_id} (s5)", mask_id, "s5")


NAMES = {"1.2.3": "series-1"}


def test_a_finding_says_number_unit_place_and_steps() -> None:
    m = mask("m1", "liver", Quality(Outcome.PASS, confidence=0.9))
    (finding,) = findings_of([m], {"m1": [area("m1", 1234.4)]}, [], {"m1": "s4"}, NAMES)
    assert finding.text == "Liver: area 1234 mm² (series-1)."
    assert finding.evidence == ("s3", "s4", "s5")
    assert (finding.confidence, finding.quality) == (0.9, Outcome.PASS)


def test_what_qa_rejected_is_no_finding() -> None:
    assert findings_of([mask("m1", "liver", Quality(Outcome.REJECT, ("empty",)))], {}, [], {}, NAMES) == ()


def test_doubt_stands_in_the_sentence() -> None:
    m = mask("m1", "liver", Quality(Outcome.REVIEW, ("On the wrong side",)))
    (finding,) = findings_of([m], {"m1": [area("m1", 12.34)]}, [], {}, NAMES)
    assert finding.text == "Liver: area 12.3 mm² (series-1). For review: On the wrong side."


def test_an_empty_lesion_is_not_excluded() -> None:
    m = mask("m1", "nodule", Quality(Outcome.REVIEW), voxels=0, category="tumor")
    (finding,) = findings_of([m], {}, [], {}, NAMES)
    assert "nothing was outlined by model@1" in finding.text
    assert "does not exclude" in finding.text


def test_without_spacing_pixels_are_counted_and_called_pixels() -> None:
    (finding,) = findings_of([mask("m1", "liver", Quality(Outcome.REVIEW))], {"m1": []}, [], {}, NAMES)
    assert "4 pixels, no physical size known" in finding.text


def test_the_summary_names_what_was_not_answered() -> None:
    assert summary_of([], ["spleen: not available"]) == "Not answered — spleen: not available"
    assert summary_of([], []) == "Nothing could be reported."


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (70.3619, Unit.ML, "70.4 mL"),
        (1234.4, Unit.MM2, "1234 mm²"),
        (0.512, Unit.ONE, "0.512"),
        (-776.0, Unit.HU, "-776 HU"),
    ],
)
def test_quantities_are_rounded_for_readers(value: float, unit: Unit, text: str) -> None:
    assert quantity(value, unit) == text


def test_a_ratio_stands_on_its_masks_and_is_as_good_as_the_worse() -> None:
    heart = mask("m1", "heart", Quality(Outcome.PASS))
    lung = mask("m2", "lung", Quality(Outcome.REVIEW, ("approximate",)))
    ratio = Measurement("cardiothoracic_ratio", "heart", 0.512, Unit.ONE, "widths", "1.2.3", "m1, m2", "m1", "s6")
    *_, finding = findings_of([heart, lung], {}, [(ratio, ("m1", "m2"))], {"m1": "s4", "m2": "s5"}, NAMES)
    assert finding.text == "Cardiothoracic ratio: 0.512 (widths)."
    assert finding.evidence == ("s3", "s4", "s5", "s6")
    assert finding.quality is Outcome.REVIEW


def test_a_grey_value_is_no_finding() -> None:
    grey = Measurement("mean", "lung", 21399.0, Unit.ONE, "mean", "1.2.3", "m1 (s5)", "m1", "s5")
    (finding,) = findings_of([mask("m1", "lung", Quality(Outcome.PASS))], {"m1": [grey]}, [], {}, NAMES)
    assert "21399" not in finding.text
    assert "4 pixels, no physical size known" in finding.text


def test_a_drafted_sentence_keeps_where_it_points() -> None:
    box = Box(10.0, 20.0, 30.0, 40.0)
    said = [Drafted("Nodule.", "s2", "1.2", (box,)), Drafted("No effusion.", "s2", "1.2")]
    pointed, silent = findings_of([], {}, [], {}, NAMES, said)
    assert (pointed.series_uid, pointed.boxes, pointed.evidence) == ("1.2", (box,), ("s2",))
    assert (silent.series_uid, silent.boxes) == ("", ())
