"""Targets get the codes that DICOM's own dictionary knows, and never a wrong side or organ."""

from __future__ import annotations

import pytest

from domain.codes import Category, Code, Unit
from tools.terminology import SIDES, concept, measurement_concept, procedure_code, table, unit_code


def dictionary() -> dict[tuple[str, str], set[str]]:
    from pydicom.sr._concepts_dict import concepts

    known: dict[tuple[str, str], set[str]] = {}
    for scheme, words in concepts.items():
        for meanings in words.values():
            for value, (meaning, _) in meanings.items():
                known.setdefault((scheme, value), set()).add(meaning.split(" (body")[0].split(" (qual")[0].lower())
    return known


def rows() -> list[tuple[str, str, str]]:
    t = table()
    pairs = [
        pair
        for part in ("categories", "sides", "structures", "paired", "substances", "abnormalities")
        for pair in t[part].values()
    ]
    codes = [("SCT", str(value), meaning) for value, meaning in pairs]
    codes += [("SCT", value, meaning) for _, value, meaning in t["model_categories"].values()]
    codes += [tuple(row) for part in ("procedures", "pixel_values") for row in t[part].values()]
    codes += [tuple(row) for measurement in t["measurements"].values() for row in measurement.values()]
    return [row for row in codes if row[0] != t["private_scheme"]["designator"]]


def test_every_code_means_what_dicom_says_it_means() -> None:
    known = dictionary()
    wrong = [row for row in rows() if row[2].lower() not in known.get(row[:2], set())]
    assert wrong == []


def test_all_sixteen_model_categories_have_a_code() -> None:
    assert set(table()["model_categories"]) == {str(c) for c in Category}


@pytest.mark.parametrize(
    ("target", "kind", "side", "region"),
    [
        ("liver", "10200004", None, None),
        ("Left Kidney", "64033007", "7771000", None),
        ("right adrenal gland", "23451007", "24028007", None),
        ("lungs", "39607008", None, None),
        ("left lung-COVID", "39607008", "7771000", None),
        ("left heart ventricle", "87878005", None, None),
        ("postcava", "64131007", None, None),
        ("kidney tumor", "108369006", None, "64033007"),
        ("left kidney cyst", "367643001", "7771000", "64033007"),
        ("COVID-19 infection", "409774005", None, "39607008"),
        ("pleural effusion", "41699000", None, "3120008"),
        ("lower-grade glioma", "108369006", None, "12738006"),
        ("enhancing tumour", "108369006", None, None),
        ("edema", "79654002", None, None),
        ("air", "74947009", None, None),
    ],
)
def test_specific_targets(target: str, kind: str, side: str | None, region: str | None) -> None:
    found = concept(target)
    assert found.kind.value == kind
    assert (found.side.value if found.side else None) == side
    assert (found.region.value if found.region else None) == region
    assert found.specific


def test_infection_is_not_a_hospital_department() -> None:
    assert concept("infection").kind == Code("409774005", "SCT", "Inflammation")


def test_unknown_target_falls_back_to_its_model_category() -> None:
    found = concept("left frobnicated organ", "other organ")
    assert (found.kind.value, found.specific) == ("113343008", False)
    assert found.side is not None
    assert found.side.value == "7771000"


def test_nothing_known_is_a_tissue() -> None:
    assert concept("zzz").kind.meaning == "Tissue"


@pytest.mark.parametrize("side", SIDES)
def test_a_bare_side_word_is_not_a_target(side: str) -> None:
    assert not concept(side).specific


def test_finding_site_is_the_organ_or_the_region() -> None:
    assert concept("spleen").site == Code("78961009", "SCT", "Spleen")
    assert concept("liver tumor").site == Code("10200004", "SCT", "Liver")
    assert concept("tumor").site is None


def test_measurements_say_what_and_how() -> None:
    mean = measurement_concept("mean", Unit.HU, "CT")
    assert (mean.name.meaning, mean.derivation.meaning if mean.derivation else "") == (
        "Attenuation Coefficient",
        "Mean",
    )
    assert measurement_concept("mean", Unit.ONE, "MR").name.meaning == "MR signal intensity"
    assert measurement_concept("sphericity_of_cube", Unit.ONE, "CT").name == Code(
        "sphericity_of_cu", "99MEDIMAGE", "sphericity of cube"
    )
    assert [unit_code(u).value for u in Unit] == [str(u) for u in Unit]


def test_procedures() -> None:
    assert procedure_code("CT") == Code("25045-6", "LN", "CT unspecified body region")
    assert procedure_code("XX").value == "363679005"
