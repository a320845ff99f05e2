"""MedImageParse 3D over HTTP: exact voxels in every form of answer, a typed error for every breach."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.errors import (
    BurnedInTextSuspected,
    GeometryInvalid,
    ModelResponseInvalid,
    ModelUnreachable,
    SpacingMissing,
    TargetRefused,
)
from domain.geometry import Geometry
from domain.study import Instance, Series, Volume
from inference.medimageparse3d import (
    FACE_LEFT,
    ORDER_INFERRED,
    MedImageParse3D,
    VolumePrompt,
    assigned_labels,
    prompt_sentence,
)
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from inference.wire_json import AnswerReader
from inference.wire_nifti import decode_labels, encode_volume, ras_affine
from tests.inference.contract_servers import COMMON_FAULTS, Parse3D, serve
from tests.inference.support import Here
from tools.ingest import ingest

READER = AnswerReader("MedImageParse 3D")
BONE, FAT = VolumePrompt("Bone"), VolumePrompt("fat")


def find(values: NDArray[np.float64], sentence: str) -> NDArray[np.bool_]:
    """The server's model: a range of values for a sentence."""
    low, high = {"bone": (200, 4000), "fat": (-150, -50)}.get(sentence.casefold(), (10_000, 20_000))
    return np.asarray((values >= low) & (values <= high))


def oblique(shape: tuple[int, int, int], tilt: float = 0.0) -> Geometry:
    """A grid with unequal sides whose axes follow no patient axis; `tilt` shears the slices."""
    angle = 0.3
    row = np.array([np.cos(angle), np.sin(angle), 0.0])
    column = np.array([-np.sin(angle), np.cos(angle), 0.0])
    step = 2.5 * np.array([0.0, tilt, 1.0])
    positions = np.array([-31.0, 12.0, 7.0]) + np.arange(shape[0])[:, None] * step
    return Geometry(shape, (0.7, 0.9), np.stack([row, column]), positions, "PixelSpacing")


def ct(
    shape: tuple[int, int, int] = (5, 7, 9), *, geometry: Geometry | None = None, seed: int = 0, **facts: object
) -> Volume:
    array = np.random.default_rng(seed).integers(-1000, 1500, shape).astype(np.int16)
    series = Series("1.2.3", "1.2", "CT", geometry or oblique(shape), (Instance(Path("phantom"), "1.2.3.4"),))
    return Volume(replace(series, **facts), array)  # type: ignore[arg-type]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as opened:
        yield opened


def model_of(url: str, client: httpx.AsyncClient) -> MedImageParse3D:
    transport = EndpointTransport(Endpoint(url), client, policy=RetryPolicy(tries=2, base_s=0.001))
    return MedImageParse3D(transport, compute=Here())


@pytest.mark.parametrize("form", ["string", "object", "single"])
@pytest.mark.parametrize("newlines", [False, True])
@pytest.mark.parametrize("bare", [False, True])
async def test_labels_come_back_in_source_voxels(
    form: str, newlines: bool, bare: bool, client: httpx.AsyncClient
) -> None:
    volume = ct()
    with serve(Parse3D(find=find, form=form, newlines=newlines, bare=bare)) as url:
        found = await model_of(url, client).segment(volume, [BONE, FAT])
        await client.aclose()
    assert list(found.masks) == ["bone", "fat"]
    assert np.array_equal(found.masks["bone"].array, find(volume.array, "bone"))
    assert np.array_equal(found.masks["fat"].array, find(volume.array, "fat"))
    assert found.masks["fat"].slices_inferred == 5
    assert found.masks["fat"].probability is None
    assert found.warnings == (ORDER_INFERRED,)


@pytest.mark.parametrize("turn", ["RAS", "LPI", "SAR", "PIL", "ASL"])
@pytest.mark.parametrize("tilt", [0.0, 0.2])
async def test_another_order_of_axes_is_put_back(turn: str, tilt: float, client: httpx.AsyncClient) -> None:
    volume = ct(geometry=oblique((5, 7, 9), tilt))
    with serve(Parse3D(find=find, turn=turn)) as url:
        found = await model_of(url, client).segment(volume, [BONE])
        await client.aclose()
    assert np.array_equal(found.masks["bone"].array, find(volume.array, "bone"))
    assert found.warnings == ()


async def test_what_is_sent(client: httpx.AsyncClient) -> None:
    volume, contract = ct(), Parse3D(find=find)
    sentences = [VolumePrompt("liver", prompt_sentence("liver", "CT", "Abdomen")), VolumePrompt("spleen")]
    with serve(contract) as url:
        await model_of(url, client).segment(volume, sentences)
        await client.aclose()
    assert contract.requests[0]["input_data"]["data"][0][1] == ("CT imaging of the liver within the abdomen & spleen")
    header = contract.headers[0]
    assert header.get_data_dtype() == np.int16
    assert header.get_xyzt_units()[0] == "mm"
    assert all(bytes(header[name]).strip(b"\0") == b"" for name in ("descrip", "aux_file", "db_name", "intent_name"))
    corner = header.get_sform() @ [8, 6, 4, 1]
    assert np.allclose(corner[:3], volume.geometry.to_patient_mm(np.array([[4, 6, 8]]))[0] * [-1, -1, 1], atol=1e-4)
    assert np.allclose(header.get_sform(), header.get_qform(), atol=1e-4)


PARSE_FAULTS = [
    *("cut_base64", "not_gzip", "cut_gzip", "damaged_gzip", "followed", "bomb", "short", "header_only"),
    *("wrong_shape", "two_maps", "half_a_voxel_off", "other_spacing", "no_affine"),
    *("nan", "fractions", "negative", "stray_label"),
]


@pytest.mark.parametrize("fault", [*COMMON_FAULTS, *PARSE_FAULTS])
async def test_a_breach_is_an_error_that_names_the_field(fault: str, client: httpx.AsyncClient) -> None:
    with serve(Parse3D(find=find, faults=[fault])) as url:
        with pytest.raises(ModelResponseInvalid) as caught:
            await model_of(url, client).segment(ct(), [BONE, FAT])
        await client.aclose()
    where = "answer" if fault in ("malformed", "truncated", "error_200", "empty", "not_a_list", "two_rows") else "nifti"
    assert where in caught.value.where
    assert "127.0.0.1" in caught.value.where


async def test_stacked_masks_without_an_affine_are_refused(client: httpx.AsyncClient) -> None:
    class Stacked(Parse3D):
        def rows(self, body: dict[str, object]) -> list[object]:
            return [{"image_features": "{}", "text_features": ["liver"]}]

    with serve(Stacked()) as url:
        with pytest.raises(ModelResponseInvalid, match="without an affine"):
            await model_of(url, client).segment(ct(), [BONE])
        await client.aclose()


async def test_a_passing_failure_is_tried_again(client: httpx.AsyncClient) -> None:
    with serve(Parse3D(find=find, faults=["503"])) as url:
        assert (await model_of(url, client).segment(ct(), [BONE])).masks["bone"].array.any()
        await client.aclose()
    with serve(Parse3D(find=find, faults=["429", "429"])) as url:
        async with open_client() as opened:
            with pytest.raises(ModelUnreachable):
                await model_of(url, opened).segment(ct(), [BONE])


async def test_one_prompt_takes_the_only_label(client: httpx.AsyncClient) -> None:
    volume = ct()
    with serve(Parse3D(find=find, numbers=(7,), dtype="float32")) as url:
        found = await model_of(url, client).segment(volume, [BONE])
        await client.aclose()
    assert np.array_equal(found.masks["bone"].array, find(volume.array, "bone"))
    assert found.warnings == ("the only label of the answer is 7, not 1",)


def test_labels_that_do_not_fit_the_prompts() -> None:
    labels = np.zeros((2, 2, 2), np.uint8)
    assert assigned_labels(labels, 1) == ([1], ())
    assert assigned_labels(labels, 2) == ([1, 2], (ORDER_INFERRED,))
    labels[0, 0, 0] = 2
    numbers, said = assigned_labels(labels, 3)
    assert numbers == [1, 2, 3]
    assert said[0] == ORDER_INFERRED
    assert "labels 1, 3 are absent" in said[1]
    labels[1, 1, 1] = 4
    with pytest.raises(ModelResponseInvalid, match="labels 2, 4 for 3 prompts"):
        assigned_labels(labels, 3)
    with pytest.raises(ModelResponseInvalid, match="labels 2, 4 for 1 prompts"):
        assigned_labels(labels, 1)


async def test_what_is_refused_before_anything_is_sent(client: httpx.AsyncClient) -> None:
    uneven = oblique((5, 7, 9))
    assert uneven.positions_mm is not None
    moved = uneven.positions_mm.copy()
    moved[2, 2] += 1.0
    model = model_of("http://127.0.0.1:9/never", client)
    cases: list[tuple[Volume, list[VolumePrompt], type[Exception]]] = [
        (ct(geometry=replace(uneven, positions_mm=moved)), [BONE], GeometryInvalid),
        (ct((1, 7, 9)), [BONE], SpacingMissing),
        (ct(geometry=Geometry((5, 7, 9))), [BONE], SpacingMissing),
        (ct(modality="CR"), [BONE], TargetRefused),
        (Volume(ct().series, np.zeros((5, 7, 9, 3), np.uint8)), [BONE], TargetRefused),
        (ct(), [], TargetRefused),
        (ct(), [VolumePrompt(" ")], TargetRefused),
        (ct(), [VolumePrompt("liver & spleen")], TargetRefused),
        (ct(), [BONE, VolumePrompt("bone ")], TargetRefused),
    ]
    for volume, prompts, error in cases:
        with pytest.raises(error):
            await model.segment(volume, prompts)
    await client.aclose()


class Recorder:
    """A transport to somewhere else that sends nothing."""

    endpoint = Endpoint("https://models.example/score")

    def __init__(self, answer: bytes = b"[]") -> None:
        self.methods: list[str] = []
        self.answer = answer

    async def score(self, body: object) -> bytes:
        self.methods.append(body.method)  # type: ignore[attr-defined]
        return self.answer


async def test_burned_in_text_stays_here() -> None:
    recorder = Recorder()
    model = MedImageParse3D(recorder, compute=Here())
    with pytest.raises(BurnedInTextSuspected):
        await model.segment(ct(burned_in_annotation=True), [BONE])
    assert recorder.methods == []
    with pytest.raises(ModelResponseInvalid):
        await model.segment(ct(burned_in_annotation=True), [BONE], released=True)
    assert recorder.methods == ["voxels and affine only; released by a person"]


async def test_a_face_that_left_is_said(client: httpx.AsyncClient) -> None:
    head = ct(body_part="HEAD")
    contract = Parse3D(find=find)
    rows: list[object] = []
    with serve(contract) as url:
        assert FACE_LEFT not in (await model_of(url, client).segment(head, [BONE])).warnings
        rows = contract.rows(contract.requests[0])
        await client.aclose()
    remote = MedImageParse3D(Recorder(json.dumps(rows).encode()), compute=Here())
    assert FACE_LEFT in (await remote.segment(head, [BONE])).warnings


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(2, 5), st.integers(1, 6), st.integers(1, 6)),
    order=st.permutations([0, 1, 2]),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 2**16),
)
def test_any_turn_of_the_grid_is_undone(
    shape: tuple[int, int, int], order: list[int], flips: tuple[bool, bool, bool], seed: int
) -> None:
    affine = ras_affine(oblique(shape, 0.1))
    truth = np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint8)
    sent = truth.transpose(2, 1, 0)
    turned = np.flip(sent, [a for a in range(3) if flips[a]]).transpose(order)
    to_sent = np.zeros((4, 4))
    to_sent[3, 3] = 1
    for axis, source in enumerate(order):
        to_sent[source, axis] = -1 if flips[source] else 1
        to_sent[source, 3] = sent.shape[source] - 1 if flips[source] else 0
    answer = gzip.compress(nibabel.Nifti1Image(np.ascontiguousarray(turned), affine @ to_sent).to_bytes())
    assert np.array_equal(decode_labels(answer, shape, affine, READER), truth)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=600), packed=st.booleans())
def test_arbitrary_bytes_never_become_labels(content: bytes, packed: bool) -> None:
    with pytest.raises(ModelResponseInvalid):
        decode_labels(gzip.compress(content) if packed else content, (3, 4, 5), np.eye(4), READER)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([-1024, 3071], np.int16), np.int16),
        (np.array([-1024, 3071], np.float32), np.int16),
        (np.array([0, 255], np.uint8), np.uint8),
        (np.array([0, 65_535], np.uint16), np.float32),
        (np.array([0.5, 2.0]), np.float32),
    ],
)
def test_values_are_stored_without_loss(array: NDArray[np.generic], dtype: type) -> None:
    packed = encode_volume(array.reshape(2, 1, 1), np.eye(4))
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(packed))
    assert image.get_data_dtype() == dtype
    assert np.array_equal(np.asarray(image.dataobj).ravel(), array)


async def test_a_real_ct_keeps_its_voxels(data: Path, client: httpx.AsyncClient) -> None:
    file = data / "ct_abdomen_nifti" / "example_ct_sm.nii.gz"
    (volume,) = ingest([file]).studies[0].volumes.values()
    contract = Parse3D(find=find, turn="RAS")
    with serve(contract) as url:
        found = await model_of(url, client).segment(volume, [BONE])
        await client.aclose()
    truth = find(volume.array, "bone")
    assert truth.any()
    assert np.array_equal(found.masks["bone"].array, truth)
    source = nibabel.load(file)
    assert np.allclose(contract.headers[0].get_best_affine(), source.affine, atol=1e-4)


async def test_a_real_oblique_mr_keeps_its_place(data: Path, client: httpx.AsyncClient) -> None:
    (study,) = ingest(sorted((data / "mr_brain_series").glob("*"))).studies
    volume = max(study.volumes.values(), key=lambda one: one.geometry.slices)
    bright = float(np.percentile(volume.array, 90))
    contract = Parse3D(find=lambda values, _sentence: values > bright, turn="LIP")
    with serve(contract) as url:
        found = await model_of(url, client).segment(volume, [VolumePrompt("brain")])
        await client.aclose()
    assert np.array_equal(found.masks["brain"].array, volume.array > bright)
    places = np.array([[0.0, 0, 0], [18, 0, 0], [9, 100, 30]])
    affine = contract.headers[0].get_best_affine()
    sent = (affine @ np.c_[places[:, ::-1], np.ones(3)].T)[:3].T
    # The files round their positions by up to 0.05 mm; an affine has one step for all.
    assert np.allclose(sent, volume.geometry.to_patient_mm(places) * [-1, -1, 1], atol=0.06)
