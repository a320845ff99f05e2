"""The brain on T1 MR: weights without torch, deepbet's own steps, and MedImageParse 3D's contract around them."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from domain.errors import ModelRefused
from domain.geometry import Geometry
from domain.study import Series, Volume
from inference.local import mr_brain
from inference.local.in_process import embedded_volume_models
from inference.local.nifti_volume import read_nifti, write_labels
from inference.local.registry import VOLUME_NAMES, card, offered
from inference.local.server import create_app
from inference.local.torchscript_weights import WeightsUnreadable, read_weights

needs_weights = pytest.mark.skipif(not mr_brain.available(), reason="deepbet's weights or onnx are not installed")


def nifti(array: NDArray[Any], affine: NDArray[np.float64]) -> bytes:
    import nibabel

    image: Any = nibabel.Nifti1Image
    return gzip.compress(image(array, affine).to_bytes())


def archive(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/data.pkl", content)
        file.writestr("net/data/0", np.arange(6, dtype="<f4").tobytes())
    return path


class _Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, ("true",)


@pytest.mark.parametrize("content", [pickle.dumps(_Evil()), b"no pickle", b""], ids=["code", "text", "nothing"])
def test_an_archive_that_asks_for_more_than_weights_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WeightsUnreadable):
        read_weights(archive(tmp_path, content))


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"PK?")
    with pytest.raises(WeightsUnreadable):
        read_weights(path)


def test_weights_are_read_by_their_place_in_the_tree(tmp_path: Path) -> None:
    content = (
        b"\x80\x02c__torch__.net\nNet\n)\x81}X\x06\x00\x00\x00weightctorch._utils\n_rebuild_tensor_v2\n"
        b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQ"
        b"K\x00K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtRsb."
    )
    weights = read_weights(archive(tmp_path, content))
    assert list(weights) == ["weight"]
    assert weights["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, -1, -1)])
def test_labels_come_back_on_the_grid_of_the_file(signs: tuple[int, int, int]) -> None:
    values = np.random.default_rng(1).integers(0, 100, (4, 5, 6)).astype(np.int16)
    affine = np.diag([*(2.0 * s for s in signs), 1.0])[:, [1, 0, 2, 3]]
    volume = read_nifti(nifti(values, affine))
    back = read_nifti(write_labels((volume.values > 50).astype(np.uint8), volume))
    assert np.array_equal(back.image.affine, affine)
    assert np.array_equal(np.asarray(back.image.dataobj) > 0, values > 50)


def test_an_axis_of_another_length_is_resampled_at_voxel_centres() -> None:
    line = np.arange(4, dtype=np.float32)[:, None, None]
    assert mr_brain._resampled(line, (8, 1, 1)).ravel().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert mr_brain._resampled(line, (2, 1, 1)).ravel().tolist() == [1, 3]


def client() -> httpx.AsyncClient:
    app = create_app([card(name) for name in (*offered(), *VOLUME_NAMES)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", timeout=120)


def body(image: bytes, text: str = "brain") -> bytes:
    row = [base64.b64encode(image).decode(), text]
    return json.dumps({"input_data": {"columns": ["image", "text"], "index": [0], "data": [row]}}).encode()


@pytest.mark.parametrize(
    ("image", "text", "code"),
    [
        (gzip.compress(b"no volume"), "brain", "image_unreadable"),
        (gzip.compress(b"cut off" * 100)[:20], "brain", "image_unreadable"),
        (nifti(np.zeros((3, 3, 3, 2), np.int16), np.eye(4)), "brain", "image_unreadable"),
        (nifti(np.zeros((3, 3, 3), np.int16), np.eye(4)), "tumor", "target_not_available"),
    ],
    ids=["no volume", "cut off", "four axes", "another target"],  # gzip's time stamp would name them anew each run
)
async def test_a_volume_that_cannot_be_read_is_told_why(image: bytes, text: str, code: str) -> None:
    async with client() as http:
        response = await http.post("/score", content=body(image, text))
    assert response.status_code == 400
    assert response.json()["error"]["code"] == code


async def test_a_picture_is_never_given_to_a_model_of_volumes() -> None:
    png = io.BytesIO()
    from PIL import Image

    Image.new("L", (8, 8)).save(png, "PNG")
    async with client() as http:
        response = await http.post("/score", content=body(png.getvalue()))
    assert response.headers["x-medimage-model"] == card("embedded-head-ct").identity


def test_without_weights_the_model_is_not_offered() -> None:
    assert ("embedded-mr-brain" in offered()) == mr_brain.available()
    names = [model.identity.name for model in embedded_volume_models()]
    assert ("embedded-mr-brain" in names) == mr_brain.available()


def head() -> tuple[Volume, NDArray[np.bool_]]:
    """A head in coronal slices: bright scalp, dark skull, a brain of grey and white matter."""
    shape = (40, 48, 44)
    z, y, x = np.indices(shape)
    radius = np.sqrt(((z - 20) / 18) ** 2 + ((y - 24) / 21) ** 2 + ((x - 22) / 19) ** 2)
    values = np.zeros(shape, np.int16)
    values[radius < 1] = 900
    values[radius < 0.9] = 60
    values[radius < 0.8] = 420
    values[radius < 0.6] = 600
    geometry = Geometry(
        shape=shape,
        pixel_spacing_mm=(4.0, 4.0),
        orientation=np.array([[1.0, 0, 0], [0, 0, -1.0]]),
        positions_mm=np.array([[-88.0, -80.0 + 4.0 * number, 96.0] for number in range(shape[0])]),
    )
    return Volume(Series("1.2.3", "1.2", "MR", geometry, ()), values), radius < 0.8


@needs_weights
async def test_a_head_holds_one_brain_on_its_own_grid() -> None:
    (model,) = embedded_volume_models()
    volume, brain = head()
    answer = await model.segment(volume, ["brain"])
    found = np.asarray(answer.masks["brain"].array, bool)
    assert found.shape == brain.shape
    assert 2 * (found & brain).sum() / (found.sum() + brain.sum()) > 0.85
    with pytest.raises(ModelRefused):
        await model.segment(volume, ["tumor"])
    assert not model.accepts("CT", "brain")
    assert model.identity.local


@needs_weights
async def test_a_flat_volume_holds_no_brain() -> None:
    out = mr_brain.segment_nifti(nifti(np.full((20, 20, 20), 7, np.int16), np.eye(4)), ["brain"])
    assert not np.asarray(read_nifti(out).values).any()
