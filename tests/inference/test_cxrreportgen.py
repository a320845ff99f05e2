"""CXRReportGen over HTTP: boxes in source pixels whatever the image's shape, a typed error for every breach."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.chest_report import Box, ChestCase, ReportSentence
from domain.errors import BurnedInTextSuspected, ModelResponseInvalid, TargetRefused
from domain.geometry import Geometry
from domain.privacy import Deidentified
from domain.study import Patient, Series, Volume
from inference.cxrreportgen import (
    DRAFTED,
    REGION_UNKNOWN,
    VIEW_UNKNOWN,
    CentreCrop,
    CXRReportGen,
    encode_grey,
    parse_response,
)
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from tests.inference.contract_servers import COMMON_FAULTS, ReportGen, serve
from tests.inference.support import Here
from tools.deidentification_text import scrub_text
from tools.ingest import ingest

NORMAL = "The heart size is normal."


def radiograph(rows: int = 40, columns: int = 60, **facts: object) -> Volume:
    array = (np.arange(rows * columns, dtype=np.int16) % 4000).reshape(1, rows, columns)
    series = Series("1.2.3", "1.2", "DX", Geometry((1, rows, columns)), (), body_part="CHEST", view_position="PA")
    return Volume(replace(series, **facts), array)  # type: ignore[arg-type]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as opened:
        yield opened


def model_of(url: str, client: httpx.AsyncClient) -> CXRReportGen:
    transport = EndpointTransport(Endpoint(url, version="4"), client, policy=RetryPolicy(tries=2, base_s=0.001))
    return CXRReportGen(transport, compute=Here())


@pytest.mark.parametrize("form", ["string", "object", "single"])
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (100, 100, Box(10, 20, 50, 80)),
        (100, 200, Box(60, 20, 100, 80)),  # landscape: the square begins at column 50, and is 100 wide
        (200, 100, Box(10, 70, 50, 130)),  # portrait: it begins at row 50
        (100, 101, Box(10, 20, 50, 80)),  # an odd remainder lies after the square
    ],
)
async def test_boxes_are_fractions_of_the_centre_square(
    form: str, bare: bool, rows: int, columns: int, expected: Box, client: httpx.AsyncClient
) -> None:
    findings = [[NORMAL, None], ["An opacity.", [[0.1, 0.2, 0.5, 0.8]]], ["Clear lungs.", []]]
    with serve(ReportGen(findings=findings, form=form, bare=bare)) as url:
        report = await model_of(url, client).report(ChestCase(radiograph(rows, columns)))
        await client.aclose()
    assert [sentence.text for sentence in report.sentences] == [NORMAL, "An opacity.", "Clear lungs."]
    assert [len(sentence.boxes) for sentence in report.sentences] == [0, 1, 0]
    (box,) = report.sentences[1].boxes
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(
        (expected.left, expected.top, expected.right, expected.bottom)
    )
    assert report.warnings == (DRAFTED,)


@settings(deadline=None)
@given(
    rows=st.integers(1, 4000),
    columns=st.integers(1, 4000),
    corners=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_the_way_back_is_the_inverse_of_the_crop(
    rows: int, columns: int, corners: tuple[float, float, float, float]
) -> None:
    crop = CentreCrop(rows, columns)
    x0, x1 = sorted(corners[:2])
    y0, y1 = sorted(corners[2:])
    box = crop.to_source((x0, y0, x1, y1))
    assert crop.to_fractions(box) == pytest.approx((x0, y0, x1, y1), abs=1e-9)
    assert 0 <= box.left <= box.right <= columns
    assert 0 <= box.top <= box.bottom <= rows
    assert box.right - box.left <= crop.side
    assert box.bottom - box.top <= crop.side


@settings(deadline=None, max_examples=50)
@given(rows=st.integers(8, 60), columns=st.integers(8, 60), seed=st.integers(0, 1000))
def test_a_box_marks_the_pixels_that_the_model_saw(rows: int, columns: int, seed: int) -> None:
    """A bright rectangle in the cropped square, found by the model there, is where it is in the source."""
    source = np.random.default_rng(seed).random((rows, columns))
    side = min(rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    square = source[top : top + side, left : left + side]
    r, c = np.unravel_index(square.argmax(), square.shape)
    box = CentreCrop(rows, columns).to_source((c / side, r / side, (c + 1) / side, (r + 1) / side))
    inside = source[round(box.top) : round(box.bottom), round(box.left) : round(box.right)]
    assert inside.tolist() == [[square.max()]]


FAULTS = [
    *("no_sentence", "empty_text", "number_as_text", "three_parts", "three_numbers", "flat_box", "pixels"),
    *("reversed", "no_area", "nan", "text_in_box", "endless", "a_mapping", "cut_json"),
]


@pytest.mark.parametrize("fault", [*COMMON_FAULTS, *FAULTS])
async def test_a_breach_is_an_error_that_names_the_field(fault: str, client: httpx.AsyncClient) -> None:
    with serve(ReportGen(faults=[fault])) as url:
        with pytest.raises(ModelResponseInvalid) as caught:
            await model_of(url, client).report(ChestCase(radiograph()))
        await client.aclose()
    assert "answer" in caught.value.where or "output" in caught.value.where
    assert "127.0.0.1" in caught.value.where
    assert "A." not in str(caught.value)


async def test_only_what_is_there_is_sent(client: httpx.AsyncClient) -> None:
    contract = ReportGen()
    patient = Patient("4711", name="Miller^Anna")
    case = ChestCase(
        radiograph(),
        lateral=radiograph(30, 20, view_position="LL"),
        prior=radiograph(20, 30, view_position="AP"),
        indication=scrub_text("Anna Miller, cough since 2024-03-01", patient),
        comparison=Deidentified("None", "fixed"),
        prior_report=scrub_text("MRN 4711: no effusion", patient),
    )
    with serve(contract) as url:
        await model_of(url, client).report(case)
        await model_of(url, client).report(ChestCase(radiograph()))
        await client.aclose()
    first, second = (body["input_data"]["columns"] for body in contract.requests)
    assert first == ["frontal_image", "lateral_image", "prior_image", "indication", "comparison", "prior_report"]
    assert second == ["frontal_image"]
    assert contract.texts[0] == {
        "indication": "[NAME] [NAME], cough since [DATE]",
        "comparison": "None",
        "prior_report": "MRN [ID]: no effusion",
    }
    assert contract.texts[1] == {}
    assert "Miller" not in str(contract.requests)
    assert [(name, pixels.shape) for name, pixels in contract.images[:3]] == [
        ("frontal_image", (40, 60)),
        ("lateral_image", (30, 20)),
        ("prior_image", (20, 30)),
    ]


async def test_bright_is_dense_in_both_photometric_interpretations(data: Path, client: httpx.AsyncClient) -> None:
    contract = ReportGen()
    files = ["rsna_16d7f894.dcm", "rsna_16d7f894_fake_MONOCHROME1.dcm"]
    with serve(contract) as url:
        for name in files:
            (study,) = ingest([data / "cxr_dicom" / name]).studies
            (volume,) = study.volumes.values()
            report = await model_of(url, client).report(ChestCase(volume, region="chest"))
            assert report.sentences == (ReportSentence(NORMAL),)
        await client.aclose()
    two, one = (pixels.astype(int) for _, pixels in contract.images)
    assert two.shape == one.shape
    assert np.abs(two + one - 255).max() <= 1  # equal stored pixels are negatives of each other


async def test_real_portrait_and_square_radiographs(data: Path, client: httpx.AsyncClient) -> None:
    (study,) = ingest([data / "cxr_dicom" / "CR-MONO1-10-chest.dcm"]).studies
    (volume,) = study.volumes.values()
    rows, columns = volume.geometry.shape[1:]
    contract = ReportGen(findings=[["Everything.", [[0, 0, 1, 1]]]])
    with serve(contract) as url:
        report = await model_of(url, client).report(ChestCase(volume, region="chest"))
        await client.aclose()
    ((box,),) = (sentence.boxes for sentence in report.sentences)
    assert box.right - box.left == box.bottom - box.top == min(rows, columns)
    assert contract.images[0][1].shape == (rows, columns)


@pytest.mark.parametrize(
    "facts",
    [
        {"modality": "CT"},
        {"modality": "MG"},
        {"modality": "US"},
        {"body_part": "KNEE"},
        {"body_part": "ABDOMEN"},
        {"view_position": "LL"},
        {"view_position": "LATERAL"},
        {"colour": True},
        {"body_part": "", "description": "Knee AP"},
    ],
)
async def test_other_examinations_are_refused(facts: dict[str, object], client: httpx.AsyncClient) -> None:
    contract = ReportGen()
    with serve(contract) as url:
        model = model_of(url, client)
        with pytest.raises(TargetRefused, match="chest radiographs only"):
            await model.report(ChestCase(radiograph(**facts), region="chest"))
        with pytest.raises(TargetRefused) as caught:
            await model.report(ChestCase(radiograph(), prior=radiograph(**facts)))
        assert caught.value.where == "prior"
        await client.aclose()
    assert contract.requests == []


async def test_several_slices_and_a_frontal_lateral_are_refused(client: httpx.AsyncClient) -> None:
    model = model_of("http://127.0.0.1:9/never", client)
    two = Volume(replace(radiograph().series, geometry=Geometry((2, 4, 4))), np.zeros((2, 4, 4), np.uint8))
    knee = ChestCase(radiograph(body_part=""), region="knee")
    for case in (ChestCase(two), ChestCase(radiograph(), lateral=radiograph()), knee):
        with pytest.raises(TargetRefused):
            await model.report(case)
    await client.aclose()


async def test_what_could_not_be_checked_is_said(client: httpx.AsyncClient) -> None:
    silent = radiograph(body_part="", view_position="")
    described = radiograph(body_part="", description="Thorax pa")
    with serve(ReportGen()) as url:
        model = model_of(url, client)
        assert (await model.report(ChestCase(silent))).warnings == (DRAFTED, REGION_UNKNOWN, VIEW_UNKNOWN)
        assert (await model.report(ChestCase(silent, region="Chest"))).warnings == (DRAFTED, VIEW_UNKNOWN)
        assert (await model.report(ChestCase(described))).warnings == (DRAFTED,)
        assert str(model.identity) == "CXRReportGen@4"
        await client.aclose()


async def test_burned_in_text_stays_here() -> None:
    class Elsewhere:
        endpoint = Endpoint("https://models.example/score")

        def __init__(self) -> None:
            self.methods: list[str] = []

        async def score(self, body: Deidentified[bytes]) -> bytes:
            self.methods.append(body.method)
            return b'{"output": [["Fine.", null]]}'

    transport = Elsewhere()
    model = CXRReportGen(transport, compute=Here())
    marked = radiograph(burned_in_annotation=True)
    for case in (ChestCase(marked), ChestCase(radiograph(), prior=marked)):
        with pytest.raises(BurnedInTextSuspected):
            await model.report(case)
    assert transport.methods == []
    await model.report(ChestCase(marked, indication=Deidentified("cough", "scrubbed")), released=True)
    assert transport.methods == ["pixels only; released by a person; scrubbed"]


def test_grey_keeps_eight_bits_and_windows_the_rest() -> None:
    import io

    from PIL import Image

    def shown(array: NDArray[np.generic]) -> NDArray[np.uint8]:
        with Image.open(io.BytesIO(encode_grey(array).png)) as image:
            assert image.mode == "L"
            return np.asarray(image)

    eight = np.arange(200, dtype=np.uint8).reshape(10, 20)
    assert np.array_equal(shown(eight), eight)
    ramp = np.arange(10_001, dtype=np.int32).reshape(73, 137)
    grey = shown(ramp)
    assert grey.min() == 0
    assert grey.max() == 255
    assert (grey == 0).mean() == pytest.approx(0.0138, abs=0.001)  # 1 % below, and the first grey step
    assert not shown(np.full((4, 4), 7, np.int16)).any()


def test_a_fraction_a_rounding_step_outside_is_clipped() -> None:
    raw = b'[{"output": [["A.", [[-0.005, 0.5, 1.005, 1.0]]]]}]'
    (sentence,) = parse_response(raw, 100, 200)
    assert sentence.boxes == (Box(50, 50, 150, 100),)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.text(max_size=5) | st.none(),
            st.none() | st.lists(st.lists(st.floats(-0.02, 1.02) | st.integers(), max_size=5), max_size=2),
        ),
        max_size=4,
    )
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=20)
)
def test_arbitrary_output_is_a_report_or_an_error(output: object) -> None:
    import json

    raw = json.dumps([{"output": output}]).encode()
    try:
        sentences = parse_response(raw, 30, 50)
    except ModelResponseInvalid:
        return
    assert all(sentence.text.strip() for sentence in sentences)
    boxes = [box for sentence in sentences for box in sentence.boxes]
    assert all(10 <= box.left < box.right <= 40 and 0 <= box.top < box.bottom <= 30 for box in boxes)
