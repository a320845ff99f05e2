"""Norms: chosen by target, sex and age, with their source; unusual values are said, improbable ones go to review."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from domain.codes import Unit
from domain.finding import Measurement
from domain.mask import Mask, Outcome
from tests.tools import builders as b
from tools import norms as module
from tools.norms import Norm, norm, statistical

DOCUMENT = yaml.safe_load(Path(module.__file__).with_name("norms.yaml").read_text("utf-8"))


def mask_of(target: str, *, edge: bool = False) -> Mask:
    array = np.zeros((6, 10, 10), bool)
    array[0 if edge else 1 : 5, 3:7, 3:7] = True
    return b.mask(array, b.axial(array.shape), target)


def found(target: str, name: str, value: float, unit: Unit = Unit.ML, mask_id: str = "m1") -> Measurement:
    return Measurement(name, target, value, unit, "counted", "1.2.3", "m1 (s3)", mask_id)


@pytest.mark.parametrize("entry", DOCUMENT["norms"], ids=lambda entry: f"{entry['target'][0]}-{entry['measurement']}")
def test_every_norm_is_whole_and_sourced(entry: dict[str, object]) -> None:
    assert entry["source"] in DOCUMENT["sources"]
    assert entry["certainty"] in {"abstract", "guideline"}
    assert entry["unit"] in set(Unit)
    assert entry.get("sex", "M") in {"M", "F"}
    assert {"mean", "observed", "limit"} & entry.keys()
    assert isinstance(entry["target"], list)
    assert all(norm(name, str(entry["measurement"]), sex=str(entry.get("sex", ""))) for name in entry["target"])


def test_the_norm_of_the_patients_sex_is_taken_and_no_other() -> None:
    women, men = norm("liver", "volume", sex="F"), norm("Liver", "volume", sex="M")
    assert women is not None
    assert men is not None
    assert (women.mean, men.mean) == (1411, 1710)
    assert "Geraghty" in women.source
    assert norm("liver", "volume") is None
    assert norm("liver", "volume", sex="O") is None


def test_a_norm_for_adults_is_not_used_for_a_child() -> None:
    assert norm("spleen", "volume", age=40) is not None
    assert norm("spleen", "volume", age=7) is None
    very_old = norm("spleen", "volume", age=95)
    assert very_old is not None
    assert very_old.observed == (107.2, 314.5)


def test_a_kidney_has_a_norm_and_kidneys_have_none() -> None:
    assert norm("left kidney", "volume", sex="F") is not None
    assert norm("kidneys", "volume", sex="F") is None
    assert norm("kidney tumor", "volume", sex="F") is None
    assert norm("liver", "surface", sex="F") is None


def test_z_scores_and_percentiles_need_a_spread() -> None:
    spleen = norm("spleen", "volume")
    assert spleen is not None
    assert spleen.z_score(198 + 88) == pytest.approx(1.0)
    assert spleen.percentile(198) == pytest.approx(50.0)
    assert spleen.percentile(198 + 1.96 * 88) == pytest.approx(97.5, abs=0.01)
    liver = norm("liver", "volume", sex="M")
    assert liver is not None
    assert liver.z_score(1710) is None
    assert liver.percentile(1710) is None


@pytest.mark.parametrize(("value", "outcome"), [(200, None), (330, None), (390, Outcome.PASS), (700, Outcome.REVIEW)])
def test_a_spleen_is_judged_by_its_distance_from_the_mean(value: float, outcome: Outcome | None) -> None:
    remarks = list(statistical(mask_of("spleen"), [found("spleen", "volume", value)], age=50))
    assert [one.outcome for one in remarks] == ([] if outcome is None else [outcome])
    for one in remarks:
        assert one.check == "norm"
        assert "Caglar 2014" in one.reason
        assert "SD above the mean of 198 mL" in one.reason


def test_limits_ranges_and_means_without_spread_have_their_own_words() -> None:
    ratio = found("heart", "cardiothoracic_ratio", 0.56, Unit.ONE)
    (enlarged,) = statistical(mask_of("heart"), [ratio], age=60)
    assert enlarged.outcome is Outcome.PASS
    assert enlarged.reason.startswith("heart: cardiothoracic ratio 0.56 is not below the limit of 0.5 (Danzer 1919")
    (small,) = statistical(mask_of("brain"), [found("brain", "volume", 1100)], age=30)
    assert "outside the observed 1173 to 1626 mL" in small.reason
    (huge,) = statistical(mask_of("liver"), [found("liver", "volume", 3600)], sex="M", age=60)
    assert huge.outcome is Outcome.REVIEW
    assert "2.1 times the mean of 1710 mL" in huge.reason
    assert not list(statistical(mask_of("liver"), [found("liver", "volume", 2500)], sex="M", age=60))


def test_a_part_of_an_organ_is_not_called_small_but_may_be_large() -> None:
    cut = mask_of("brain", edge=True)
    assert not list(statistical(cut, [found("brain", "volume", 400)], age=30))
    assert list(statistical(cut, [found("brain", "volume", 1700)], age=30))
    assert list(statistical(mask_of("brain"), [found("brain", "volume", 400)], age=30))


def test_other_masks_units_and_unknown_targets_are_left_alone() -> None:
    spleen = mask_of("spleen")
    assert not list(statistical(spleen, [found("spleen", "volume", 900, mask_id="m2")]))
    assert not list(statistical(spleen, [found("spleen", "volume", 900, Unit.MM)]))
    assert not list(statistical(spleen, [found("mediastinum", "volume", 900)]))


def test_an_unknown_age_is_said() -> None:
    (remark,) = statistical(mask_of("spleen"), [found("spleen", "volume", 700)])
    assert "if the patient is an adult" in remark.reason


def test_a_citation_names_author_and_year() -> None:
    for entry in DOCUMENT["norms"]:
        known = norm(entry["target"][0], entry["measurement"], sex=entry.get("sex", ""))
        assert isinstance(known, Norm)
        author, year = known.citation.split(";")[0].split(" ")
        assert known.source.startswith(author)
        assert year in known.source
