"""Values of slices for viewers, and masks in the same pixels."""

from __future__ import annotations

import httpx
import numpy as np

from tests.api.engine import ct_slice


async def first_series(client: httpx.AsyncClient, study_uid: str) -> dict[str, object]:
    series: dict[str, object] = (await client.get(f"/api/v1/studies/{study_uid}")).json()["series"][0]
    return series


async def send(client: httpx.AsyncClient, count: int = 5) -> str:
    files = [("files", (f"{k}.dcm", ct_slice("1.2.826.9", "P9", index=k, size=32))) for k in range(count)]
    answer = await client.post("/api/v1/studies", files=files)
    uid: str = answer.json()["studies"][0]["study_uid"]
    return uid


async def test_a_block_holds_the_values_of_its_slices(client: httpx.AsyncClient) -> None:
    study = await send(client)
    series = await first_series(client, study)
    url = f"/api/v1/studies/{study}/series/{series['series_uid']}/pixels"
    answer = await client.get(url, params={"first": 1, "count": 3})
    assert answer.headers["x-pixel-shape"] == "3,32,32"
    kind = {"int16": "<i2", "uint16": "<u2", "uint8": "u1", "float32": "<f4"}[answer.headers["x-pixel-type"]]
    block = np.frombuffer(answer.content, kind).reshape(3, 32, 32)
    single = np.frombuffer((await client.get(url, params={"first": 2})).content, kind).reshape(32, 32)
    assert np.array_equal(block[1], single)
    assert block.max() > block.min()
    assert answer.headers["cache-control"] == "no-store"
    last = await client.get(url, params={"first": 4, "count": 64})
    assert last.headers["x-pixel-shape"] == "1,32,32"


async def test_a_slice_that_is_not_there_is_told(client: httpx.AsyncClient) -> None:
    study = await send(client, 2)
    series = await first_series(client, study)
    url = f"/api/v1/studies/{study}/series/{series['series_uid']}/pixels"
    beyond = await client.get(url, params={"first": 2})
    assert (beyond.status_code, beyond.json()["remedy"]) == (404, "Slices go from 0 to 1.")
    assert (await client.get(url, params={"count": 65})).status_code == 422
    assert (await client.get(f"/api/v1/studies/{study}/series/9.9/pixels")).status_code == 404


async def test_a_series_tells_where_its_slices_lie(client: httpx.AsyncClient) -> None:
    series = await first_series(client, await send(client, 3))
    assert len(series["positions_mm"]) == 3  # type: ignore[arg-type]
    along_row, along_column = np.asarray(series["orientation"])
    assert abs(float(along_row @ along_column)) < 1e-6
    assert np.allclose([np.linalg.norm(along_row), np.linalg.norm(along_column)], 1.0)
