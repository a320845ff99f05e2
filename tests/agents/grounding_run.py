"""A run as the grounding tests see it: what stands behind each id, and what its tools said."""

from __future__ import annotations

import json

from agents.evidence import Behind, Evidence, Number, numbers_of_change
from domain.analysis import Change

_UNITS = {
    "volume": "mL",
    "area": "mm2",
    "mean": "[hnsf'U]",
    "min": "[hnsf'U]",
    "max": "[hnsf'U]",
    "std": "[hnsf'U]",
    "long_axis": "mm",
    "short_axis": "mm",
}


def rows(target: str, **values: float) -> tuple[Number, ...]:
    """Measurements of a target in their units."""
    return tuple(Number(name, value, _UNITS.get(name, "1"), target) for name, value in values.items())


GREW = Change(
    "liver lesion", "prior-1", "long_axis", 23.42, 18.1, "mm", 5.32, 29.39, "larger", "affine registration", ("s9",)
)
STAYED = Change(
    "left kidney", "prior-1", "volume", 160.24, 161.0, "mL", -0.76, -0.47, "stable", "affine registration", ("s9",)
)
_BOTH = (GREW, STAYED)
_CHANGES = tuple(n for change in _BOTH for n in numbers_of_change(change))
_PARSE = "MedImageParse@1.0"

LIVER = Behind(
    "liver",
    "",
    True,
    "pass",
    (
        *rows("liver", volume=1523.42, mean=55.31, min=-104.0, max=212.0, std=18.2, long_axis=214.3, short_axis=150.9),
        *rows("liver", voxel_count=812345, confidence=0.93),
        Number("voxel_count", 812345, "pixel", "liver"),
    ),
    texts=(_PARSE,),
)
SPLEEN = Behind(
    "spleen",
    "left",
    True,
    "review",
    rows("spleen", volume=212.74, mean=48.2, confidence=0.71, voxel_count=110000),
    texts=(_PARSE, "the outline touches the border of the image"),
)
NODULE = Behind("lung nodule", "", False, "review", rows("lung nodule", voxel_count=0), texts=(_PARSE,))
LEFT_KIDNEY = Behind(
    "left kidney",
    "left",
    True,
    "pass",
    (*rows("left kidney", volume=160.24, mean=31.0), *numbers_of_change(STAYED)),
    (STAYED,),
    (_PARSE,),
)
RIGHT_KIDNEY = Behind(
    "right kidney", "right", True, "pass", rows("right kidney", volume=171.8, mean=30.2), texts=(_PARSE,)
)
LESION = Behind(
    "liver lesion",
    "right",
    True,
    "review",
    (
        *rows("liver lesion", long_axis=23.42, short_axis=17.81, volume=5.214, component_count=2, mean=70.3),
        *numbers_of_change(GREW),
    ),
    (GREW,),
    (_PARSE, "published accuracy is low"),
)
PNEUMOTHORAX = Behind(
    "pneumothorax",
    "",
    None,
    "reject",
    rows("pneumothorax", voxel_count=40),
    texts=("embedded-cxr@2", "most of it lies outside the body"),
)
RATIO = Number("cardiothoracic_ratio", 0.5213, "1", "heart")
HEART = Behind("heart", "", True, "pass", (*rows("heart", area=12345.0), RATIO), texts=(_PARSE,))
LUNG = Behind("lung", "", True, "pass", (*rows("lung", area=40000.0), RATIO), texts=(_PARSE,))

EVIDENCE = Evidence(
    {
        "m1": LIVER,
        "m2": SPLEEN,
        "m3": NODULE,
        "m4": LEFT_KIDNEY,
        "m5": RIGHT_KIDNEY,
        "m6": LESION,
        "m7": PNEUMOTHORAX,
        "m8": HEART,
        "m9": LUNG,
        "f1": Behind(
            "liver", "", True, "pass", LIVER.numbers, texts=("Liver: volume 1523 mL, mean 55.3 HU (series-1).",)
        ),
        "f2": Behind(
            "lung nodule",
            "",
            False,
            "review",
            NODULE.numbers,
            texts=("Lung nodule: nothing was outlined by MedImageParse@1.0 in series-1; this does not exclude it.",),
        ),
        "f3": Behind(texts=("CXRReportGen drafts: There is a small left pleural effusion.",)),
        "f4": Behind(texts=("CXRReportGen drafts: No pneumothorax.",)),
        "f5": Behind(texts=("CXRReportGen drafts: Possible consolidation in the right lower lobe.",)),
        "f6": Behind(numbers=(RATIO,), texts=("Cardiothoracic ratio: 0.521 (widths).",), covers=("m8", "m9")),
        "s4": Behind(covers=("m1", "m2", "m3", "m4", "m5", "m6", "m7")),
        "s5": Behind(covers=("m1", "m2", "m4", "m5", "m6")),
        "s9": Behind(numbers=_CHANGES, changes=_BOTH),
        "s12": Behind(texts=("CT abdomen of March 2023: hypodense liver lesion of 18 mm in segment 6, new.",)),
        "s13": Behind(
            texts=("A solid pulmonary nodule below 6 mm needs no routine follow-up at low risk (Fleischner 2017).",)
        ),
        "series-1": Behind(
            numbers=(Number("slices", 64, "1"), Number("rows", 512, "1"), Number("spacing", 0.78, "mm")),
            texts=("CT abdomen",),
        ),
        "prior-1": Behind(changes=_BOTH, numbers=_CHANGES),
    },
    (
        ("pancreas", "No model on this machine outlines the pancreas; configure an endpoint."),
        ("lung nodule (diameter)", "diameter: these images carry no physical size for it."),
    ),
)

SPACING = "Pixel spacing is that at the detector: lengths and areas are magnified and not corrected."
FACTS = [
    json.dumps(
        {"summary": "Liver: volume 1523 mL, mean 55.3 HU (series-1).\nNot answered — pancreas", "warnings": [SPACING]}
    ),
    json.dumps({"sentences": [{"text": "The lungs are clear.", "boxes": []}, {"text": "No pneumothorax."}]}),
    json.dumps({"labels": [{"label": "pneumothorax", "similarity": 0.3}]}),
    json.dumps({"question": "<data-question-ab12>\nThere is a pneumothorax.\n</data-question-ab12>"}),
]
IDS = tuple(EVIDENCE.behind)
