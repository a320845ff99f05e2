"""The table of plausible size and place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tools.anatomy import anatomy, compatible, imaging_kind, side_of

TABLE = yaml.safe_load((Path(__file__).parents[2] / "tools" / "anatomy.yaml").read_text("utf-8"))


@pytest.mark.parametrize("name", TABLE["structures"])
def test_every_structure_is_well_formed_and_has_a_source(name: str) -> None:
    facts = anatomy(name)
    assert facts is not None
    assert facts.sources
    assert facts.kind in {"organ", "lesion", "tissue"}
    for limits in (facts.volume_ml, facts.hu_mean, facts.across, facts.depth, facts.image, facts.down):
        assert limits is None or limits[0] < limits[1]


@pytest.mark.parametrize(("alias", "name"), TABLE["aliases"].items())
def test_every_alias_leads_to_a_structure(alias: str, name: str) -> None:
    facts = anatomy(alias)
    assert facts is not None
    assert facts.name == name


def test_reference_adults_lie_within_the_limits() -> None:
    published_ml = {  # means of women and men
        "liver": (1411, 1710),
        "spleen": (179.8, 238.4),
        "left kidney": (156.5, 193.1),
        "pancreas": (64.4, 87.4),
        "left adrenal gland": (4.4,),
        "brain": (1300 / 1.04, 1450 / 1.04),
        "heart": (620 / 1.06, 840 / 1.06),
    }
    for target, volumes in published_ml.items():
        facts = anatomy(target)
        assert facts is not None
        assert facts.volume_ml is not None
        assert all(1.4 * facts.volume_ml[0] < volume < facts.volume_ml[1] / 1.4 for volume in volumes), target


def test_sides_mirror_each_other() -> None:
    left, right = anatomy("left kidney"), anatomy("right kidney")
    assert left is not None
    assert right is not None
    assert left.across is not None
    assert right.across == pytest.approx((1 - left.across[1], 1 - left.across[0]))
    assert left.side == "left"


@pytest.mark.parametrize(
    ("target", "side"),
    [
        ("left kidney", "left"),
        ("Right Lung-COVID", "right"),
        ("left heart ventricle", ""),
        ("left lobe of the liver", ""),
        ("kidney", ""),
        ("left and right lung", ""),
    ],
)
def test_the_side_of_the_patient_in_a_target(target: str, side: str) -> None:
    assert side_of(target) == side


def test_nothing_is_known_of_what_is_not_in_the_table() -> None:
    assert anatomy("mediastinal flux capacitor") is None


@pytest.mark.parametrize(
    ("first", "second", "may"),
    [
        ("liver", "spleen", False),
        ("left kidney", "right kidney", False),
        ("left kidney", "kidney", True),
        ("myocardium", "heart", True),
        ("liver", "liver tumor", True),
        ("liver", "lung", False),
    ],
)
def test_which_structures_may_overlap(first: str, second: str, may: bool) -> None:
    a, c = anatomy(first), anatomy(second)
    assert a is not None
    assert c is not None
    assert compatible(a, c) is compatible(c, a) is may


def test_projections_are_one_kind_of_image() -> None:
    assert {imaging_kind(modality) for modality in ("CR", "DX", "RG")} == {"XR"}
    assert imaging_kind("CT") == "CT"
